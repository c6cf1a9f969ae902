package org.duvisor.machine.fp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Rules of the specification, each by the case that tells it from its neighbours. */
class FpDirectedTest {
  private static final long SNAN = 0x7ff0_0000_0000_0001L;
  private static final long QNAN = 0x7ff8_0000_0000_0000L;
  private static final long NAN_S = 0xffff_ffff_7fc0_0000L;

  private final Fcsr c = new Fcsr();

  private static long d(double x) {
    return Double.doubleToRawLongBits(x);
  }

  private static long s(float x) {
    return Float.floatToRawIntBits(x) | 0xffff_ffff_0000_0000L;
  }

  private void expect(long expected, int flags, long actual) {
    assertEquals(Long.toHexString(expected), Long.toHexString(actual));
    assertEquals(flags, c.flags);
    c.flags = 0;
  }

  @Test
  void tininessIsDetectedAfterRounding() {
    // Both round up to the smallest normal number. 1 - 2^-53 fits in 53 bits, so with an unbounded
    // exponent range it
    // would stay below: tiny. 1 - 2^-104 would become 1 there too: not tiny.
    long smallest = d(Double.MIN_NORMAL);
    expect(smallest, Fcsr.NX | Fcsr.UF, Fp.fmul_d(c, d(1 - 0x1p-53), smallest, Fp.RNE));
    expect(smallest, Fcsr.NX, Fp.fmul_d(c, d(1 + 0x1p-52), d((1 - 0x1p-52) * 0x1p-1022), Fp.RNE));
  }

  @Test
  void infinityTimesZeroIsInvalidEvenWithQuietNan() {
    expect(QNAN, Fcsr.NV, Fp.fmadd_d(c, d(Double.POSITIVE_INFINITY), d(0), QNAN, Fp.RNE));
    expect(NAN_S, Fcsr.NV, Fp.fnmsub_s(c, s(-0f), s(Float.NEGATIVE_INFINITY), NAN_S, Fp.RNE));
    expect(QNAN, 0, Fp.fmadd_d(c, d(2), d(0), QNAN, Fp.RNE));
  }

  @Test
  void nansAreCanonical() {
    expect(QNAN, 0, Fp.fadd_d(c, 0xfff8_0000_0000_1234L, d(1), Fp.RNE));
    expect(QNAN, Fcsr.NV, Fp.fmul_d(c, SNAN, d(1), Fp.RNE));
    expect(NAN_S, Fcsr.NV, Fp.fcvt_s_d(c, SNAN, Fp.RNE));
    expect(QNAN, Fcsr.NV, Fp.fcvt_d_s(c, 0xffff_ffff_7f80_0001L, Fp.RNE));
    expect(QNAN, Fcsr.NV, Fp.fsqrt_d(c, d(-1), Fp.RNE));
  }

  @Test
  void unboxedSinglesAreTheCanonicalNan() {
    long unboxed = 0x0000_0000_3f80_0000L;
    expect(NAN_S, 0, Fp.fadd_s(c, unboxed, s(1), Fp.RNE));
    expect(s(1), 0, Fp.fmin_s(c, unboxed, s(1)));
    expect(0xffff_ffff_ffc0_0000L, 0, Fp.fsgnjn_s(unboxed, s(1)));
    expect(1 << 9, 0, Fp.fclass_s(unboxed));
    expect(0x7fff_ffff, Fcsr.NV, Fp.fcvt_w_s(c, unboxed, Fp.RTZ));
    expect(0x3f80_0000, 0, Fp.fmv_x_w(unboxed));
  }

  @Test
  void minimumAndMaximumPreferNumbersAndOrderZeros() {
    expect(d(1), Fcsr.NV, Fp.fmin_d(c, SNAN, d(1)));
    expect(d(1), 0, Fp.fmax_d(c, d(1), QNAN));
    expect(QNAN, 0, Fp.fmax_d(c, QNAN, 0xfff8_0000_0000_0001L));
    expect(d(-0.0), 0, Fp.fmin_d(c, d(0.0), d(-0.0)));
    expect(d(0.0), 0, Fp.fmax_d(c, d(-0.0), d(0.0)));
  }

  @Test
  void equalIsQuietAndLessIsNot() {
    expect(0, 0, Fp.feq_d(c, QNAN, d(1)));
    expect(0, Fcsr.NV, Fp.feq_d(c, d(1), SNAN));
    expect(0, Fcsr.NV, Fp.flt_d(c, QNAN, d(1)));
    expect(0, Fcsr.NV, Fp.fle_s(c, s(1), NAN_S));
    expect(1, 0, Fp.fle_d(c, d(0.0), d(-0.0)));
    expect(0, 0, Fp.flt_d(c, d(-0.0), d(0.0)));
  }

  @Test
  void conversionsToIntegersSaturate() {
    // The table "Domains of float-to-integer conversions".
    for (long tooSmall : new long[] {d(-1e30), d(Double.NEGATIVE_INFINITY)}) {
      expect(0xffff_ffff_8000_0000L, Fcsr.NV, Fp.fcvt_w_d(c, tooSmall, Fp.RTZ));
      expect(0, Fcsr.NV, Fp.fcvt_wu_d(c, tooSmall, Fp.RTZ));
      expect(Long.MIN_VALUE, Fcsr.NV, Fp.fcvt_l_d(c, tooSmall, Fp.RTZ));
      expect(0, Fcsr.NV, Fp.fcvt_lu_d(c, tooSmall, Fp.RTZ));
    }
    for (long tooLarge :
        new long[] {d(1e30), d(Double.POSITIVE_INFINITY), QNAN, SNAN, QNAN | 1L << 63}) {
      expect(0x7fff_ffffL, Fcsr.NV, Fp.fcvt_w_d(c, tooLarge, Fp.RTZ));
      expect(-1, Fcsr.NV, Fp.fcvt_wu_d(c, tooLarge, Fp.RTZ));
      expect(Long.MAX_VALUE, Fcsr.NV, Fp.fcvt_l_d(c, tooLarge, Fp.RTZ));
      expect(-1, Fcsr.NV, Fp.fcvt_lu_d(c, tooLarge, Fp.RTZ));
    }
    // Out of range after rounding only.
    expect(0, Fcsr.NX, Fp.fcvt_wu_d(c, d(-0.5), Fp.RNE));
    expect(0, Fcsr.NV, Fp.fcvt_wu_d(c, d(-0.5), Fp.RMM));
    expect(0x7fff_ffff, Fcsr.NX, Fp.fcvt_w_d(c, d(0x1p31 - 0.5), Fp.RTZ));
    expect(0x7fff_ffff, Fcsr.NV, Fp.fcvt_w_d(c, d(0x1p31 - 0.5), Fp.RNE));
    expect(Long.MIN_VALUE, 0, Fp.fcvt_l_d(c, d(-0x1p63), Fp.RDN));
    expect(Long.MIN_VALUE, 0, Fp.fcvt_lu_d(c, d(0x1p63), Fp.RDN));
    expect(0xffff_ffff_8000_0000L, 0, Fp.fcvt_wu_s(c, s(0x1p31f), Fp.RUP));
  }

  @Test
  void tiesGoToEvenOrAway() {
    expect(2, Fcsr.NX, Fp.fcvt_l_d(c, d(2.5), Fp.RNE));
    expect(3, Fcsr.NX, Fp.fcvt_l_d(c, d(2.5), Fp.RMM));
    expect(-3, Fcsr.NX, Fp.fcvt_l_d(c, d(-2.5), Fp.RMM));
    expect(d(1), Fcsr.NX, Fp.fadd_d(c, d(1), d(0x1p-53), Fp.RNE));
    expect(d(1 + 0x1p-52), Fcsr.NX, Fp.fadd_d(c, d(1), d(0x1p-53), Fp.RMM));
  }

  @Test
  void exactZeroSumsAreNegativeOnlyRoundingDown() {
    for (int rm = 0; rm <= 4; rm++) {
      expect(d(rm == Fp.RDN ? -0.0 : 0.0), 0, Fp.fsub_d(c, d(3), d(3), rm));
      expect(s(rm == Fp.RDN ? -0f : 0f), 0, Fp.fmadd_s(c, s(3), s(2), s(-6), rm));
      expect(d(-0.0), 0, Fp.fadd_d(c, d(-0.0), d(-0.0), rm));
      expect(d(-0.0), 0, Fp.fsqrt_d(c, d(-0.0), rm));
    }
  }

  @Test
  void overflowGivesInfinityOrTheLargestNumber() {
    int flags = Fcsr.OF | Fcsr.NX;
    double[] byMode = {
      Double.POSITIVE_INFINITY,
      Double.MAX_VALUE,
      Double.MAX_VALUE,
      Double.POSITIVE_INFINITY,
      Double.POSITIVE_INFINITY
    };
    for (int rm = 0; rm <= 4; rm++) {
      expect(d(byMode[rm]), flags, Fp.fadd_d(c, d(Double.MAX_VALUE), d(Double.MAX_VALUE), rm));
    }
    expect(s(-Float.MAX_VALUE), flags, Fp.fcvt_s_d(c, d(-Double.MAX_VALUE), Fp.RUP));
    expect(d(Double.NEGATIVE_INFINITY), Fcsr.DZ, Fp.fdiv_d(c, d(-1), d(0), Fp.RTZ));
  }

  @Test
  void productsWhoseResidualUnderflowsAreStillInexact() {
    // Adversary: a fast path that trusts fma(x, y, -xy) == 0 where the residual is below 2^-1074.
    long a = d((1 + 0x1p-52) * 0x1p-500);
    long b = d((1 + 0x1p-52) * 0x1p-520);
    expect(d((1 + 0x1p-51) * 0x1p-1020), Fcsr.NX, Fp.fmul_d(c, a, b, Fp.RNE));
    expect(d((1 + 0x1p-51) * 0x1p-1020), Fcsr.NX, Fp.fmadd_d(c, a, b, d(0), Fp.RNE));
    expect(d(1), Fcsr.NX, Fp.fmadd_d(c, d(0x1p-600), d(0x1p-600), d(1), Fp.RNE));
  }

  @Test
  void flagsAccrueAndAreNeverCleared() {
    c.flags = Fcsr.NV | Fcsr.NX;
    Fp.fadd_d(c, d(1), d(1), Fp.RNE);
    assertEquals(Fcsr.NV | Fcsr.NX, c.flags);
    Fp.fdiv_d(c, d(1), d(0), Fp.RNE);
    assertEquals(Fcsr.NV | Fcsr.NX | Fcsr.DZ, c.flags);
  }

  @Test
  void fcsrHoldsFlagsBelowTheRoundingMode() {
    c.fcsr(-1);
    assertEquals(0xff, c.fcsr());
    assertEquals(0x1f, c.fflags());
    assertEquals(7, c.frm());
    c.fflags(0x1_0002);
    c.frm(0x83);
    assertEquals(0x62, c.fcsr());
    assertEquals(Fcsr.UF, c.flags);
    assertEquals(Fp.RUP, c.frm);
  }

  @Test
  void everyPublicMethodIsInTheTableOfTests() {
    List<Operation> all = Operation.all();
    Set<String> tested =
        all.stream().map(Operation::name).collect(Collectors.toCollection(TreeSet::new));
    Set<String> methods =
        Operation.OWNERS.stream()
            .flatMap(owner -> Arrays.stream(owner.getDeclaredMethods()))
            .filter(m -> java.lang.reflect.Modifier.isPublic(m.getModifiers()))
            .map(Method::getName)
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(methods, tested);
    assertTrue(all.size() == tested.size(), "an operation is listed twice");
  }
}
