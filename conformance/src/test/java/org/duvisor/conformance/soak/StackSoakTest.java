package org.duvisor.conformance.soak;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.duvisor.conformance.guest.StackHost;
import org.duvisor.conformance.guest.StackHost.Setup;
import org.duvisor.conformance.guest.StackImages;
import org.duvisor.machine.board.BoardOutcome;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The full stack's host with two guests under DuVisor and one under KVM, under load; their
 * processes are killed (-9) at moments that a seed chooses and started again, for as long as one
 * likes. What the driver and the host's memory hold must be the same at the end as at the start.
 * {@code mvn -Psoak -pl conformance -am verify -Dduvisor.soak.minutes=30}.
 */
@Tag("soak")
final class StackSoakTest {
  private static final Duration LENGTH =
      Duration.ofMinutes(Long.getLong("duvisor.soak.minutes", 1));

  private static final long SEED = Long.getLong("duvisor.soak.seed", 1);
  private static final int HARTS = Integer.getInteger("duvisor.soak.harts", 4);
  private static final int MEGABYTES = 1536;

  /** In virtual time the scheduling of the host does not depend on how busy the computer is. */
  private static final Setup SETUP =
      Boolean.getBoolean("duvisor.soak.parallel")
          ? Setup.usual(HARTS, MEGABYTES)
          : Setup.deterministic(HARTS, MEGABYTES);

  private static final int SAMPLE_SECONDS = 60;

  /** Instructions of the board: a guest that has not ended a round for so long hangs. */
  private static final long PATIENCE = 200_000_000_000L;

  /** As soak.sh names them. */
  private static final List<String> GUESTS = List.of("a", "b", "k");

  private static final List<Long> NOTHING = List.of(0L, 0L, 0L, 0L);

  /** What the kernel's own caches may come to; a leaked guest is 64 MiB. */
  private static final long FREE_KIB = 16 << 10;

  private static final long UNRECLAIMABLE_KIB = 4 << 10;

  /**
   * What the host holds.
   *
   * @param driver vms, vcpus, grants, granted_bytes
   * @param kib lines of /proc/meminfo; MemFree with what is free in the lists of processors
   */
  private record Held(List<Long> driver, Map<String, Long> kib) {
    private static final String LINES =
        "MemFree|Slab|SReclaimable|SUnreclaim|KernelStack|PageTables|Percpu|VmallocUsed|CmaFree";

    /** With all caches dropped that can be. */
    static Held by(StackHost host) throws InterruptedException {
      host.run("rm -rf /tmp/guests; mkdir /tmp/guests; sleep 2; sync");
      host.run("echo 3 >/proc/sys/vm/drop_caches; sleep 1; echo 3 >/proc/sys/vm/drop_caches");
      return now(host);
    }

    static Held now(StackHost host) throws InterruptedException {
      Map<String, Long> kib = new TreeMap<>();
      host.run("grep -E '^(" + LINES + "):' /proc/meminfo")
          .lines()
          .map(line -> line.split("[: ]+"))
          .forEach(words -> kib.put(words[0], Long.parseLong(words[1])));
      // Free pages that wait in the lists of processors: a large VM's, when it has just ended. They
      // are not in MemFree, and stay there while a processor is idle.
      String lists = "awk '$1 == \"count:\" {n += $2} END {print n * 4}' /proc/zoneinfo";
      long waiting = Long.parseLong(host.run(lists).strip());
      kib.put("ListsFree", waiting);
      kib.merge("MemFree", waiting, Long::sum);
      return new Held(host.inUse(), kib);
    }

    long grown(Held start, String line) {
      return kib.get(line) - start.kib.get(line);
    }
  }

  /**
   * What was seen.
   *
   * @param rounds lives of guests, by guest and how far they came before they were killed
   * @param samples what was held, once a minute
   */
  private record Report(
      Map<String, Object> about,
      Map<String, Integer> rounds,
      Held start,
      Held end,
      List<Held> samples,
      long instructions) {
    void write() throws IOException {
      String text = new ObjectMapper().writeValueAsString(this);
      System.out.println("soak: " + text);
      Files.writeString(Path.of("target/soak-full-stack.json"), text + "\n");
    }
  }

  @Test
  void processesComeAndGoAndNothingIsLeft(@TempDir Path scratch) throws Exception {
    StackImages images = StackImages.find();
    Path suites = StackImages.suites(scratch);
    try (var host = StackHost.boot(images, SETUP, images.trained(), suites)) {
      host.ready();
      for (String kind : List.of("duvisor", "kvm")) { // what is made once is made now
        host.run("guest w " + kind + " 1 64; await w '/ # '; work w 2; await w '^done-42'");
        host.run("kill -9 $pid; wait $pid");
      }
      Held start = Held.by(host);
      assertEquals(NOTHING, start.driver);
      List<Held> samples = new ArrayList<>();
      Map<String, Integer> rounds = rounds(host, samples);
      Held end = Held.by(host);
      report(rounds, start, end, samples, host.instructions()).write();
      assertEquals("", host.trouble());
      assertEquals(NOTHING, end.driver);
      assertTrue(end.grown(start, "MemFree") > -FREE_KIB, "memory is missing");
      assertTrue(end.grown(start, "SUnreclaim") < UNRECLAIMABLE_KIB, "kernel objects are left");
      assertEquals(new BoardOutcome.Finished(0), host.powerOff());
    }
  }

  /** Soaks; how often which guest came how far. */
  private static Map<String, Integer> rounds(StackHost host, List<Held> samples)
      throws InterruptedException {
    host.run("sh /mnt/soak.sh " + SEED + " >/tmp/guests/log 2>&1 & :");
    Instant end = Instant.now().plus(LENGTH);
    Map<String, Long> progress = new HashMap<>();
    Map<String, String> counts = new HashMap<>();
    while (Instant.now().isBefore(end)) {
      Thread.sleep(Duration.ofSeconds(SAMPLE_SECONDS)); // the host's time may be another
      samples.add(Held.now(host));
      System.out.println("soak: " + samples.getLast());
      for (String guest : GUESTS) {
        String count = host.run("grep -c '^ROUND " + guest + "' /tmp/guests/log");
        System.out.println("soak: guest " + guest + ", round " + count);
        if (!count.equals(counts.put(guest, count))) {
          progress.put(guest, host.instructions());
        }
        assertTrue(
            host.instructions() - progress.get(guest) < PATIENCE,
            () -> guest + " hangs, seed " + SEED + "\n" + said(host, guest));
      }
    }
    host.run("touch /tmp/guests/stop; wait");
    String log = host.run("cat /tmp/guests/log");
    assertTrue(log.endsWith("SOAK over"), log);
    assertTrue(log.lines().noneMatch(line -> line.matches("(DIED|SICK) .*")), log);
    Map<String, Integer> rounds = new TreeMap<>();
    log.lines()
        .filter(line -> line.startsWith("ROUND "))
        .forEach(line -> rounds.merge(line.substring("ROUND ".length()), 1, Integer::sum));
    for (String guest : GUESTS) {
      assertTrue(rounds.keySet().stream().anyMatch(key -> key.startsWith(guest)), log);
    }
    return rounds;
  }

  /** What a guest's console shows, and the host's kernel. */
  private static String said(StackHost host, String guest) {
    try {
      return host.run("cat /tmp/guests/log; tail -n 100 /tmp/guests/" + guest + ".out; dmesg");
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Report report(
      Map<String, Integer> rounds, Held start, Held end, List<Held> samples, long instructions) {
    Map<String, Object> about = new LinkedHashMap<>();
    about.put("suite", "soak of the full stack");
    about.put("minutes", LENGTH.toMinutes());
    about.put("seed", SEED);
    about.put("harts", HARTS);
    about.put("megabytes", MEGABYTES);
    about.put("deterministic", SETUP.deterministic());
    about.put("jvm", Runtime.version().toString());
    about.put("processors", Runtime.getRuntime().availableProcessors());
    return new Report(about, rounds, start, end, samples, instructions);
  }
}
