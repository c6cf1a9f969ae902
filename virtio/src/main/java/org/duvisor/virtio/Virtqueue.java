package org.duvisor.virtio;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.duvisor.devices.GuestMemory;
import org.duvisor.devices.Snapshot;

/**
 * The device's side of a split virtqueue (2.7) with VIRTIO_F_INDIRECT_DESC and VIRTIO_F_EVENT_IDX.
 *
 * <p>The rings belong to a driver on another thread that may be broken or hostile: each field is
 * read once, each address is checked against guest memory, and a violation stops the queue and asks
 * the driver for a reset (2.1.1). Nothing here throws for what the driver wrote.
 *
 * <p>Devices call the public methods holding this object's monitor.
 */
public final class Virtqueue {
  /** The largest size a split queue may have (2.7). */
  public static final int MAX_SIZE = 32768;

  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int DESCRIPTOR = 16;
  private static final int DESC_NEXT = 1;
  private static final int DESC_WRITE = 2;
  private static final int DESC_INDIRECT = 4;
  private static final int AVAIL_NO_INTERRUPT = 1;

  /** Bytes of the avail and used rings before their elements: flags and idx. */
  private static final int RING = 4;

  private static final int INDEX = 2;
  private static final int USED_ELEMENT = 8;

  /** What a queue tells its transport. May be called from any thread. */
  interface Signals {
    /** Sends a used buffer notification. */
    void used();

    /** The driver broke the rules: DEVICE_NEEDS_RESET. */
    void violated(String rule);
  }

  private final int maxSize;
  private final GuestMemory memory;
  private final Signals signals;

  /** Makes a device leave the queue at its next look, before {@link #disable} has the monitor. */
  private volatile boolean leaving;

  private boolean enabled;
  private boolean running;
  private boolean eventIndex;
  private boolean indirect;
  private int size = 1;
  private MemorySegment descriptors = MemorySegment.NULL;
  private MemorySegment avail = MemorySegment.NULL;
  private MemorySegment used = MemorySegment.NULL;
  // All 16 bits wide, wrapping.
  private int nextAvail;
  private int nextUsed;
  private int published;

  /** Room that the device was given since the last {@link #publish}: it may have written there. */
  private final List<MemorySegment> given = new ArrayList<>();

  Virtqueue(int maxSize, GuestMemory memory, Signals signals) {
    if (maxSize < 1 || maxSize > MAX_SIZE || Integer.bitCount(maxSize) != 1) {
      throw new IllegalArgumentException(
          "queue size " + maxSize + " is no power of two up to " + MAX_SIZE);
    }
    this.maxSize = maxSize;
    this.memory = memory;
    this.signals = signals;
  }

  // ---- set-up, by the transport
  // -------------------------------------------------------------------------------------

  /** The largest size the driver may choose. */
  public int maxSize() {
    return maxSize;
  }

  /**
   * Lays the rings over guest memory (QueueReady = 1); false when size, alignment (2.7) or place is
   * wrong.
   */
  synchronized boolean enable(long newSize, long descriptorArea, long driverArea, long deviceArea) {
    if (newSize < 1 || newSize > maxSize || Long.bitCount(newSize) != 1) {
      return false;
    }
    if (descriptorArea % DESCRIPTOR != 0 || driverArea % 2 != 0 || deviceArea % 4 != 0) {
      return false;
    }
    MemorySegment d = memory.slice(descriptorArea, newSize * DESCRIPTOR);
    // Two more bytes for used_event and avail_event; the specification has the driver provide them
    // always.
    MemorySegment a = memory.slice(driverArea, RING + 2 * newSize + 2);
    MemorySegment u = memory.slice(deviceArea, RING + USED_ELEMENT * newSize + 2);
    if (d == null || a == null || u == null) {
      return false;
    }
    size = (int) newSize;
    descriptors = d;
    avail = a;
    used = u;
    nextAvail = 0;
    nextUsed = 0;
    published = 0;
    enabled = true;
    return true;
  }

  /**
   * Saves or restores how far it is. When it restores, it has been enabled and run as the driver
   * did.
   */
  synchronized void snapshot(Snapshot s) {
    boolean broken = s.flag(!enabled);
    nextAvail = s.number(nextAvail, 0, 0xffff);
    nextUsed = s.number(nextUsed, 0, 0xffff);
    published = s.number(published, 0, 0xffff);
    enabled &= !broken;
  }

  /** The driver set DRIVER_OK. */
  synchronized void run(boolean withEventIndex, boolean withIndirect) {
    eventIndex = withEventIndex;
    indirect = withIndirect;
    running = true;
  }

  /**
   * Takes the queue from the device; when this returns nothing touches guest memory for it any
   * more.
   */
  void disable() {
    leaving = true;
    synchronized (this) {
      enabled = false;
      running = false;
      descriptors = MemorySegment.NULL;
      avail = MemorySegment.NULL;
      used = MemorySegment.NULL;
      leaving = false;
    }
  }

  // ---- use, by the device
  // -------------------------------------------------------------------------------------------

  /** How many descriptors the driver chose: no more chains than that are available at once. */
  public int size() {
    assert Thread.holdsLock(this);
    return size;
  }

  /**
   * A chain to be filled by {@link #next}; a device makes one for each thread that serves the
   * queue.
   */
  public Chain newChain() {
    return new Chain(maxSize);
  }

  /**
   * Takes the next available chain. After false the driver notifies the device when it adds one;
   * false also means a queue that is not in use (any more).
   */
  public boolean next(Chain chain) {
    assert Thread.holdsLock(this);
    chain.begin(0);
    if (!usable()) {
      return false;
    }
    int index = avail.get(U16, INDEX) & 0xffff;
    if (index == nextAvail) {
      if (!eventIndex) {
        return false; // the driver always notifies: used.flags stays 0
      }
      used.set(U16, RING + (long) USED_ELEMENT * size, (short) nextAvail);
      VarHandle.fullFence(); // publish avail_event before the look that decides to sleep
      index = avail.get(U16, INDEX) & 0xffff;
      if (index == nextAvail) {
        return false;
      }
    }
    if ((index - nextAvail & 0xffff) > size) {
      return violated("the available index runs ahead by more than the queue size");
    }
    VarHandle.acquireFence(); // the ring entry and its descriptors are read after the index
    int head = avail.get(U16, RING + 2L * (nextAvail & size - 1)) & 0xffff;
    nextAvail = nextAvail + 1 & 0xffff;
    chain.begin(head);
    return gather(chain, head);
  }

  /** Puts back the {@code chains} taken last, none of which was returned. */
  public void giveBack(int chains) {
    assert Thread.holdsLock(this);
    nextAvail = nextAvail - chains & 0xffff;
  }

  /**
   * Returns a chain; the driver sees it at the next {@link #publish}.
   *
   * @param head as of {@link Chain#head}
   * @param written bytes written to the chain, from its first writable byte on
   */
  public void used(int head, long written) {
    assert Thread.holdsLock(this);
    if (!usable()) {
      return;
    }
    long at = RING + (long) USED_ELEMENT * (nextUsed & size - 1);
    used.set(U32, at, head);
    used.set(U32, at + 4, (int) written);
    nextUsed = nextUsed + 1 & 0xffff;
  }

  /** Shows the driver all returned chains, with a notification if it wants one. */
  public void publish() {
    assert Thread.holdsLock(this);
    given.forEach(memory::written);
    given.clear();
    if (!usable() || nextUsed == published) {
      return;
    }
    VarHandle.releaseFence(); // buffers and elements before the index
    used.set(U16, INDEX, (short) nextUsed);
    VarHandle.fullFence(); // the index before the look at what the driver wants
    boolean wanted;
    if (eventIndex) {
      int event = avail.get(U16, RING + 2L * size) & 0xffff;
      wanted = (nextUsed - event - 1 & 0xffff) < (nextUsed - published & 0xffff); // 2.7.7.2
    } else {
      wanted = (avail.get(U16, 0) & AVAIL_NO_INTERRUPT) == 0;
    }
    published = nextUsed;
    if (wanted) {
      signals.used();
    }
  }

  /**
   * Stops the queue because the driver broke a rule of the device, or the device itself is broken,
   * and asks for a reset.
   *
   * @return false, for the caller to return
   */
  public boolean violated(String rule) {
    enabled = false;
    signals.violated(rule);
    return false;
  }

  private boolean usable() {
    return enabled && running && !leaving;
  }

  /** Walks a chain, at most one indirect table deep (2.7.5.3). */
  private boolean gather(Chain chain, int head) {
    MemorySegment table = descriptors;
    long entries = size;
    int index = head;
    for (int length = 0; length < size; ) {
      if (index >= entries) {
        return violated("a descriptor index is outside its table");
      }
      long at = (long) DESCRIPTOR * index;
      long address = table.get(U64, at);
      long rest = table.get(U64, at + 8);
      long bytes = rest & 0xffff_ffffL;
      int flags = (int) (rest >>> 32) & 0xffff;
      MemorySegment target = memory.slice(address, bytes);
      if (target == null) {
        return violated("a descriptor points outside memory");
      }
      if ((flags & DESC_INDIRECT) != 0) {
        boolean nested = table != descriptors;
        if (!indirect
            || nested
            || (flags & DESC_NEXT) != 0
            || bytes == 0
            || bytes % DESCRIPTOR != 0) {
          return violated("an indirect descriptor is not allowed or not well-formed");
        }
        table = target;
        entries = bytes / DESCRIPTOR;
        index = 0;
        continue;
      }
      boolean writable = (flags & DESC_WRITE) != 0;
      if (!chain.add(target, writable)) {
        return violated("a readable descriptor follows a writable one, or a chain is too large");
      }
      if (writable) {
        given.add(target);
      }
      if ((flags & DESC_NEXT) == 0) {
        return true;
      }
      index = (int) (rest >>> 48);
      length++;
    }
    return violated("a descriptor chain is longer than the queue");
  }
}
