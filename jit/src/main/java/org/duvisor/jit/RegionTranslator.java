package org.duvisor.jit;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;
import org.duvisor.isa.Decoded;
import org.duvisor.machine.interp.Source;
import org.duvisor.machine.interp.Translation;
import org.duvisor.machine.interp.Translator;
import org.jspecify.annotations.Nullable;

/**
 * Translates regions on one background thread, for all harts of a machine. A full queue drops
 * offers; the code is interpreted then.
 */
public final class RegionTranslator implements Translator, AutoCloseable {
  /**
   * Interpreted executions of a block before its translation. A region costs about 10 ms of C1's
   * and C2's time, which the interpreter uses for two million instructions; low values lose by that
   * on wide code and win nothing elsewhere (docs/performance.md).
   */
  public static final int THRESHOLD = 30_000;

  private static final int QUEUE = 4096;

  /** Regions with the same first instruction that are offered to other harts. */
  private static final int MAX_ALIKE = 8;

  /**
   * Regions of all machines of this process before all are let go: about 200 MiB of class data and
   * machine code, and fewer where the heap is small: the text of a region takes some 10 KiB of it.
   */
  private static final long MAX_REGIONS = Math.min(10_000, Runtime.getRuntime().maxMemory() >>> 16);

  private static final AtomicLong REGIONS = new AtomicLong();

  /** Instructions that a translation executes before its hart looks at it for the first time. */
  private static final long REVIEW = 2_000_000;

  private final int threshold;
  private final boolean inBackground;
  private final ThreadPoolExecutor worker;
  private final LongAdder translated = new LongAdder();
  private final LongAdder instructions = new LongAdder();
  private final LongAdder bytes = new LongAdder();
  private final LongAdder nanos = new LongAdder();
  private final LongAdder refused = new LongAdder();
  private final LongAdder shared = new LongAdder();
  private volatile @Nullable Path dumps;
  private volatile String dumpFailure = "";

  /** A translator for use. */
  public RegionTranslator() {
    this(THRESHOLD, true);
  }

  /**
   * A translator.
   *
   * @param threshold interpreted executions of a block before its region is translated, at least 1
   * @param inBackground whether harts go on meanwhile; tests say no
   */
  public RegionTranslator(int threshold, boolean inBackground) {
    this.threshold = threshold;
    this.inBackground = inBackground;
    this.worker =
        new ThreadPoolExecutor(
            1,
            1,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(QUEUE),
            Thread.ofPlatform().name("translator").daemon().factory(),
            (task, pool) -> ((Task) task).refuse());
    worker.allowCoreThreadTimeOut(true);
  }

  @Override
  public int threshold() {
    return threshold;
  }

  @Override
  public int generation() {
    return (int) (REGIONS.get() / MAX_REGIONS);
  }

  @Override
  public void offer(Source source, Sink sink) {
    if (inBackground) {
      worker.execute(new Task(source, sink));
    } else {
      translate(source, sink);
    }
  }

  /** A translation that waits for its turn. */
  private final class Task implements Runnable {
    private final Source source;
    private final Sink sink;

    Task(Source source, Sink sink) {
      this.source = source;
      this.sink = sink;
    }

    @Override
    public void run() {
      translate(source, sink);
    }

    void refuse() {
      refused.increment();
      sink.refuse();
    }
  }

  /** A class, and the source that has its table of sites. */
  private record Made(Class<?> type, Source source) {}

  private record Start(int offset, Decoded first) {}

  private final Map<Source.Text, Made> made = new ConcurrentHashMap<>();
  private final Map<Start, List<Source>> starts = new ConcurrentHashMap<>();
  private volatile int remembered;

  @Override
  public List<Source> known(int offset, Decoded first) {
    return starts.getOrDefault(new Start(offset, first), List.of());
  }

  private void translate(Source source, Sink sink) {
    Made known = made.get(source.text());
    if (known == null) {
      known = make(source);
      if (known == null) {
        refused.increment();
        sink.refuse();
        return;
      }
      remember(known);
    } else {
      source.sites(known.source);
      shared.increment();
    }
    try {
      Translation t = (Translation) known.type.getDeclaredConstructor().newInstance();
      t.made(source, REVIEW);
      sink.install(t);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("generated code is not what it should be", e);
    }
  }

  private @Nullable Made make(Source source) {
    long start = System.nanoTime();
    byte[] classFile = classFile(source);
    if (!RegionCompiler.isCompilable(classFile)) {
      return null;
    }
    Path folder = dumps;
    if (folder != null) {
      dump(folder, source, classFile);
    }
    try {
      Class<?> type = MethodHandles.lookup().defineHiddenClass(classFile, true).lookupClass();
      translated.increment();
      REGIONS.incrementAndGet();
      instructions.add(source.size());
      bytes.add(classFile.length);
      nanos.add(System.nanoTime() - start);
      return new Made(type, source);
    } catch (IllegalAccessException e) {
      throw new IllegalStateException("generated code is not what it should be", e);
    }
  }

  private void remember(Made one) {
    int now = generation();
    if (remembered != now) {
      remembered = now;
      made.clear();
      starts.clear();
    }
    Source source = one.source;
    made.put(source.text(), one);
    int entry = source.entries().getFirst();
    for (Source.BasicBlock block : source.blocks()) {
      if (block.offset() == entry) {
        starts.merge(
            new Start(entry & 0xfff, block.code().getFirst()),
            List.of(source),
            (old, more) -> Stream.concat(old.stream(), more.stream()).limit(MAX_ALIKE).toList());
      }
    }
  }

  /** The class file of a region. */
  public static byte[] classFile(Source source) {
    return new RegionCompiler(source).compile();
  }

  /**
   * Writes every region that is translated from now on to a folder: its instructions ({@link
   * RegionText}) and its class file. A folder that cannot be written ends that, with a line in the
   * statistics.
   */
  public void dumpTo(Path folder) {
    dumps = folder;
  }

  private void dump(Path folder, Source source, byte[] classFile) {
    String name = String.format(Locale.ROOT, "region-%06d", translated.sum());
    try {
      Files.createDirectories(folder);
      Files.writeString(folder.resolve(name + ".txt"), RegionText.write(source));
      Files.write(folder.resolve(name + ".class"), classFile);
    } catch (IOException e) {
      dumps = null;
      dumpFailure = ", dumps ended: " + e;
    }
  }

  /** One line for a person. */
  public String statistics() {
    long n = Math.max(1, translated.sum());
    return "translated %d regions, %d instructions, %d KiB of class files, %d us each, %d used by more than one hart, %d refused%s"
        .formatted(
            translated.sum(),
            instructions.sum(),
            bytes.sum() >> 10,
            nanos.sum() / n / 1000,
            shared.sum(),
            refused.sum(),
            dumpFailure);
  }

  @Override
  public void close() {
    worker.shutdownNow();
  }
}
