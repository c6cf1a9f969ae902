package org.duvisor.lab;

import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Function;
import org.duvisor.devices.images.ElfImage;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.hypervisor.vm.Vm;
import org.duvisor.hypervisor.vm.VmConfig;
import org.duvisor.hypervisor.vm.VmOutcome;
import org.duvisor.machine.Clock;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.platform.sim.SimHost;
import org.duvisor.virtio.rng.Rng;

/**
 * What {@link MicroBenchmark} measures, on the embedded platform: nanoseconds of this computer.
 * Each figure has one or two readings of the clock in it.
 */
public final class EmbeddedMicro {
  private static final long MEMORY = 256L << 20;
  private static final long EXTRA = 64L << 20;

  private EmbeddedMicro() {}

  /**
   * Measures.
   *
   * @param guest guest/images/micro.elf
   * @param cpus vCPUs of the guest: 1 or 2
   * @param aia whether it has AIA
   * @param engine what executes for the harts
   * @param about what it takes to repeat the run, besides what is known here
   */
  public static MicroReport run(
      Path guest, int cpus, boolean aia, Function<Hart, Engine> engine, Map<String, String> about)
      throws IOException {
    var watch =
        new OperationWatch(ElfImage.open(guest), _ -> System.nanoTime(), _ -> System.nanoTime());
    Map<Operation, List<OperationWatch.Sample>> seen = new EnumMap<>(Operation.class);
    for (long leaf : new long[] {2 << 20, 4096}) {
      boot(guest, cpus, aia, leaf, watched(engine, watch));
      var samples = watch.take();
      if (leaf == 4096) {
        samples.keySet().retainAll(List.of(Operation.FAULT_4K));
      } else {
        samples.remove(Operation.FAULT_4K);
      }
      seen.putAll(samples);
    }
    Map<String, String> all = new TreeMap<>(about);
    all.put("interrupts", aia ? "APLIC_IMSIC" : "PLIC");
    all.put("vCPUs", Integer.toString(cpus));
    all.put("seed", "none: the guest is fixed");
    all.put("jvm", EngineBenchmark.jvmName());
    all.put("machine", EngineBenchmark.machineName());
    return new MicroReport(
        all, "nanoseconds", List.of(MicroReport.DUVISOR), MicroReport.rows(List.of(seen)));
  }

  private static Function<Hart, Engine> watched(
      Function<Hart, Engine> engine, OperationWatch watch) {
    return hart -> {
      hart.traps().listener(watch);
      return engine.apply(hart);
    };
  }

  private static void boot(
      Path guest, int cpus, boolean aia, long leaf, Function<Hart, Engine> engine)
      throws IOException {
    HartConfig harts =
        aia
            ? HartConfig.STANDARD.withGuestFiles(HartConfig.USUAL_GUEST_FILES)
            : HartConfig.STANDARD;
    var host = new SimHost(MEMORY + EXTRA, Clock.realTime(), engine, harts);
    var config =
        VmConfig.of(KernelImage.openAny(guest))
            .memoryBytes(MEMORY)
            .cpus(cpus)
            .aia(aia)
            .largestLeaf(leaf)
            .append(leaf == 4096 ? "just-memory" : "")
            .virtio(List.of(new Rng(new SplittableRandom(1))))
            .reboot(false)
            .build();
    try (var vm = Vm.create(host.open(), config)) {
      VmOutcome outcome = vm.run();
      if (!(outcome instanceof VmOutcome.Poweroff)) {
        throw new LabException("the guest did not come to its end: " + outcome);
      }
    }
  }
}
