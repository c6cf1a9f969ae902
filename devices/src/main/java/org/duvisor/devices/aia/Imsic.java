package org.duvisor.devices.aia;

import java.util.List;
import org.duvisor.devices.Device;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.fdt.Node;

/**
 * The memory region of all interrupt files of one privilege level: for each hart a naturally
 * aligned block of pages, first the hart's own file and then its guest files (AIA 3.5 and 3.6). A
 * page has two registers of 32 bits, which read 0.
 */
public final class Imsic extends Device {
  /** Bytes of an interrupt file's page. */
  public static final int PAGE = 4096;

  private static final int SETEIPNUM_LE = 0;
  private static final int SETEIPNUM_BE = 4;

  /** The identity that Linux and OpenSBI may take for inter-processor interrupts. */
  private static final int IPI_IDENTITY = 1;

  private final List<List<ImsicFile>> files;
  private final int guestIndexBits;
  private final int firstController;
  private final int cause;
  private final int phandle;

  /**
   * A region.
   *
   * @param files for each hart its own file, then those of guests 1, 2, ...; all harts have as many
   * @param firstController phandle of the interrupt controller of hart 0; the others follow
   * @param cause the interrupt that a hart's own file raises: 9 or 11
   * @param phandle of this node
   */
  public Imsic(List<List<ImsicFile>> files, int firstController, int cause, int phandle) {
    this.files = List.copyOf(files);
    this.guestIndexBits = bitsFor(files.getFirst().size());
    this.firstController = firstController;
    this.cause = cause;
    this.phandle = phandle;
  }

  /** Bits of an index below {@code count}. */
  static int bitsFor(int count) {
    return 32 - Integer.numberOfLeadingZeros(count - 1);
  }

  /** Bytes from one hart's files to those of the next. */
  public int hartStride() {
    return PAGE << guestIndexBits;
  }

  @Override
  public long size() {
    return (long) hartStride() << bitsFor(files.size());
  }

  @Override
  public long read(long offset, int width) {
    return 0;
  }

  @Override
  public void write(long offset, int width, long value) {
    if (width != 4) {
      return;
    }
    int hart = (int) (offset / hartStride());
    int page = (int) (offset % hartStride()) / PAGE;
    if (hart >= files.size() || page >= files.get(hart).size()) {
      return;
    }
    switch ((int) (offset % PAGE)) {
      case SETEIPNUM_LE -> files.get(hart).get(page).post((int) value);
      case SETEIPNUM_BE -> files.get(hart).get(page).post(Integer.reverseBytes((int) value));
      default -> {}
    }
  }

  /** The files are reset by their harts. */
  @Override
  public void reset() {}

  /** The files are saved with their harts. */
  @Override
  public void snapshot(Snapshot s) {}

  @Override
  public void describe(Node soc, long base, int irq, int controller) {
    node(soc, base, files.size(), guestIndexBits, firstController, cause)
        .cells("riscv,num-ids", files.getFirst().getFirst().identities())
        .cells("phandle", phandle);
  }

  /**
   * Describes the files of a level but for the number of identities and the phandle.
   *
   * @param guestIndexBits of a file's page among those of its hart
   * @param firstController phandle of the interrupt controller of hart 0; the others follow
   * @param cause the interrupt that a hart's own file raises: 9 or 11
   */
  public static Node node(
      Node soc, long base, int harts, int guestIndexBits, int firstController, int cause) {
    int[] outputs = new int[2 * harts];
    for (int i = 0; i < harts; i++) {
      outputs[2 * i] = firstController + i;
      outputs[2 * i + 1] = cause;
    }
    Node node =
        soc.child("imsics@" + Long.toHexString(base))
            .strings("compatible", "riscv,imsics")
            .longs("reg", base, (long) (PAGE << guestIndexBits) * harts)
            .flag("interrupt-controller")
            .cells("#interrupt-cells", 0)
            .flag("msi-controller")
            .cells("#msi-cells", 0)
            .cells("interrupts-extended", outputs)
            .cells("riscv,ipi-id", IPI_IDENTITY);
    return guestIndexBits > 0 ? node.cells("riscv,guest-index-bits", guestIndexBits) : node;
  }
}
