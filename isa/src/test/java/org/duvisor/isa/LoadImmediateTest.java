package org.duvisor.isa;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** li of any value, run by an evaluator of the few instructions it uses. */
class LoadImmediateTest {
  @Property(tries = 2000)
  void loadsTheValue(@ForAll long value) {
    check(value);
    check(value >> (value & 63));
    check(1L << (value & 63));
    check((1L << (value & 63)) - 1);
    check(-(1L << (value & 63)) - 1);
  }

  @Test
  void edges() {
    long[] values = {
      0,
      1,
      -1,
      2047,
      2048,
      -2048,
      -2049,
      0x7fffffffL,
      0x7ffff7ffL,
      0x7ffff800L,
      0x80000000L,
      0xffffffffL,
      -0x80000000L,
      -0x80000001L,
      Long.MAX_VALUE,
      Long.MIN_VALUE,
      0x7fffffff_fffff800L,
      0xffffffff_7ffff800L,
    };
    for (long value : values) {
      check(value);
    }
  }

  private static void check(long value) {
    ByteBuffer code =
        ByteBuffer.wrap(new Assembler(0).asm("li a0, " + value).bytes())
            .order(ByteOrder.LITTLE_ENDIAN);
    assertTrue(code.remaining() <= 32, "more than eight instructions");
    long a0 = 0x5555;
    while (code.hasRemaining()) {
      Decoded d = InstructionSet.standard().decoder().decode(code.getInt());
      assertNotNull(d);
      long rs1 = d.rs1() == 0 ? 0 : a0;
      assertEquals(10, d.rd());
      a0 =
          switch (d.instruction().mnemonic()) {
            case "lui" -> d.imm();
            case "addi" -> rs1 + d.imm();
            case "addiw" -> (int) (rs1 + d.imm());
            case "slli" -> rs1 << d.imm();
            default -> throw new AssertionError(d);
          };
    }
    assertEquals(value, a0);
  }
}
