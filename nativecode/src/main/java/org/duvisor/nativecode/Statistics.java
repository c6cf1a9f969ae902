package org.duvisor.nativecode;

import java.util.concurrent.atomic.LongAdder;

/** What the harts of a machine have compiled. */
final class Statistics {
  private final LongAdder blocks = new LongAdder();
  private final LongAdder instructions = new LongAdder();
  private final LongAdder bytes = new LongAdder();
  private final LongAdder clears = new LongAdder();

  void compiled(int ofInstructions, int toBytes) {
    blocks.increment();
    instructions.add(ofInstructions);
    bytes.add(toBytes);
  }

  void cleared() {
    clears.increment();
  }

  /** One line for a person. */
  String text() {
    return "compiled %d blocks, %d instructions, %d KiB of code, thrown away %d times"
        .formatted(blocks.sum(), instructions.sum(), bytes.sum() >> 10, clears.sum());
  }
}
