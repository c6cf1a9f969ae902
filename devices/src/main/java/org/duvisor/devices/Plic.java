package org.duvisor.devices;

import java.util.Arrays;
import java.util.List;
import org.duvisor.devices.fdt.Node;

/**
 * The platform-level interrupt controller (RISC-V PLIC specification 1.0.0): up to 1023 sources
 * with priorities 0 to 7, and contexts (a privilege mode of a hart each) with enables, a threshold
 * and claim/complete.
 *
 * <p>A claim answers everything that the source's device has told so far; only what it tells after
 * it, and does not take back, makes the next request. The level alone makes none, as on QEMU's virt
 * board: kernels made for it leave reasons standing that they do not know of.
 *
 * <p>Registers are 32 bits wide. One lock guards the state; context outputs are driven while it is
 * held, so that they change in order, and must not call back.
 */
public final class Plic extends Device {
  /** Length of the window: everything between QEMU virt's PLIC at 0xc000000 and its UART. */
  public static final long WINDOW_BYTES = 0x400_0000;

  private static final int MAX_SOURCES = 1023;
  private static final int MAX_CONTEXTS = 15872;
  private static final int MAX_PRIORITY = 7;
  private static final long PENDING = 0x1000;
  private static final long ENABLE = 0x2000;
  private static final long ENABLE_STRIDE = 0x80;
  private static final long CONTEXT = 0x20_0000;
  private static final long CONTEXT_STRIDE = 0x1000;

  /**
   * A context to serve.
   *
   * @param output the external interrupt of one privilege mode of a hart
   * @param controller phandle of that hart's interrupt controller
   * @param cause the interrupt number there: 9 for supervisor, 11 for machine level, -1 for none
   */
  public record Context(IrqLine output, int controller, int cause) {}

  private final List<Context> contexts;
  private final int sources;
  private final int words;
  private final byte[] priority;
  private final int[] told;
  private final int[] pending;
  private final int[] serving;
  private final int[][] enable;
  private final int[] threshold;
  private final boolean[] output;

  /**
   * A controller.
   *
   * @param sources the highest source number, 1 to 1023; QEMU virt has 95
   * @param contexts the contexts in order, at least one; usually machine then supervisor mode of
   *     each hart
   * @throws IllegalArgumentException when either is out of range
   */
  public Plic(int sources, List<Context> contexts) {
    if (sources < 1
        || sources > MAX_SOURCES
        || contexts.isEmpty()
        || contexts.size() > MAX_CONTEXTS) {
      throw new IllegalArgumentException(
          "PLIC with " + sources + " sources and " + contexts.size() + " contexts");
    }
    this.contexts = List.copyOf(contexts);
    this.sources = sources;
    this.words = sources / 32 + 1;
    this.priority = new byte[sources + 1];
    this.told = new int[words];
    this.pending = new int[words];
    this.serving = new int[words];
    this.enable = new int[contexts.size()][words];
    this.threshold = new int[contexts.size()];
    this.output = new boolean[contexts.size()];
  }

  /**
   * The input line of a source.
   *
   * @param source 1 to the highest source number
   * @throws IllegalArgumentException when there is no such source
   */
  public IrqLine source(int source) {
    if (source < 1 || source > sources) {
      throw new IllegalArgumentException("no PLIC source " + source);
    }
    return high -> drive(source, high);
  }

  @Override
  public long size() {
    return WINDOW_BYTES;
  }

  @Override
  public synchronized long read(long offset, int width) {
    if (width != 4 || offset < 0 || (offset & 3) != 0) {
      return 0;
    }
    int value;
    if (offset < PENDING) {
      int source = (int) (offset >>> 2);
      value = source <= sources ? priority[source] : 0;
    } else if (offset < ENABLE) {
      int word = (int) (offset - PENDING) >>> 2;
      value = word < words ? pending[word] : 0;
    } else if (offset < CONTEXT) {
      int context = (int) ((offset - ENABLE) / ENABLE_STRIDE);
      int word = (int) ((offset - ENABLE) % ENABLE_STRIDE) >>> 2;
      value = context < enable.length && word < words ? enable[context][word] : 0;
    } else {
      int context = contextOf(offset);
      value =
          switch (context < 0 ? -1 : registerOf(offset)) {
            case 0 -> threshold[context];
            case 4 -> claim(context);
            default -> 0;
          };
    }
    return value & 0xffff_ffffL;
  }

  @Override
  public synchronized void write(long offset, int width, long value) {
    if (width != 4 || offset < 0 || (offset & 3) != 0) {
      return;
    }
    int v = (int) value;
    if (offset < PENDING) {
      int source = (int) (offset >>> 2);
      if (source >= 1 && source <= sources) {
        priority[source] = (byte) (v & MAX_PRIORITY);
        updateAll();
      }
    } else if (offset < ENABLE) {
      return; // Pending bits are read-only.
    } else if (offset < CONTEXT) {
      int context = (int) ((offset - ENABLE) / ENABLE_STRIDE);
      int word = (int) ((offset - ENABLE) % ENABLE_STRIDE) >>> 2;
      if (context < enable.length && word < words) {
        enable[context][word] = v & implemented(word);
        update(context);
      }
    } else {
      int context = contextOf(offset);
      switch (context < 0 ? -1 : registerOf(offset)) {
        case 0 -> {
          threshold[context] = v & MAX_PRIORITY;
          update(context);
        }
        case 4 -> complete(context, v);
        default -> {}
      }
    }
  }

  /** Forgets all but what devices have told since the last claim. */
  @Override
  public synchronized void reset() {
    Arrays.fill(priority, (byte) 0);
    Arrays.fill(serving, 0);
    Arrays.fill(threshold, 0);
    System.arraycopy(told, 0, pending, 0, words);
    for (int[] e : enable) {
      Arrays.fill(e, 0);
    }
    updateAll();
  }

  @Override
  public synchronized void snapshot(Snapshot s) {
    s.section("the PLIC");
    s.same(sources, "it has another number of sources");
    s.same(enable.length, "it has another number of contexts");
    s.bytes(priority);
    for (int i = 0; i < priority.length; i++) {
      priority[i] &= MAX_PRIORITY;
    }
    s.bits(told);
    s.bits(pending);
    s.bits(serving);
    for (int[] enabled : enable) {
      s.bits(enabled);
    }
    for (int word = 0; word < words; word++) {
      told[word] &= implemented(word);
      pending[word] &= implemented(word);
      serving[word] &= implemented(word);
      for (int[] enabled : enable) {
        enabled[word] &= implemented(word);
      }
    }
    s.numbers(threshold, 0, MAX_PRIORITY);
    s.flags(output);
  }

  @Override
  public void describe(Node soc, long base, int irq, int plic) {
    int[] interrupts = new int[2 * contexts.size()];
    for (int i = 0; i < contexts.size(); i++) {
      interrupts[2 * i] = contexts.get(i).controller();
      interrupts[2 * i + 1] = contexts.get(i).cause();
    }
    soc.child("plic@" + Long.toHexString(base))
        .strings("compatible", "sifive,plic-1.0.0", "riscv,plic0")
        .longs("reg", base, WINDOW_BYTES)
        .cells("#interrupt-cells", 1)
        .cells("#address-cells", 0)
        .flag("interrupt-controller")
        .cells("interrupts-extended", interrupts)
        .cells("riscv,ndev", sources)
        .cells("phandle", plic);
  }

  private int contextOf(long offset) {
    long context = (offset - CONTEXT) / CONTEXT_STRIDE;
    return context < enable.length ? (int) context : -1;
  }

  private static int registerOf(long offset) {
    return (int) ((offset - CONTEXT) % CONTEXT_STRIDE);
  }

  /** The bits of an enable word that belong to a source; source 0 does not exist. */
  private int implemented(int word) {
    int mask = word == sources / 32 ? (int) ((2L << (sources % 32)) - 1) : -1;
    return word == 0 ? mask & ~1 : mask;
  }

  private synchronized void drive(int source, boolean high) {
    int word = source >>> 5;
    int bit = 1 << source;
    if (high) {
      told[word] |= bit;
      forward(source);
    } else {
      told[word] &= ~bit;
    }
  }

  /**
   * The gateway: one request at a time; it stays pending even when the line falls before the claim
   * (section 5).
   */
  private void forward(int source) {
    int word = source >>> 5;
    int bit = 1 << source;
    if ((told[word] & ~serving[word] & ~pending[word] & bit) != 0) {
      pending[word] |= bit;
      updateWhereEnabled(word, bit);
    }
  }

  private void updateWhereEnabled(int word, int bit) {
    for (int context = 0; context < enable.length; context++) {
      if ((enable[context][word] & bit) != 0) {
        update(context);
      }
    }
  }

  /**
   * The pending source enabled for a context with the highest priority above {@code floor}, the
   * lowest number first.
   */
  private int best(int context, int floor) {
    int found = 0;
    int highest = floor;
    int[] enabled = enable[context];
    for (int word = 0; word < words; word++) {
      for (int set = pending[word] & enabled[word]; set != 0; set &= set - 1) {
        int source = word * 32 + Integer.numberOfTrailingZeros(set);
        if (priority[source] > highest) {
          highest = priority[source];
          found = source;
        }
      }
    }
    return found;
  }

  /** A claim does not look at the threshold (section 8); priority 0 never interrupts. */
  private int claim(int context) {
    int source = best(context, 0);
    if (source != 0) {
      int word = source >>> 5;
      int bit = 1 << source;
      pending[word] &= ~bit;
      told[word] &= ~bit;
      serving[word] |= bit;
      updateWhereEnabled(word, bit);
    }
    return source;
  }

  /** A completion of a source that is not enabled for the context is ignored (section 9). */
  private void complete(int context, int source) {
    if (source < 1 || source > sources) {
      return;
    }
    int word = source >>> 5;
    int bit = 1 << source;
    if ((enable[context][word] & serving[word] & bit) != 0) {
      serving[word] &= ~bit;
      forward(source);
    }
  }

  private void updateAll() {
    for (int context = 0; context < enable.length; context++) {
      update(context);
    }
  }

  private void update(int context) {
    boolean now = best(context, threshold[context]) != 0;
    if (now != output[context]) {
      output[context] = now;
      contexts.get(context).output().set(now);
    }
  }
}
