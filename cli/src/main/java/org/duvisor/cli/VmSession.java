package org.duvisor.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.SecureRandom;
import java.time.InstantSource;
import org.duvisor.devices.Timers;
import org.duvisor.devices.chardev.StreamBackend;
import org.duvisor.devices.images.Initrd;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.hypervisor.vm.Vm;
import org.duvisor.hypervisor.vm.VmConfig;
import org.duvisor.hypervisor.vm.VmOutcome;
import org.duvisor.platform.sim.SimHost;
import org.duvisor.virtio.QueueWorker.Serving;

/**
 * {@code duvisor run}: a VM under DuVisor on the embedded platform, a simulated host of its own.
 */
final class VmSession implements Session {
  /**
   * What the host has beyond the guest's memory: page tables of the second stage, in the smallest
   * leaves.
   */
  private static final long HOST_EXTRA = 32 << 20;

  private final Vm vm;
  private final StreamBackend console;

  private VmSession(Vm vm, StreamBackend console) {
    this.vm = vm;
    this.console = console;
  }

  static Session open(VmOptions options, InputStream input, OutputStream output)
      throws IOException {
    VmConfig.Builder config = VmConfig.of(KernelImage.open(options.kernel()));
    options.initrd().map(Initrd::open).ifPresent(config::initrd);
    var random = new SecureRandom();
    var devices = new Devices(Serving.THREAD, random).disks(options.disks()).net(options.net());
    var console = new StreamBackend(input, output);
    String name =
        switch (options.console()) {
          case uart -> {
            config.console(console);
            yield "ttyS0";
          }
          case virtio -> {
            devices.console(console);
            yield "hvc1"; // hvc0 is the SBI's
          }
          case none -> "";
        };
    long memory = options.memory().bytes();
    config
        .append(append(options.append(), name))
        .cpus(options.cpus())
        .memoryBytes(memory)
        .virtio(devices.list())
        .clock(InstantSource.system(), Timers.host())
        .random(random)
        .timed(options.timed())
        .reboot(options.reboot());
    var checked = config.build();
    var host = new SimHost(memory + memory / 128 + HOST_EXTRA);
    return new VmSession(Vm.create(host.open(), checked), console);
  }

  /** Tells the kernel its console, unless the user did. */
  private static String append(String text, String console) {
    boolean chosen = console.isEmpty() || text.contains("console=");
    return chosen ? text : ("console=" + console + " " + text).strip();
  }

  @Override
  public Outcome run() {
    return switch (vm.run()) {
      case VmOutcome.Poweroff(), VmOutcome.Reboot(), VmOutcome.Killed() -> Outcome.ENDED;
      case VmOutcome.Failed(int code) ->
          Outcome.failed("the guest ended with failure code " + code);
      case VmOutcome.Crashed(String report) -> Outcome.failed(report.strip());
    };
  }

  @Override
  public void stop() {
    vm.stop();
  }

  @Override
  public String statistics() {
    return vm.stats().text();
  }

  @Override
  public void close() {
    vm.close();
    console.close();
  }
}
