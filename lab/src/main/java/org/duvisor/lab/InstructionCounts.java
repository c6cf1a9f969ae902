package org.duvisor.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * What each workload executes, kernel included, counted once in virtual time: the same on every
 * engine that runs the same images.
 *
 * @param kernel SHA-256 of the kernel's file
 * @param initrd SHA-256 of the initramfs
 * @param boot instructions from reset until the program begins
 * @param workloads by name
 */
public record InstructionCounts(
    String kernel, String initrd, long boot, Map<String, Work> workloads) {
  /**
   * One workload.
   *
   * @param check the value of its first iteration, in hexadecimal
   * @param prepare instructions before the start line
   * @param iteration instructions of an iteration
   */
  public record Work(String check, long prepare, double iteration) {}

  /** The counts that a run of {@code bench count} with the guest's own counter gives. */
  static InstructionCounts of(String kernel, String initrd, List<BenchLine> lines) {
    long boot = 0;
    BenchLine.Start start = new BenchLine.Start("", "", OptionalLong.empty());
    Map<String, Work> workloads = new TreeMap<>();
    for (BenchLine line : lines) {
      switch (line) {
        case BenchLine.Ready r -> boot = counted(r.retired());
        case BenchLine.Start s -> start = s;
        case BenchLine.Progress p -> {
          if (p.workload().equals(start.workload())) {
            double iteration = Math.round(10.0 * counted(p.retired()) / p.iterations()) / 10.0;
            workloads.put(
                p.workload(), new Work(start.check(), counted(start.retired()), iteration));
          }
        }
        case BenchLine.Done _ -> {}
        case BenchLine.Failed f -> throw new LabException("the guest's program failed: " + f.why());
      }
    }
    return new InstructionCounts(kernel, initrd, boot, workloads);
  }

  private static long counted(OptionalLong retired) {
    return retired.orElseThrow(() -> new LabException("the guest cannot count instructions"));
  }

  /** Reads a file. */
  static InstructionCounts read(Path file) throws IOException {
    if (!Files.isReadable(file)) {
      throw new LabException(file + " is missing; write it with duvisor lab engine --count");
    }
    return Json.read(file, InstructionCounts.class);
  }

  /** Writes a file. */
  void write(Path file) throws IOException {
    Json.write(file, this);
  }

  /** The counts of one workload. */
  Work work(String workload) {
    Work work = workloads.get(workload);
    if (work == null) {
      throw new LabException(
          "no workload " + workload + "; there are " + String.join(", ", workloads.keySet()));
    }
    return work;
  }
}
