package org.duvisor.devices.fdt;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The /cpus node: harts that are all alike.
 *
 * @param isaBase {@code riscv,isa-base}, for instance "rv64i"
 * @param isaExtensions {@code riscv,isa-extensions}, space separated
 * @param mmuType the largest stage-1 mode: "riscv,sv39", "riscv,sv48" or "riscv,sv57"
 * @param timebaseHertz ticks of time per second
 * @param cacheBlockBytes block size of cbo.zero and its kin
 */
public record Cpus(
    String isaBase, String isaExtensions, String mmuType, long timebaseHertz, int cacheBlockBytes) {
  /** From a hart's interrupt controller's phandle to its own. */
  private static final int CPU_PHANDLES = 0x400;

  private static final String SINGLE_LETTERS = "imafdqcbvh";

  /**
   * Adds the node, with a map that says: one core each, all in one cluster.
   *
   * @param count harts, numbered from 0
   * @param firstPhandle phandle of the interrupt controller of hart 0; the others follow. The
   *     harts' own are 0x400 above.
   */
  public void describe(Node root, int count, int firstPhandle) {
    String[] extensions = isaExtensions.strip().split(" +");
    Node parent = root.child("cpus");
    parent
        .cells("#address-cells", 1)
        .cells("#size-cells", 0)
        .cells("timebase-frequency", (int) timebaseHertz);
    for (int i = 0; i < count; i++) {
      Node cpu = parent.child("cpu@" + Integer.toHexString(i));
      cpu.strings("device_type", "cpu")
          .cells("reg", i)
          .strings("status", "okay")
          .strings("compatible", "riscv");
      cpu.strings("riscv,isa-base", isaBase).strings("riscv,isa-extensions", extensions);
      cpu.strings("riscv,isa", isa(isaBase, extensions)).strings("mmu-type", mmuType);
      blockSize(cpu, extensions, "zicbom", "riscv,cbom-block-size");
      blockSize(cpu, extensions, "zicboz", "riscv,cboz-block-size");
      blockSize(cpu, extensions, "zicbop", "riscv,cbop-block-size");
      Node intc = cpu.child("interrupt-controller");
      intc.cells("#interrupt-cells", 1)
          .flag("interrupt-controller")
          .strings("compatible", "riscv,cpu-intc");
      intc.cells("phandle", firstPhandle + i);
      cpu.cells("phandle", firstPhandle + i + CPU_PHANDLES);
    }
    Node cluster = parent.child("cpu-map").child("cluster0");
    for (int i = 0; i < count; i++) {
      cluster.child("core" + i).cells("cpu", firstPhandle + i + CPU_PHANDLES);
    }
  }

  private void blockSize(Node cpu, String[] extensions, String extension, String property) {
    if (Arrays.asList(extensions).contains(extension)) {
      cpu.cells(property, cacheBlockBytes);
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
