package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** What a fence of one page has to know of large leaves, and what fences by ASID leave alone. */
class SpacesTest {
  private static final long SV48 = 9L << 60;
  private static final long MEGA = 2 << 20;

  @Test
  void everyLeafIsFoundByAnyAddressInIt() {
    Random random = new Random(3);
    for (int i = 0; i < 20_000; i++) {
      Spaces spaces = new Spaces();
      int id = spaces.of(false, SV48, 0);
      long leaf = 4096L << 9 * random.nextInt(4);
      long va = random.nextLong();
      spaces.note(id, va, leaf);
      long other = (va & -leaf) + (random.nextLong() & leaf - 1);
      assertTrue(spaces.largestLeaf(false, other, -1, -1) >= leaf, Long.toHexString(va));
    }
  }

  /**
   * Linux, whose map of memory would make every fence of a process's page a fence of everything.
   */
  @Test
  void largeLeavesOfAKernelAreNotThoseOfItsProcesses() {
    for (long memory : new long[] {0xffff_af80_0000_0000L, 0xffff_ffd6_0000_0000L, 0xff60L << 48}) {
      Spaces spaces = new Spaces();
      int id = spaces.of(false, SV48, 0);
      for (long offset = 0; offset < 512L << 20; offset += MEGA) {
        spaces.note(id, memory + offset, MEGA);
      }
      for (long page : new long[] {0x10000, 0x3f_ffff_e000L, 0x7fff_ffff_e000L, 0x2a_aaaa_a000L}) {
        spaces.note(id, page, 4096);
        assertTrue(spaces.largestLeaf(false, page, -1, -1) <= 4096, Long.toHexString(page));
      }
    }
  }

  @Test
  void whatIsGlobalSurvivesFencesByAsid() {
    Spaces spaces = new Spaces();
    int own = spaces.of(false, SV48 | 5L << 44, 0);
    int global = spaces.global(false, SV48 | 5L << 44, 0);
    spaces.retire(false, 5, -1);
    assertTrue(spaces.of(false, SV48 | 5L << 44, 0) != own);
    assertEquals(global, spaces.global(false, SV48 | 7L << 44, 0), "of every address space");
    spaces.retire(false, -1, -1);
    assertTrue(spaces.global(false, SV48, 0) != global);
  }
}
