package org.duvisor.nativecode;

import java.util.function.Function;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.interp.CodeBudget;
import org.duvisor.machine.interp.NativeEngine;

/** Engines with code of this computer for the harts of a machine. */
public final class NativeCode implements Function<Hart, Engine> {
  /** Interpreted executions of a block before there is code of it; 5 to 100 are as good. */
  public static final int THRESHOLD = 20;

  /** Bytes of code of a hart, some half a million guest instructions; then it starts anew. */
  public static final long BYTES = 16 << 20;

  private static final boolean AVAILABLE =
      System.getProperty("os.name").equals("Linux")
          && System.getProperty("os.arch").equals("amd64");

  private final int threshold;
  private final long bytes;
  private final CodeBudget budget;
  private final Statistics statistics = new Statistics();

  /** For use. */
  public NativeCode() {
    this(THRESHOLD, BYTES, CodeBudget.PROCESS);
  }

  /**
   * For tests.
   *
   * @param threshold interpreted executions of a block before there is code of it, at least 1
   * @param bytes of code of a hart, at least {@link #LEAST_BYTES}
   * @param budget the heap for decoded code
   */
  public NativeCode(int threshold, long bytes, CodeBudget budget) {
    if (bytes < LEAST_BYTES) {
      throw new IllegalArgumentException("too little room for code: " + bytes);
    }
    this.threshold = threshold;
    this.bytes = bytes;
    this.budget = budget;
  }

  /** Room for a few blocks. */
  public static final long LEAST_BYTES = 2L * X64Code.MAX_BLOCK_BYTES;

  /** Whether there are templates for this computer. */
  public static boolean isAvailable() {
    return AVAILABLE;
  }

  @Override
  public Engine apply(Hart hart) {
    return new NativeEngine(hart, h -> new X64Code(h, threshold, bytes, statistics), budget);
  }

  /** One line for a person. */
  public String statistics() {
    return statistics.text();
  }
}
