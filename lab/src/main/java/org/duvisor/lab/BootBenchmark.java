package org.duvisor.lab;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * Cold boot: wall time from the start of a process to the shell's prompt of the default guest on
 * the process's standard output. Ways to start take turns, so that a change of the machine's load
 * meets all of them.
 */
public final class BootBenchmark {
  private static final String PROMPT = "/ # ";
  private static final byte[] GOODBYE = "poweroff -f\n".getBytes(StandardCharsets.US_ASCII);
  private static final long LIMIT_SECONDS = 120;

  private BootBenchmark() {}

  /**
   * What was measured.
   *
   * @param about what it takes to repeat it: revision, options, JVM, machine
   * @param seconds for each way to start, one figure a run
   */
  public record Report(Map<String, String> about, Map<String, List<Double>> seconds)
      implements Figures {
    /** A line for each way: minimum, median, maximum. */
    @Override
    public String text() {
      var text = new StringBuilder();
      seconds.forEach(
          (way, figures) -> {
            double[] sorted = figures.stream().mapToDouble(Double::doubleValue).sorted().toArray();
            text.append(
                String.format(
                    Locale.ROOT,
                    "%-12s prompt after %.2f s at best, %.2f s median, %.2f s at worst (%d runs)%n",
                    way,
                    sorted[0],
                    EngineReport.median(figures).orElseThrow(),
                    sorted[sorted.length - 1],
                    sorted.length));
          });
      return text.toString();
    }
  }

  /**
   * Measures.
   *
   * @param ways the command lines, by a short name
   * @param runs of each, at least 1
   * @param revision of this project
   * @param progress gets a line for each run
   * @throws LabException when a guest does not come to its prompt
   */
  public static Report run(
      Map<String, List<String>> ways, int runs, String revision, PrintStream progress)
      throws IOException {
    Map<String, List<Double>> seconds = new LinkedHashMap<>();
    ways.keySet().forEach(way -> seconds.put(way, new ArrayList<>()));
    for (int run = 1; run <= runs; run++) {
      for (var way : ways.entrySet()) {
        double figure = boot(way.getValue());
        seconds.get(way.getKey()).add(figure);
        progress.printf(Locale.ROOT, "run %d, %s: %.2f s%n", run, way.getKey(), figure);
      }
    }
    return new Report(about(ways, revision), seconds);
  }

  private static Map<String, String> about(Map<String, List<String>> ways, String revision)
      throws IOException {
    Map<String, String> about = new TreeMap<>();
    about.put("revision", revision);
    about.put("jvm", EngineBenchmark.jvmName());
    about.put("machine", EngineBenchmark.machineName());
    double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    about.put("load average at the end", Double.toString(load));
    ways.forEach((way, command) -> about.put("options, " + way, options(command)));
    return about;
  }

  /** The command line without the program and the paths, which name folders of one machine. */
  private static String options(List<String> command) {
    return String.join(
        " ", command.stream().skip(1).map(o -> o.replaceFirst("/.*/", ".../")).toList());
  }

  private static double boot(List<String> command) throws IOException {
    long start = System.nanoTime();
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    try (var watchdog = Executors.newSingleThreadScheduledExecutor();
        OutputStream keys = process.getOutputStream();
        InputStream console = process.getInputStream()) {
      var limit = watchdog.schedule(process::destroyForcibly, LIMIT_SECONDS, TimeUnit.SECONDS);
      double seconds = awaitPrompt(console, start);
      keys.write(GOODBYE);
      keys.flush();
      console.transferTo(OutputStream.nullOutputStream());
      limit.cancel(false);
      return seconds;
    } finally {
      process.destroyForcibly();
    }
  }

  private static double awaitPrompt(InputStream console, long start) throws IOException {
    var seen = new StringBuilder();
    byte[] bytes = new byte[4096];
    for (int n = console.read(bytes); n >= 0; n = console.read(bytes)) {
      seen.append(new String(bytes, 0, n, StandardCharsets.ISO_8859_1));
      if (seen.indexOf(PROMPT) >= 0) {
        return (System.nanoTime() - start) / 1e9;
      }
    }
    throw new LabException(
        "the guest ended without a prompt; its console began with: " + head(seen));
  }

  private static String head(StringBuilder seen) {
    return seen.substring(0, Math.min(200, seen.length())).replaceAll("\\s+", " ");
  }
}
