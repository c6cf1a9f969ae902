package org.duvisor.lab;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * One run of the guest in a process of its own: reads the console, notes the CPU time at every
 * line, ends the process.
 */
final class GuestProcess {
  private final Process process;
  private final long birth;
  private final List<Timeline.Sample> samples = new ArrayList<>();
  private final List<BenchLine> lines = new ArrayList<>();
  private String check = "";
  private long start;

  private GuestProcess(List<String> command) throws IOException {
    birth = System.nanoTime();
    process =
        new ProcessBuilder(command)
            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
  }

  /** What a run has shown. */
  record Seen(String check, Timeline timeline, List<BenchLine> lines) {}

  /**
   * Runs until the guest ends, or {@code afterStart} after its start line and {@code atLeast} after
   * the start of the process.
   *
   * @param limit for the whole run; a guest that is silent beyond it is an error
   */
  static Seen run(List<String> command, Duration afterStart, Duration atLeast, Duration limit)
      throws IOException {
    var run = new GuestProcess(command);
    try (var watch =
        Executors.newSingleThreadScheduledExecutor(Thread.ofPlatform().daemon().factory())) {
      var timeout =
          watch.schedule(run.process::destroyForcibly, limit.toMillis(), TimeUnit.MILLISECONDS);
      run.read(afterStart.toNanos(), atLeast.toNanos());
      timeout.cancel(false);
    } finally {
      run.process.destroyForcibly();
    }
    if (run.start == 0) {
      throw new LabException(
          "the guest did not come to its workload: " + String.join(" ", command));
    }
    return new Seen(
        run.check, new Timeline(run.start, List.copyOf(run.samples)), List.copyOf(run.lines));
  }

  private void read(long afterStart, long atLeast) throws IOException {
    try (BufferedReader console = process.inputReader(StandardCharsets.ISO_8859_1)) {
      for (String text = console.readLine(); text != null; text = console.readLine()) {
        var line = BenchLine.parse(text);
        if (line.isPresent()) {
          lines.add(line.get());
          note(line.get());
        }
        if (start != 0 && age() > Math.max(start + afterStart, atLeast)) {
          return;
        }
      }
    } catch (IOException | UncheckedIOException e) {
      if (process.isAlive()) {
        throw e;
      }
      // the time limit ended it
    }
  }

  private void note(BenchLine line) {
    switch (line) {
      case BenchLine.Start s -> {
        check = s.check();
        start = age();
        samples.clear();
        samples.add(new Timeline.Sample(start, cpu(), 0));
      }
      case BenchLine.Progress p -> samples.add(new Timeline.Sample(age(), cpu(), p.iterations()));
      case BenchLine.Failed f -> throw new LabException("the guest's program failed: " + f.why());
      case BenchLine.Ready _, BenchLine.Done _ -> {}
    }
  }

  private long age() {
    return System.nanoTime() - birth;
  }

  /** User and system time of all threads. */
  private long cpu() {
    return process.info().totalCpuDuration().orElse(Duration.ZERO).toNanos();
  }
}
