package org.duvisor.nativecode;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.Engines;
import org.duvisor.machine.testing.TestMachine;
import org.duvisor.nativecode.testing.NativeAtOnce;
import org.junit.jupiter.api.Test;

/**
 * Random programs of what templates do, with edge values, operands that are one register, x0,
 * atomics whose operands overlap, reservations of two widths, and groups of accesses around a
 * page's edge.
 */
class TemplatesTest {
  private static final int PROGRAMS = Integer.getInteger("duvisor.programs", 60);

  private static final String[] THREE =
      ("add sub and or xor sll srl sra slt sltu addw subw sllw srlw sraw mul mulh mulhu mulhsu mulw"
           + " div divu rem remu divw divuw remw remuw add.uw sh1add sh2add sh3add sh1add.uw"
           + " sh2add.uw sh3add.uw andn orn xnor min minu max maxu rol ror rolw rorw bset bclr binv"
           + " bext czero.eqz czero.nez mop.rr.3")
          .split(" ");
  private static final String[] TWO =
      ("clz ctz clzw ctzw cpop cpopw sext.b sext.h zext.h rev8 orc.b mop.r.5").split(" ");
  private static final String[] SIX =
      "slli srli srai rori slli.uw bseti bclri binvi bexti".split(" ");
  private static final String[] FIVE = "slliw srliw sraiw roriw".split(" ");
  private static final String[] IMM = "addi andi ori xori addiw slti sltiu".split(" ");
  private static final String[] AMO =
      ("amoadd amoswap amoand amoor amoxor amomin amomax amominu amomaxu").split(" ");
  private static final String[] LOAD = {"lb", "lbu", "lh", "lhu", "lw", "lwu", "ld"};
  private static final int[] BYTES = {1, 1, 2, 2, 4, 4, 8};
  private static final int[] REGS = {0, 1, 2, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 28};
  private static final int[] BASES = {2, 8, 14, 15, 10, 7, 29};

  private final Random r = new Random(20260101);

  private String pick(String[] of) {
    return of[r.nextInt(of.length)];
  }

  private String x() {
    return "x" + REGS[r.nextInt(REGS.length)];
  }

  private long value() {
    return switch (r.nextInt(10)) {
      case 0 -> 0;
      case 1 -> -1;
      case 2 -> Long.MIN_VALUE;
      case 3 -> Integer.MIN_VALUE;
      case 4 -> 0x8000_0000L;
      case 5 -> 0xffff_ffffL;
      case 6 -> 1L << r.nextInt(64);
      case 7 -> r.nextInt(200) - 100;
      case 8 -> r.nextLong() >>> r.nextInt(64);
      default -> r.nextLong();
    };
  }

  private String program() {
    StringBuilder b = new StringBuilder();
    for (int reg : REGS) {
      if (reg != 0) {
        b.append("li x" + reg + ", " + value() + "\n");
      }
    }
    b.append("li x20, 4\ntop:\n");
    for (int i = 0; i < 150; i++) {
      switch (r.nextInt(12)) {
        case 0, 1, 2 -> b.append(pick(THREE) + " " + x() + ", " + x() + ", " + x() + "\n");
        case 3 -> b.append(pick(TWO) + " " + x() + ", " + x() + "\n");
        case 4 -> b.append(pick(SIX) + " " + x() + ", " + x() + ", " + r.nextInt(64) + "\n");
        case 5 -> b.append(pick(FIVE) + " " + x() + ", " + x() + ", " + r.nextInt(32) + "\n");
        case 6 ->
            b.append(pick(IMM) + " " + x() + ", " + x() + ", " + (r.nextInt(4096) - 2048) + "\n");
        case 7 -> {
          int reg = REGS[1 + r.nextInt(REGS.length - 1)];
          b.append("li x" + reg + ", " + value() + "\n");
        }
        case 8 -> {
          String base = "x" + BASES[r.nextInt(BASES.length)];
          String d = r.nextBoolean() ? ".w" : ".d";
          b.append("li " + base + ", DATA\n");
          b.append("addi " + base + ", " + base + ", " + 8 * r.nextInt(4) + "\n");
          String rd = r.nextInt(4) == 0 ? base : x();
          String rs2 = r.nextInt(4) == 0 ? base : r.nextInt(4) == 0 ? rd : x();
          b.append(pick(AMO) + d + " " + rd + ", " + rs2 + ", (" + base + ")\n");
        }
        case 9 -> {
          String base = "x" + BASES[r.nextInt(BASES.length)];
          String d = r.nextBoolean() ? ".w" : ".d";
          b.append("li " + base + ", DATA\n");
          b.append("lr" + d + " " + (r.nextBoolean() ? x() : "x0") + ", (" + base + ")\n");
          b.append("li " + base + ", DATA\n");
          String e = r.nextInt(4) == 0 ? ".w" : d;
          String rd = r.nextInt(4) == 0 ? base : x();
          String rs2 = r.nextInt(4) == 0 ? base : r.nextInt(4) == 0 ? rd : x();
          b.append("sc" + e + " " + rd + ", " + rs2 + ", (" + base + ")\n");
        }
        case 10 -> {
          String base = "x" + BASES[r.nextInt(BASES.length)];
          b.append("li " + base + ", DATA + 4096\n");
          for (int k = r.nextInt(6); k >= 0; k--) {
            int w = r.nextInt(7);
            int at = r.nextInt(8) == 0 ? r.nextInt(4000) - 2000 : r.nextInt(200) - 100;
            at = r.nextInt(16) == 0 ? at : at / BYTES[w] * BYTES[w];
            String load = LOAD[w];
            String other = r.nextInt(10) == 0 ? base : x();
            if (r.nextBoolean()) {
              b.append(load + " " + other + ", " + at + "(" + base + ")\n");
            } else {
              String store = new String[] {"sb", "sb", "sh", "sh", "sw", "sw", "sd"}[w];
              b.append(store + " " + x() + ", " + at + "(" + base + ")\n");
              b.append("addi " + other + ", " + other + ", 1\n");
            }
            if (other.equals(base)) {
              b.append("li " + base + ", DATA + 4096\n");
            }
          }
        }
        default -> {
          String br = pick(new String[] {"beq", "bne", "blt", "bge", "bltu", "bgeu"});
          b.append(br + " " + x() + ", " + x() + ", 1f\n");
          b.append("addi x1, x1, 1\n1:\n");
        }
      }
    }
    return b.append("addi x20, x20, -1\nbeqz x20, 2f\nj top\n2:\n").toString();
  }

  private static String end(EngineUnderTest engine, String program) {
    try (TestMachine m = new TestMachine(engine, program, 1, HartConfig.STANDARD, true)) {
      StringBuilder s = new StringBuilder();
      s.append(m.board().run(m.boot())).append('\n');
      Hart h = m.board().harts().getFirst();
      for (int i = 0; i < 30; i++) {
        s.append(i + " " + Long.toHexString(h.x(i)) + "\n");
      }
      s.append(h.retired).append('\n');
      for (int i = 0; i < 1024; i++) {
        long v = m.peek(TestMachine.DATA + 8L * i);
        if (v != 0) {
          s.append("m" + i + " " + Long.toHexString(v) + "\n");
        }
      }
      return s.toString();
    }
  }

  @Test
  void programsDoTheSameInterpretedAndAsCode() {
    for (int n = 0; n < PROGRAMS; n++) {
      String p = program();
      assertEquals(end(Engines.interpreter(), p), end(new NativeAtOnce(), p), () -> p);
    }
  }
}
