package org.duvisor.hypervisor.exit;

import org.duvisor.hypervisor.sbi.Sbi;
import org.duvisor.hypervisor.stage2.GuestRam;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;

/**
 * Cause 22: WFI of the guest's kernel waits, WRS.NTO that stalls lets another vCPU run, counters
 * are those of SBI's PMU, and others that the host's kernel keeps from its processes do not count
 * (Zicntr, Zihpm), and with AIA the priorities of the kernel's major interrupts are read-only 0
 * (AIA 5.2.2); everything else does not exist for this guest and is illegal.
 */
final class VirtualInstruction {
  private static final int WFI = 0x10500073;
  private static final int WRS_NTO = 0x00D00073;
  private static final int SYSTEM = 0x73;
  private static final int IPRIO0 = 0x30;
  private static final int IPRIO15 = 0x3F;

  private final Vcpu vcpu;
  private final Sbi sbi;
  private final GuestWalk walk;
  private final Trouble trouble;

  VirtualInstruction(Vcpu vcpu, GuestRam ram, Sbi sbi, Trouble trouble) {
    this.vcpu = vcpu;
    this.sbi = sbi;
    this.walk = new GuestWalk(vcpu, ram);
    this.trouble = trouble;
  }

  /** Whether it is an access to sireg while siselect names a register of priorities. */
  private boolean isPriority(int instruction) {
    boolean access = (instruction & 0x7f) == SYSTEM && (instruction >>> 12 & 3) != 0;
    if (!access || instruction >>> 20 != Csr.SIREG || !vcpu.hasInterruptFile()) {
      return false;
    }
    long select = vcpu.hart().csr(Csr.HUVSISELECT);
    return select >= IPRIO0 && select <= IPRIO15 && (select & 1) == 0;
  }

  /**
   * Whether it reads cycle, instret or one of hpmcounter3 to 31, and the guest's kernel lets the
   * mode it is in do so.
   */
  private boolean isCounter(int instruction) {
    int csr = instruction >>> 20;
    boolean reads = (instruction & 0x7f) == SYSTEM && (instruction >>> 13 & 1) != 0;
    if (!reads || (instruction >>> 15 & 31) != 0 || (csr & ~31) != Csr.CYCLE || csr == Csr.TIME) {
      return false;
    }
    return vcpu.inSupervisor() || (vcpu.hart().csr(Csr.HUVSCOUNTEREN) >>> (csr & 31) & 1) != 0;
  }

  /** The instruction gives a value. */
  private ExitKind give(int instruction, long value, ExitKind kind) {
    vcpu.hart().x(instruction >>> 7 & 31, value);
    vcpu.advance(4);
    return kind;
  }

  ExitKind handle() {
    int instruction = (int) vcpu.hart().csr(Csr.UTVAL);
    if (instruction == 0) { // a hart need not tell
      int fault = walk.fetch();
      if (fault != 0) {
        return trouble.inject(fault, walk.faultAddress());
      }
      instruction = walk.instruction();
    }
    if (instruction == WFI && vcpu.inSupervisor()) {
      vcpu.advance(4);
      vcpu.waitForInterrupt();
      return ExitKind.WFI;
    }
    if (instruction == WRS_NTO) { // of VU too: locks of processes
      vcpu.advance(4);
      Thread.yield(); // to the vCPU that it waits for, if that has no hart
      return ExitKind.SPIN;
    }
    if (vcpu.inSupervisor() && isPriority(instruction)) {
      return give(instruction, 0, ExitKind.PRIORITY);
    }
    if (isCounter(instruction)) {
      return give(instruction, sbi.counter(instruction >>> 20), ExitKind.COUNTER);
    }
    return trouble.inject(Cause.ILLEGAL_INSTRUCTION, instruction & 0xFFFF_FFFFL);
  }
}
