package org.duvisor.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.hypervisor.vm.Vm;
import org.duvisor.hypervisor.vm.VmConfig;
import org.duvisor.isa.Assembler;
import org.duvisor.machine.Clock;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.platform.sim.SimHost;
import org.duvisor.virtio.host.Scratch;

/**
 * What a null hypercall costs: ecall in the guest, exit to DuVisor, its SBI handler
 * (sbi_get_spec_version), huret, and the guest's loop around it. Wall time; the difference of a run
 * with twice as many calls and one with half of them, so that start and warm-up are not in it.
 */
public final class HypercallBenchmark {
  private static final long MEMORY = 64L << 20;
  private static final int CALLS = 6_000_000;
  private static final String PROGRAM =
      """
        li s1, %d
      again:
        li a7, 0x10        # base extension
        li a6, 0           # sbi_get_spec_version
        ecall
        addi s1, s1, -1
        bnez s1, again
        li a7, 0x53525354  # system reset
        li a6, 0
        li a0, 0           # shutdown
        li a1, 0
        ecall
      stop:
        j stop
      """;

  private HypercallBenchmark() {}

  /**
   * The figures.
   *
   * @param about what it takes to repeat it
   * @param nanos a call's time in each round
   */
  public record Report(Map<String, String> about, List<Double> nanos) implements Figures {
    /** One line. */
    @Override
    public String text() {
      double[] sorted = nanos.stream().mapToDouble(Double::doubleValue).sorted().toArray();
      return "null hypercall: %.0f ns at best, %.0f ns median, %.0f ns at worst (%d rounds)%n"
          .formatted(
              sorted[0], sorted[sorted.length / 2], sorted[sorted.length - 1], sorted.length);
    }
  }

  /** Measures {@code rounds} times. {@code engine} makes the engine of a hart. */
  public static Report run(
      int rounds, Function<Hart, Engine> engine, String engineName, String revision)
      throws IOException, InterruptedException {
    List<Double> nanos = new ArrayList<>();
    for (int round = 0; round < rounds; round++) {
      long shortRun = time(CALLS / 2, engine);
      long longRun = time(2 * CALLS, engine);
      nanos.add((longRun - shortRun) / (1.5 * CALLS));
    }
    Map<String, String> about = new TreeMap<>();
    about.put("revision", revision);
    about.put("seed", "none: the guest's program is fixed");
    about.put("engine", engineName);
    about.put("calls", CALLS / 2 + " and " + 2 * CALLS);
    about.put("rounds", Integer.toString(rounds));
    about.put("jvm", EngineBenchmark.jvmName());
    about.put("machine", EngineBenchmark.machineName());
    return new Report(about, nanos);
  }

  private static long time(int calls, Function<Hart, Engine> engine)
      throws IOException, InterruptedException {
    var host = new SimHost(2 * MEMORY, Clock.realTime(), engine);
    var config = VmConfig.of(kernel(calls)).memoryBytes(MEMORY).reboot(false).build();
    try (var vm = Vm.create(host.open(), config)) {
      long start = System.nanoTime();
      vm.run();
      return System.nanoTime() - start;
    }
  }

  /** The program; its file is gone as soon as it is mapped, whatever ends this process. */
  private static KernelImage kernel(int calls) throws IOException {
    Path program = Files.createTempFile(Scratch.folder(), "duvisor-lab-", ".bin");
    try {
      Files.write(program, new Assembler(0).asm(PROGRAM.formatted(calls)).bytes());
      return KernelImage.openAny(program);
    } finally {
      Files.delete(program);
    }
  }
}
