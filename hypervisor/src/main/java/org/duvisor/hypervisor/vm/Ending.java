package org.duvisor.hypervisor.vm;

import java.util.concurrent.atomic.AtomicReference;
import org.duvisor.hypervisor.vcpu.Power;
import org.jspecify.annotations.Nullable;

/** The first end that is told wins, and makes all vCPUs leave. */
final class Ending implements Power {
  private static final VmOutcome OUT_OF_MEMORY =
      new VmOutcome.Crashed(
          "the heap of this process is full: give it more (-Xmx), or the VM fewer vCPUs"
              + System.lineSeparator());

  private final AtomicReference<@Nullable VmOutcome> outcome = new AtomicReference<>();
  private final Runnable leave;

  Ending(Runnable leave) {
    this.leave = leave;
  }

  @Override
  public void poweroff() {
    end(new VmOutcome.Poweroff());
  }

  @Override
  public void reboot(boolean warm) {
    end(new VmOutcome.Reboot(warm));
  }

  @Override
  public void fail(int code) {
    end(new VmOutcome.Failed(code));
  }

  @Override
  public void crash(String report) {
    end(new VmOutcome.Crashed(report));
  }

  @Override
  public void outOfMemory() {
    end(OUT_OF_MEMORY);
  }

  @Override
  public void refuse(String why) {
    end(new VmOutcome.Refused(why));
  }

  @Override
  public void gone() {
    end(new VmOutcome.Killed());
  }

  void end(VmOutcome how) {
    if (outcome.compareAndSet(null, how)) {
      leave.run();
    }
  }

  void clear() {
    outcome.set(null);
  }

  /** How it ended; called when all vCPUs have left, which they do only for an end. */
  VmOutcome outcome() {
    VmOutcome o = outcome.get();
    return o == null ? new VmOutcome.Crashed("all vCPU threads ended without a reason") : o;
  }
}
