package org.duvisor.hypervisor.vcpu;

/**
 * The guest's time: 0 when its first vCPU starts, the same on all vCPUs, and standing still while
 * the VM is paused. Times are values of the host's time CSR.
 */
public final class GuestTime {
  private boolean started;
  private boolean paused;
  private long pausedAt;
  private long delta;

  /** The value of hutimedelta; the first call is time 0. */
  public synchronized long delta(long now) {
    if (!started) {
      started = true;
      delta = -now;
    }
    return delta;
  }

  /** Time 0 is at the next start: what ran until now was not the guest. */
  public synchronized void restart() {
    started = false;
  }

  /** A vCPU stands still; the last one to do so counts. */
  public synchronized void pause(long now) {
    pausedAt = paused && now < pausedAt ? pausedAt : now;
    paused = true;
  }

  /** A vCPU goes on; the first one to do so counts. */
  public synchronized long resume(long now) {
    if (paused) {
      paused = false;
      delta -= Math.max(0, now - pausedAt);
    }
    return delta;
  }
}
