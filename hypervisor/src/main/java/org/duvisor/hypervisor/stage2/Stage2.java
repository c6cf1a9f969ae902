package org.duvisor.hypervisor.stage2;

import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import org.duvisor.platform.FastExits;
import org.duvisor.platform.Grant;

/**
 * The stage-2 page tables of a VM (privileged specification, "Two-Stage Address Translation"),
 * filled on demand. Tables live in their own grant, which the guest cannot reach. Each fill takes
 * the largest leaf that both addresses and the piece of RAM allow: 4 KiB, 2 MiB or 1 GiB.
 *
 * <p>{@link #map} takes a lock, because it is the slow path and several vCPUs may fault at once;
 * page-table walkers read concurrently and see each entry either absent or complete. A platform
 * that was offered the tables adds leaves where {@link #map} would, without the lock.
 */
public final class Stage2 {
  /** Smallest page, bytes. */
  public static final long PAGE = 4096;

  /** V, R, W, U, A, D. */
  static final long REGISTERS = 0xD7;

  /** V, R, W, X, U, A, D: RAM is everything to the guest, and hardware need not update anything. */
  static final long LEAF = FastExits.LEAF;

  /** A pointer to the next table: V alone. */
  static final long TABLE = 0x01;

  private static final VarHandle ENTRY = ValueLayout.JAVA_LONG.varHandle();
  private static final long ROOT_BYTES = 16 << 10;

  private final Stage2Mode mode;
  private final long largestLeaf;
  private final Grant tables;
  private final long root;
  private long next;

  private final long[] leaves = new long[3];

  /**
   * Empty tables.
   *
   * @param tables zeroed memory of at least {@link #tableBytes} bytes
   * @param largestLeaf bytes of the largest leaf to use: 4 KiB, 2 MiB or 1 GiB
   */
  public Stage2(Stage2Mode mode, long largestLeaf, Grant tables) {
    this.mode = mode;
    this.largestLeaf = largestLeaf;
    this.tables = tables;
    this.root = -tables.hpa() & (ROOT_BYTES - 1);
    this.next = root + ROOT_BYTES;
  }

  /**
   * The most memory that tables for this RAM can take, bytes; the root is 16 KiB-aligned within.
   */
  public static long tableBytes(GuestRam ram, Stage2Mode mode, long largestLeaf) {
    long bytes = 2 * ROOT_BYTES;
    for (int level = 0; level < mode.levels() - 1; level++) {
      long span = leafBytes(level + 1);
      boolean onlyEdges = level == 0 && largestLeaf > PAGE;
      for (GuestRam.Piece p : ram.pieces()) {
        long count = (p.gpa() + p.bytes() - 1) / span - p.gpa() / span + 1;
        bytes += PAGE * (onlyEdges && p.congruent(span) ? Math.min(count, 2) : count);
      }
    }
    return bytes;
  }

  /** The value of hugatp; its VMID field belongs to the driver. */
  public long hugatp() {
    return (long) mode.encoding() << 60 | (tables.hpa() + root) >>> 12;
  }

  /**
   * The most memory that the tables for a few {@link #mapRegisters} pages in one GiB take, bytes.
   */
  public static long registerTableBytes(Stage2Mode mode) {
    return PAGE * (mode.levels() - 1);
  }

  /**
   * Maps a page of registers where there is no RAM, in place of what was there; not for fetches.
   * Who may have seen the old page has to fence.
   *
   * @param hpa its host-physical address
   */
  public synchronized void mapRegisters(long gpa, long hpa) {
    write(entry(gpa, 0), hpa >>> 12 << 10 | REGISTERS);
  }

  /** Makes the tables that the leaves of RAM take, so that faults need not. */
  public synchronized void prepare(GuestRam ram) {
    for (GuestRam.Piece p : ram.pieces()) {
      long end = p.gpa() + p.bytes();
      long next;
      for (long gpa = p.gpa(); gpa < end; gpa = next) {
        int level = leafLevel(p, gpa);
        entry(gpa, level);
        next = (gpa | leafBytes(Math.max(level, 1)) - 1) + 1;
        if (level == 1) { // to the end of its table, or to the last block, which is not whole
          next = Math.min((gpa | leafBytes(2) - 1) + 1, end & -leafBytes(1));
        }
      }
    }
  }

  /** Unmaps everything. No hart may have seen it that does not fence before it enters a guest. */
  public synchronized void clear() {
    tables.memory().asSlice(root, next - root).fill((byte) 0);
    next = root + ROOT_BYTES;
    Arrays.fill(leaves, 0);
  }

  /**
   * Lets a platform map pages of the largest piece of RAM, as {@link #map} would, where the tables
   * that it takes exist.
   */
  public void offer(FastExits exits, GuestRam ram) {
    if (mode == Stage2Mode.SV39X4) {
      GuestRam.Piece most =
          Collections.max(ram.pieces(), Comparator.comparingLong(GuestRam.Piece::bytes));
      boolean large = largestLeaf >= leafBytes(1) && most.congruent(leafBytes(1));
      exits.memory(most.gpa(), most.gpa() + most.bytes(), most.hpa(0), large);
      exits.tables(tables.memory().address() + root, tables.memory().address() - tables.hpa());
    }
  }

  /** How many leaves of 4 KiB (0), 2 MiB (1) or 1 GiB (2) {@link #map} has made. */
  public synchronized long leaves(int level) {
    return leaves[level];
  }

  /**
   * Makes the page that holds an address of RAM accessible.
   *
   * @param piece the one that holds it
   * @return false when there was a leaf already: another vCPU was faster, or the hart remembers an
   *     absent entry
   */
  public synchronized boolean map(GuestRam.Piece piece, long gpa) {
    int level = leafLevel(piece, gpa);
    long at = entry(gpa, level);
    long leaf = piece.hpa(gpa & -leafBytes(level)) >>> 12 << 10 | LEAF;
    boolean mapped = ENTRY.compareAndSet(tables.memory(), at, 0L, leaf);
    leaves[level] += mapped ? 1 : 0;
    return mapped;
  }

  /**
   * Where the entry for an address is, at a level or at a leaf above it; makes tables on the way.
   */
  private long entry(long gpa, int leaf) {
    long table = root;
    for (int level = mode.levels() - 1; ; level--) {
      long at = table + 8 * mode.index(gpa, level);
      long entry = read(at);
      if (level == leaf || (entry & LEAF) > TABLE) {
        return at;
      }
      if (entry == 0) {
        entry = (tables.hpa() + next) >>> 12 << 10 | TABLE;
        next += PAGE;
        write(at, entry);
      }
      table = (entry >>> 10 << 12) - tables.hpa();
    }
  }

  /** The level of the largest leaf around an address. */
  private int leafLevel(GuestRam.Piece piece, long gpa) {
    for (int level = 2; level > 0; level--) {
      long bytes = leafBytes(level);
      long start = gpa & -bytes;
      boolean inside = start >= piece.gpa() && start + bytes <= piece.gpa() + piece.bytes();
      if (bytes <= largestLeaf && inside && piece.congruent(bytes)) {
        return level;
      }
    }
    return 0;
  }

  /** Bytes under one entry of a level. */
  static long leafBytes(int level) {
    return PAGE << 9 * level;
  }

  private long read(long offset) {
    return (long) ENTRY.getOpaque(tables.memory(), offset);
  }

  private void write(long offset, long value) {
    ENTRY.setRelease(tables.memory(), offset, value);
  }
}
