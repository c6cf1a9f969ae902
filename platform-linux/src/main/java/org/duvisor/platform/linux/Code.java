package org.duvisor.platform.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.duvisor.platform.DvException;
import org.duvisor.platform.DvException.Reason;
import org.jspecify.annotations.Nullable;

/** The stub in this process, once for all VMs: executable, not writable, never unloaded. */
@SuppressWarnings("restricted") // makes memory executable
final class Code {
  private static final int STUB_BYTES = 4096;
  private static final long BYTES = STUB_BYTES + StubImage.ALL_CSRS_BYTES;

  private final StubImage image = StubImage.load();
  private final long base;

  /** Where CSRs are read and written, by {@link StubImage#csrIndex}; made when first needed. */
  private final @Nullable MemorySegment[] reads = new MemorySegment[StubImage.USER_CSRS];

  private final @Nullable MemorySegment[] writes = new MemorySegment[StubImage.USER_CSRS];

  final MemorySegment enter;
  final MemorySegment fenceGvma;
  final MemorySegment fenceGvmaAll;
  final MemorySegment fenceVvma;
  final MemorySegment fenceVvmaAll;
  final MemorySegment fenceVvmaPage;
  final MemorySegment fenceVvmaEverything;
  final MemorySegment fenceI;

  /** Installs it, with its handler of SIGILL before the JVM's. */
  Code(Kernel kernel) {
    base = kernel.memory(BYTES);
    if (base < 0) {
      throw new DvException(Reason.NO_MEMORY, "no memory for the entry stub");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment action = arena.allocate(Signals.ACTION_BYTES, 8);
      kernel.signalAction(Signals.SIGILL, 0, action.address());
      byte[] code = image.code(Signals.handler(action), base + STUB_BYTES);
      int[] csrs = image.csrCode();
      MemorySegment memory = MemorySegment.ofAddress(base).reinterpret(BYTES);
      MemorySegment.copy(code, 0, memory, ValueLayout.JAVA_BYTE, 0, code.length);
      MemorySegment.copy(csrs, 0, memory, ValueLayout.JAVA_INT, STUB_BYTES, csrs.length);
      if (kernel.protect(base, BYTES, Kernel.READ | Kernel.EXECUTE) != 0) {
        throw new DvException(Reason.PERMISSION, "memory may not be made executable here");
      }
      kernel.flushInstructions(base, base + BYTES);
      kernel.use(at("syscall"));
      Signals.action(action, at("handler").address());
      kernel.signalAction(Signals.SIGILL, action.address(), 0);
    }
    enter = at("enter");
    fenceGvma = at("fence_gvma");
    fenceGvmaAll = at("fence_gvma_all");
    fenceVvma = at("fence_vvma");
    fenceVvmaAll = at("fence_vvma_all");
    fenceVvmaPage = at("fence_vvma_page");
    fenceVvmaEverything = at("fence_vvma_everything");
    fenceI = at("fence_i");
  }

  private MemorySegment at(String label) {
    return MemorySegment.ofAddress(base + image.offset(label));
  }

  /** The code that reads a user CSR. */
  MemorySegment read(int csr) {
    return access(reads, csr, 0);
  }

  /** The code that writes a user CSR. */
  MemorySegment write(int csr) {
    return access(writes, csr, StubImage.WRITE_OFFSET);
  }

  private MemorySegment access(@Nullable MemorySegment[] known, int csr, int offset) {
    int i = StubImage.csrIndex(csr);
    MemorySegment at = known[i]; // threads that race make equal ones
    if (at == null) {
      at = MemorySegment.ofAddress(base + STUB_BYTES + StubImage.csrOffset(csr) + offset);
      known[i] = at;
    }
    return at;
  }
}
