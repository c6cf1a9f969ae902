package org.duvisor.nativecode;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.duvisor.isa.Decoded;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartState;
import org.duvisor.machine.fp.Fcsr;
import org.duvisor.machine.interp.HostCode;

/** The code of one hart on x86-64. */
final class X64Code implements HostCode {
  /** No code of a block is as long: 64 instructions of the longest template and its ways out. */
  static final int MAX_BLOCK_BYTES = 64 * 256;

  /** All exceptions masked, none seen, rounding to nearest even. */
  private static final int MXCSR = 0x1f80;

  private static final int INVALID = 1;
  private static final int DIVISION = 4;
  private static final int OVERFLOW = 8;
  private static final int UNDERFLOW = 16;
  private static final int PRECISION = 32;
  private static final int EXCEPTIONS = INVALID | DIVISION | OVERFLOW | UNDERFLOW | PRECISION;

  /** Most {@link #places}: some 20 MiB of heap. Ordinary code has fewer when its memory is full. */
  static final int MOST_PLACES = 200_000;

  @SuppressWarnings("restricted") // the signature is that of Runtime.enter
  private static final MethodHandle ENTER =
      Linker.nativeLinker()
          .downcallHandle(
              FunctionDescriptor.of(
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_INT),
              Linker.Option.critical(false));

  private final int threshold;
  private final Statistics statistics;
  private final CodeMemory memory;
  private final MemorySegment enter;
  private final Runtime runtime;
  private final BlockCompiler compiler;
  private final Links links = new Links();
  private final Frame frame = new Frame();
  private long next;

  /** Blocks and jumps, which cost heap beside their code. */
  private int places;

  /** Code of blocks by page number and offset. */
  private final Map<Long, Long> blocks = new HashMap<>();

  /** Sites of jumps to blocks that have no code, by the same. */
  private final Map<Long, List<Long>> open = new HashMap<>();

  /** No code yet; there will be so many bytes at most. */
  X64Code(Hart hart, int threshold, long bytes, Statistics statistics) {
    this.threshold = threshold;
    this.statistics = statistics;
    this.memory = new CodeMemory(bytes);
    this.runtime = new Runtime(memory);
    this.compiler = new BlockCompiler(runtime, !hart.config().aia());
    this.enter = memory.executable().asSlice(runtime.enter() - memory.address(0));
    this.next = runtime.size();
    frame.set(Frame.BLOCK, hart.block + HartState.X + Guest.BIAS);
    frame.set(Frame.LINKS, links.address);
    frame.set(Frame.MXCSR, MXCSR);
  }

  @Override
  public int threshold() {
    return threshold;
  }

  @Override
  public long compile(int page, int offset, List<Decoded> code) {
    if (next + MAX_BLOCK_BYTES > memory.size() || places >= MOST_PLACES) {
      return FULL;
    }
    long address = memory.address(next);
    if (!compiler.compile(address, offset, code)) {
      return 0;
    }
    int size = compiler.a.size();
    if (size > MAX_BLOCK_BYTES) {
      throw new IllegalStateException("a block of " + size + " bytes");
    }
    memory.write(next, compiler.a.code(), size);
    blocks.put(place(page, offset), address);
    places += 1 + compiler.jumps().size();
    for (BlockCompiler.Jump jump : compiler.jumps()) {
      long place = place(page, jump.offset());
      long site = next + jump.site();
      Long target = blocks.get(place);
      if (target == null) {
        open.computeIfAbsent(place, p -> new ArrayList<>(2)).add(site);
      } else {
        patch(site, target);
      }
    }
    List<Long> waiting = open.remove(place(page, offset));
    if (waiting != null) {
      waiting.forEach(site -> patch(site, address));
    }
    next += size;
    statistics.compiled(code.size(), size);
    return address;
  }

  private static long place(int page, int offset) {
    return (long) page << 12 | offset;
  }

  private void patch(long site, long target) {
    memory.patch(site, Assembler.distance(memory.address(site), target));
  }

  @Override
  public void clear() {
    next = runtime.size();
    places = 0;
    blocks.clear();
    open.clear();
    links.clear();
    statistics.cleared();
  }

  @Override
  public void link(long pc, long context, long code) {
    links.put(pc, context, code);
  }

  @Override
  public void unlink() {
    links.clear();
  }

  @Override
  public void unlink(long va) {
    links.drop(va);
  }

  @Override
  public int run(Hart hart, long code, int fuel) {
    frame.set(Frame.PAGE, hart.pc & -4096);
    frame.set(Frame.READ_TLB, hart.readTlb);
    frame.set(Frame.WRITE_TLB, hart.writeTlb);
    frame.set(Frame.CONTEXT, hart.dataContext);
    frame.set(Frame.SUPERVISOR_WORDS, hart.supervisorWords);
    frame.set(Frame.FLOAT_STATE, hart.floatState());
    frame.set(Frame.TAG, links.tag(hart.fetchContext));
    int reason;
    try {
      reason = (int) ENTER.invokeExact(enter, frame.address, code, fuel);
    } catch (Throwable e) {
      throw new IllegalStateException(e); // the code throws nothing
    }
    hart.pc = frame.get(Frame.PC);
    int seen = (int) frame.get(Frame.MXCSR_AFTER) & EXCEPTIONS;
    if (seen != 0) {
      hart.fcsr.flags |= flags(seen);
    }
    return reason;
  }

  /** Flags of RISC-V for exceptions of MXCSR. */
  private static int flags(int seen) {
    return ((seen & INVALID) != 0 ? Fcsr.NV : 0)
        | ((seen & DIVISION) != 0 ? Fcsr.DZ : 0)
        | ((seen & OVERFLOW) != 0 ? Fcsr.OF : 0)
        | ((seen & UNDERFLOW) != 0 ? Fcsr.UF : 0)
        | ((seen & PRECISION) != 0 ? Fcsr.NX : 0);
  }

  @Override
  public int fuelLeft() {
    return (int) frame.get(Frame.FUEL);
  }
}
