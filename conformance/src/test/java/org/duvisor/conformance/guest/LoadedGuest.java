package org.duvisor.conformance.guest;

import java.util.concurrent.ExecutionException;
import org.duvisor.hypervisor.vm.VmOutcome;
import org.duvisor.platform.sim.SimHost;
import org.duvisor.virtio.VirtioDevice;

/** A guest for suites of other packages: it boots, works in its shell and ends. */
public final class LoadedGuest implements AutoCloseable {
  private final Guest guest;

  private LoadedGuest(Guest guest) {
    this.guest = guest;
  }

  /** Starts a guest; a shared folder is expected under the tag "host". */
  public static LoadedGuest boot(SimHost host, int cpus, VirtioDevice... virtio) {
    return new LoadedGuest(Guest.boot(host, cpus, "", virtio));
  }

  /** Waits for the shell and mounts the shared folder. */
  public void ready() throws InterruptedException {
    guest.shell().prompt();
    run("mkdir -p /mnt; mount -t 9p -o trans=virtio,version=9p2000.L host /mnt");
  }

  /** Runs commands and waits for their end. */
  public void run(String commands) throws InterruptedException {
    guest.shell().run(commands);
  }

  /** Types commands and does not wait. */
  public void start(String commands) throws InterruptedException {
    guest.shell().type(commands);
  }

  /** Boots once more, and then powers off. */
  public void reboot() throws InterruptedException, ExecutionException {
    guest.shell().type("reboot -f");
    guest.shell().prompt();
    powerOff();
  }

  /** Ends it as its user does. */
  public void powerOff() throws InterruptedException, ExecutionException {
    guest.shell().type("poweroff -f");
    expect(new VmOutcome.Poweroff());
  }

  /** Ends it as a host does that has no patience. */
  public void kill() throws InterruptedException, ExecutionException {
    guest.vm().stop();
    expect(new VmOutcome.Killed());
  }

  private void expect(VmOutcome expected) throws InterruptedException, ExecutionException {
    VmOutcome outcome = guest.outcome().get();
    if (!outcome.equals(expected)) {
      throw new AssertionError("the guest ended with " + outcome);
    }
  }

  @Override
  public void close() {
    guest.close();
  }
}
