package org.duvisor.machine.mem;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Keeps instruction fetches coherent with stores (Ziccid), as a directory does for caches: it knows
 * of each page of RAM which harts hold decoded code of it, and which may store to it without saying
 * so, because their write TLBs have it. A page that is held is in no write TLB: stores to it are
 * reported to {@link #written}, which has its code dropped. See docs/decisions/0015.
 *
 * <p>Harts are kept as bits of a word; those whose numbers differ by 63 share one, and what one of
 * them is asked the others are asked too.
 */
public final class CodeDirectory {
  /** A hart, or what else keeps code and stores. Its methods may be called by any thread. */
  public interface Member {
    /** To forget the code of a page, when it next is between two blocks. */
    void drop(long page);

    /** To let a page go from the write TLB, when it next is between two blocks. */
    void recall(long page);

    /** To look soon at what was asked. */
    void wake();

    /**
     * Whether it stores nothing by what it knew before a ticket was given out: it has looked since,
     * or does not run and will look before it does.
     */
    boolean hasSeen(long ticket);
  }

  /** Bits of a page number in an address. */
  private static final int PAGE_SHIFT = 12;

  /** Instructions that are fetched one by one before code that was dropped is kept again. */
  private static final int PENANCE = 1024;

  /** Drops of a page's code that cost nothing. */
  private static final int FREE_DROPS = 16;

  private static final int RESTLESS = FREE_DROPS * PENANCE;

  /**
   * In the word of a page's holders: they are being asked to drop it. A store that finds this waits
   * until all have been asked, so that what follows it is not seen before.
   */
  private static final long DROPPING = 1L << 63;

  private static final int LOCKS = 64;

  private final long base;
  private final long pages;
  private final MemorySegment memory;
  private final long writers;
  private final long holders;
  private final long unrest;
  private final AtomicLong tickets = new AtomicLong();
  private final Object[] locks = new Object[LOCKS];
  private volatile Member[] members = {};

  /**
   * A directory of memory that nobody has looked at.
   *
   * @param base host address
   * @param bytes a multiple of 4 KiB
   */
  CodeDirectory(long base, long bytes) {
    this.base = base;
    this.pages = bytes >>> PAGE_SHIFT;
    this.memory = Raw.allocate(pages * 24);
    this.writers = memory.address();
    this.holders = writers + pages * 8;
    this.unrest = holders + pages * 8;
    Arrays.setAll(locks, i -> new Object());
  }

  /** Adds a member; returns its number. */
  public synchronized int attach(Member member) {
    Member[] more = Arrays.copyOf(members, members.length + 1);
    more[members.length] = member;
    members = more;
    return members.length - 1;
  }

  /** The page of a host address; the address is in this memory. */
  public long page(long host) {
    return host - base >>> PAGE_SHIFT;
  }

  /** Host address of a page. */
  public long host(long page) {
    return base + (page << PAGE_SHIFT);
  }

  /**
   * Whether a member may enter a page into its write TLB. If not, it reports its stores, each after
   * it was made.
   */
  public boolean mayWrite(int member, long page) {
    long bit = bit(member);
    long at = writers + page * 8;
    if ((Raw.loadAlignedLong(at) & bit) == 0) {
      setBits(at, bit); // before the look: the holder sees the one, or this member the other
    }
    return Raw.loadAlignedLong(holders + page * 8) == 0;
  }

  /**
   * Registers that a member is going to keep code of a page. What it reads holds from when {@link
   * #isSettled} says so, until it is asked to drop it.
   *
   * @return those that may still store to it unseen, for {@link #isSettled}
   */
  public long hold(int member, long page) {
    setBits(holders + page * 8, bit(member));
    // They stay writers: one that has been asked by another holder may not have looked yet.
    return Raw.loadAlignedLong(writers + page * 8);
  }

  /** Asks those that may store to a page unseen to stop that; returns the ticket. */
  public long recall(long who, long page) {
    forEach(who, m -> m.recall(page));
    long ticket = tickets.incrementAndGet(); // whoever looks after this has seen the request
    forEach(who, Member::wake);
    return ticket;
  }

  /** Whether all of those have seen what was asked before the ticket. */
  public boolean isSettled(long who, long ticket) {
    Member[] all = members;
    for (int i = 0; i < all.length; i++) {
      if ((who & bit(i)) != 0 && !all[i].hasSeen(ticket)) {
        return false;
      }
    }
    return true;
  }

  /** The last ticket that was given out. */
  public long ticket() {
    return tickets.get();
  }

  /**
   * Memory was stored to past the write TLBs: the code that was decoded from it is dropped. Called
   * after the store and before anything that tells of it.
   *
   * @param host address of the first byte
   * @param length bytes, at least 1
   */
  public void written(long host, long length) {
    Raw.fullFence(); // the store before the look: the holder sees the one, or this the other
    for (long page = page(host); page <= page(host + length - 1); page++) {
      if (Raw.loadAlignedLong(holders + page * 8) != 0) {
        drop(page);
      }
    }
  }

  private void drop(long page) {
    long at = holders + page * 8;
    synchronized (locks[(int) page & LOCKS - 1]) {
      long who = Raw.getAndSetLong(at, DROPPING);
      if (who != 0) { // else another has asked them while this one waited
        Raw.storeAlignedLong(unrest + page * 8, Math.min(unrest(page) + PENANCE, 2L * RESTLESS));
        forEach(who, m -> m.drop(page));
        forEach(who, Member::wake);
      }
      long old;
      do { // who holds it again by now stays
        old = Raw.loadAlignedLong(at);
      } while (!Raw.compareAndSetLong(at, old, old & ~DROPPING));
    }
  }

  /** The same for memory that a device or a hypervisor has stored to; other memory is ignored. */
  public void written(MemorySegment part) {
    long offset = part.address() - base;
    if (part.isNative() && part.byteSize() > 0 && offset >= 0 && offset < pages << PAGE_SHIFT) {
      written(part.address(), part.byteSize());
    }
  }

  /**
   * Whether code of a page is dropped so often that it is better not kept: then each instruction is
   * fetched anew, and reported by {@link #calm}. So one who stores to code all the time pays for
   * the work of dropping it by running slowly, and may again have it kept afterwards.
   */
  public boolean isRestless(long page) {
    return unrest(page) >= RESTLESS;
  }

  /** An instruction of a restless page was executed. */
  public void calm(long page) {
    Raw.storeAlignedLong(unrest + page * 8, unrest(page) - 1); // a lost one does not matter
  }

  private long unrest(long page) {
    return Raw.loadAlignedLong(unrest + page * 8);
  }

  private static long bit(int member) {
    return 1L << member % 63;
  }

  private static void setBits(long at, long bits) {
    long old;
    do {
      old = Raw.loadAlignedLong(at);
    } while (!Raw.compareAndSetLong(at, old, old | bits));
  }

  private void forEach(long who, Consumer<Member> action) {
    Member[] all = members;
    for (int i = 0; who != 0 && i < all.length; i++) {
      if ((who & bit(i)) != 0) {
        action.accept(all[i]);
      }
    }
  }
}
