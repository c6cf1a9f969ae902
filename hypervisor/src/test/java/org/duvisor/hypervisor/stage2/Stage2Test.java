package org.duvisor.hypervisor.stage2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.duvisor.hypervisor.fake.FakeDriver;
import org.duvisor.platform.DvException;
import org.duvisor.platform.Grant;
import org.junit.jupiter.api.Test;

/** Stage-2 tables against a walk written from the specification, for RAM of any shape. */
class Stage2Test {
  private static final long MIB = 1 << 20;
  private static final long GIB = 1 << 30;

  /** A piece of RAM without memory behind: only the tables are real. */
  @SuppressWarnings("restricted")
  private static GuestRam.Piece piece(long gpa, long hpa, long bytes) {
    MemorySegment nothing = MemorySegment.ofAddress(1 << 20).reinterpret(bytes);
    return new GuestRam.Piece(gpa, new Grant(hpa, nothing, Grant.Use.GUEST_MEMORY));
  }

  private static Grant tables(long hpa, long bytes) {
    return new Grant(hpa, Arena.ofAuto().allocate(bytes, 4096), Grant.Use.STAGE2_TABLES);
  }

  /**
   * What a hart's walker finds, and how large the leaf is; the address is -1 when there is none.
   */
  private record Found(long hpa, long leaf) {}

  private static Found walk(Grant tables, long hugatp, long gpa) {
    int levels = (int) (hugatp >>> 60) - 5;
    long table = (hugatp & (1L << 44) - 1) << 12;
    assertEquals(0, table % 16384, "the root is 16 KiB-aligned");
    assertEquals(0, hugatp >>> 44 & 0xFFFF, "the VMID is not ours to write");
    for (int level = levels - 1; level >= 0; level--) {
      int shift = 12 + 9 * level;
      long index = gpa >>> shift & (level == levels - 1 ? 2047 : 511);
      long pte = tables.memory().get(ValueLayout.JAVA_LONG, table - tables.hpa() + 8 * index);
      if (pte == 0) {
        return new Found(-1, 0);
      }
      assertEquals(1, pte & 1, "V");
      assertEquals(0, pte >>> 54, "reserved");
      long page = (pte >>> 10 & (1L << 44) - 1) << 12;
      if ((pte & 0xE) != 0) {
        assertEquals(0xDF, pte & 0x3FF, "V R W X U A D, not G");
        long bytes = 1L << shift;
        assertEquals(0, page & bytes - 1, "a leaf is aligned to its size");
        return new Found(page + (gpa & bytes - 1), bytes);
      }
      assertEquals(1, pte & 0x3FF, "a pointer has V only");
      table = page;
    }
    throw new AssertionError("a pointer where a leaf must be");
  }

  private static long pointers(Grant tables) {
    return Arrays.stream(tables.memory().toArray(ValueLayout.JAVA_LONG))
        .filter(entry -> (entry & 0xF) == 1)
        .count();
  }

  @Property(tries = 300)
  void tablesMapExactlyTheRamTouched(@ForAll long seed, @ForAll @IntRange(max = 2) int leafSize) {
    Random random = new Random(seed);
    long largest = 4096L << 9 * leafSize;
    List<GuestRam.Piece> pieces = new ArrayList<>();
    long gpa = 0x8000_0000L;
    for (int i = 0; i <= random.nextInt(4); i++) {
      long bytes = 4096L * (1 + (long) random.nextInt(1 << 3 * random.nextInt(8)));
      long hpa =
          0x40_0000_0000L
              + i * 0x10_0000_0000L
              + 4096L * random.nextInt(1 << 9 * random.nextInt(3));
      hpa = random.nextInt(3) == 0 ? hpa : (hpa & -GIB) + (gpa & GIB - 1);
      pieces.add(piece(gpa, hpa, bytes));
      gpa += bytes + (random.nextBoolean() ? 0 : 4096L * random.nextInt(100000));
    }
    GuestRam ram = new GuestRam(pieces);
    Stage2Mode mode = Stage2Mode.values()[random.nextInt(3)];
    Grant tables =
        tables(0x9000_0000L + 4096L * random.nextInt(8), Stage2.tableBytes(ram, mode, largest));
    Stage2 stage2 = new Stage2(mode, largest, tables);
    boolean prepared = random.nextBoolean();
    if (prepared) {
      stage2.prepare(ram);
    }
    long pointers = pointers(tables);
    for (int i = 0; i < 300; i++) {
      GuestRam.Piece p = pieces.get(random.nextInt(pieces.size()));
      long offset =
          i < 2 ? (i == 0 ? 0 : p.bytes() - 1) : Math.floorMod(random.nextLong(), p.bytes());
      long a = p.gpa() + offset;
      Found before = walk(tables, stage2.hugatp(), a);
      assertEquals(before.hpa == -1, stage2.map(p, a));
      Found after = walk(tables, stage2.hugatp(), a);
      assertEquals(p.grant().hpa() + offset, after.hpa);
      long start = a & -after.leaf;
      assertTrue(
          start >= p.gpa() && start + after.leaf <= p.gpa() + p.bytes(),
          "a leaf stays within its grant");
      assertTrue(after.leaf <= largest);
    }
    assertTrue(!prepared || pointers == pointers(tables), "no table was missing");
    for (long outside :
        new long[] {0, 0x7FFF_FFFFL, -1, Long.MIN_VALUE, ram.end(), ram.end() + GIB, 1L << 41}) {
      assertNull(ram.find(outside));
    }
  }

  @Test
  void alignedRamTakesFewLargeLeaves() {
    GuestRam ram =
        new GuestRam(List.of(piece(0x8000_0000L, 0x1_0000_0000L, 2 * GIB + 4 * MIB + 8192)));
    Stage2 stage2 =
        new Stage2(
            Stage2Mode.SV39X4, GIB, tables(0x1000, Stage2.tableBytes(ram, Stage2Mode.SV39X4, GIB)));
    for (long a = 0; a < 2 * GIB + 4 * MIB + 8192; a += 4096) {
      stage2.map(ram.pieces().getFirst(), 0x8000_0000L + a);
    }
    assertEquals(2, stage2.leaves(2));
    assertEquals(2, stage2.leaves(1));
    assertEquals(2, stage2.leaves(0));
  }

  @Test
  void concurrentFaultsWriteEachLeafOnce() throws InterruptedException {
    GuestRam ram = new GuestRam(List.of(piece(0x8000_0000L, 0x1_0000_1000L, 64 * MIB)));
    Grant tables = tables(0x4000, Stage2.tableBytes(ram, Stage2Mode.SV48X4, GIB));
    Stage2 stage2 = new Stage2(Stage2Mode.SV48X4, GIB, tables);
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 4; t++) {
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (long a = 0; a < 64 * MIB; a += 4096) {
                      stage2.map(ram.pieces().getFirst(), 0x8000_0000L + a);
                    }
                  }));
    }
    for (Thread t : threads) {
      t.join();
    }
    assertEquals(64 * MIB / 4096, stage2.leaves(0));
    for (long a = 0; a < 64 * MIB; a += 4096) {
      assertEquals(0x1_0000_1000L + a, walk(tables, stage2.hugatp(), 0x8000_0000L + a).hpa);
    }
  }

  @Test
  void modeIsTheSmallestThatReaches() {
    assertEquals(Stage2Mode.SV39X4, Stage2Mode.choose(7 << 8, 1L << 41 - 1));
    assertEquals(Stage2Mode.SV48X4, Stage2Mode.choose(6 << 8, 0x9000_0000L));
    assertEquals(Stage2Mode.SV48X4, Stage2Mode.choose(7 << 8, 1L << 42));
    assertThrows(IllegalArgumentException.class, () -> Stage2Mode.choose(1 << 8, 1L << 42));
    assertThrows(IllegalArgumentException.class, () -> Stage2Mode.choose(1, 1L << 20));
  }

  @Test
  void fragmentedMemoryBecomesPiecesThatDoNotTouch() {
    FakeDriver driver = new FakeDriver();
    driver.largestGrant = 8 * MIB;
    GuestRam ram = GuestRam.grant(driver, 0x8000_0000L, 18 * MIB);
    assertEquals(18 * MIB, ram.pieces().stream().mapToLong(GuestRam.Piece::bytes).sum());
    assertEquals(0x8000_0000L, ram.pieces().getFirst().gpa());
    for (int i = 1; i < ram.pieces().size(); i++) {
      GuestRam.Piece p = ram.pieces().get(i);
      GuestRam.Piece before = ram.pieces().get(i - 1);
      assertTrue(p.gpa() >= before.gpa() + before.bytes() + 2 * MIB);
      assertTrue(p.congruent(2 * MIB), "large leaves fit");
    }
    GuestRam.Piece last = ram.pieces().getLast();
    assertTrue(ram.contains(last.gpa(), last.bytes()));
    assertFalse(ram.contains(0x8000_0000L, 9 * MIB), "nothing crosses a gap");
  }

  @Test
  void hopelesslyFragmentedMemoryIsGivenBack() {
    FakeDriver driver = new FakeDriver();
    driver.largestGrant = 2 * MIB;
    assertThrows(DvException.class, () -> GuestRam.grant(driver, 0x8000_0000L, 64 * MIB));
    assertEquals(List.of(), driver.grants());
    driver.largestGrant = 4096;
    assertThrows(DvException.class, () -> GuestRam.grant(driver, 0x8000_0000L, 64 * MIB));
    assertEquals(List.of(), driver.grants());
  }

  @Test
  void registersAreMappedWithoutExecutionAndReplaced() {
    for (Stage2Mode mode : Stage2Mode.values()) {
      GuestRam ram = new GuestRam(List.of(piece(0x8000_0000L, 0x8000_0000L, 4 << 20)));
      long bytes = Stage2.tableBytes(ram, mode, 1 << 30) + Stage2.registerTableBytes(mode);
      Grant tables = tables(0x9000_0000L, bytes);
      Stage2 stage2 = new Stage2(mode, 1 << 30, tables);
      GuestRam.Piece piece = ram.pieces().getFirst();
      stage2.map(piece, 0x8000_0000L);
      stage2.map(piece, 0x8020_0000L);
      for (int i = 0; i < 64; i++) {
        stage2.mapRegisters(0x2800_0000L + 4096L * i, 0x2800_1000L);
        stage2.mapRegisters(0x2800_0000L + 4096L * i, 0x2800_3000L);
      }
      long table = (stage2.hugatp() & (1L << 44) - 1) << 12;
      for (int level = mode.levels() - 1; ; level--) {
        long at = table - tables.hpa() + 8 * mode.index(0x2803_f000L, level);
        long pte = tables.memory().get(ValueLayout.JAVA_LONG, at);
        if (level == 0) {
          assertEquals(0x2800_3000L >>> 2 | 0xD7, pte);
          break;
        }
        table = pte >>> 10 << 12;
      }
      assertEquals(0x8000_0000L, walk(tables, stage2.hugatp(), 0x8000_0000L).hpa());
      assertNull(ram.find(0x2800_0000L));
    }
  }

  @Test
  void whatIsClearedIsAsNew() {
    for (Stage2Mode mode : Stage2Mode.values()) {
      GuestRam ram = new GuestRam(List.of(piece(0x8000_0000L, 0x1_0000_1000L, 64 * MIB)));
      long bytes = Stage2.tableBytes(ram, mode, GIB) + Stage2.registerTableBytes(mode);
      Grant tables = tables(0x9000_3000L, bytes);
      Stage2 stage2 = new Stage2(mode, GIB, tables);
      GuestRam.Piece piece = ram.pieces().getFirst();
      for (int round = 0; round < 3; round++) {
        for (long a = 0; a < 64 * MIB; a += 4096) {
          assertTrue(stage2.map(piece, 0x8000_0000L + a));
          assertEquals(0x1_0000_1000L + a, walk(tables, stage2.hugatp(), 0x8000_0000L + a).hpa());
        }
        stage2.mapRegisters(0x2800_0000L, 0x2800_1000L);
        stage2.clear();
        assertEquals(0, stage2.leaves(0));
        for (long at = 0; at < bytes; at += 8) {
          assertEquals(0, tables.memory().get(ValueLayout.JAVA_LONG, at));
        }
      }
    }
  }
}
