package org.duvisor.hypervisor.fake;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.duvisor.devices.Device;
import org.duvisor.devices.MmioBus;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.devices.fdt.Node;
import org.duvisor.hypervisor.exit.VcpuLoop;
import org.duvisor.hypervisor.interrupts.Ipi;
import org.duvisor.hypervisor.sbi.Sbi;
import org.duvisor.hypervisor.stage2.GuestRam;
import org.duvisor.hypervisor.stage2.Stage2;
import org.duvisor.hypervisor.stage2.Stage2Mode;
import org.duvisor.hypervisor.vcpu.GuestTime;
import org.duvisor.hypervisor.vcpu.Power;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.hypervisor.vcpu.VcpuSetup;
import org.duvisor.hypervisor.vcpu.Vcpus;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.Grant;

/**
 * vCPUs with everything they need on fake harts: 4 MiB of RAM, a register file as device, a console
 * of bytes.
 */
public final class Rig implements Power {
  public static final long RAM = 0x8000_0000L;
  public static final long DEVICE = 0x1000_0000L;

  public final FakeDriver driver;
  public final GuestRam ram;
  public final Registers device = new Registers();
  public final Console console = new Console();
  public final List<String> endings = new ArrayList<>();
  public final Vcpus vcpus;
  public final List<VcpuLoop> loops = new ArrayList<>();

  /** As many vCPUs as told, none of them started. */
  public Rig(int count) {
    this(count, false);
  }

  /** The same, on modest harts or others. */
  public Rig(int count, boolean modest) {
    driver = new FakeDriver(modest);
    ram = GuestRam.grant(driver, RAM, 4 << 20);
    Stage2Mode mode = Stage2Mode.SV39X4;
    long tables = Stage2.tableBytes(ram, mode, 1 << 30);
    Stage2 stage2 = new Stage2(mode, 1 << 30, driver.grant(tables, Grant.Use.STAGE2_TABLES));
    GuestTime time = new GuestTime();
    VcpuSetup setup = new VcpuSetup(driver.capabilities(), stage2.hugatp());
    vcpus = new Vcpus(count, (i, waiting) -> new Vcpu(i, waiting, driver, time, setup));
    MmioBus bus = new MmioBus();
    bus.add(DEVICE, device, 0);
    for (Vcpu v : vcpus.all()) {
      Ipi ipi = new Ipi(v, vcpus);
      Sbi sbi = new Sbi(v, vcpus, driver, ram, console, true, this);
      loops.add(
          new VcpuLoop(
              v,
              driver,
              this,
              ram,
              stage2,
              bus,
              sbi,
              ipi,
              sbi.fastExits(),
              Optional.empty(),
              false));
    }
  }

  /** Starts vCPU 0 at the begin of RAM and runs it on this thread until the VM ends. */
  public void run(FakeDriver.Guest guest) {
    driver.guest(0, guest);
    vcpus.get(0).hsm().start(RAM, 0);
    loops.getFirst().run();
  }

  /** Lets the guest do one thing, then looks at its state, then ends the VM. */
  public void once(FakeDriver.Guest act, FakeDriver.Guest look) {
    List<FakeDriver.Guest> steps = new ArrayList<>(List.of(act));
    run(
        h -> {
          if (steps.isEmpty()) {
            look.run(h);
            h.ecall(8, 0);
          } else {
            steps.removeFirst().run(h);
          }
        });
    if (!endings.equals(List.of("poweroff"))) {
      throw new AssertionError("ended by " + endings);
    }
  }

  /** Runs the other vCPUs on threads of their own. */
  public List<Thread> startOthers() {
    return loops.stream().skip(1).map(l -> Thread.ofPlatform().daemon().start(l)).toList();
  }

  private synchronized void end(String how) {
    endings.add(how);
    vcpus.all().forEach(Vcpu::end);
  }

  @Override
  public void poweroff() {
    end("poweroff");
  }

  @Override
  public void reboot(boolean warm) {
    end(warm ? "warm reboot" : "reboot");
  }

  @Override
  public void fail(int code) {
    end("fail " + code);
  }

  @Override
  public void outOfMemory() {
    end("out of memory");
  }

  @Override
  public void crash(String report) {
    end("crash " + report);
  }

  @Override
  public void refuse(String why) {
    end("refuse " + why);
  }

  @Override
  public void gone() {
    end("gone");
  }

  /** 4 KiB of registers that remember the accesses made. */
  public static final class Registers extends Device {
    public final List<String> log = new ArrayList<>();
    public long value;

    @Override
    public long size() {
      return 4096;
    }

    @Override
    public long read(long offset, int width) {
      log.add("r%d %x".formatted(width, offset));
      return width == 8 ? value : value & (1L << 8 * width) - 1;
    }

    @Override
    public void write(long offset, int width, long v) {
      log.add("w%d %x %x".formatted(width, offset, width == 8 ? v : v & (1L << 8 * width) - 1));
    }

    @Override
    public void reset() {}

    @Override
    public void snapshot(Snapshot s) {}

    @Override
    public void describe(Node soc, long base, int irq, int plic) {}
  }

  /** Output is kept, input is what a test says. */
  public static final class Console implements CharBackend {
    public final StringBuilder output = new StringBuilder();
    public String input = "";

    @Override
    public void transmit(byte value) {
      output.append((char) (value & 0xFF));
    }

    @Override
    public void flush() {}

    @Override
    public int receive(byte[] into, int offset, int length) {
      byte[] bytes = input.getBytes(StandardCharsets.ISO_8859_1);
      int n = Math.min(length, bytes.length);
      System.arraycopy(bytes, 0, into, offset, n);
      input = input.substring(n);
      return n;
    }

    @Override
    public void onInput(Runnable listener) {}
  }

  /** The driver, as its interface. */
  public DvDriver platform() {
    return driver;
  }
}
