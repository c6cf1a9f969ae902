package org.duvisor.hypervisor.exit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Decoder;
import org.duvisor.isa.InstructionSet;
import org.junit.jupiter.api.Test;

/** The load and store decoder against the instruction tables. */
class MemoryInstructionTest {
  private static final Decoder DECODER = InstructionSet.standard().decoder();

  /**
   * What devices can do, by mnemonic: width and whether values are sign-extended; stores have no
   * such thing.
   */
  private static final Map<String, Integer> LOADS =
      Map.of("lb", -1, "lh", -2, "lw", -4, "ld", -8, "lbu", 1, "lhu", 2, "lwu", 4);

  private static final Map<String, Integer> STORES = Map.of("sb", 1, "sh", 2, "sw", 4, "sd", 8);

  @Test
  void everyCompressedInstructionIsWhatItStandsFor() {
    for (int half = 0; half < 0x10000; half++) {
      if ((half & 3) != 3) {
        Decoded d = DECODER.decode(half);
        if (d != null) {
          check(d, d.expanded());
        }
      }
    }
  }

  @Property(tries = 5000)
  void everyInstructionIsALoadAStoreOrRefused(
      @ForAll @IntRange(min = Integer.MIN_VALUE) int bits, @ForAll @IntRange(max = 7) int opcode) {
    int[] opcodes = {0x03, 0x07, 0x23, 0x27, 0x2F, 0x0F, 0x73, 0x33};
    int insn = bits & ~0x7F | opcodes[opcode];
    Decoded d = DECODER.decode(insn);
    if (d == null) {
      neither(insn, "reserved " + Integer.toHexString(insn));
    } else {
      check(d, insn);
    }
  }

  private static void neither(int insn, String what) {
    assertFalse(MemoryInstruction.isLoad(insn), what);
    assertFalse(MemoryInstruction.isStore(insn), what);
  }

  private static void check(Decoded d, int insn) {
    String name = d.instruction().mnemonic();
    name = name.startsWith("c.") ? d.instruction().expansion().mnemonic() : name;
    String what = name + " " + Integer.toHexString(insn);
    if (LOADS.containsKey(name)) {
      int width = Math.abs(LOADS.get(name));
      assertEquals(width, MemoryInstruction.width(insn), what);
      assertTrue(MemoryInstruction.isLoad(insn), what);
      assertFalse(MemoryInstruction.isStore(insn), what);
      assertEquals(d.rd(), MemoryInstruction.loaded(insn), what);
      assertEquals(d.imm(), MemoryInstruction.loadOffset(insn), what);
      long top = 0xF0E0D0C0B0A090FEL & -1L >>> 64 - 8 * width;
      long expected = LOADS.get(name) < 0 ? top << 64 - 8 * width >> 64 - 8 * width : top;
      assertEquals(expected, MemoryInstruction.extend(insn, 0xF0E0D0C0B0A090FEL), what);
    } else if (STORES.containsKey(name)) {
      assertEquals(STORES.get(name), MemoryInstruction.width(insn), what);
      assertTrue(MemoryInstruction.isStore(insn), what);
      assertFalse(MemoryInstruction.isLoad(insn), what);
      assertEquals(d.rs2(), MemoryInstruction.stored(insn), what);
      assertEquals(d.imm(), MemoryInstruction.storeOffset(insn), what);
    } else {
      neither(insn, what);
      return;
    }
    assertEquals(d.rs1(), MemoryInstruction.base(insn), what);
  }
}
