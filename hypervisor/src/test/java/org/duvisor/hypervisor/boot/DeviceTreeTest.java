package org.duvisor.hypervisor.boot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.duvisor.devices.GoldfishRtc;
import org.duvisor.devices.IrqLine;
import org.duvisor.devices.MmioBus;
import org.duvisor.devices.Plic;
import org.duvisor.devices.Timers;
import org.duvisor.devices.fdt.Fdt;
import org.duvisor.devices.fdt.Node;
import org.duvisor.hypervisor.fake.FakeDriver;
import org.duvisor.hypervisor.stage2.GuestRam;
import org.junit.jupiter.api.Test;

/** What a guest reads in its device tree. */
class DeviceTreeTest {
  private static final long MIB = 1 << 20;

  private final FakeDriver driver = new FakeDriver();

  private Node tree(int cpus, GuestRam ram) {
    MmioBus bus = new MmioBus();
    List<Plic.Context> contexts = new ArrayList<>();
    for (int i = 0; i < cpus; i++) {
      contexts.add(new Plic.Context(IrqLine.NONE, DeviceTree.cpu(i), 9));
    }
    bus.add(MemoryMap.PLIC, new Plic(MemoryMap.SOURCES, contexts), 0);
    Node root = DeviceTree.build(driver.capabilities(), cpus, ram, bus, false);
    byte[] blob =
        DeviceTree.blob(root, "console=ttyS0 quiet", new byte[64], 0x8800_0000L, 0x8812_3456L);
    return Fdt.parse(blob).root();
  }

  private static Node at(Node root, String path) {
    return root.find(path).orElseThrow(() -> new AssertionError("no " + path));
  }

  private static String text(Node node, String property) {
    byte[] b = node.property(property).orElseThrow(() -> new AssertionError("no " + property));
    return new String(b, StandardCharsets.UTF_8).replace('\0', ' ').strip();
  }

  private static int cell(Node node, String property) {
    return ByteBuffer.wrap(node.property(property).orElseThrow()).getInt();
  }

  private static void assertLongs(Node node, String property, long... values) {
    ByteBuffer expected = ByteBuffer.allocate(8 * values.length);
    for (long v : values) {
      expected.putLong(v);
    }
    assertArrayEquals(expected.array(), node.property(property).orElseThrow());
  }

  @Test
  void describesCpusAsTheHartsAre() {
    Node root = tree(64, GuestRam.grant(driver, MemoryMap.RAM, 4 * MIB));
    assertEquals(10_000_000, cell(at(root, "/cpus"), "timebase-frequency"));
    assertEquals(64 + 1, at(root, "/cpus").children().size());
    assertEquals(64, at(root, "/cpus/cpu-map/cluster0").children().size());
    Node cpu = at(root, "/cpus/cpu@3f");
    assertEquals(63, cell(cpu, "reg"));
    assertEquals("rv64i", text(cpu, "riscv,isa-base"));
    assertEquals(FakeDriver.CAPABILITIES.isaExtensions(), text(cpu, "riscv,isa-extensions"));
    assertEquals(
        "rv64imafdc_zicbom_zicbop_zicboz_zicntr_zicsr_zifencei_ssnpm_sstc_svadu_svpbmt",
        text(cpu, "riscv,isa"));
    assertEquals("riscv,sv48", text(cpu, "mmu-type"));
    assertEquals(64, cell(cpu, "riscv,cbom-block-size"));
    assertEquals(64, cell(cpu, "riscv,cboz-block-size"));
    assertEquals(64, cell(cpu, "riscv,cbop-block-size"));
    assertEquals(64, cell(at(root, "/cpus/cpu@3f/interrupt-controller"), "phandle"));
    assertEquals(cell(cpu, "phandle"), cell(at(root, "/cpus/cpu-map/cluster0/core63"), "cpu"));
  }

  @Test
  void describesEveryPieceOfRam() {
    driver.largestGrant = 8 * MIB;
    GuestRam ram = GuestRam.grant(driver, MemoryMap.RAM, 16 * MIB);
    assertTrue(ram.pieces().size() > 1);
    Node root = tree(1, ram);
    for (GuestRam.Piece p : ram.pieces()) {
      assertLongs(at(root, "/memory@" + Long.toHexString(p.gpa())), "reg", p.gpa(), p.bytes());
    }
  }

  @Test
  void chosenSaysHowToBoot() {
    Node chosen = at(tree(1, GuestRam.grant(driver, MemoryMap.RAM, 4 * MIB)), "/chosen");
    assertEquals("console=ttyS0 quiet", text(chosen, "bootargs"));
    assertEquals("/soc/serial@10000000", text(chosen, "stdout-path"));
    assertEquals(64, chosen.property("rng-seed").orElseThrow().length);
    assertTrue(chosen.property("kaslr-seed").isEmpty());
    assertLongs(chosen, "linux,initrd-start", 0x8800_0000L);
    assertLongs(chosen, "linux,initrd-end", 0x8812_3456L);
  }

  @Test
  void virtioInterruptsDoNotMeetThoseOfTheBoard() {
    List<Integer> irqs = new ArrayList<>(List.of(MemoryMap.UART_IRQ, MemoryMap.RTC_IRQ));
    for (int i = 0; i < MemoryMap.VIRTIO_SLOTS; i++) {
      irqs.add(MemoryMap.virtioIrq(i));
    }
    assertEquals(irqs.size(), irqs.stream().distinct().count());
    assertTrue(irqs.stream().allMatch(i -> i > 0 && i <= MemoryMap.SOURCES));
    assertEquals(1, MemoryMap.virtioIrq(0));
    assertEquals(0x1000_1000L, MemoryMap.virtio(0));
  }

  @Test
  void withAiaTheGuestIsToldOfItAndInterruptsHaveTwoCells() {
    driver.files.set(0);
    GuestRam ram = GuestRam.grant(driver, MemoryMap.RAM, 4 << 20);
    MmioBus bus = new MmioBus();
    bus.add(MemoryMap.RTC, new GoldfishRtc(InstantSource.system(), Timers.never(), l -> {}), 11);
    Node root = DeviceTree.build(driver.capabilities(), 2, ram, bus, true);
    assertTrue(text(at(root, "/cpus/cpu@1"), "riscv,isa-extensions").contains("ssaia"));
    Node rtc = at(root, "/soc/rtc@101000");
    assertArrayEquals(
        new byte[] {0, 0, 0, 11, 0, 0, 0, 4}, rtc.property("interrupts").orElseThrow());
    assertEquals(DeviceTree.CONTROLLER, cell(rtc, "interrupt-parent"));
  }
}
