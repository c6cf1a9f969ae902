package org.duvisor.hypervisor.boot;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.duvisor.devices.MmioBus;
import org.duvisor.devices.fdt.Fdt;
import org.duvisor.devices.fdt.Node;
import org.duvisor.hypervisor.stage2.GuestRam;
import org.duvisor.platform.Capabilities;

/** The device tree that tells the guest about its VM. */
public final class DeviceTree {
  /** Phandle of the interrupt controller of vCPU 0; the others follow. */
  private static final int FIRST_CPU = 1;

  /** Phandle of the PLIC. */
  public static final int PLIC = 0x100;

  /** Phandle of the test finisher. */
  public static final int FINISHER = 0x101;

  private static final String SINGLE_LETTERS = "imafdqcbvh";

  private DeviceTree() {}

  /** Phandle of the interrupt controller of a vCPU. */
  public static int cpu(int index) {
    return FIRST_CPU + index;
  }

  /** The same for every boot: everything but /chosen. */
  public static Node build(Capabilities capabilities, int cpus, GuestRam ram, MmioBus bus) {
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
    cpus(root.child("cpus"), capabilities, cpus);
    Node soc = root.child("soc");
    soc.cells("#address-cells", 2)
        .cells("#size-cells", 2)
        .strings("compatible", "simple-bus")
        .flag("ranges");
    for (MmioBus.Window w : bus.windows()) {
      w.device().describe(soc, w.base(), w.irq(), PLIC);
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

  private static void cpus(Node parent, Capabilities c, int count) {
    String[] extensions = c.isaExtensions().strip().split(" +");
    parent
        .cells("#address-cells", 1)
        .cells("#size-cells", 0)
        .cells("timebase-frequency", (int) c.timebaseHertz());
    for (int i = 0; i < count; i++) {
      Node cpu = parent.child("cpu@" + Integer.toHexString(i));
      cpu.strings("device_type", "cpu")
          .cells("reg", i)
          .strings("status", "okay")
          .strings("compatible", "riscv");
      cpu.strings("riscv,isa-base", c.isaBase()).strings("riscv,isa-extensions", extensions);
      cpu.strings("riscv,isa", isa(c.isaBase(), extensions)).strings("mmu-type", c.mmuType());
      blockSize(cpu, extensions, "zicbom", "riscv,cbom-block-size", c.cacheBlockBytes());
      blockSize(cpu, extensions, "zicboz", "riscv,cboz-block-size", c.cacheBlockBytes());
      Node intc = cpu.child("interrupt-controller");
      intc.cells("#interrupt-cells", 1)
          .flag("interrupt-controller")
          .strings("compatible", "riscv,cpu-intc");
      intc.cells("phandle", cpu(i));
    }
  }

  private static void blockSize(
      Node cpu, String[] extensions, String extension, String property, int bytes) {
    if (Arrays.asList(extensions).contains(extension)) {
      cpu.cells(property, bytes);
    }
  }

  /** The ISA string of older kernels: single letters in their order, then the others. */
  static String isa(String base, String[] extensions) {
    List<String> all = Arrays.asList(extensions);
    String letters =
        SINGLE_LETTERS
            .chars()
            .mapToObj(Character::toString)
            .filter(l -> all.contains(l) && !l.equals("i"))
            .collect(Collectors.joining());
    String rest =
        all.stream().filter(e -> e.length() > 1).map(e -> "_" + e).collect(Collectors.joining());
    return base + letters + rest;
  }
}
