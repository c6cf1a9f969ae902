package org.duvisor.platform.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.duvisor.isa.Assembly;
import org.duvisor.platform.DvException;
import org.duvisor.platform.DvException.Reason;

/** The stub in this process, once for all VMs: executable, not writable, never unloaded. */
@SuppressWarnings("restricted") // makes memory executable
final class Code {
  private static final int STUB_BYTES = 4096;
  private static final long BYTES = STUB_BYTES + Stub.ALL_CSRS_BYTES;

  private final Assembly code;
  private final long csrs;

  final long enter;
  final long dropKick;
  final long fenceGvma;
  final long fenceGvmaAll;
  final long fenceVvma;
  final long fenceVvmaAll;
  final long fenceVvmaPage;
  final long fenceVvmaEverything;
  final long fenceI;

  /** Assembles and installs it, with its handler of SIGILL before the JVM's. */
  Code(Kernel kernel) {
    long base = kernel.memory(BYTES);
    if (base < 0) {
      throw new DvException(Reason.NO_MEMORY, "no memory for the entry stub");
    }
    csrs = base + STUB_BYTES;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment action = arena.allocate(Signals.ACTION_BYTES, 8);
      kernel.signalAction(Signals.SIGILL, 0, action.address());
      code = Stub.assemble(base, Signals.handler(action), csrs);
      MemorySegment memory = MemorySegment.ofAddress(base).reinterpret(BYTES);
      MemorySegment.copy(code.bytes(), 0, memory, ValueLayout.JAVA_BYTE, 0, code.bytes().length);
      int[] accesses = Stub.csrCode(code);
      MemorySegment.copy(accesses, 0, memory, ValueLayout.JAVA_INT, STUB_BYTES, accesses.length);
      if (kernel.protect(base, BYTES, Kernel.READ | Kernel.EXECUTE) != 0) {
        throw new DvException(Reason.PERMISSION, "memory may not be made executable here");
      }
      kernel.flushInstructions(base, base + BYTES);
      kernel.use(code.label("syscall"));
      Signals.action(action, code.label("handler"));
      kernel.signalAction(Signals.SIGILL, action.address(), 0);
    }
    enter = code.label("enter");
    dropKick = code.label("drop_kick");
    fenceGvma = code.label("fence_gvma");
    fenceGvmaAll = code.label("fence_gvma_all");
    fenceVvma = code.label("fence_vvma");
    fenceVvmaAll = code.label("fence_vvma_all");
    fenceVvmaPage = code.label("fence_vvma_page");
    fenceVvmaEverything = code.label("fence_vvma_everything");
    fenceI = code.label("fence_i");
  }

  /** Address of the code that reads a user CSR. */
  long read(int csr) {
    return csrs + Stub.csrOffset(csr);
  }

  /** Address of the code that writes a user CSR. */
  long write(int csr) {
    return csrs + Stub.csrOffset(csr) + Stub.WRITE_OFFSET;
  }
}
