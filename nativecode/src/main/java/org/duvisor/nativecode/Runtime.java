package org.duvisor.nativecode;

import org.duvisor.machine.interp.HostCode;
import org.duvisor.nativecode.Assembler.Binary;
import org.duvisor.nativecode.Assembler.Label;
import org.duvisor.nativecode.Assembler.Shift;

/**
 * The code that all blocks share, at the start of their memory: how a visit begins and ends, and
 * how a jump between pages is made.
 */
final class Runtime {
  /** What a C function has to preserve. */
  private static final Reg[] PRESERVED = {Reg.RBX, Reg.RBP, Reg.R12, Reg.R13, Reg.R14, Reg.R15};

  private final Assembler a = new Assembler();
  private final long origin;
  private final long enter;
  private final long follow;
  private final long leaveAtOffset;

  /** Writes it to the start of memory. */
  Runtime(CodeMemory memory) {
    origin = memory.address(0);
    a.begin(origin);
    enter = here();
    writeEnter();
    Label leave = new Label();
    leaveAtOffset = here();
    writeLeaveAtOffset();
    a.jmp(leave);
    follow = here();
    writeFollow();
    a.bind(leave);
    writeLeave();
    memory.write(0, a.code(), a.size());
  }

  private long here() {
    return origin + a.size();
  }

  /** Bytes. */
  int size() {
    return a.size();
  }

  /** int enter(frame, code, fuel), a C function. */
  long enter() {
    return enter;
  }

  /** Goes to the guest's address in RAX. */
  long follow() {
    return follow;
  }

  /**
   * Ends the visit: ECX has the offset of the next instruction in its page, and the reason above.
   */
  long leaveAtOffset() {
    return leaveAtOffset;
  }

  private void writeEnter() {
    Reg frame = Reg.RDI;
    for (Reg r : PRESERVED) {
      a.push(r);
    }
    for (int word = Frame.STACK - 8; word >= Frame.PAGE; word -= 8) {
      a.push(Mem.at(frame, word));
    }
    a.push(frame);
    a.loadFloatState(Mem.at(frame, Frame.MXCSR));
    a.mov(4, Guest.FUEL, Reg.RDX);
    a.mov(8, Guest.BLOCK, Mem.at(frame, Frame.BLOCK));
    for (int x = 1; x < 32; x++) {
      Reg home = Guest.home(x);
      if (home != null) {
        a.mov(8, home, Guest.inBlock(x));
      }
    }
    a.jmp(Reg.RSI);
  }

  private void writeLeaveAtOffset() {
    a.movZero(2, Reg.RAX, Reg.RCX);
    a.op(Binary.ADD, 8, Reg.RAX, Guest.PAGE);
    a.shift(Shift.SHR, 4, Reg.RCX, 16);
  }

  private void writeFollow() {
    Label unknown = new Label();
    a.mov(4, Reg.RCX, Reg.RAX);
    a.mov(4, Reg.RDX, Reg.RAX);
    a.shift(Shift.SHL, 4, Reg.RCX, Links.IN_PAGE_SHIFT);
    a.op(Binary.AND, 4, Reg.RDX, Links.GROUP);
    a.op(Binary.AND, 4, Reg.RCX, Links.IN_PAGE);
    a.op(Binary.OR, 4, Reg.RCX, Reg.RDX);
    a.op(Binary.ADD, 8, Reg.RCX, Guest.LINKS);
    a.op(Binary.CMP, 8, Reg.RAX, Mem.at(Reg.RCX, 0));
    a.jcc(Condition.NOT_EQUAL, unknown);
    a.mov(8, Reg.RDX, Mem.at(Reg.RCX, Links.TAG));
    a.op(Binary.CMP, 8, Reg.RDX, Guest.TAG);
    a.jcc(Condition.NOT_EQUAL, unknown);
    a.op(Binary.AND, 8, Reg.RAX, -4096);
    a.store(8, Guest.PAGE, Reg.RAX);
    a.jmp(Mem.at(Reg.RCX, Links.CODE));
    a.bind(unknown);
    a.movConstant(Reg.RCX, HostCode.JUMP);
  }

  /** RAX is the pc, ECX the reason. */
  private void writeLeave() {
    for (int x = 1; x < 32; x++) {
      Reg home = Guest.home(x);
      if (home != null) {
        a.store(8, Guest.inBlock(x), home);
      }
    }
    Reg frame = Reg.RDX;
    a.mov(8, frame, Guest.FRAME);
    a.store(8, Mem.at(frame, Frame.PC), Reg.RAX);
    a.store(8, Mem.at(frame, Frame.FUEL), Guest.FUEL);
    a.storeFloatState(Mem.at(frame, Frame.MXCSR_AFTER));
    a.mov(4, Reg.RAX, Reg.RCX);
    a.op(Binary.ADD, 8, Reg.RSP, Frame.STACK);
    for (int i = PRESERVED.length - 1; i >= 0; i--) {
      a.pop(PRESERVED[i]);
    }
    a.ret();
  }
}
