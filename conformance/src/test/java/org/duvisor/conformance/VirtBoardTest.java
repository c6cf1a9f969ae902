package org.duvisor.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.MemoryDisk;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What QEMU's virt board gives at the first instruction, and at the addresses of its map, ours
 * gives too: programs made for it run as they come.
 */
final class VirtBoardTest {
  private static final long PLIC = 0xc00_0000;
  private static final long CLINT = 0x200_0000;
  private static final long UART = 0x1000_0000;
  private static final long VIRTIO = 0x1000_1000;
  private static final long RTC = 0x10_1000;
  private static final long FINISHER = 0x10_0000;
  private static final int UART_IRQ = 10;

  /** Looks whose results may differ from QEMU's, by name, and why they do. */
  private record Intended(Pattern looks, String why) {
    static Intended of(String looks, String why) {
      return new Intended(Pattern.compile(looks), why);
    }
  }

  private static final List<Intended> INTENDED =
      List.of(
          Intended.of("misa", "B is set, for Zba, Zbb and Zbs; QEMU sets it from 9.1 on"),
          Intended.of("marchid|mimpid", "QEMU has its own version there"),
          Intended.of("mideleg", "read-only ones, for H's VS interrupts and DV-ext's (18.4.2)"),
          Intended.of("menvcfg|henvcfg", "ADUE, which QEMU has from 8.1 on and does before too"),
          Intended.of("vsstatus", "there is no SXL in it (18.2.1)"),
          Intended.of("m?hpmcounter31", "all of Zihpm's are there; of QEMU's, 16"),
          Intended.of("mip|mtimecmp, 8 bytes at 0x2004000", "no timer is set; QEMU's is due"),
          Intended.of("UART, . bytes at 0x10000004", "MCR is 0 after a reset (PC16550D)"),
          Intended.of("virtio slot ., 1 bytes.*000", "registers are 32 bits wide (virtio 4.2.2)"),
          Intended.of("end of virtio slot.*", "a slot is the page that the device tree says"),
          Intended.of("width: .*", "a width that a device has not got reads 0; QEMU faults"),
          Intended.of("between devices.*at 0x3000000 .*", "no PCI: its I/O"),
          Intended.of("between devices.*at 0x10100000 .*", "no fw_cfg"),
          Intended.of("between devices.*at 0x20000000 .*", "no flash"),
          Intended.of("between devices.*at 0x(3000|4000|7fff)(0000|fff8) .*", "no PCI"));

  private static final String MODERN = "virtio-mmio.force-legacy=false";

  @TempDir private Path folder;

  private void compare(Probe probe, List<String> theirs, List<String> ours) {
    List<String> names = probe.names();
    assertEquals(names.size(), theirs.size(), "looks on QEMU");
    assertEquals(names.size(), ours.size(), "looks on our board");
    List<String> differences = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      String name = names.get(i);
      boolean intended = INTENDED.stream().anyMatch(d -> d.looks.matcher(name).matches());
      if (!intended && !theirs.get(i).equals(ours.get(i))) {
        differences.add("%s: QEMU %s, ours %s".formatted(name, theirs.get(i), ours.get(i)));
      }
    }
    assertEquals(List.of(), differences, () -> String.join("\n", differences));
  }

  private static Probe registers() {
    Probe p = new Probe();
    p.look("a0, the hart", "mv a0, s2");
    p.look("a1, the device tree", "lwu a0, (s3)");
    p.look("a2, for OpenSBI: magic", "ld a0, (s4)").look("a2: version", "ld a0, 8(s4)");
    p.look("a2: mode of the next stage", "ld a0, 24(s4)").look("a2: options", "ld a0, 32(s4)");
    p.look("mtvec", "mv a0, s5");
    p.csrs("misa", "mvendorid", "marchid", "mimpid", "mhartid", "mconfigptr", "mstatus", "medeleg");
    p.csrs("mideleg", "mie", "mip", "mcounteren", "mcountinhibit", "menvcfg", "mscratch", "mepc");
    p.csrs("mcause", "mtval", "mtval2", "mtinst", "sstatus", "sie", "stvec", "scounteren");
    p.csrs("senvcfg", "sscratch", "sepc", "scause", "stval", "sip", "satp", "hstatus", "hedeleg");
    p.csrs("hideleg", "hie", "hip", "hvip", "hcounteren", "henvcfg", "htval", "htinst", "hgatp");
    p.csrs("htimedelta", "hgeie", "hgeip", "vsstatus", "vsie", "vsip", "vstvec", "vsscratch");
    p.csrs("vsepc", "vscause", "vstval", "vsatp", "pmpcfg0", "pmpcfg2", "pmpaddr0", "pmpaddr15");
    p.csrs("tselect", "mhpmcounter3", "mhpmcounter31", "hpmcounter3", "hpmcounter31");
    p.csrs("fflags", "frm", "fcsr");
    p.readable("mcycle", "minstret", "cycle", "time", "instret", "stimecmp", "vstimecmp");
    p.readable("tdata1", "tdata2", "mhpmevent3", "pmpaddr1", "pmpaddr14");
    return p;
  }

  @Test
  void registersAtTheFirstInstruction() throws IOException, InterruptedException {
    Bare.assumeQemu();
    Probe p = registers();
    compare(
        p,
        Bare.onQemu(p.program(), folder, "-global", MODERN),
        Bare.onBoard(p.program(), Interpreter::new));
  }

  private static Probe devices() {
    Probe p = new Probe();
    for (int register = 0; register < 8; register++) {
      p.load("UART", UART + register, 1);
    }
    p.load("UART", UART + 5, 1).load("UART", UART + 4, 4);
    for (int slot = 0; slot < 8; slot++) {
      for (int register : new int[] {0, 4, 8, 12, 0x10, 0x34, 0x44, 0x60, 0x70, 0xfc, 0x100}) {
        p.load("virtio slot " + slot, VIRTIO + 0x1000L * slot + register, 4);
      }
      p.load("virtio slot " + slot, VIRTIO + 0x1000L * slot, 1);
      p.load("virtio slot " + slot, VIRTIO + 0x1000L * slot + 0x100, 1);
      p.store("virtio slot " + slot, VIRTIO + 0x1000L * slot + 0x70, 4, 1);
      p.load("virtio slot " + slot, VIRTIO + 0x1000L * slot + 0x70, 4);
      p.touch("end of virtio slot " + slot, VIRTIO + 0x1000L * slot + 0xff8, 4);
    }
    p.load("finisher", FINISHER, 4).load("finisher", FINISHER, 2);
    for (int register = 8; register <= 0x18; register += 4) {
      p.load("RTC", RTC + register, 4);
    }
    p.touch("RTC", RTC, 4).touch("RTC", RTC + 4, 4);
    clint(p);
    plic(p);
    uartInterrupts(p);
    long[] gaps = {
      0,
      0x10_2000,
      0x100_0000,
      0x2f0_0000,
      0x300_0000,
      0x400_0000,
      0x1000_9000,
      0x1010_0000,
      0x2000_0000,
      0x2400_0000,
      0x2800_0000,
      0x3000_0000,
      0x4000_0000,
      0x7fff_fff8,
      0x8400_0000,
      0x1_0000_0000L,
      0x10_0000_0000L
    };
    for (long gap : gaps) {
      p.touch("between devices", gap, 4);
    }
    p.touch("ROM", 0x1000, 4).touch("RAM", 0x83ff_fff8L, 8);
    for (int width : new int[] {1, 2, 4, 8}) {
      p.touch("width: finisher", FINISHER, width).touch("width: RTC", RTC, width);
      p.touch("width: msip", CLINT, width).touch("width: mtime", CLINT + 0xbff8, width);
      p.touch("width: PLIC", PLIC, width).touch("width: virtio", VIRTIO, width);
      p.touch("width: UART", UART, width);
    }
    return p;
  }

  private static void clint(Probe p) {
    p.load("msip", CLINT, 4).load("msip of no hart", CLINT + 4, 4);
    p.load("mtimecmp", CLINT + 0x4000, 8).load("mtimecmp of no hart", CLINT + 0x4008, 8);
    p.touch("mtime", CLINT + 0xbff8, 8).touch("mtime", CLINT + 0xbff8, 4);
    p.touch("mtime", CLINT + 0xbffc, 4);
    p.store("msip", CLINT, 4, 0xffff_ffffL).load("msip, set", CLINT, 4);
    p.look("mip, software", "csrr a0, mip\n andi a0, a0, 8");
    p.store("msip", CLINT, 4, 0).load("msip, clear", CLINT, 4);
    p.look("mip, no software", "csrr a0, mip\n andi a0, a0, 8");
    p.store("mtime", CLINT + 0xbff8, 8, 1L << 40);
    p.look("mtime, set", "li t1, 0x200bff8\n ld a0, (t1)\n srli a0, a0, 32");
    p.look("time follows", "csrr a0, time\n srli a0, a0, 32");
    p.store("mtime", CLINT + 0xbffc, 4, 0x1234).load("mtime, upper half", CLINT + 0xbffc, 4);
    p.look("time follows the half", "csrr a0, time\n srli a0, a0, 32");
    p.store("mtime", CLINT + 0xbff8, 4, 0x7000_0000);
    p.look("mtime, lower half", "li t1, 0x200bff8\n ld a0, (t1)\n srli a0, a0, 28");
    p.store("mtimecmp", CLINT + 0x4000, 8, -1).load("mtimecmp, set", CLINT + 0x4000, 8);
    p.store("mtimecmp", CLINT + 0x4000, 4, 5).load("mtimecmp, lower half", CLINT + 0x4000, 8);
    p.store("mtimecmp", CLINT + 0x4004, 4, 6).load("mtimecmp, upper half", CLINT + 0x4000, 8);
    p.look("mip, timer", "csrr a0, mip\n andi a0, a0, 0x80");
    p.store("mtimecmp", CLINT + 0x4004, 4, 0xffff_ffffL);
    p.look("mip, no timer", "csrr a0, mip\n andi a0, a0, 0x80");
  }

  private static void plic(Probe p) {
    p.load("priority of nothing", PLIC, 4).load("priority", PLIC + 4, 4);
    p.store("priority", PLIC + 4, 4, 7).load("priority, set", PLIC + 4, 4);
    p.load("pending", PLIC + 0x1000, 4).load("enable", PLIC + 0x2000, 4);
    p.store("enable", PLIC + 0x2000, 4, 0xffff_fffeL).load("enable, set", PLIC + 0x2000, 4);
    p.store("enable", PLIC + 0x2000, 4, 0).load("threshold", PLIC + 0x20_0000, 4);
    p.store("threshold", PLIC + 0x20_0000, 4, 7).load("threshold, set", PLIC + 0x20_0000, 4);
    p.store("threshold", PLIC + 0x20_0000, 4, 0).load("claim", PLIC + 0x20_0004, 4);
    p.load("enable of S", PLIC + 0x2080, 4).load("claim of S", PLIC + 0x20_1004, 4);
  }

  /** The transmitter's interrupt, for a driver that does not read IIR: told once for each byte. */
  private static void uartInterrupts(Probe p) {
    p.store("UART interrupt: priority", PLIC + 4L * UART_IRQ, 4, 1);
    p.store("UART interrupt: enable", PLIC + 0x2000, 4, 1 << UART_IRQ);
    p.store("UART interrupt: IER", UART + 1, 1, 2);
    served(p, "the transmitter is empty");
    p.load("UART interrupt: LSR", UART + 5, 1);
    pending(p, "nothing since");
    p.store("UART interrupt: THR", UART, 1, '#');
    served(p, "it is again");
    p.store("UART interrupt: IER off", UART + 1, 1, 0).store("UART interrupt: on", UART + 1, 1, 2);
    served(p, "enabled again");
    p.load("UART interrupt: IIR", UART + 2, 1).load("UART interrupt: IIR again", UART + 2, 1);
    pending(p, "after IIR");
    p.store("UART interrupt: IER off", UART + 1, 1, 0);
  }

  private static void pending(Probe p, String when) {
    p.look("UART interrupt: mip, " + when, "csrr a0, mip\n li t1, 0x800\n and a0, a0, t1");
  }

  private static void served(Probe p, String when) {
    pending(p, when);
    p.load("UART interrupt: claim, " + when, PLIC + 0x20_0004, 4);
    pending(p, when + ", claimed");
    p.store("UART interrupt: complete", PLIC + 0x20_0004, 4, UART_IRQ);
    pending(p, when + ", complete");
    p.load("UART interrupt: pending, " + when, PLIC + 0x1000, 4);
  }

  @Test
  void devicesAtTheirAddresses() throws IOException, InterruptedException {
    Bare.assumeQemu();
    Probe p = devices();
    compare(
        p,
        Bare.onQemu(p.program(), folder, "-global", MODERN),
        Bare.onBoard(p.program(), Interpreter::new));
  }

  /** A driver that is content with the features of before virtio 1.0, as small kernels are. */
  private static Probe disk() {
    Probe p = new Probe();
    for (int register : new int[] {0, 4, 8, 12, 0x44, 0x60, 0x70, 0x100, 0x104}) {
      p.load("disk", VIRTIO + register, 4);
    }
    p.load("disk: capacity", VIRTIO + 0x100, 8);
    for (int status : new int[] {1, 3}) {
      p.store("disk: status " + status, VIRTIO + 0x70, 4, status);
      p.load("disk: status " + status, VIRTIO + 0x70, 4);
    }
    p.store("disk: no features", VIRTIO + 0x20, 4, 0);
    p.store("disk: FEATURES_OK", VIRTIO + 0x70, 4, 11).load("disk: agreed", VIRTIO + 0x70, 4);
    p.store("disk: queue 0", VIRTIO + 0x30, 4, 0).load("disk: ready", VIRTIO + 0x44, 4);
    p.store("disk: its size", VIRTIO + 0x38, 4, 8);
    long rings = 0x8200_0000L;
    for (int ring = 0; ring < 3; ring++) {
      p.store("disk: rings", VIRTIO + 0x80 + 0x10L * ring, 4, rings + 0x1000L * ring);
      p.store("disk: rings", VIRTIO + 0x84 + 0x10L * ring, 4, 0);
    }
    p.store("disk: ready", VIRTIO + 0x44, 4, 1).load("disk: ready", VIRTIO + 0x44, 4);
    p.store("disk: DRIVER_OK", VIRTIO + 0x70, 4, 15).load("disk: runs", VIRTIO + 0x70, 4);
    p.store("PLIC: priority", PLIC + 4, 4, 1).store("PLIC: enable", PLIC + 0x2000, 4, 2);
    request(p, rings, 1);
    told(p, "first request");
    request(p, rings, 2);
    told(p, "second request, the first not acknowledged");
    p.store("disk: acknowledge", VIRTIO + 0x64, 4, 1).load("disk: none", VIRTIO + 0x60, 4);
    told(p, "nothing more");
    p.store("disk: reset", VIRTIO + 0x70, 4, 0).load("disk: reset", VIRTIO + 0x70, 4);
    return p;
  }

  /** Reads sector 0 with three descriptors, and waits. */
  private static void request(Probe p, long rings, int index) {
    long header = rings + 0x3000;
    long[] descriptors = {
      header, 16, 1 | 1L << 16, header + 0x1000, 512, 3 | 2L << 16, header + 0x800, 1, 2
    };
    for (int i = 0; i < 3; i++) {
      p.store("descriptor", rings + 16L * i, 8, descriptors[3 * i]);
      long rest = descriptors[3 * i + 1] | descriptors[3 * i + 2] << 32;
      p.store("descriptor", rings + 16L * i + 8, 8, rest);
    }
    p.store("status", header + 0x800, 1, 0xff);
    p.store("available", rings + 0x1004 + 2L * (index - 1), 2, 0);
    p.store("available", rings + 0x1002, 2, index).store("notify", VIRTIO + 0x50, 4, 0);
    p.look(
        "used " + index,
        """
        li t1, 0x%x
        li t2, %d
        1:
         lhu a0, (t1)
         bne a0, t2, 1b
        """
            .formatted(rings + 0x2002, index));
    p.load("status", header + 0x800, 1).load("interrupt status", VIRTIO + 0x60, 4);
  }

  private static void told(Probe p, String when) {
    p.look("mip, " + when, "csrr a0, mip\n li t1, 0x800\n and a0, a0, t1");
    p.load("claim, " + when, PLIC + 0x20_0004, 4);
    p.store("complete, " + when, PLIC + 0x20_0004, 4, 1);
    p.look("mip, complete, " + when, "csrr a0, mip\n li t1, 0x800\n and a0, a0, t1");
  }

  @Test
  void aDiskInTheFirstSlot() throws IOException, InterruptedException {
    Bare.assumeQemu();
    Probe p = disk();
    int bytes = 1 << 20;
    Path image = Files.write(folder.resolve("disk"), new byte[bytes]);
    compare(
        p,
        Bare.onQemu(
            p.program(),
            folder,
            "-global",
            MODERN,
            "-drive",
            "file=" + image + ",if=none,format=raw,id=x0",
            "-device",
            "virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0"),
        Bare.onBoard(
            p.program(), Interpreter::new, new Blk("vda", new MemoryDisk(bytes), Serving.INLINE)));
  }
}
