package org.duvisor.conformance.guest;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.duvisor.hypervisor.vm.Vm;
import org.duvisor.hypervisor.vm.VmConfig;
import org.duvisor.hypervisor.vm.VmOutcome;
import org.duvisor.platform.sim.SimHost;
import org.duvisor.virtio.VirtioDevice;

/** A VM that runs the project's guest, and its console. */
record Guest(Vm vm, GuestShell shell, CompletableFuture<VmOutcome> outcome)
    implements AutoCloseable {
  private static final long MEMORY = 128 << 20;
  private static final String QUIET = "console=ttyS0 panic=-1 reboot=panic_warm quiet ";

  /** The guest with one vCPU. */
  static VmConfig.Builder config(String append) {
    return VmConfig.of(Images.kernel())
        .initrd(Images.initrd())
        .append(QUIET + append)
        .memoryBytes(MEMORY);
  }

  static Guest boot(SimHost host, int cpus, String append, VirtioDevice... virtio) {
    return boot(host, config(append).cpus(cpus).virtio(List.of(virtio)));
  }

  static Guest boot(SimHost host, VmConfig.Builder config) {
    var shell = new GuestShell();
    Vm vm = Vm.create(host.open(), config.console(shell).build());
    var outcome = new CompletableFuture<VmOutcome>();
    Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              try {
                outcome.complete(vm.run());
              } catch (RuntimeException e) {
                outcome.completeExceptionally(e);
              }
              shell.end();
            });
    return new Guest(vm, shell, outcome);
  }

  @Override
  public void close() {
    vm.close();
  }
}
