package org.duvisor.hypervisor.exit;

import java.util.Optional;
import org.duvisor.devices.MmioBus;
import org.duvisor.hypervisor.interrupts.Imsics;
import org.duvisor.hypervisor.interrupts.Ipi;
import org.duvisor.hypervisor.sbi.Sbi;
import org.duvisor.hypervisor.stage2.GuestRam;
import org.duvisor.hypervisor.stage2.Stage2;
import org.duvisor.hypervisor.vcpu.Power;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.isa.Cause;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.DvException;
import org.duvisor.platform.FastExits;
import org.duvisor.platform.HuHart;

/**
 * The life of a vCPU's thread: register, wait to be started, enter, handle the exit, enter again.
 */
public final class VcpuLoop implements Runnable {
  private static final int USIP_NUMBER = 0;
  private static final int HOST_EVENT_NUMBER = 63;

  private final Vcpu vcpu;
  private final DvDriver driver;
  private final Power power;
  private final boolean timed;
  private final ExitStats stats = new ExitStats();
  private final FastExits fastExits;
  private final Trouble trouble;
  private final Sbi sbi;
  private final Ipi ipi;
  private final Optional<Imsics> imsics;
  private final GuestPageFault guestPageFault;
  private final VirtualInstruction virtualInstruction;

  /**
   * The loop of one vCPU.
   *
   * @param fastExits what the platform may answer itself
   * @param imsics the VM's, if it has AIA
   * @param timed whether to measure how long exits take
   */
  public VcpuLoop(
      Vcpu vcpu,
      DvDriver driver,
      Power power,
      GuestRam ram,
      Stage2 stage2,
      MmioBus bus,
      Sbi sbi,
      Ipi ipi,
      FastExits fastExits,
      Optional<Imsics> imsics,
      boolean timed) {
    this.vcpu = vcpu;
    this.driver = driver;
    this.power = power;
    this.timed = timed;
    this.sbi = sbi;
    this.ipi = ipi;
    this.fastExits = fastExits;
    this.imsics = imsics;
    this.trouble = new Trouble(vcpu, power, stats);
    this.guestPageFault = new GuestPageFault(vcpu, ram, stage2, bus, trouble);
    this.virtualInstruction = new VirtualInstruction(vcpu, ram, sbi, trouble);
  }

  /** Counters; any thread. */
  public ExitStats stats() {
    return stats;
  }

  /** Sets all counters to 0, while the vCPU has no thread. */
  public void forget() {
    stats.clear();
    fastExits.clear();
  }

  /** Exits that the platform has answered; any thread. */
  public FastExits fastExits() {
    return fastExits;
  }

  /** Runs until the VM ends. Nothing is thrown: whatever goes wrong ends the VM, with a report. */
  @Override
  public void run() {
    try (HuHart hart = driver.register(vcpu.index())) {
      live(hart);
    } catch (DvException e) {
      imsics.ifPresent(Imsics::abandon);
      if (e.reason() == DvException.Reason.GONE) {
        power.gone();
      } else {
        power.crash("vCPU %d: %s (%s)%n".formatted(vcpu.index(), e.getMessage(), e.reason()));
      }
    } catch (OutOfMemoryError e) {
      outOfMemory();
    } catch (RuntimeException | Error e) {
      imsics.ifPresent(Imsics::abandon);
      power.crash(bug(e));
    }
  }

  private void live(HuHart hart) {
    try {
      vcpu.attach(hart);
      hart.fastExits(fastExits);
      imsics.ifPresent(i -> i.claim(vcpu));
      while (vcpu.awaitStart()) {
        sbi.reset();
        boolean running;
        do {
          running = turn(hart);
        } while (running);
      }
      imsics.ifPresent(Imsics::leave);
    } catch (OutOfMemoryError e) { // not seen by the end of the hart, which may throw the same one
      outOfMemory();
    }
  }

  /** Without anything that allocates, lambdas among it. */
  private void outOfMemory() {
    power.outOfMemory();
    if (imsics.isPresent()) {
      imsics.get().abandon();
    }
  }

  /** Exits of a turn. */
  private static final int TURN = 16;

  /**
   * Enters the guest some times; false when it may not be entered again. A method that returns now
   * and then, since the JVM compiles one that loops for ever late.
   */
  private boolean turn(HuHart hart) {
    for (int i = 0; i < TURN; i++) {
      if (!vcpu.ready()) {
        return false;
      }
      exit(hart);
    }
    return true;
  }

  private void exit(HuHart hart) {
    hart.enter();
    long begin = timed ? System.nanoTime() : 0;
    long cause = hart.ucause();
    stats.exit(cause, hart.uepc());
    ExitKind kind = dispatch(hart, cause);
    if (kind == ExitKind.HOST_EVENT || kind == ExitKind.WFI) {
      sbi.scheduled(); // the host takes a processor away when it is interrupted, or from a sleeper
    }
    stats.handled(kind);
    if (timed) {
      stats.time(kind, System.nanoTime() - begin);
    }
  }

  private ExitKind dispatch(HuHart hart, long cause) {
    if (cause < 0) {
      return interrupt((int) cause);
    }
    return switch ((int) cause) {
      case Cause.ECALL_VS -> {
        sbi.ecall();
        yield ExitKind.SBI;
      }
      case Cause.INSTRUCTION_GUEST_PAGE_FAULT,
          Cause.LOAD_GUEST_PAGE_FAULT,
          Cause.STORE_GUEST_PAGE_FAULT ->
          guestPageFault.handle(hart, (int) cause);
      case Cause.VIRTUAL_INSTRUCTION -> virtualInstruction.handle();
      default -> unexpected();
    };
  }

  private ExitKind interrupt(int number) {
    return switch (number) {
      case HOST_EVENT_NUMBER -> ExitKind.HOST_EVENT;
      case USIP_NUMBER -> {
        ipi.receive();
        yield ExitKind.IPI;
      }
      default -> unexpected();
    };
  }

  private ExitKind unexpected() {
    trouble.crash("exit with a cause that was never delegated");
    return ExitKind.UNEXPECTED;
  }

  /**
   * An exception here is a bug of ours: say where it came from, without a stack trace on the
   * terminal.
   */
  private String bug(Throwable e) {
    StringBuilder out =
        new StringBuilder("vCPU %d: internal error: %s%n".formatted(vcpu.index(), e));
    for (int i = 0; i < Math.min(8, e.getStackTrace().length); i++) {
      out.append("  ").append(e.getStackTrace()[i]).append(System.lineSeparator());
    }
    return out.toString();
  }
}
