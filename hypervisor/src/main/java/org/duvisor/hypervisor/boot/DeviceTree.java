package org.duvisor.hypervisor.boot;

import org.duvisor.devices.MmioBus;
import org.duvisor.devices.aia.Aplic;
import org.duvisor.devices.fdt.Cpus;
import org.duvisor.devices.fdt.Fdt;
import org.duvisor.devices.fdt.Node;
import org.duvisor.hypervisor.stage2.GuestRam;
import org.duvisor.platform.Capabilities;

/** The device tree that tells the guest about its VM. */
public final class DeviceTree {
  /** Phandle of the interrupt controller of vCPU 0; the others follow. */
  private static final int FIRST_CPU = 1;

  /** Phandle of the controller of wired interrupts: the PLIC or the APLIC. */
  public static final int CONTROLLER = 0x100;

  /** Phandle of the test finisher. */
  public static final int FINISHER = 0x101;

  /** Phandle of the IMSICs. */
  public static final int IMSIC = 0x102;

  private DeviceTree() {}

  /** Phandle of the interrupt controller of a vCPU. */
  public static int cpu(int index) {
    return FIRST_CPU + index;
  }

  /**
   * The same for every boot: everything but /chosen.
   *
   * @param aia whether there are an APLIC and IMSICs, not a PLIC
   */
  public static Node build(
      Capabilities capabilities, int cpus, GuestRam ram, MmioBus bus, boolean aia) {
    Node root = new Node("");
    root.cells("#address-cells", 2)
        .cells("#size-cells", 2)
        .strings("compatible", "linux,dummy-virt");
    root.strings("model", "duvisor,vm");
    root.child("chosen");
    root.child("aliases").strings("serial0", uart());
    for (GuestRam.Piece p : ram.pieces()) {
      root.child("memory@" + Long.toHexString(p.gpa()))
          .strings("device_type", "memory")
          .longs("reg", p.gpa(), p.bytes());
    }
    new Cpus(
            capabilities.isaBase(),
            capabilities.isaExtensions() + (aia ? " ssaia" : ""),
            capabilities.mmuType(),
            capabilities.timebaseHertz(),
            capabilities.cacheBlockBytes())
        .describe(root, cpus, FIRST_CPU);
    Node soc = root.child("soc");
    soc.cells("#address-cells", 2)
        .cells("#size-cells", 2)
        .strings("compatible", "simple-bus")
        .flag("ranges");
    for (MmioBus.Window w : bus.windows()) {
      w.device().describe(soc, w.base(), w.irq(), CONTROLLER);
    }
    if (aia) {
      Aplic.specify(soc);
    }
    return root;
  }

  /** What differs between boots. An initrd of no length is none. */
  static byte[] blob(Node root, String append, byte[] seed, long initrd, long initrdEnd) {
    Node chosen = root.child("chosen");
    chosen.strings("bootargs", append).strings("stdout-path", uart()).bytes("rng-seed", seed);
    if (initrd != initrdEnd) {
      chosen.longs("linux,initrd-start", initrd).longs("linux,initrd-end", initrdEnd);
    }
    return Fdt.of(root).blob();
  }

  private static String uart() {
    return "/soc/serial@" + Long.toHexString(MemoryMap.UART);
  }
}
