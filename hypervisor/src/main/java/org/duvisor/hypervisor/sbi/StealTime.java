package org.duvisor.hypervisor.sbi;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.duvisor.hypervisor.stage2.GuestRam;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.jspecify.annotations.Nullable;

/**
 * Steal-time Accounting (SBI 3.0, chapter 16). What is stolen is what the platform knows of ({@link
 * org.duvisor.platform.HuHart#stolenNanos}), 0 where it knows nothing. The flag "preempted" stays
 * 0: a process is not told before it loses its processor.
 */
final class StealTime implements Extension {
  /** EID. */
  private static final int ID = 0x535441;

  private static final int ALIGNMENT = 64;
  private static final int BYTES = 64;
  private static final long SEQUENCE = 0;
  private static final long STEAL = 8;

  private static final ValueLayout.OfInt WORD =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong DOUBLE =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Vcpu vcpu;
  private final GuestRam ram;

  /** The structure in the guest's memory; null when the guest does not want to know. */
  private @Nullable MemorySegment shared;

  /** What the platform said when the guest began to ask. */
  private long begin;

  private long steal;
  private int sequence;

  StealTime(Vcpu vcpu, GuestRam ram) {
    this.vcpu = vcpu;
    this.ram = ram;
  }

  @Override
  public int id() {
    return ID;
  }

  @Override
  public void reset() {
    shared = null;
  }

  @Override
  public long call(long function, SbiCall call) {
    return function == 0
        ? share(call.argument(0), call.argument(1), call.argument(2))
        : SbiError.NOT_SUPPORTED;
  }

  private long share(long low, long high, long flags) {
    boolean stop = (low & high) == -1;
    if (flags != 0 || !stop && low % ALIGNMENT != 0) {
      return SbiError.INVALID_PARAM;
    }
    if (stop) {
      shared = null;
      return SbiError.SUCCESS;
    }
    if (high != 0 || !ram.contains(low, BYTES)) {
      return SbiError.INVALID_ADDRESS;
    }
    MemorySegment memory = ram.slice(low, BYTES);
    memory.fill((byte) 0);
    ram.written(memory);
    begin = vcpu.hart().stolenNanos();
    steal = 0;
    sequence = 0;
    shared = memory;
    return SbiError.SUCCESS;
  }

  /** The vCPU's thread may have waited for a processor: tells the guest, if it wants to know. */
  void update() {
    MemorySegment memory = shared;
    if (memory == null) {
      return;
    }
    long now = vcpu.hart().stolenNanos() - begin;
    if (now == steal) {
      return;
    }
    steal = now;
    memory.set(WORD, SEQUENCE, ++sequence);
    VarHandle.storeStoreFence();
    memory.set(DOUBLE, STEAL, steal);
    VarHandle.storeStoreFence();
    memory.set(WORD, SEQUENCE, ++sequence);
    ram.written(memory);
  }
}
