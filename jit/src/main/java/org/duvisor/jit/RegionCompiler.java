package org.duvisor.jit;

import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Semantics;
import org.duvisor.isa.Semantics.Argument;
import org.duvisor.isa.Semantics.Kind;
import org.duvisor.isa.Semantics.Result;
import org.duvisor.machine.Hart;
import org.duvisor.machine.Trap;
import org.duvisor.machine.fp.Fcsr;
import org.duvisor.machine.interp.Source;
import org.duvisor.machine.interp.Translation;
import org.duvisor.machine.mem.Raw;

/**
 * Makes the class file of one region. Registers stay in the hart's arrays, which HotSpot compiles
 * fast, or, for code that loops, in locals, which runs up to twice as fast but takes HotSpot
 * several times as long. The shape of the method, with locals:
 *
 * <pre>
 *   load the registers that are used into locals; base = pc of the entry's page
 *   blocks:   fuel -= instructions; instructions as calls; jumps inside as gotos, those that go back only with fuel left
 *   stubs:    next = base + constant; goto exit
 *   exit:     write registers back; hart.pc = next; return fuel
 *   handler:  (Trap) write registers back; return trap(hart, trap, base, site, fuel)
 * </pre>
 */
final class RegionCompiler {
  private static final ClassDesc HART = desc(Hart.class);
  private static final ClassDesc FCSR = desc(Fcsr.class);
  private static final ClassDesc TRAP = desc(Trap.class);
  private static final ClassDesc TRANSLATION = desc(Translation.class);
  private static final ClassDesc SELF = ClassDesc.of("org.duvisor.jit.Region");
  private static final ClassDesc LONGS = CD_long.arrayType();
  private static final ClassDesc RAW = desc(Raw.class);
  private static final MethodTypeDesc GET_ELEMENT = MethodTypeDesc.of(CD_long, LONGS, CD_int);
  private static final MethodTypeDesc SET_ELEMENT =
      MethodTypeDesc.of(CD_void, LONGS, CD_int, CD_long);
  private static final String SEMANTICS = "org.duvisor.machine.semantics.";
  private static final String FP = "org.duvisor.machine.fp.";

  /** HotSpot never compiles a larger method. */
  private static final int MAX_METHOD_BYTES = 8000;

  /** Rounding modes above it are dynamic or reserved: the hart resolves them, and may trap. */
  private static final int LAST_STATIC_MODE = 4;

  private static final int RETURN_REGISTER = 1;

  // Locals: this, hart, fuel, base, next, site, then registers.
  private static final int HART_LOCAL = 1;
  private static final int FUEL = 2;
  private static final int BASE = 3;
  private static final int NEXT = 5;
  private static final int SITE = 7;
  private static final int X = 8;
  private static final int F = 9;
  private static final int REGISTERS = 10;

  private final Source source;
  private final boolean inLocals;
  private final Map<Integer, Label> starts = new HashMap<>();
  private final List<Integer> returnSites = new ArrayList<>();
  private final int[] local = new int[64]; // x 0..31, f 32..63; 0 = not used
  private final boolean[] written = new boolean[64];
  private final List<Integer> siteOffsets = new ArrayList<>();
  private final List<Integer> siteRefunds = new ArrayList<>();
  private int nextLocal = REGISTERS;
  private CodeBuilder b;
  private Label exit;
  private final Set<Integer> begun = new HashSet<>(); // offsets of blocks whose code has begun

  @SuppressWarnings("NullAway") // b and exit are set when the method is built
  RegionCompiler(Source source, boolean inLocals) {
    this.source = source;
    this.inLocals = inLocals;
  }

  private static ClassDesc desc(Class<?> type) {
    return type.describeConstable().orElseThrow();
  }

  /** The class file. */
  byte[] compile() {
    for (Source.BasicBlock block : source.blocks()) {
      block.code().forEach(this::noteRegisters);
    }
    byte[] bytes =
        ClassFile.of()
            .build(
                SELF,
                c -> {
                  c.withFlags(ClassFile.ACC_FINAL).withSuperclass(TRANSLATION);
                  c.withMethodBody(
                      ConstantDescs.INIT_NAME,
                      ConstantDescs.MTD_void,
                      ClassFile.ACC_PUBLIC,
                      code ->
                          code.aload(0)
                              .invokespecial(
                                  TRANSLATION, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
                              .return_());
                  c.withMethodBody(
                      "run",
                      MethodTypeDesc.of(CD_int, HART, CD_int),
                      ClassFile.ACC_PUBLIC,
                      this::method);
                });
    source.sites(ints(siteOffsets), ints(siteRefunds));
    return bytes;
  }

  /** Whether HotSpot will compile the method. */
  static boolean isCompilable(byte[] classFile) {
    return ClassFile.of().parse(classFile).methods().stream()
        .flatMap(m -> m.findAttribute(Attributes.code()).stream())
        .allMatch(code -> code.codeLength() < MAX_METHOD_BYTES);
  }

  private static int[] ints(List<Integer> list) {
    return list.stream().mapToInt(Integer::intValue).toArray();
  }

  // ---- registers

  private void noteRegisters(Decoded d) {
    Semantics s = d.instruction().semantics();
    for (Argument a : s.arguments()) {
      switch (a) {
        case RS1 -> use(d.rs1());
        case RS2 -> use(d.rs2());
        case FRS1 -> use(32 + d.rs1());
        case FRS2 -> use(32 + d.rs2());
        case FRS3 -> use(32 + d.rs3());
        default -> {}
      }
    }
    if (s.result() == Result.FRD) {
      define(32 + d.rd());
    } else if (s.result() == Result.RD || s.kind() == Kind.LINK) {
      define(d.rd());
    }
  }

  private void use(int register) {
    if (register != 0 && local[register] == 0) {
      local[register] = nextLocal;
      nextLocal += 2;
    }
  }

  private void define(int register) {
    use(register);
    written[register] = true;
  }

  private void loadRegisters() {
    b.aload(HART_LOCAL).getfield(HART, "x", LONGS).astore(X);
    b.aload(HART_LOCAL).getfield(HART, "f", LONGS).astore(F);
    for (int r = 1; r < 64 && inLocals; r++) {
      if (local[r] != 0) {
        element(r);
        b.invokestatic(RAW, "element", GET_ELEMENT).lstore(local[r]);
      }
    }
  }

  private void storeRegisters() {
    for (int r = 1; r < 64 && inLocals; r++) {
      if (written[r]) {
        element(r);
        b.lload(local[r]).invokestatic(RAW, "element", SET_ELEMENT);
      }
    }
  }

  private void element(int register) {
    b.aload(register < 32 ? X : F).loadConstant(register & 31);
  }

  private void push(int register) {
    if (register == 0) {
      b.lconst_0();
    } else if (inLocals) {
      b.lload(local[register]);
    } else {
      element(register);
      b.invokestatic(RAW, "element", GET_ELEMENT);
    }
  }

  /** What has to be on the stack below a value that {@link #pop} takes. */
  private void beforePop(int register) {
    if (register != 0 && !inLocals) {
      element(register);
    }
  }

  private void pop(int register) {
    if (register == 0) {
      b.pop2();
    } else if (inLocals) {
      b.lstore(local[register]);
    } else {
      b.invokestatic(RAW, "element", SET_ELEMENT);
    }
  }

  // ---- the method

  private void method(CodeBuilder code) {
    b = code;
    exit = b.newLabel();
    for (Source.BasicBlock block : source.blocks()) {
      starts.put(block.offset(), b.newLabel());
    }
    for (Source.BasicBlock block : source.blocks()) {
      Decoded last = block.code().getLast();
      if (last.instruction().semantics().kind() == Kind.LINK
          && last.rd() == RETURN_REGISTER
          && starts.containsKey(block.end())
          && !returnSites.contains(block.end())) {
        returnSites.add(block.end());
      }
    }
    b.aload(HART_LOCAL)
        .getfield(HART, "pc", CD_long)
        .loadConstant((long) source.entry())
        .lsub()
        .lstore(BASE);
    b.lconst_0().lstore(NEXT).iconst_0().istore(SITE);
    loadRegisters();
    Label from = b.newBoundLabel();
    for (Source.BasicBlock block : source.blocks()) {
      block(block);
    }
    Label to = b.newBoundLabel();
    b.labelBinding(exit);
    storeRegisters();
    b.aload(HART_LOCAL).lload(NEXT).putfield(HART, "pc", CD_long).iload(FUEL).ireturn();
    Label handler = b.newBoundLabel();
    b.exceptionCatch(from, to, handler, TRAP);
    b.astore(NEXT);
    storeRegisters();
    b.aload(0).aload(HART_LOCAL).aload(NEXT).lload(BASE).iload(SITE).iload(FUEL);
    b.invokevirtual(
            TRANSLATION, "trap", MethodTypeDesc.of(CD_int, HART, TRAP, CD_long, CD_int, CD_int))
        .ireturn();
  }

  private void block(Source.BasicBlock block) {
    begun.add(block.offset());
    b.labelBinding(starts.get(block.offset()));
    int size = block.code().size();
    b.iinc(FUEL, -size);
    int offset = block.offset();
    boolean fpChecked = false;
    for (int i = 0; i < size; i++) {
      Decoded d = block.code().get(i);
      Semantics s = d.instruction().semantics();
      if (d.instruction().floating() && !fpChecked) {
        site(offset, size - i);
        b.aload(HART_LOCAL).invokevirtual(HART, "useFp", MethodTypeDesc.of(CD_void));
        fpChecked = true;
      }
      switch (s.kind()) {
        case NOP -> {}
        case BRANCH -> branch(d, offset);
        case LINK -> link(d, offset);
        case JUMP -> privilegedJump(d, offset, size - i);
        case END -> {
          end(d, offset, size - i);
          fpChecked = false;
        }
        default -> plain(d, offset, size - i);
      }
      offset += d.length();
    }
    switch (block.code().getLast().instruction().semantics().kind()) {
      case PLAIN, NOP, END -> jump(offset);
      default -> {}
    }
  }

  /**
   * An instruction that may change how the hart goes on: it sees the registers, and code after it
   * runs only if nothing asks for attention.
   */
  private void end(Decoded d, int offset, int refund) {
    plain(d, offset, refund);
    Label goOn = b.newLabel();
    b.aload(HART_LOCAL)
        .invokevirtual(HART, "wantsAttention", MethodTypeDesc.of(ConstantDescs.CD_boolean))
        .ifeq(goOn);
    b.iinc(FUEL, refund - 1);
    leave(offset + d.length());
    b.labelBinding(goOn);
  }

  /** ecall, sret and their kin: the method takes the hart elsewhere. */
  private void privilegedJump(Decoded d, int offset, int refund) {
    site(offset, refund);
    call(d, offset);
    b.lstore(NEXT).goto_(exit);
  }

  /** Records an instruction that may trap. */
  private void site(int offset, int refund) {
    b.loadConstant(siteOffsets.size()).istore(SITE);
    siteOffsets.add(offset);
    siteRefunds.add(refund);
  }

  private void plain(Decoded d, int offset, int refund) {
    Semantics s = d.instruction().semantics();
    if (s.arguments().contains(Argument.HART) || d.rm() > LAST_STATIC_MODE) {
      site(offset, refund);
    }
    int result =
        switch (s.result()) {
          case RD -> d.rd();
          case FRD -> 32 + d.rd();
          case NONE -> 0;
        };
    beforePop(result);
    call(d, offset);
    if (s.result() != Result.NONE) {
      pop(result);
    }
  }

  private void call(Decoded d, int offset) {
    Semantics s = d.instruction().semantics();
    List<ClassDesc> types = new ArrayList<>();
    for (Argument a : s.arguments()) {
      argument(d, a, offset);
      types.add(
          switch (a.type()) {
            case 'H' -> HART;
            case 'C' -> FCSR;
            case 'I' -> CD_int;
            default -> CD_long;
          });
    }
    ClassDesc result =
        switch (s.kind()) {
          case BRANCH -> ConstantDescs.CD_boolean;
          case JUMP -> CD_long;
          default -> s.kind() == Kind.LINK || s.result() != Result.NONE ? CD_long : CD_void;
        };
    String owner = (s.owner().equals("Fp") ? FP : SEMANTICS) + s.owner();
    b.invokestatic(ClassDesc.of(owner), s.method(), MethodTypeDesc.of(result, types));
  }

  private void argument(Decoded d, Argument a, int offset) {
    switch (a) {
      case HART -> b.aload(HART_LOCAL);
      case FCSR -> b.aload(HART_LOCAL).getfield(HART, "fcsr", FCSR);
      case PC -> address(offset);
      case NEXT -> address(offset + d.length());
      case RS1 -> push(d.rs1());
      case RS2 -> push(d.rs2());
      case FRS1 -> push(32 + d.rs1());
      case FRS2 -> push(32 + d.rs2());
      case FRS3 -> push(32 + d.rs3());
      case IMM -> b.loadConstant(d.imm());
      case RM -> {
        if (d.rm() <= LAST_STATIC_MODE) {
          b.loadConstant(d.rm());
        } else {
          b.aload(HART_LOCAL).loadConstant(d.rm());
          b.invokevirtual(HART, "roundingMode", MethodTypeDesc.of(CD_int, CD_int));
        }
      }
      case CSR -> b.loadConstant(d.csr());
      case ZIMM -> b.loadConstant((long) d.zimm());
      case RDN -> b.loadConstant(d.rd());
      case RS1N -> b.loadConstant(d.rs1());
      case RS2N -> b.loadConstant(d.rs2());
      case INSN -> b.loadConstant(d.bits());
    }
  }

  private void address(int offset) {
    b.lload(BASE).loadConstant((long) offset).ladd();
  }

  // ---- control

  private void branch(Decoded d, int offset) {
    Label taken = b.newLabel();
    Semantics s = d.instruction().semantics();
    switch (s.method()) { // inline: 15 % on branchy code against a call of the semantics
      case "eq", "ne", "lt", "ge" -> {
        push(d.rs1());
        push(d.rs2());
        b.lcmp();
        switch (s.method()) {
          case "eq" -> b.ifeq(taken);
          case "ne" -> b.ifne(taken);
          case "lt" -> b.iflt(taken);
          default -> b.ifge(taken);
        }
      }
      default -> {
        call(d, offset);
        b.ifne(taken);
      }
    }
    jump(offset + d.length());
    b.labelBinding(taken);
    jump(offset + (int) d.imm());
  }

  /** Goes to an offset: inside by a goto, outside through the exit. */
  private void jump(int target) {
    Label inside = starts.get(target);
    if (inside == null) {
      leave(target);
      return;
    }
    if (begun.contains(target)) {
      Label dry = b.newLabel();
      b.iload(FUEL).ifle(dry).goto_(inside);
      b.labelBinding(dry);
      leave(target);
    } else {
      b.goto_(inside);
    }
  }

  private void leave(int target) {
    address(target);
    b.lstore(NEXT).goto_(exit);
  }

  private void link(Decoded d, int offset) {
    if (d.instruction().mnemonic().equals("jal")) {
      setLink(d, offset);
      jump(offset + (int) d.imm());
      return;
    }
    call(d, offset);
    b.lstore(NEXT);
    setLink(d, offset);
    boolean isReturn = d.rd() == 0 && d.rs1() == RETURN_REGISTER;
    if (!isReturn || returnSites.isEmpty()) {
      b.goto_(exit);
      return;
    }
    // next - base fits an int for every return site, so others must not be mistaken for one:
    // compare as long first
    b.iload(FUEL).ifle(exit);
    b.lload(NEXT).lload(BASE).lsub().l2i().i2l().lload(BASE).ladd().lload(NEXT).lcmp().ifne(exit);
    b.lload(NEXT).lload(BASE).lsub().l2i();
    List<SwitchCase> cases = new ArrayList<>();
    returnSites.stream().sorted().forEach(r -> cases.add(SwitchCase.of(r, starts.get(r))));
    b.lookupswitch(exit, cases);
  }

  private void setLink(Decoded d, int offset) {
    if (d.rd() != 0) {
      beforePop(d.rd());
      address(offset + d.length());
      pop(d.rd());
    }
  }
}
