package org.duvisor.nativecode;

import java.util.ArrayList;
import java.util.List;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Semantics.Argument;
import org.duvisor.machine.interp.Access;
import org.duvisor.machine.interp.HostCode;
import org.duvisor.nativecode.Assembler.Binary;
import org.duvisor.nativecode.Assembler.Label;
import org.jspecify.annotations.Nullable;

/**
 * Makes code of one block:
 *
 * <pre>
 *   fuel -= instructions, or leave for want of it
 *   one template for each instruction
 *   jumps to blocks of the page, or by the links to others
 *   ways out: to the block of a jump that has no code yet, to the interpreter
 * </pre>
 */
final class BlockCompiler {
  private static final int PAGE_BYTES = 4096;

  /** A jump of this block to an offset of its page, at a site in its code. */
  record Jump(int site, int offset) {}

  /** What is written behind the block, for a rare case. */
  private record WayOut(Label label, int offset, int refund, int reason) {}

  final Assembler a = new Assembler();
  private final Runtime runtime;
  private final boolean plainInterrupts;
  private final List<Jump> jumps = new ArrayList<>();
  private final List<WayOut> waysOut = new ArrayList<>();
  private final Access.@Nullable Group[] places = new Access.Group[Guest.PLACES.length];
  private int turn;

  /** What the block has made sure of, see {@link FloatTemplates#required}. */
  private int floatLevel;

  // The instruction under way.
  private int offset;
  private int refund;

  /**
   * For the blocks of a hart.
   *
   * @param plainInterrupts whether its interrupts are those of mip alone, without AIA
   */
  BlockCompiler(Runtime runtime, boolean plainInterrupts) {
    this.runtime = runtime;
    this.plainInterrupts = plainInterrupts;
  }

  /** The jumps of the block that was compiled last which go to its page. */
  List<Jump> jumps() {
    return jumps;
  }

  /**
   * Compiles a block to be executed at an address.
   *
   * @return whether its first instruction has a template; if not, there is no code
   */
  boolean compile(long address, int start, List<Decoded> code) {
    int size = prefix(code);
    if (size == 0) {
      return false;
    }
    a.begin(address);
    jumps.clear();
    waysOut.clear();
    turn = 0;
    floatLevel = 0;
    forgetPlaces();
    offset = start;
    refund = size;
    a.op(Binary.SUB, 4, Guest.FUEL, size);
    a.jcc(Condition.NEGATIVE, wayOut(HostCode.FUEL));
    Access.@Nullable Group[] groups = Access.groups(code, false);
    for (int i = 0; i < size; i++) {
      Decoded d = code.get(i);
      Access.Group group = groups[i];
      if (d.instruction().floating()) {
        requireFloat(FloatTemplates.required(d));
      }
      if (group != null) {
        MemoryTemplates.access(this, d, group);
      } else {
        java.util.Objects.requireNonNull(Templates.of(d)).emit(this, d);
      }
      offset += d.length();
      refund--;
    }
    if (size < code.size()) {
      jump(null, HostCode.INTERPRET, offset);
    } else if (!code.getLast().instruction().semantics().terminator()) {
      jumpTo(offset);
    }
    for (WayOut w : waysOut) {
      a.bind(w.label);
      if (w.refund != 0) {
        a.op(Binary.ADD, 4, Guest.FUEL, w.refund);
      }
      a.movConstant(Reg.RCX, w.reason << 16 | w.offset);
      a.jmp(runtime.leaveAtOffset());
    }
    return true;
  }

  /** How many instructions have templates, from the first on. */
  private int prefix(List<Decoded> code) {
    int i = 0;
    while (i < code.size() && isCovered(code.get(i))) {
      i++;
    }
    return i;
  }

  private boolean isCovered(Decoded d) {
    if (Access.of(d) != null) {
      return true;
    }
    return Templates.of(d) != null && (plainInterrupts || !CsrTemplates.enablesInterrupts(d));
  }

  /** Leaves unless floating-point instructions may run; once in a block for each level. */
  private void requireFloat(int level) {
    if (floatLevel < level) {
      a.op(Binary.CMP, 8, Guest.FLOAT_STATE, level);
      a.jcc(Condition.LESS, wayOut(HostCode.INTERPRET));
      floatLevel = level;
    }
  }

  // ---- for templates

  /** Copies a guest's register to one of this computer. */
  void get(Reg to, int register) {
    if (register == 0) {
      a.movConstant(to, 0);
    } else {
      a.mov(8, to, Guest.x(register));
    }
  }

  /** The second operand, which is a guest's register or fits 32 bits: into a register. */
  void getSecond(Reg to, Decoded d) {
    if (isImmediate(d)) {
      a.movConstant(to, d.imm());
    } else {
      get(to, d.rs2());
    }
  }

  /** Whether the second operand is the immediate. */
  static boolean isImmediate(Decoded d) {
    return d.instruction().semantics().arguments().contains(Argument.IMM);
  }

  /** Sets the guest's register rd. */
  void setRd(Decoded d, Reg from) {
    set(d.rd(), from);
  }

  private void set(int register, Reg from) {
    if (register != 0) {
      Reg home = Guest.home(register);
      if (home != null) {
        a.mov(8, home, from);
      } else {
        a.store(8, Guest.inBlock(register), from);
      }
    }
  }

  /** The register in which rd is best computed when rs2 is read after the first write to it. */
  Reg target(Decoded d) {
    Reg home = Guest.home(d.rd());
    boolean overwritesSecond = !isImmediate(d) && d.rd() == d.rs2() && d.rd() != d.rs1();
    return home == null || overwritesSecond ? Reg.RAX : home;
  }

  /** A register in which something is computed at the end. */
  static Reg result(Decoded d) {
    Reg home = Guest.home(d.rd());
    return home == null ? Reg.RAX : home;
  }

  /** A label behind the block, where this instruction is left undone for a reason. */
  Label wayOut(int reason) {
    return wayOut(offset, refund, reason);
  }

  /** A label behind the block, where the hart looks up before the next instruction. */
  Label wayOutBehind(Decoded d) {
    return wayOut(offset + d.length(), refund - 1, HostCode.JUMP);
  }

  private Label wayOut(int at, int unused, int reason) {
    for (WayOut w : waysOut) {
      if (w.offset == at && w.refund == unused && w.reason == reason) {
        return w.label;
      }
    }
    Label label = new Label();
    waysOut.add(new WayOut(label, at, unused, reason));
    return label;
  }

  /** The address of an offset from this instruction. */
  void address(Reg to, long distance) {
    a.mov(8, to, Guest.PAGE);
    a.op(Binary.ADD, 8, to, Math.toIntExact(offset + distance));
  }

  // ---- host addresses

  /** The register that has the host address for a group of accesses; null when none has. */
  @Nullable Reg placeOf(Access.Group group) {
    for (int i = 0; i < places.length; i++) {
      if (places[i] == group) {
        return Guest.PLACES[i];
      }
    }
    return null;
  }

  /** A register for the host address of a group, or of one access alone. */
  Reg takePlace(Access.@Nullable Group group) {
    int i = turn;
    turn = (turn + 1) % places.length;
    places[i] = group;
    return Guest.PLACES[i];
  }

  private void forgetPlaces() {
    java.util.Arrays.fill(places, null);
  }

  // ---- control

  /** Goes to an offset from this instruction when the condition holds. */
  void branch(Condition when, long distance) {
    jump(when, HostCode.JUMP, offset + distance);
  }

  /** Goes to an offset from this instruction. */
  void jumpBy(long distance) {
    jumpTo(offset + distance);
  }

  private void jumpTo(long target) {
    if (target >= 0 && target < PAGE_BYTES) {
      jump(null, HostCode.JUMP, target);
    } else {
      toOtherPage(target);
    }
  }

  private void jump(@Nullable Condition when, int reason, long target) {
    if (target < 0 || target >= PAGE_BYTES) {
      Label not = new Label();
      if (when != null) {
        a.jcc(Condition.values()[when.number() ^ 1], not); // its opposite
      }
      toOtherPage(target);
      a.bind(not);
      return;
    }
    Label out = wayOut((int) target, 0, reason);
    int site = when == null ? a.jmp(out) : a.jcc(when, out);
    if (reason == HostCode.JUMP) {
      jumps.add(new Jump(site, (int) target));
    }
  }

  private void toOtherPage(long target) {
    a.mov(8, Reg.RAX, Guest.PAGE);
    a.op(Binary.ADD, 8, Reg.RAX, Math.toIntExact(target));
    a.jmp(runtime.follow());
  }

  /** Goes to the address in RAX. */
  void jumpToAddress() {
    a.jmp(runtime.follow());
  }
}
