package org.duvisor.devices.aia;

import java.util.Arrays;
import org.duvisor.devices.Device;
import org.duvisor.devices.IrqLine;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.fdt.Node;
import org.jspecify.annotations.Nullable;

/**
 * A domain of an {@link Aplic} as its registers show it (AIA 4.5 to 4.9). Registers are 32 bits
 * wide. A source that is inactive here - not configured, or delegated to the child - has no pending
 * bit, no enable and no target.
 */
public final class AplicDomain extends Device {
  private static final long WINDOW_BYTES = 0x8000;

  private static final int DOMAINCFG = 0x0000;
  private static final int SOURCECFG = 0x0004;
  private static final int MMSIADDRCFG = 0x1bc0;
  private static final int MMSIADDRCFGH = 0x1bc4;
  private static final int SMSIADDRCFG = 0x1bc8;
  private static final int SMSIADDRCFGH = 0x1bcc;
  private static final int SETIP = 0x1c00;
  private static final int SETIPNUM = 0x1cdc;
  private static final int IN_CLRIP = 0x1d00;
  private static final int CLRIPNUM = 0x1ddc;
  private static final int SETIE = 0x1e00;
  private static final int SETIENUM = 0x1edc;
  private static final int CLRIE = 0x1f00;
  private static final int CLRIENUM = 0x1fdc;
  private static final int SETIPNUM_LE = 0x2000;
  private static final int SETIPNUM_BE = 0x2004;
  private static final int GENMSI = 0x3000;
  private static final int TARGET = 0x3004;
  private static final int IDC = 0x4000;
  private static final int IDC_STRIDE = 32;

  private static final int BITMAP_BYTES = 4 * 32;
  private static final int DOMAINCFG_ONES = 0x80 << 24;
  private static final int INTERRUPT_ENABLE = 1 << 8;
  private static final int DELIVERY_MSI = 1 << 2;
  private static final int DELEGATED = 1 << 10;
  private static final int LOCKED = 1 << 31;
  private static final int MMSIADDRCFGH_FIELDS = 0x9f77_ffff;
  private static final int SMSIADDRCFGH_FIELDS = 0x0070_0fff;

  // Source modes
  private static final int INACTIVE = 0;
  private static final int DETACHED = 1;
  private static final int EDGE1 = 4;
  private static final int EDGE0 = 5;
  private static final int LEVEL1 = 6;
  private static final int LEVEL0 = 7;

  private final Aplic aplic;
  private final Aplic.Level level;
  private final int firstController;
  private final @Nullable AplicDomain parent;
  private final boolean byMsi;
  private final int sources;

  private boolean enabled;
  private final int[] config;
  private final int[] target;
  private final boolean[] pending;
  private final boolean[] enable;
  private final int[] msiAddress = new int[4];

  // Interrupt delivery control, one for each hart
  private final boolean[] delivering;
  private final boolean[] forced;
  private final int[] threshold;
  private final boolean[] output;

  AplicDomain(Aplic aplic, Aplic.Level level, int firstController, @Nullable AplicDomain parent) {
    this.aplic = aplic;
    this.level = level;
    this.firstController = firstController;
    this.parent = parent;
    this.byMsi = aplic.msis.isPresent();
    this.sources = aplic.sources;
    this.config = new int[sources + 1];
    this.target = new int[sources + 1];
    this.pending = new boolean[sources + 1];
    this.enable = new boolean[sources + 1];
    int harts = level.outputs().size();
    this.delivering = new boolean[harts];
    this.forced = new boolean[harts];
    this.threshold = new int[harts];
    this.output = new boolean[harts];
  }

  @Override
  public long size() {
    return WINDOW_BYTES;
  }

  // ---- sources

  private boolean isDelegated(int source) {
    return config[source] == DELEGATED;
  }

  private boolean isActive(int source) {
    return source >= 1
        && source <= sources
        && config[source] != INACTIVE
        && config[source] != DELEGATED;
  }

  private boolean isLevel(int source) {
    return config[source] == LEVEL1 || config[source] == LEVEL0;
  }

  /** The input as its mode sees it (4.5.2). */
  private boolean rectified(int source) {
    return switch (config[source]) {
      case EDGE1, LEVEL1 -> aplic.high(source);
      case EDGE0, LEVEL0 -> !aplic.high(source);
      default -> false;
    };
  }

  /** The wire of a source changed. */
  void inputChanged(int source) {
    if (isActive(source)) {
      follow(source, !rectified(source));
    }
  }

  /** What a change of the rectified input does to the pending bit (4.7). */
  private void follow(int source, boolean before) {
    boolean now = rectified(source);
    if (isLevel(source)) {
      if (now && !before || !now || !byMsi) {
        pending[source] = now;
      }
    } else if (now && !before) {
      pending[source] = true;
    }
    deliver(source);
  }

  private void configure(int source, int value) {
    if (source < 1 || source > sources || parent != null && !parent.isDelegated(source)) {
      return;
    }
    boolean before = isActive(source) && rectified(source);
    AplicDomain child = parent == null ? aplic.supervisor() : null;
    int written;
    if ((value & DELEGATED) != 0) {
      written = child != null ? DELEGATED : INACTIVE; // child 0 is the only one
    } else {
      written =
          switch (value & 7) {
            case DETACHED, EDGE1, EDGE0, LEVEL1, LEVEL0 -> value & 7;
            default -> INACTIVE;
          };
    }
    if (child != null && written != DELEGATED) {
      child.makeInactive(source);
    }
    if (written == INACTIVE || written == DELEGATED) {
      makeInactive(source);
      config[source] = written;
    } else {
      config[source] = written;
      target[source] = target[source] == 0 && !byMsi ? 1 : target[source]; // priorities begin at 1
      if (isLevel(source)) { // a high level counts, but to configure is no edge
        follow(source, before);
      } else {
        deliver(source);
      }
    }
  }

  private void makeInactive(int source) {
    config[source] = INACTIVE;
    pending[source] = enable[source] = false;
    int hart = target[source] >>> 18;
    target[source] = 0;
    updateOutput(hart);
  }

  private void setPending(int source, boolean value) {
    if (!isActive(source) || isLevel(source) && (!byMsi || value && !rectified(source))) {
      return;
    }
    pending[source] = value;
    deliver(source);
  }

  private void setEnable(int source, boolean value) {
    if (isActive(source)) {
      enable[source] = value;
      deliver(source);
    }
  }

  private void retarget(int source, int value) {
    if (!isActive(source)) {
      return;
    }
    int before = target[source] >>> 18;
    int hart = value & 0x3fff << 18;
    if (byMsi) {
      target[source] = hart | value & (parent == null ? 0x7ff : 0x3f7ff);
    } else {
      target[source] = hart | Math.max(1, value & 0xff);
      updateOutput(before);
    }
    deliver(source);
  }

  /** See {@link Aplic#delegateAll}; pages are addresses >> 12. */
  void delegateAll(long imsicPage, int hartIndexBits) {
    for (int source = 1; source <= sources; source++) {
      write(SOURCECFG + 4 * (source - 1), 4, DELEGATED);
    }
    write(MMSIADDRCFGH, 4, (long) hartIndexBits << 12);
    write(SMSIADDRCFG, 4, imsicPage);
    write(SMSIADDRCFGH, 4, imsicPage >>> 32);
  }

  // ---- delivery

  private void deliver(int source) {
    if (!byMsi) {
      updateOutput(target[source] >>> 18);
    } else if (enabled && pending[source] && enable[source]) {
      pending[source] = false;
      send(target[source] >>> 18, target[source] >>> 12 & 0x3f, target[source] & 0x7ff);
    }
  }

  private void deliverAll() {
    if (byMsi) {
      for (int source = 1; source <= sources; source++) {
        deliver(source);
      }
    } else {
      for (int hart = 0; hart < output.length; hart++) {
        updateOutput(hart);
      }
    }
  }

  /** The address of a hart's interrupt file is put together from the root's registers (4.9.1). */
  private void send(int hart, int guest, int identity) {
    AplicDomain root = parent == null ? this : parent;
    int mode = root.msiAddress[1];
    int at = parent == null ? 0 : 2;
    long base = (root.msiAddress[at + 1] & 0xfffL) << 32 | root.msiAddress[at] & 0xffff_ffffL;
    int lowShift = root.msiAddress[at + 1] >>> 20 & 7;
    int lowWidth = mode >>> 12 & 15;
    int highShift = mode >>> 24 & 31;
    int highWidth = mode >>> 16 & 7;
    long low = hart & (1 << lowWidth) - 1;
    long high = (long) hart >>> lowWidth & (1 << highWidth) - 1;
    long page = base | high << highShift + 12 | low << lowShift | guest;
    aplic.msis.orElseThrow().send(page << 12, identity);
  }

  /** The value of topi for a hart: source in bits 25:16, priority in bits 7:0 (4.8.1.5). */
  private int top(int hart) {
    int best = 0;
    for (int source = 1; source <= sources; source++) {
      if (pending[source] && enable[source] && target[source] >>> 18 == hart) {
        int priority = target[source] & 0xff;
        if ((best == 0 || priority < (best & 0xff))
            && (threshold[hart] == 0 || priority < threshold[hart])) {
          best = source << 16 | priority;
        }
      }
    }
    return best;
  }

  private void updateOutput(int hart) {
    if (byMsi || hart >= output.length) {
      return;
    }
    boolean now = enabled && delivering[hart] && (forced[hart] || top(hart) != 0);
    if (now != output[hart]) {
      output[hart] = now;
      IrqLine line = level.outputs().get(hart);
      line.set(now);
    }
  }

  private int claim(int hart) {
    int top = top(hart);
    if (top == 0) {
      forced[hart] = false;
    } else if (!isLevel(top >>> 16)) {
      pending[top >>> 16] = false;
    }
    updateOutput(hart);
    return top;
  }

  // ---- registers

  @Override
  public long read(long offset, int width) {
    if (width != 4) {
      return 0;
    }
    synchronized (aplic) {
      return register((int) offset) & 0xffff_ffffL;
    }
  }

  private int register(int offset) {
    if (offset == DOMAINCFG) {
      return DOMAINCFG_ONES | (enabled ? INTERRUPT_ENABLE : 0) | (byMsi ? DELIVERY_MSI : 0);
    }
    if (offset < MMSIADDRCFG) {
      int source = (offset - SOURCECFG) / 4 + 1;
      return source <= sources ? config[source] : 0;
    }
    if (offset < SETIP) {
      return parent == null && offset <= SMSIADDRCFGH ? msiAddress[(offset - MMSIADDRCFG) / 4] : 0;
    }
    if (offset < SETIP + BITMAP_BYTES) {
      return word((offset - SETIP) / 4, pending);
    }
    if (offset >= IN_CLRIP && offset < IN_CLRIP + BITMAP_BYTES) {
      return inputs((offset - IN_CLRIP) / 4);
    }
    if (offset >= SETIE && offset < SETIE + BITMAP_BYTES) {
      return word((offset - SETIE) / 4, enable);
    }
    if (offset >= TARGET && offset < IDC) {
      int source = (offset - TARGET) / 4 + 1;
      return source <= sources ? target[source] : 0;
    }
    return offset >= IDC ? delivery((offset - IDC) / IDC_STRIDE, offset % IDC_STRIDE) : 0;
  }

  private int word(int index, boolean[] bits) {
    int word = 0;
    for (int i = 0; i < 32; i++) {
      int source = 32 * index + i;
      word |= source <= sources && bits[source] ? 1 << i : 0;
    }
    return word;
  }

  private int inputs(int index) {
    int word = 0;
    for (int i = 0; i < 32; i++) {
      int source = 32 * index + i;
      word |= isActive(source) && rectified(source) ? 1 << i : 0;
    }
    return word;
  }

  private int delivery(int hart, int register) {
    if (byMsi || hart >= output.length) {
      return 0;
    }
    return switch (register) {
      case 0x00 -> delivering[hart] ? 1 : 0;
      case 0x04 -> forced[hart] ? 1 : 0;
      case 0x08 -> threshold[hart];
      case 0x18 -> top(hart);
      case 0x1c -> claim(hart);
      default -> 0;
    };
  }

  @Override
  public void write(long offset, int width, long value) {
    if (width != 4) {
      return;
    }
    synchronized (aplic) {
      write((int) offset, (int) value);
    }
  }

  private void write(int offset, int value) {
    if (offset == DOMAINCFG) {
      enabled = (value & INTERRUPT_ENABLE) != 0;
      deliverAll();
    } else if (offset < MMSIADDRCFG) {
      configure((offset - SOURCECFG) / 4 + 1, value);
    } else if (offset < SETIP) {
      writeMsiAddress(offset, value);
    } else if (offset < SETIPNUM_LE) {
      writeBits(offset, value);
    } else if (offset >= TARGET && offset < IDC) {
      retarget((offset - TARGET) / 4 + 1, value);
    } else if (offset >= IDC) {
      writeDelivery((offset - IDC) / IDC_STRIDE, offset % IDC_STRIDE, value);
    } else {
      switch (offset) {
        case SETIPNUM_LE -> setPending(value, true);
        case SETIPNUM_BE -> setPending(Integer.reverseBytes(value), true);
        case GENMSI -> {
          if (byMsi) {
            send(value >>> 18, 0, value & 0x7ff);
          }
        }
        default -> {}
      }
    }
  }

  private void writeMsiAddress(int offset, int value) {
    if (parent != null || (msiAddress[1] & LOCKED) != 0) {
      return;
    }
    switch (offset) {
      case MMSIADDRCFG, SMSIADDRCFG -> msiAddress[(offset - MMSIADDRCFG) / 4] = value;
      case MMSIADDRCFGH -> msiAddress[1] = value & MMSIADDRCFGH_FIELDS;
      case SMSIADDRCFGH -> msiAddress[3] = value & SMSIADDRCFGH_FIELDS;
      default -> {}
    }
  }

  private void writeBits(int offset, int value) {
    switch (offset) {
      case SETIPNUM -> setPending(value, true);
      case CLRIPNUM -> setPending(value, false);
      case SETIENUM -> setEnable(value, true);
      case CLRIENUM -> setEnable(value, false);
      default -> {
        int first = (offset & 0xff) / 4 * 32;
        if ((offset & 0xff) >= BITMAP_BYTES) {
          return;
        }
        for (int bits = value; bits != 0; bits &= bits - 1) {
          int source = first + Integer.numberOfTrailingZeros(bits);
          switch (offset & ~0xff) {
            case SETIP -> setPending(source, true);
            case IN_CLRIP -> setPending(source, false);
            case SETIE -> setEnable(source, true);
            case CLRIE -> setEnable(source, false);
            default -> {}
          }
        }
      }
    }
  }

  private void writeDelivery(int hart, int register, int value) {
    if (byMsi || hart >= output.length) {
      return;
    }
    switch (register) {
      case 0x00 -> delivering[hart] = (value & 1) != 0;
      case 0x04 -> forced[hart] = (value & 1) != 0;
      case 0x08 -> threshold[hart] = value & 0xff;
      default -> {}
    }
    updateOutput(hart);
  }

  @Override
  public void reset() {
    synchronized (aplic) {
      enabled = false;
      Arrays.fill(config, INACTIVE);
      Arrays.fill(target, 0);
      Arrays.fill(pending, false);
      Arrays.fill(enable, false);
      Arrays.fill(msiAddress, 0);
      Arrays.fill(delivering, false);
      Arrays.fill(forced, false);
      Arrays.fill(threshold, 0);
      deliverAll();
    }
  }

  @Override
  public void snapshot(Snapshot s) {
    synchronized (aplic) {
      s.section("the APLIC");
      s.same(sources, "it has another number of sources");
      s.same(output.length, "it has another number of harts");
      if (parent == null) {
        aplic.snapshotInputs(s);
      }
      enabled = s.flag(enabled);
      s.numbers(config, INACTIVE, DELEGATED);
      s.bits(target);
      s.flags(pending);
      s.flags(enable);
      s.bits(msiAddress);
      s.flags(delivering);
      s.flags(forced);
      s.numbers(threshold, 0, 0xff);
      s.flags(output);
    }
  }

  @Override
  public void describe(Node soc, long base, int irq, int controller) {
    Node node =
        soc.child("aplic@" + Long.toHexString(base))
            .strings("compatible", "riscv,aplic")
            .longs("reg", base, WINDOW_BYTES)
            .flag("interrupt-controller")
            .cells("#interrupt-cells", 2)
            .cells("#address-cells", 0)
            .cells("riscv,num-sources", sources)
            .cells("phandle", level.phandle());
    if (byMsi) {
      node.cells("msi-parent", level.imsic());
    } else {
      int[] outputs = new int[2 * output.length];
      for (int i = 0; i < output.length; i++) {
        outputs[2 * i] = firstController + i;
        outputs[2 * i + 1] = level.cause();
      }
      node.cells("interrupts-extended", outputs);
    }
    if (parent == null) {
      int child = aplic.supervisor().level.phandle();
      node.cells("riscv,children", child).cells("riscv,delegation", child, 1, sources);
      node.cells("riscv,delegate", child, 1, sources); // its name in OpenSBI before 1.3
    }
  }
}
