package org.duvisor.platform.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;

/** Where the calling thread may run. */
final class Affinity {
  /** Bytes of a mask: room for 8192 CPUs, the most that Linux knows. */
  private static final int BYTES = 1024;

  private final Kernel kernel;
  private final BitSet cpus;

  private Affinity(Kernel kernel, BitSet cpus) {
    this.kernel = kernel;
    this.cpus = cpus;
  }

  /** The CPUs that the thread may run on now; empty when the kernel does not say. */
  static Affinity read(Kernel kernel) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment mask = arena.allocate(BYTES, 8);
      kernel.affinity(mask);
      return new Affinity(kernel, BitSet.valueOf(mask.asByteBuffer()));
    }
  }

  /** How many. */
  int count() {
    return cpus.cardinality();
  }

  /** The n-th of them, counted round and round. */
  int cpu(int n) {
    return cpus.stream().skip(n % count()).findFirst().orElseThrow();
  }

  /** Lets the thread run on one CPU alone; false when it may not. */
  boolean pin(int cpu) {
    BitSet one = new BitSet();
    one.set(cpu);
    return set(one);
  }

  /** Lets the thread run where it could before. */
  void restore() {
    set(cpus);
  }

  private boolean set(BitSet to) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment mask = arena.allocate(BYTES, 8);
      byte[] bytes = to.toByteArray();
      MemorySegment.copy(bytes, 0, mask, ValueLayout.JAVA_BYTE, 0, bytes.length);
      return kernel.setAffinity(mask) == 0;
    }
  }
}
