package org.duvisor.platform.linux;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;
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
import org.duvisor.isa.Csr;
import org.duvisor.platform.Capabilities;
import org.duvisor.platform.Delegation;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.FastExits;
import org.duvisor.platform.Fence;
import org.duvisor.platform.Grant;
import org.duvisor.platform.HuHart;
import org.duvisor.platform.InterruptFile;
import org.duvisor.virtio.Doorbell;

/**
 * DuVisor's own exit loop on a hart that the stub enters: vCPU 0 of a VM, with a guest program. The
 * same program runs with fast exits and without.
 */
final class RigVm implements DvDriver, Power {
  private static final int VCPUS = 3;
  private static final int ENTRIES = 100_000;

  /** A device with a doorbell, second of the slots. Its thread does not sleep. */
  static final long NOTIFY = 0x1000_1050L;

  static final long DOORBELL = StubRig.FAST + 0x800;

  final StubRig rig = new StubRig();
  final List<String> events = new ArrayList<>();
  private final long allowed;
  private final Stage2 stage2;
  private final Vcpus vcpus;
  private final VcpuLoop loop;

  /** Exits that Java has handled. */
  int entries;

  /** What happens before an entry, which is told: 1 before the guest's first instruction. */
  IntConsumer before = _ -> {};

  /** The guest's memory: two blocks of 2 MiB and half of one. */
  static final long RAM_BYTES = 5 * StubRig.MIB;

  /** Where the stage-2 tables are, in the same window as the rig's own. */
  static final long TABLES = StubRig.TABLES + StubRig.MIB;

  /** A VM with pages of 4 KiB, see {@link #RigVm(long, long)}. */
  RigVm(long allowed) {
    this(allowed, 4096);
  }

  /**
   * A VM.
   *
   * @param allowed the fast exits, a bit for each
   * @param largestLeaf of its stage 2
   */
  RigVm(long allowed, long largestLeaf) {
    this.allowed = allowed;
    rig.put(DOORBELL + Doorbell.OPEN, 0x13);
    MmioBus bus = new MmioBus();
    for (int slot = 0; slot < 3; slot++) {
      bus.add(0x1000_1000L + 0x1000L * slot, new Registers(slot), 0);
    }
    rig.csr(Csr.HDVVCPU, 0);
    rig.window(1, StubRig.GUEST, RAM_BYTES, 7L << 60);
    GuestRam ram = GuestRam.grant(this, StubRig.GUEST, RAM_BYTES);
    Stage2Mode mode = Stage2Mode.SV39X4;
    long tables = Stage2.tableBytes(ram, mode, largestLeaf);
    stage2 = new Stage2(mode, largestLeaf, grant(tables, Grant.Use.STAGE2_TABLES));
    GuestTime time = new GuestTime();
    VcpuSetup setup = new VcpuSetup(capabilities(), stage2.hugatp());
    vcpus = new Vcpus(VCPUS, (i, waiting) -> new Vcpu(i, waiting, this, time, setup));
    Vcpu v = vcpus.get(0);
    Sbi sbi = new Sbi(v, vcpus, this, ram, CharBackend.none(), true, this);
    FastExits fastExits = sbi.fastExits();
    stage2.offer(fastExits, ram);
    loop =
        new VcpuLoop(
            v,
            this,
            this,
            ram,
            stage2,
            bus,
            sbi,
            new Ipi(v, vcpus),
            fastExits,
            Optional.empty(),
            false);
  }

  /** Says that vCPUs wait, a bit each. */
  RigVm waiting(long mask) {
    vcpus.waiting().word().set(ValueLayout.JAVA_LONG, 0, mask);
    return this;
  }

  /** Runs a program in VS to the end of the VM. */
  RigVm run(String program) {
    rig.program(StubRig.GUEST, program);
    vcpus.get(0).hsm().start(StubRig.GUEST, 0);
    loop.run();
    return this;
  }

  /** The root of the stage-2 tables, which HU-mode has where they are. */
  long root() {
    return stage2.hugatp() << 20 >>> 8;
  }

  /** Where the entry for a page is, whose table exists. */
  long entry(long page) {
    long table = rig.get(root() + 8 * (page >>> 30)) >>> 10 << 12;
    return (rig.get(table + 8 * (page >>> 21 & 511)) >>> 10 << 12) + 8 * (page >>> 12 & 511);
  }

  /** How many exits of a kind the stub has answered. */
  long fast(FastExits.Kind kind) {
    return rig.get(StubRig.FAST + FastExits.COUNTS + 8L * kind.ordinal());
  }

  /** Registers of a device; the one with a doorbell has its queues 0, 1 and 4. */
  private final class Registers extends Device {
    private final int slot;

    Registers(int slot) {
      this.slot = slot;
    }

    @Override
    public long size() {
      return 0x1000;
    }

    @Override
    public long read(long offset, int width) {
      return offset;
    }

    @Override
    public void write(long offset, int width, long value) {
      int queue = (int) value;
      boolean notify = slot == 1 && offset == 0x50 && width == 4;
      if (notify && queue >= 0 && queue < 64 && (0x13 >> queue & 1) != 0) {
        rig.put(DOORBELL, rig.get(DOORBELL) | 1L << queue);
      } else {
        events.add("%d: %x at %x, %d".formatted(slot, value, offset, width));
      }
    }

    @Override
    public void reset() {}

    @Override
    public void snapshot(Snapshot s) {}

    @Override
    public void describe(Node soc, long base, int irq, int plic) {}
  }

  private final class RigHart implements HuHart {
    private MemorySegment block = MemorySegment.NULL;

    /** What the stub and Java tell each other in the block, of which the rig has a copy. */
    private void copyBack() {
      for (long at = FastExits.COUNTS; at < FastExits.EXTENSIONS; at += 8) {
        block.set(ValueLayout.JAVA_LONG, at, rig.get(StubRig.FAST + at));
      }
    }

    @Override
    public int vcpu() {
      return 0;
    }

    @Override
    @SuppressWarnings("restricted")
    public void fastExits(FastExits given) {
      block = MemorySegment.ofAddress(given.address()).reinterpret(FastExits.BYTES);
      for (long at = 0; at < FastExits.BYTES; at += 8) {
        rig.put(StubRig.FAST + at, block.get(ValueLayout.JAVA_LONG, at));
      }
      rig.put(StubRig.FAST + FastExits.ALLOWED, allowed);
      rig.put(StubRig.FAST + FastExits.WAITING, StubRig.FAST + 0x400);
      rig.put(StubRig.FAST + FastExits.NOTIFY, NOTIFY);
      rig.put(StubRig.FAST + FastExits.DOORBELLS + 8, DOORBELL);
      rig.put(StubRig.FAST + FastExits.ROOT, root());
      rig.put(StubRig.FAST + FastExits.TABLES_FROM_HOST, 0);
      rig.context(Context.FAST, StubRig.FAST);
    }

    @Override
    public void enter() {
      if (++entries > ENTRIES) {
        throw new AssertionError("the guest does not end");
      }
      before.accept(entries);
      rig.put(StubRig.FAST + 0x400, vcpus.waiting().word().get(ValueLayout.JAVA_LONG, 0));
      rig.put(StubRig.FAST + FastExits.POSTED, block.get(ValueLayout.JAVA_LONG, FastExits.POSTED));
      rig.call(rig.at("enter"), StubRig.CONTEXT);
      for (int i = 0; i < 1000 && !rig.returned(); i++) {
        rig.run();
      }
      if (!rig.returned()) {
        throw new AssertionError("the stub has not returned: " + Long.toHexString(rig.hart.pc));
      }
      copyBack();
    }

    @Override
    public long csr(int number) {
      return LinuxHuHart.slot(number) < 0 ? rig.csr(number) : rig.context(LinuxHuHart.slot(number));
    }

    @Override
    public void csr(int number, long value) {
      if (number == Csr.HUSTATUS) {
        rig.context(Context.HUSTATUS, value & ~(3L << Context.FS_SHIFT) | StubRig.FS_OFF);
      } else if (LinuxHuHart.slot(number) >= 0) {
        rig.context(LinuxHuHart.slot(number), value);
      } else {
        rig.csr(number, value);
      }
    }

    @Override
    public long x(int i) {
      return rig.context(Context.X + 8 * i);
    }

    @Override
    public void x(int i, long value) {
      if (i != 0) {
        rig.context(Context.X + 8 * i, value);
      }
    }

    @Override
    public void fenceGvma(long gpa) {
      rig.hart.mmu().flushAll();
    }

    @Override
    public void fenceVvma(long gva, long asid) {
      rig.hart.mmu().flushAll();
    }

    @Override
    public void fenceI() {} // the machine's fetches are coherent

    @Override
    public InterruptFile claimFile() {
      throw new AssertionError("no AIA here");
    }

    @Override
    public void returnFile() {}

    @Override
    public void idle(long deadline) {
      events.add("idle until " + deadline);
    }

    @Override
    public void close() {}
  }

  // ---- the driver

  @Override
  public Capabilities capabilities() {
    return new Capabilities(
        "rv64i", "i m a f d c sstc", "riscv,sv39", 10_000_000, 64, 1 << 8, 4, 4096, 0);
  }

  @Override
  public Grant grant(long bytes, Grant.Use use) {
    long hpa = use == Grant.Use.GUEST_MEMORY ? StubRig.GUEST : TABLES;
    return new Grant(hpa, rig.memory.ram().asSlice(hpa - StubRig.RAM, bytes), use);
  }

  @Override
  public void revoke(Grant grant) {}

  @Override
  public void delegate(Delegation delegation) {}

  @Override
  public HuHart register(int vcpu) {
    return new RigHart();
  }

  @Override
  public void kick(int vcpu) {
    events.add("kick " + vcpu);
  }

  @Override
  public void message(int vcpu, int identity) {}

  @Override
  public void fence(Fence kind, long targets, long start, long size, int asid) {
    events.add("%s %x %x %x %x".formatted(kind, targets, start, size, asid));
  }

  @Override
  public void close() {}

  // ---- power

  private void end(String how) {
    events.add(how);
    vcpus.all().forEach(Vcpu::end);
  }

  @Override
  public void poweroff() {
    end("off");
  }

  @Override
  public void reboot(boolean warm) {
    end("reboot");
  }

  @Override
  public void fail(int code) {
    end("fail");
  }

  @Override
  public void crash(String report) {
    end(report);
  }

  @Override
  public void refuse(String why) {
    end(why);
  }

  @Override
  public void outOfMemory() {
    end("out of memory");
  }

  @Override
  public void gone() {
    end("gone");
  }
}
