package org.duvisor.machine.fp;

import static org.duvisor.machine.fp.Fcsr.NX;
import static org.duvisor.machine.fp.Format.DOUBLE;
import static org.duvisor.machine.fp.Format.SINGLE;
import static org.duvisor.machine.fp.Fp.RNE;
import static org.duvisor.machine.fp.Fp.bits;
import static org.duvisor.machine.fp.Fp.box;
import static org.duvisor.machine.fp.Fp.fd;
import static org.duvisor.machine.fp.Fp.fs;
import static org.duvisor.machine.fp.Fp.isSafe;
import static org.duvisor.machine.fp.Fp.unbox;

/**
 * The second path of arithmetic: the host's result, with NX found out by a residual, where the
 * residual cannot itself be rounded to zero; else {@link SoftFloat}. Operands and results are
 * registers, as in {@link Fp}.
 */
final class HostFloat {
  /**
   * Above this magnitude the residual of a rounded product, quotient or root is a multiple of
   * 2^-1074 or zero.
   */
  private static final double RESIDUAL_EXACT = 0x1p-960;

  private HostFloat() {}

  // A finite sum is subnormal or zero only when it is exact, so every finite one is safe. And it is
  // exact if taking
  // either operand off gives the other one: for the larger operand that difference is exact
  // (Dekker).

  static long addS(Fcsr c, long a, long b, int rm) {
    float x = fs(a);
    float y = fs(b);
    float sum = x + y;
    if (rm == RNE && Math.abs(sum) < Float.POSITIVE_INFINITY) {
      c.flags |= sum - x != y || sum - y != x ? NX : 0;
      return bits(sum);
    }
    return box(SoftFloat.add(c, SINGLE, unbox(a), unbox(b), rm));
  }

  static long addD(Fcsr c, long a, long b, int rm) {
    double x = fd(a);
    double y = fd(b);
    double sum = x + y;
    if (rm == RNE && Math.abs(sum) < Double.POSITIVE_INFINITY) {
      c.flags |= sum - x != y || sum - y != x ? NX : 0;
      return bits(sum);
    }
    return SoftFloat.add(c, DOUBLE, a, b, rm);
  }

  static long mulS(Fcsr c, long a, long b, int rm) {
    double exact = (double) fs(a) * fs(b); // 48 bits at most
    float product = (float) exact;
    if (product == exact) {
      return bits(product);
    }
    if (rm == RNE && isSafe(product)) {
      c.flags |= NX;
      return bits(product);
    }
    return box(SoftFloat.mul(c, SINGLE, unbox(a), unbox(b), rm));
  }

  static long mulD(Fcsr c, long a, long b, int rm) {
    double x = fd(a);
    double y = fd(b);
    double product = x * y;
    double size = Math.abs(product);
    if (rm == RNE && size > RESIDUAL_EXACT && size < Double.POSITIVE_INFINITY) {
      c.flags |= Math.fma(x, y, -product) != 0 ? NX : 0;
      return bits(product);
    }
    boolean exactZero = product == 0 && (x == 0 || y == 0);
    return exactZero ? bits(product) : SoftFloat.mul(c, DOUBLE, a, b, rm);
  }

  static long divS(Fcsr c, long a, long b, int rm) {
    float x = fs(a);
    float y = fs(b);
    float quotient = x / y;
    if (rm == RNE && isSafe(quotient)) {
      c.flags |= (double) quotient * y != x ? NX : 0;
      return bits(quotient);
    }
    boolean exactZero = quotient == 0 && x == 0;
    return exactZero ? bits(quotient) : box(SoftFloat.div(c, SINGLE, unbox(a), unbox(b), rm));
  }

  static long divD(Fcsr c, long a, long b, int rm) {
    double x = fd(a);
    double y = fd(b);
    double quotient = x / y;
    if (rm == RNE && isSafe(quotient) && Math.abs(x) > RESIDUAL_EXACT) {
      c.flags |= Math.fma(quotient, y, -x) != 0 ? NX : 0;
      return bits(quotient);
    }
    boolean exactZero = quotient == 0 && x == 0;
    return exactZero ? bits(quotient) : SoftFloat.div(c, DOUBLE, a, b, rm);
  }

  static long sqrtS(Fcsr c, long a, int rm) {
    float x = fs(a);
    float root = (float) Math.sqrt(x);
    if (rm == RNE
        && root < Float.POSITIVE_INFINITY) { // so x is -0, +0 or positive; a root is never tiny
      c.flags |= (double) root * root != x ? NX : 0;
      return bits(root);
    }
    return box(SoftFloat.sqrt(c, SINGLE, unbox(a), rm));
  }

  static long sqrtD(Fcsr c, long a, int rm) {
    double x = fd(a);
    double root = Math.sqrt(x);
    if (rm == RNE && root < Double.POSITIVE_INFINITY && (x > RESIDUAL_EXACT || x == 0)) {
      c.flags |= Math.fma(root, root, -x) != 0 ? NX : 0;
      return bits(root);
    }
    return SoftFloat.sqrt(c, DOUBLE, a, rm);
  }

  // Only exact fused results come from here: the first inexact one sets NX, and the path before
  // this one takes over.
  // The mode matters for the sign of a zero.

  static long fmaS(Fcsr c, long a, long b, long x, int rm) {
    double product = (double) fs(a) * fs(b);
    double addend = fs(x);
    double sum = product + addend;
    float result = (float) sum;
    boolean exact =
        rm == RNE && result == sum && sum - product == addend && sum - addend == product;
    return exact ? bits(result) : box(SoftFloat.fma(c, SINGLE, unbox(a), unbox(b), unbox(x), rm));
  }

  static long fmaD(Fcsr c, long a, long b, long x, int rm) {
    double product = fd(a) * fd(b);
    double addend = fd(x);
    double sum = product + addend;
    boolean exact =
        rm == RNE
            && (Math.abs(product) > RESIDUAL_EXACT || fd(a) == 0 || fd(b) == 0)
            && Math.fma(fd(a), fd(b), -product) == 0
            && sum - product == addend
            && sum - addend == product;
    return exact ? bits(sum) : SoftFloat.fma(c, DOUBLE, a, b, x, rm);
  }
}
