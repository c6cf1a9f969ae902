package org.duvisor.hypervisor.sbi;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.hypervisor.interrupts.Ipi;
import org.duvisor.hypervisor.stage2.GuestRam;
import org.duvisor.hypervisor.vcpu.Power;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.hypervisor.vcpu.Vcpus;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.FastExits;
import org.duvisor.platform.HuHart;

/**
 * The SBI of one vCPU: version 2.0 with BASE, TIME, IPI, RFENCE, HSM, SRST and DBCN, and of the
 * legacy calls those that early consoles use. There are no private extensions.
 */
public final class Sbi {
  private final Vcpu vcpu;
  private final SbiCall call;
  private final Legacy legacy;
  private final Extensions extensions;
  private final FastExits fastExits;
  private final PmuExtension pmu;
  private final StealTime stealTime;

  /**
   * The SBI that a vCPU of this VM sees.
   *
   * @param debugConsole whether the debug console extension is there
   */
  public Sbi(
      Vcpu vcpu,
      Vcpus vcpus,
      DvDriver driver,
      GuestRam ram,
      CharBackend console,
      boolean debugConsole,
      Power power) {
    HartMask harts = new HartMask(vcpus);
    Ipi ipi = new Ipi(vcpu, vcpus);
    String isa = driver.capabilities().isaExtensions();
    this.vcpu = vcpu;
    this.call = new SbiCall(vcpu);
    this.legacy = new Legacy(console, power);
    this.fastExits =
        new FastExits(vcpu.index(), vcpus.mask(), Base.answers(), vcpus.waiting().word());
    // Harts that run this process too count it, and whatever else runs there.
    boolean hardware = !driver.sharesHarts() && List.of(isa.split(" ")).contains("zicntr");
    this.pmu = new PmuExtension(vcpu, ram, new PmuEvents(vcpu, fastExits, hardware));
    this.stealTime = new StealTime(vcpu, ram);
    List<Extension> all =
        new ArrayList<>(
            List.of(
                new Base(this::has),
                new TimeExtension(),
                new IpiExtension(ipi, harts, fastExits),
                new Rfence(vcpu, vcpus, driver, harts),
                new HsmExtension(vcpu, vcpus, ram, power),
                new SystemReset(power),
                pmu,
                new SystemSuspend(vcpu, vcpus, ram, ipi),
                stealTime,
                new FirmwareFeatures(vcpu, isa)));
    if (debugConsole) {
      all.add(new DebugConsole(ram, console));
    }
    this.extensions = new Extensions(all);
    fastExits.extensions(
        LongStream.concat(LongStream.rangeClosed(1, Legacy.LAST), extensions.ids())
            .filter(this::has)
            .toArray());
  }

  /** What a platform needs for answering this vCPU's simple calls itself. */
  public FastExits fastExits() {
    return fastExits;
  }

  /** The hart was reset: HSM has started it. Its own thread. */
  public void reset() {
    extensions.reset();
  }

  /** The vCPU's thread may have waited for a processor. Its own thread. */
  public void scheduled() {
    stealTime.update();
  }

  /** What the guest reads from one of cycle to hpmcounter31 that the hart withholds. */
  public long counter(int csr) {
    return pmu.hardware(csr);
  }

  /**
   * Performs the call that the vCPU's registers describe, and moves the guest's pc over the ecall.
   */
  public void ecall() {
    HuHart h = vcpu.hart();
    long id = h.x(17);
    vcpu.advance(4);
    if (Long.compareUnsigned(id, Legacy.LAST) <= 0) {
      long result = legacy.call(id, call);
      if (result != SbiError.NO_RETURN) {
        h.x(10, result);
      }
      return;
    }
    call.begin();
    Extension e = extensions.find(id);
    long error = e == null ? SbiError.NOT_SUPPORTED : e.call(h.x(16), call);
    if (error != SbiError.NO_RETURN) {
      h.x(10, error);
      h.x(11, call.value());
    }
  }

  /** Whether there is an extension. */
  boolean has(long id) {
    return extensions.find(id) != null || legacy.has(id);
  }
}
