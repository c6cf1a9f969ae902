package org.duvisor.hypervisor.exit;

import org.duvisor.hypervisor.stage2.GuestRam;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;

/**
 * Cause 22: WFI of the guest's kernel waits; everything else does not exist for this guest and is
 * illegal.
 */
final class VirtualInstruction {
  private static final int WFI = 0x10500073;
  private static final int WRS_NTO = 0x00D00073;

  private final Vcpu vcpu;
  private final GuestWalk walk;
  private final Trouble trouble;

  VirtualInstruction(Vcpu vcpu, GuestRam ram, Trouble trouble) {
    this.vcpu = vcpu;
    this.walk = new GuestWalk(vcpu, ram);
    this.trouble = trouble;
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
    if (vcpu.inSupervisor() && (instruction == WFI || instruction == WRS_NTO)) {
      vcpu.advance(4);
      if (instruction
          == WFI) { // the other waits for a store of another hart, which nothing tells us
        vcpu.waitForInterrupt();
      }
      return ExitKind.WFI;
    }
    return trouble.inject(Cause.ILLEGAL_INSTRUCTION, instruction & 0xFFFF_FFFFL);
  }
}
