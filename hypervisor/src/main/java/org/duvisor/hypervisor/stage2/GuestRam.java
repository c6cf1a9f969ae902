package org.duvisor.hypervisor.stage2;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.duvisor.devices.GuestMemory;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.DvException;
import org.duvisor.platform.DvException.Reason;
import org.duvisor.platform.Grant;
import org.jspecify.annotations.Nullable;

/**
 * The RAM of a VM: one grant or, when host memory is fragmented, several. Pieces do not touch each
 * other in the guest's address space, so that nothing the guest thinks contiguous, a DMA buffer for
 * instance, lies in two of them; and every piece but the first is placed so that large leaves can
 * map it.
 */
public final class GuestRam {
  /** A grant at its guest-physical address. */
  public record Piece(long gpa, Grant grant) {
    /** Length in bytes. */
    public long bytes() {
      return grant.bytes();
    }

    /** Whether an address is in this piece. */
    boolean holds(long address) {
      return Long.compareUnsigned(address - gpa, grant.bytes()) < 0;
    }

    /** The host-physical address behind a guest-physical one of this piece. */
    public long hpa(long address) {
      return grant.hpa() + (address - gpa);
    }

    /**
     * Whether both addresses have the same offset in blocks of that size, so that one leaf can map
     * a block.
     */
    boolean congruent(long blockBytes) {
      return (grant.hpa() - gpa & blockBytes - 1) == 0;
    }
  }

  /**
   * A piece is not made smaller than this, unless the rest is; also the least distance between
   * pieces.
   */
  private static final long SMALLEST = 2 << 20;

  private static final long GIB = 1 << 30;

  private static final ValueLayout.OfLong DOUBLE =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort HALF =
      ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final List<Piece> pieces;

  // The same as each fault looks at it: from where to where, and an array.
  private final long base;
  private final long span;
  private final Piece[] found;
  private final Consumer<MemorySegment> observer;

  /** RAM made of pieces in ascending order. */
  public GuestRam(List<Piece> pieces) {
    this(pieces, part -> {});
  }

  private GuestRam(List<Piece> pieces, Consumer<MemorySegment> observer) {
    this.pieces = List.copyOf(pieces);
    this.found = pieces.toArray(Piece[]::new);
    this.base = pieces.getFirst().gpa;
    this.span = end() - base;
    this.observer = observer;
  }

  /**
   * Asks the driver for RAM: one grant if possible, otherwise smaller and smaller powers of two
   * while windows last.
   *
   * @param base guest-physical address of the first byte
   * @param bytes a multiple of the grant granule
   * @throws DvException as {@link DvDriver#grant}; what was granted until then is given back
   */
  public static GuestRam grant(DvDriver driver, long base, long bytes) {
    List<Piece> pieces = new ArrayList<>();
    int windows = driver.capabilities().windows() - 1;
    long granule = driver.capabilities().grantGranule();
    long chunk = bytes;
    long done = 0;
    long end = base;
    try {
      while (done < bytes) {
        long want = Math.min(chunk, bytes - done);
        if (pieces.size() == windows) {
          throw new DvException(
              Reason.NO_MEMORY, "free memory is too fragmented for a VM of this size");
        }
        try {
          Grant grant = driver.grant(want, Grant.Use.GUEST_MEMORY);
          pieces.add(new Piece(pieces.isEmpty() ? base : after(end, grant), grant));
          end = pieces.getLast().gpa + want;
          done += want;
        } catch (DvException e) {
          chunk = Long.highestOneBit(want - 1);
          if (e.reason() != Reason.NO_MEMORY || chunk < Math.max(SMALLEST, granule)) {
            throw e;
          }
        }
      }
    } catch (DvException e) {
      pieces.forEach(p -> driver.revoke(p.grant()));
      throw e;
    }
    return new GuestRam(pieces, driver::written);
  }

  /**
   * The next guest-physical address whose offset in the largest useful leaf is the same as that of
   * the grant.
   */
  private static long after(long end, Grant grant) {
    long block = grant.bytes() >= GIB ? GIB : SMALLEST;
    long start = end + SMALLEST;
    return start + (grant.hpa() - start & block - 1);
  }

  /** The pieces in ascending order. */
  public List<Piece> pieces() {
    return pieces;
  }

  /** The piece that holds an address, or null when it is not RAM. */
  public @Nullable Piece find(long gpa) {
    if (Long.compareUnsigned(gpa - base, span) >= 0) {
      return null;
    }
    for (Piece p : found) {
      if (p.holds(gpa)) {
        return p;
      }
    }
    return null;
  }

  /** Whether a hart can run there: in RAM, and even. */
  public boolean isCode(long gpa) {
    return (gpa & 1) == 0 && find(gpa) != null;
  }

  /** Whether {@code bytes}, at least 1, from {@code gpa} on are all RAM of one piece. */
  public boolean contains(long gpa, long bytes) {
    Piece p = find(gpa);
    return p != null && Long.compareUnsigned(bytes, p.gpa + p.bytes() - gpa) <= 0;
  }

  /** The memory from an address in RAM on, {@code bytes} long or up to the end of its piece. */
  public MemorySegment slice(long gpa, long bytes) {
    Piece p = find(gpa);
    if (p == null) {
      throw new IllegalArgumentException("not RAM: 0x" + Long.toHexString(gpa));
    }
    long offset = gpa - p.gpa;
    return p.grant.memory().asSlice(offset, Math.min(bytes, p.bytes() - offset));
  }

  /** This process has written to a part of a {@link #slice}, and is going to tell the guest. */
  public void written(MemorySegment part) {
    observer.accept(part);
  }

  /**
   * Reads 2 or 8 bytes, little-endian, as a walk of the guest's own tables does.
   *
   * @param gpa address of RAM, naturally aligned
   * @return the value, 2 bytes zero-extended
   */
  public long load(Piece piece, long gpa, int bytes) {
    MemorySegment memory = piece.grant.memory();
    return bytes == 8
        ? memory.get(DOUBLE, gpa - piece.gpa)
        : memory.get(HALF, gpa - piece.gpa) & 0xFFFF;
  }

  /** First address after the RAM. */
  public long end() {
    Piece last = pieces.getLast();
    return last.gpa + last.bytes();
  }

  /** The same RAM as devices see it. */
  public GuestMemory memory() {
    return new GuestMemory(
        pieces.stream().map(p -> new GuestMemory.Region(p.gpa, p.grant.memory())).toList(),
        observer);
  }
}
