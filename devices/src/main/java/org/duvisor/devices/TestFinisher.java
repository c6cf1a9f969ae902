package org.duvisor.devices;

import org.duvisor.devices.fdt.Node;

/**
 * SiFive's test finisher: a register through which a guest ends the machine (power off with success
 * or a failure code) or restarts it. Its device tree also has the syscon nodes by which Linux and
 * firmware use it.
 */
public final class TestFinisher extends Device {
  private static final int WINDOW_BYTES = 0x1000;
  private static final int PASS = 0x5555;
  private static final int FAIL = 0x3333;
  private static final int RESET = 0x7777;

  /** What a guest can ask for. */
  public sealed interface Request {
    /** End; 0 is success, 1 to 65535 a failure code (a failure without a code is 1). */
    record PowerOff(int code) implements Request {}

    /** Start again. */
    record Reset() implements Request {}
  }

  /** Who is asked; called on the thread of the hart that wrote, perhaps more than once. */
  @FunctionalInterface
  public interface Listener {
    /** Takes note of a request and returns; the machine stops soon after. */
    void requested(Request request);
  }

  private final Listener listener;
  private final int phandle;

  /**
   * A finisher.
   *
   * @param phandle this device's phandle in the device tree, for the syscon nodes to name it
   */
  public TestFinisher(Listener listener, int phandle) {
    this.listener = listener;
    this.phandle = phandle;
  }

  @Override
  public long size() {
    return WINDOW_BYTES;
  }

  @Override
  public long read(long offset, int width) {
    return 0;
  }

  @Override
  public void write(long offset, int width, long value) {
    if (offset != 0 || width != 2 && width != 4) {
      return;
    }
    int code = width == 4 ? (int) (value >>> 16) & 0xffff : 0;
    switch ((int) value & 0xffff) {
      case PASS -> listener.requested(new Request.PowerOff(0));
      case FAIL -> listener.requested(new Request.PowerOff(Math.max(1, code)));
      case RESET -> listener.requested(new Request.Reset());
      default -> {}
    }
  }

  @Override
  public void reset() {}

  /** It has no state. */
  @Override
  public void snapshot(Snapshot s) {}

  /** Adds the device below {@code soc}, and the nodes that use it below the root of the tree. */
  @Override
  public void describe(Node soc, long base, int irq, int plic) {
    soc.child("test@" + Long.toHexString(base))
        .strings("compatible", "sifive,test1", "sifive,test0", "syscon")
        .longs("reg", base, WINDOW_BYTES)
        .cells("phandle", phandle);
    describeUse(soc.root(), "poweroff", PASS);
    describeUse(soc.root(), "reboot", RESET);
  }

  private void describeUse(Node root, String name, int value) {
    root.child(name)
        .strings("compatible", "syscon-" + name)
        .cells("regmap", phandle)
        .cells("offset", 0)
        .cells("value", value);
  }
}
