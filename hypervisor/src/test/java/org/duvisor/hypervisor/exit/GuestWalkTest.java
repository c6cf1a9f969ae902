package org.duvisor.hypervisor.exit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.ValueLayout;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.duvisor.hypervisor.fake.Rig;
import org.duvisor.isa.Csr;
import org.duvisor.platform.HuHart;
import org.junit.jupiter.api.Test;

/**
 * The software walk of the guest's own tables: all modes and page sizes, and tables of a hostile
 * guest.
 */
class GuestWalkTest {
  private static final long ROOT = Rig.RAM + 0x10_0000;
  private static final int CODE = 0x00C5_A503; // lw a0, 12(a1)
  private static final int LEAF = 0x4B; // V R X A

  private final Rig rig = new Rig(1);
  private final HuHart hart = rig.driver.register(0);
  private final GuestWalk walk = new GuestWalk(rig.vcpus.get(0), rig.ram);

  GuestWalkTest() {
    rig.vcpus.get(0).attach(hart);
    hart.csr(Csr.HUSTATUS, 1 << 8);
  }

  private void put(long address, long value) {
    rig.ram.slice(address, 8).set(ValueLayout.JAVA_LONG, 0, value);
  }

  /**
   * One table for each level, from the root down to the leaf's, which maps {@code page} with {@code
   * flags}.
   */
  private void map(long va, int levels, int leafLevel, long page, long flags) {
    hart.csr(Csr.HUVSATP, (long) levels + 5 << 60 | ROOT >>> 12);
    long table = ROOT;
    for (int level = levels - 1; level > leafLevel; level--) {
      put(table + (va >>> 12 + 9 * level & 511) * 8, table + 4096 >>> 12 << 10 | 1);
      table += 4096;
    }
    put(table + (va >>> 12 + 9 * leafLevel & 511) * 8, page >>> 12 << 10 | flags);
    hart.csr(Csr.UEPC, va);
  }

  private static long canonical(long va, int levels) {
    int unused = 64 - (12 + 9 * levels);
    return va << unused >> unused;
  }

  @Property(tries = 300)
  void codeIsFoundThroughEveryModeAndPageSize(
      @ForAll long where,
      @ForAll @IntRange(min = 3, max = 5) int levels,
      @ForAll @IntRange(max = 1) int leaf) {
    long va = canonical(where & ~1L, levels) & ~4095L | where & 0xFF8;
    long page = Rig.RAM + 0x20_0000;
    map(va, levels, leaf, page, LEAF);
    long target = page + (leaf == 1 ? va & 0x1F_FFFF : va & 0xFFF);
    rig.ram.slice(target, 4).set(ValueLayout.JAVA_INT_UNALIGNED, 0, CODE);
    assertEquals(0, walk.fetch());
    assertEquals(CODE, walk.instruction());
    assertEquals(CODE, walk.expanded());
  }

  @Property(tries = 1000)
  void anyEntryAtAllGivesAnInstructionOrAFault(
      @ForAll long entry,
      @ForAll @LongRange(min = 0) long where,
      @ForAll @IntRange(max = 15) int mode) {
    hart.csr(Csr.HUVSATP, (long) mode << 60 | ROOT >>> 12);
    hart.csr(Csr.UEPC, canonical(where & ~1L, 3));
    for (int i = 0; i < 512; i++) {
      put(ROOT + 8L * i, i % 2 == 0 ? entry : entry & ~0xEL | 1);
    }
    int fault = walk.fetch();
    assertEquals(true, fault == 0 || fault == 1 || fault == 12);
  }

  @Test
  void instructionThatCrossesPagesIsPutTogether() {
    long va = 0x4000_0FFEL;
    map(va, 3, 0, Rig.RAM + 0x20_0000, LEAF);
    long secondTable = ROOT + 2 * 4096;
    put(secondTable + (va + 2 >>> 12 & 511) * 8, Rig.RAM + 0x30_0000 >>> 12 << 10 | LEAF);
    rig.ram.slice(Rig.RAM + 0x20_0FFE, 2).set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, (short) CODE);
    rig.ram
        .slice(Rig.RAM + 0x30_0000, 2)
        .set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, (short) (CODE >>> 16));
    assertEquals(0, walk.fetch());
    assertEquals(CODE, walk.instruction());
    put(secondTable + (va + 2 >>> 12 & 511) * 8, 0);
    assertEquals(12, walk.fetch());
    assertEquals(va + 2, walk.faultAddress());
  }

  @Test
  void compressedCodeIsExpanded() {
    hart.csr(Csr.UEPC, Rig.RAM + 2);
    rig.ram
        .slice(Rig.RAM + 2, 2)
        .set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, (short) 0x45C8); // c.lw a0, 12(a1)
    assertEquals(0, walk.fetch());
    assertEquals(CODE, walk.expanded());
    assertEquals(2, walk.length());
    rig.ram.slice(Rig.RAM + 2, 2).set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, (short) 0);
    assertEquals(0, walk.fetch());
    assertEquals(0, walk.expanded(), "no instruction");
  }

  @Test
  void permissionsAreThoseOfTheHart() {
    long va = 0x1234_5000L;
    record Case(long flags, boolean supervisor, int fault) {}
    Case[] cases = {
      new Case(0x4B, true, 0), new Case(0x4B, false, 12), new Case(0x5B, false, 0),
          new Case(0x5B, true, 12),
      new Case(0x43, true, 12), new Case(0x4A, true, 12), new Case(0x4D, true, 12),
          new Case(0x49, true, 0)
    };
    for (Case c : cases) {
      map(va, 3, 0, Rig.RAM + 0x20_0000, c.flags);
      hart.csr(Csr.HUSTATUS, c.supervisor ? 1 << 8 : 0);
      assertEquals(c.fault, walk.fetch(), c::toString);
    }
    hart.csr(Csr.HUSTATUS, 1 << 8);
    map(va, 3, 1, Rig.RAM + 0x20_1000, LEAF);
    assertEquals(12, walk.fetch(), "misaligned large page");
    map(va, 3, 0, Rig.DEVICE, LEAF);
    assertEquals(1, walk.fetch(), "code in a device");
    hart.csr(Csr.UEPC, 1L << 40);
    assertEquals(12, walk.fetch(), "not canonical");
  }

  @Test
  void napotPagesAreOf64KiB() {
    long va = 0x1234_5000L;
    map(va, 3, 0, Rig.RAM + 0x20_8000, LEAF | 1L << 63);
    rig.ram.slice(Rig.RAM + 0x20_5000, 4).set(ValueLayout.JAVA_INT, 0, CODE);
    assertEquals(0, walk.fetch());
    assertEquals(CODE, walk.instruction());
  }

  @Test
  void tablesOutsideRamAreAPageFault() {
    hart.csr(Csr.HUVSATP, 8L << 60 | Rig.DEVICE >>> 12);
    hart.csr(Csr.UEPC, 0x1000);
    assertEquals(12, walk.fetch());
    hart.csr(Csr.HUVSATP, 8L << 60 | (1L << 44) - 1);
    assertEquals(12, walk.fetch());
  }
}
