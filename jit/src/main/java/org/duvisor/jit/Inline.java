package org.duvisor.jit;

import static java.lang.constant.ConstantDescs.CD_byte;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_short;
import static java.lang.constant.ConstantDescs.CD_void;

import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Semantics;
import org.duvisor.isa.Semantics.Argument;

/**
 * The hottest instructions as bytecode. HotSpot would inline the semantics methods, but counts what
 * it inlines: C1 and C2 stop after 8,000 bytes of methods, and every call costs C1 virtual
 * registers, of which a region has few to spare. A test holds these against the semantics methods.
 */
final class Inline {
  private static final ClassDesc UNSAFE = ClassDesc.of("jdk.internal.misc.Unsafe");

  private Inline() {}

  /** A load from the host address on the stack, above the Unsafe and null: the value. */
  static void load(CodeBuilder b, String method) {
    switch (method) {
      case "lb" -> get(b, "Byte", CD_byte).i2l();
      case "lbu" -> get(b, "Byte", CD_byte).sipush(255).iand().i2l();
      case "lh" -> get(b, "Short", CD_short).i2l();
      case "lhu" -> get(b, "Short", CD_short).ldc(0xffff).iand().i2l();
      case "lw" -> get(b, "Int", CD_int).i2l();
      case "lwu" -> get(b, "Int", CD_int).i2l().loadConstant(0xffff_ffffL).land();
      case "flh" -> get(b, "Short", CD_short).i2l().loadConstant(-1L << 16).lor();
      case "flw" -> get(b, "Int", CD_int).i2l().loadConstant(0xffff_ffffL << 32).lor();
      case "ld", "fld" -> get(b, "Long", CD_long);
      default -> throw new IllegalArgumentException(method);
    }
  }

  /** A store of the value on the stack, above the Unsafe, null and the host address. */
  static void store(CodeBuilder b, String method) {
    switch (method) {
      case "sb" -> put(b.l2i().i2b(), "Byte", CD_byte);
      case "sh", "fsh" -> put(b.l2i().i2s(), "Short", CD_short);
      case "sw", "fsw" -> put(b.l2i(), "Int", CD_int);
      case "sd", "fsd" -> put(b, "Long", CD_long);
      default -> throw new IllegalArgumentException(method);
    }
  }

  // Loads are opaque and stores plain, as in Raw.

  private static CodeBuilder get(CodeBuilder b, String type, ClassDesc desc) {
    return b.invokevirtual(
        UNSAFE, "get" + type + "Opaque", MethodTypeDesc.of(desc, ConstantDescs.CD_Object, CD_long));
  }

  private static void put(CodeBuilder b, String type, ClassDesc desc) {
    b.invokevirtual(
        UNSAFE, "put" + type, MethodTypeDesc.of(CD_void, ConstantDescs.CD_Object, CD_long, desc));
  }

  /** Pushes the value of an instruction of the class Alu; false when it is not one of these. */
  static boolean alu(CodeBuilder b, Registers registers, Decoded d) {
    Semantics s = d.instruction().semantics();
    if (!s.owner().equals("Alu") || s.arguments().isEmpty()) {
      return false;
    }
    if (s.arguments().getFirst() != Argument.RS1 || s.arguments().size() != 2) {
      return false;
    }
    boolean immediate = s.arguments().get(1) == Argument.IMM;
    switch (s.method()) {
      case "add", "or", "xor" -> {
        if (immediate && (d.imm() == 0 || d.rs1() == 0)) { // mv, li
          if (d.rs1() == 0) {
            b.loadConstant(d.imm());
          } else {
            registers.push(b, d.rs1());
          }
          return true;
        }
        operands(b, registers, d, immediate);
        switch (s.method()) {
          case "add" -> b.ladd();
          case "or" -> b.lor();
          default -> b.lxor();
        }
      }
      case "and" -> operands(b, registers, d, immediate).land();
      case "sub" -> operands(b, registers, d, immediate).lsub();
      case "mul" -> operands(b, registers, d, immediate).lmul();
      case "addw" -> words(b, registers, d, immediate).iadd().i2l();
      case "subw" -> words(b, registers, d, immediate).isub().i2l();
      case "mulw" -> words(b, registers, d, immediate).imul().i2l();
      // the amount of a Java shift is taken modulo the width, as RISC-V has it
      case "sll" -> shift(b, registers, d, immediate).lshl();
      case "srl" -> shift(b, registers, d, immediate).lushr();
      case "sra" -> shift(b, registers, d, immediate).lshr();
      case "sllw" -> words(b, registers, d, immediate).ishl().i2l();
      case "srlw" -> words(b, registers, d, immediate).iushr().i2l();
      case "sraw" -> words(b, registers, d, immediate).ishr().i2l();
      default -> {
        return false;
      }
    }
    return true;
  }

  private static CodeBuilder operands(
      CodeBuilder b, Registers registers, Decoded d, boolean immediate) {
    registers.push(b, d.rs1());
    if (immediate) {
      b.loadConstant(d.imm());
    } else {
      registers.push(b, d.rs2());
    }
    return b;
  }

  private static CodeBuilder words(
      CodeBuilder b, Registers registers, Decoded d, boolean immediate) {
    registers.push(b, d.rs1());
    b.l2i();
    return amount(b, registers, d, immediate);
  }

  private static CodeBuilder shift(
      CodeBuilder b, Registers registers, Decoded d, boolean immediate) {
    registers.push(b, d.rs1());
    return amount(b, registers, d, immediate);
  }

  private static CodeBuilder amount(
      CodeBuilder b, Registers registers, Decoded d, boolean immediate) {
    if (immediate) {
      b.loadConstant((int) d.imm());
    } else {
      registers.push(b, d.rs2());
      b.l2i();
    }
    return b;
  }
}
