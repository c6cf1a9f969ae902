package org.duvisor.jit;

import static java.lang.constant.ConstantDescs.CD_boolean;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Semantics;
import org.duvisor.isa.Semantics.Argument;
import org.duvisor.isa.Semantics.Result;
import org.duvisor.isa.codegen.SemanticsResolver;
import org.duvisor.machine.Hart;
import org.duvisor.machine.Tlb;
import org.duvisor.machine.Trap;
import org.duvisor.machine.fp.FastFloat;
import org.duvisor.machine.fp.Fcsr;
import org.duvisor.machine.interp.Access;
import org.duvisor.machine.interp.Source;
import org.duvisor.machine.interp.Translation;
import org.duvisor.machine.mem.Raw;
import org.jspecify.annotations.Nullable;

/**
 * Makes the class file of one region. The shape of its method:
 *
 * <pre>
 *   load into locals: registers that are used, bases of the TLBs, context, state of floating point
 *   switch (entry)
 *   blocks:   fuel -= instructions; instructions; jumps inside as gotos, those that go back only with fuel left
 *   leaving:  next = base + constant; goto exit
 *   exit:     write registers back; hart.pc = next; return fuel
 *   handler:  (Trap) return trap(hart, trap, base, site, fuel)
 * </pre>
 *
 * <p>What decides the speed: HotSpot keeps no value in a register of the processor across a call,
 * not even across one that is hardly ever made, and then spills it everywhere. So there are no
 * calls between guest instructions: a memory access that misses the TLB, or a floating-point result
 * that needs more than {@link FastFloat}, leaves the region, and the interpreter executes that one
 * instruction. Instructions that have to be calls (CSRs, fences, privileged ones) are surrounded by
 * writing all registers back and loading them again.
 */
final class RegionCompiler {
  private static final ClassDesc HART = desc(Hart.class);
  private static final ClassDesc FCSR = desc(Fcsr.class);
  private static final ClassDesc TRAP = desc(Trap.class);
  private static final ClassDesc TRANSLATION = desc(Translation.class);
  private static final ClassDesc RAW = desc(Raw.class);
  private static final ClassDesc UNSAFE = ClassDesc.of("jdk.internal.misc.Unsafe");
  private static final MethodTypeDesc UNSAFE_GET =
      MethodTypeDesc.of(CD_long, ConstantDescs.CD_Object, CD_long);
  private static final ClassDesc SELF = ClassDesc.of("org.duvisor.jit.Region");
  private static final ClassDesc LONG = ClassDesc.of("java.lang.Long");
  private static final ClassDesc IN_MEMORY = ClassDesc.of("org.duvisor.machine.semantics.InMemory");
  private static final ClassDesc FAST_FLOAT = desc(FastFloat.class);

  /**
   * C2 takes up to 8,000 bytes, but C1 runs out of virtual registers above 5,000, and then the
   * method is interpreted until C2 has it.
   */
  private static final int MAX_METHOD_BYTES = 5000;

  private static final int RETURN_REGISTER = 1;

  // Parameters: this, hart, base, entry, fuel; then locals.
  private static final int HART_LOCAL = 1;
  private static final int BASE = 2;
  private static final int ENTRY = 4;
  private static final int FUEL = 5;
  private static final int NEXT = 6;
  private static final int SITE = 8;
  private static final int BLOCK = 9;
  private static final int READ_TLB = 11;
  private static final int WRITE_TLB = 13;
  private static final int CONTEXT = 15;
  private static final int FLOAT = 17;
  private static final int SCRATCH = 18;
  private static final int SUPERVISOR_WORDS = 20;
  private static final int REGISTERS = 22;

  /**
   * Why and where the region is left; the same way out is made once.
   *
   * @param back whether it is a jump, which stays in the region while there is fuel
   */
  private record Way(int target, int refund, int sideExit, boolean back) {
    /** A jump. */
    Way(int target) {
      this(target, 0, 0, true);
    }

    /** Because of the instruction at the target. */
    Way(int target, int refund, int sideExit) {
      this(target, refund, sideExit, false);
    }
  }

  private final Source source;
  private final Registers registers = new Registers(BLOCK, REGISTERS);
  private final Map<Integer, Label> starts = new HashMap<>();
  private final Set<Integer> begun = new HashSet<>(); // offsets of blocks whose code has begun
  private final Map<Way, Label> waysOut = new LinkedHashMap<>();
  private final List<Integer> returnSites = new ArrayList<>();
  private final List<Integer> siteOffsets = new ArrayList<>();
  private final List<Integer> siteRefunds = new ArrayList<>();
  private final List<Integer> siteBits = new ArrayList<>();
  private boolean usesFloat;
  private boolean usesSupervisorWords;
  private int nextLocal;
  private int floatLevel; // what the code of this block has made sure of
  private CodeBuilder b;
  private Label exit;
  private Label insideLabel;
  private boolean usesInside;
  private Label written; // as exit, with the registers written back

  @SuppressWarnings("NullAway") // b and the labels are set when the method is built
  RegionCompiler(Source source) {
    this.source = source;
  }

  private static ClassDesc desc(Class<?> type) {
    return type.describeConstable().orElseThrow();
  }

  /** The class file. */
  byte[] compile() {
    for (Source.BasicBlock block : source.blocks()) {
      for (Decoded d : block.code()) {
        registers.note(d);
        usesFloat |= d.instruction().floating();
        usesSupervisorWords |= SupervisorWords.has(d);
      }
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
                      MethodTypeDesc.of(CD_int, HART, CD_long, CD_int, CD_int),
                      ClassFile.ACC_PUBLIC,
                      this::method);
                });
    source.sites(ints(siteOffsets), ints(siteRefunds), ints(siteBits));
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

  // ---- the method

  private void method(CodeBuilder code) {
    // The builder may run this twice, when jumps turn out to be long.
    b = code;
    starts.clear();
    begun.clear();
    waysOut.clear();
    returnSites.clear();
    siteOffsets.clear();
    siteRefunds.clear();
    siteBits.clear();
    exit = b.newLabel();
    insideLabel = b.newLabel();
    usesInside = false;
    written = b.newLabel();
    for (Source.BasicBlock block : source.blocks()) {
      starts.put(block.offset(), b.newLabel());
    }
    for (Source.BasicBlock block : source.blocks()) {
      if (block.calls() && starts.containsKey(block.end()) && !returnSites.contains(block.end())) {
        returnSites.add(block.end());
      }
    }
    b.lconst_0().lstore(NEXT).iconst_0().istore(SITE);
    b.aload(HART_LOCAL).getfield(HART, "block", CD_long).lstore(BLOCK);
    Label from = b.newBoundLabel();
    registers.load(b);
    load();
    enter();
    for (Source.BasicBlock block : source.blocks()) {
      block(block);
    }
    waysOut.forEach(this::wayOut);
    if (usesInside) {
      b.labelBinding(insideLabel);
      dispatch(source.entries(), exit);
    }
    Label to = b.newBoundLabel();
    b.labelBinding(exit);
    registers.store(b);
    b.labelBinding(written);
    b.aload(HART_LOCAL).lload(NEXT).putfield(HART, "pc", CD_long).iload(FUEL).ireturn();
    Label handler = b.newBoundLabel();
    b.exceptionCatch(from, to, handler, TRAP);
    b.astore(SCRATCH);
    b.aload(0).aload(HART_LOCAL).aload(SCRATCH).lload(BASE).iload(SITE).iload(FUEL);
    b.invokevirtual(
            TRANSLATION, "trap", MethodTypeDesc.of(CD_int, HART, TRAP, CD_long, CD_int, CD_int))
        .ireturn();
  }

  /** Fills other locals from the hart: at entry, and after what may have changed it. */
  private void load() {
    b.aload(HART_LOCAL).getfield(HART, "readTlb", CD_long).lstore(READ_TLB);
    b.aload(HART_LOCAL).getfield(HART, "writeTlb", CD_long).lstore(WRITE_TLB);
    b.aload(HART_LOCAL).getfield(HART, "dataContext", CD_long).lstore(CONTEXT);
    if (usesFloat) {
      b.aload(HART_LOCAL)
          .invokevirtual(HART, "floatState", MethodTypeDesc.of(CD_int))
          .istore(FLOAT);
    }
    if (usesSupervisorWords) {
      b.aload(HART_LOCAL).getfield(HART, "supervisorWords", CD_long).lstore(SUPERVISOR_WORDS);
    }
  }

  private void enter() {
    List<Integer> entries = source.entries();
    Label first = starts.get(entries.getFirst());
    if (entries.size() > 1) {
      List<SwitchCase> cases = new ArrayList<>();
      for (int i = 1; i < entries.size(); i++) {
        cases.add(SwitchCase.of(i, starts.get(entries.get(i))));
      }
      b.iload(ENTRY).tableswitch(1, entries.size() - 1, first, cases);
    } else {
      b.goto_(first);
    }
  }

  private void block(Source.BasicBlock block) {
    begun.add(block.offset());
    b.labelBinding(starts.get(block.offset()));
    nextLocal = registers.end();
    List<Decoded> code = block.code();
    Access.Group[] groups = Access.groups(code, source.style().apart());
    int size = code.size();
    b.iinc(FUEL, -size);
    int offset = block.offset();
    floatLevel = 0;
    for (int i = 0; i < size; i++) {
      instruction(code.get(i), groups[i], offset, size - i);
      offset += code.get(i).length();
    }
    switch (block.last().instruction().semantics().kind()) {
      case PLAIN, NOP, END -> jump(offset);
      default -> {}
    }
  }

  /**
   * One instruction.
   *
   * @param refund instructions of the block that are not executed when this one is not
   */
  private void instruction(Decoded d, Access.@Nullable Group group, int offset, int refund) {
    Semantics s = d.instruction().semantics();
    Access atomic = Access.ofAtomic(d);
    boolean fast = FastForm.has(d) && !source.style().floatCalls();
    if (d.instruction().floating()) {
      int level = d.rm() == FastForm.DYNAMIC ? Hart.FLOAT_NEAREST : Hart.FLOAT_READY;
      requireFloat(fast ? Hart.FLOAT_PLAIN : level, offset, refund);
    }
    switch (s.kind()) {
      case NOP -> {}
      case BRANCH -> branch(d, offset);
      case LINK -> link(d, offset);
      case JUMP -> {
        site(d, offset, refund);
        registers.store(b);
        call(d, offset);
        b.lstore(NEXT).goto_(written);
      }
      case END -> {
        if (SupervisorWords.has(d)) {
          b.lload(SUPERVISOR_WORDS).lconst_0().lcmp();
          b.ifeq(wayOut(new Way(offset, refund, Hart.SIDE_EXIT)));
          SupervisorWords.access(b, registers, d, SUPERVISOR_WORDS, SCRATCH);
        } else {
          withHart(d, offset, refund);
        }
      }
      case PLAIN -> {
        if (group != null) {
          access(d, group, offset, refund);
        } else if (atomic != null) {
          atomic(d, atomic, offset, refund);
        } else if (fast) {
          fastFloat(d, offset, refund);
        } else if (s.arguments().contains(Argument.HART)) {
          withHart(d, offset, refund);
        } else if (!Inline.alu(b, registers, d)) {
          call(d, offset);
          popResult(d);
        } else {
          popResult(d);
        }
        if (acquires(d)) {
          lookUp(offset + d.length(), refund - 1);
        }
      }
    }
  }

  /**
   * Whether code after this instruction must be what another hart has stored before something that
   * was seen by now: that hart has asked for attention.
   */
  private static boolean acquires(Decoded d) {
    return switch (d.instruction().semantics().owner()) {
      case "Memory" ->
          d.instruction().semantics().method().equals("fence") && (d.imm() & 2) != 0
              || d.instruction().semantics().method().equals("fenceTso");
      case "Amo" -> (d.bits() >>> 26 & 1) != 0;
      default -> false;
    };
  }

  private void popResult(Decoded d) {
    switch (d.instruction().semantics().result()) {
      case RD -> registers.pop(b, d.rd());
      case FRD -> registers.pop(b, Registers.F + d.rd());
      case NONE -> {}
    }
  }

  /**
   * An instruction that sees and may change the whole hart; code after it runs only if nothing asks
   * for attention.
   */
  private void withHart(Decoded d, int offset, int refund) {
    site(d, offset, refund);
    registers.store(b);
    call(d, offset);
    popResult(d);
    if (d.instruction().semantics().owner().equals("Amo")) { // writes a pair of registers itself
      registers.load(b);
    }
    load();
    floatLevel = 0;
    lookUp(offset + d.length(), refund - 1);
  }

  /** Leaves for the next instruction if something asks for attention. */
  private void lookUp(int next, int refund) {
    b.aload(HART_LOCAL)
        .invokevirtual(HART, "wantsAttention", MethodTypeDesc.of(CD_boolean))
        .ifne(wayOut(new Way(next, refund, 0)));
  }

  /** Records an instruction that may trap. */
  private void site(Decoded d, int offset, int refund) {
    b.loadConstant(siteOffsets.size()).istore(SITE);
    siteOffsets.add(offset);
    siteRefunds.add(refund);
    siteBits.add(d.bits());
  }

  // ---- memory

  private void access(Decoded d, Access.Group group, int offset, int refund) {
    if (group.place == 0) {
      group.place = newLocal();
      test(
          group.base,
          group.least(),
          group.highestUnit(),
          group.alignment(),
          group.store,
          new Way(offset, refund, Hart.SIDE_EXIT));
      // host address that corresponds to the base register
      addend();
      registers.push(b, group.base);
      b.ladd().lstore(group.place);
    }
    String method = d.instruction().semantics().method();
    unsafe();
    b.lload(group.place);
    if (d.imm() != 0) {
      b.loadConstant(d.imm()).ladd();
    }
    if (group.store) {
      boolean floating = d.instruction().semantics().arguments().contains(Argument.FRS2);
      registers.push(b, floating ? Registers.F + d.rs2() : d.rs2());
      Inline.store(b, method);
    } else {
      Inline.load(b, method);
      popResult(d);
    }
  }

  private void atomic(Decoded d, Access access, int offset, int refund) {
    test(
        d.rs1(), 0, 0, access.bytes() - 1, access.store(), new Way(offset, refund, Hart.SIDE_EXIT));
    String method = d.instruction().semantics().method();
    boolean reserves = method.startsWith("lr_") || method.startsWith("sc_");
    List<ClassDesc> types = new ArrayList<>();
    for (Argument a : d.instruction().semantics().arguments()) {
      if (a == Argument.HART && !reserves) {
        continue;
      }
      if (a == Argument.RS1) { // where the address was, the host's
        addend();
      }
      argument(d, a, 0);
      if (a == Argument.RS1) {
        b.ladd();
      }
      types.add(a == Argument.HART ? HART : CD_long);
    }
    b.invokestatic(IN_MEMORY, method, MethodTypeDesc.of(CD_long, types));
    popResult(d);
  }

  /**
   * Goes out unless the TLB has the page of the unit at {@code unit}, which is aligned, and the
   * access at {@code least} is on the same page: the entry found by the one holds the tag of the
   * other. Leaves the entry in SCRATCH.
   */
  private void test(int base, long least, long unit, int alignment, boolean store, Way miss) {
    // Tlb.entry
    registers.push(b, base);
    offset(least);
    b.bipush(12).lushr().dup2().lstore(SCRATCH);
    b.lload(SCRATCH)
        .bipush(12)
        .lushr()
        .ladd()
        .loadConstant(Tlb.ENTRIES - 1L)
        .land()
        .iconst_3()
        .lshl();
    b.lload(store ? WRITE_TLB : READ_TLB).ladd().lstore(SCRATCH);
    unsafe();
    b.lload(SCRATCH).invokevirtual(UNSAFE, "getLong", UNSAFE_GET);
    registers.push(b, base);
    offset(unit);
    b.loadConstant(Tlb.PAGE_MASK | alignment).land();
    b.lload(CONTEXT).lor().lcmp().ifne(wayOut(miss));
  }

  /** The addend of the entry at SCRATCH. */
  private void addend() {
    unsafe();
    b.lload(SCRATCH)
        .loadConstant(Tlb.TO_ADDEND)
        .ladd()
        .invokevirtual(UNSAFE, "getLong", UNSAFE_GET);
  }

  private void unsafe() {
    b.getstatic(RAW, "UNSAFE", UNSAFE).aconst_null();
  }

  private void offset(long bytes) {
    if (bytes != 0) {
      b.loadConstant(bytes).ladd();
    }
  }

  private int newLocal() {
    int local = nextLocal;
    nextLocal += 2;
    return local;
  }

  // ---- floating point

  private void requireFloat(int level, int offset, int refund) {
    if (floatLevel < level) {
      b.iload(FLOAT)
          .loadConstant(level)
          .if_icmplt(wayOut(new Way(offset, refund, Hart.FLOAT_EXIT)));
      floatLevel = level;
    }
  }

  private void fastFloat(Decoded d, int offset, int refund) {
    List<ClassDesc> types = new ArrayList<>();
    for (Argument a : d.instruction().semantics().arguments()) {
      switch (a) {
        case FCSR -> {}
        case RM -> {
          if (FastForm.takesMode(d)) {
            b.loadConstant(FastForm.mode(d));
            types.add(CD_int);
          }
        }
        default -> {
          argument(d, a, offset);
          types.add(CD_long);
        }
      }
    }
    b.invokestatic(
        FAST_FLOAT, d.instruction().semantics().method(), MethodTypeDesc.of(CD_long, types));
    b.dup2().lstore(SCRATCH);
    b.loadConstant(FastFloat.UNSURE).lcmp();
    b.ifeq(wayOut(new Way(offset, refund, Hart.FLOAT_EXIT)));
    b.lload(SCRATCH);
    popResult(d);
  }

  // ---- calls of semantics

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
          case BRANCH -> CD_boolean;
          case JUMP, LINK -> CD_long;
          default -> s.result() != Result.NONE ? CD_long : CD_void;
        };
    String owner = SemanticsResolver.className(s.owner());
    b.invokestatic(ClassDesc.of(owner), s.method(), MethodTypeDesc.of(result, types));
  }

  private void argument(Decoded d, Argument a, int offset) {
    switch (a) {
      case HART -> b.aload(HART_LOCAL);
      case FCSR -> b.aload(HART_LOCAL).getfield(HART, "fcsr", FCSR);
      case PC -> address(offset);
      case NEXT -> address(offset + d.length());
      case RS1 -> registers.push(b, d.rs1());
      case RS2 -> registers.push(b, d.rs2());
      case RD -> registers.push(b, d.rd());
      case FRS1 -> registers.push(b, Registers.F + d.rs1());
      case FRS2 -> registers.push(b, Registers.F + d.rs2());
      case FRS3 -> registers.push(b, Registers.F + d.rs3());
      case IMM -> b.loadConstant(d.imm());
      case RM -> b.loadConstant(FastForm.mode(d)); // the dynamic mode was checked
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
    Label taken = target(offset + (int) d.imm());
    registers.push(b, d.rs1());
    registers.push(b, d.rs2());
    // Inline: 15 % on branchy code against a call of the semantics.
    switch (d.instruction().semantics().method()) {
      case "eq" -> b.lcmp().ifeq(taken);
      case "ne" -> b.lcmp().ifne(taken);
      case "lt" -> b.lcmp().iflt(taken);
      case "ge" -> b.lcmp().ifge(taken);
      case "ltu" -> compareUnsigned().iflt(taken);
      case "geu" -> compareUnsigned().ifge(taken);
      default -> throw new IllegalStateException(d.instruction().mnemonic());
    }
    jump(offset + d.length());
  }

  private CodeBuilder compareUnsigned() {
    return b.invokestatic(LONG, "compareUnsigned", MethodTypeDesc.of(CD_int, CD_long, CD_long));
  }

  /** Where a jump to an offset goes: inside, when there is fuel for going back, or out. */
  private Label target(int offset) {
    Label inside = starts.get(offset);
    if (inside == null || begun.contains(offset)) {
      return wayOut(new Way(offset));
    }
    return inside;
  }

  private void jump(int offset) {
    b.goto_(target(offset));
  }

  /** The way out to an offset; made after the blocks. */
  private Label wayOut(Way way) {
    return waysOut.computeIfAbsent(way, w -> b.newLabel());
  }

  private void wayOut(Way way, Label label) {
    b.labelBinding(label);
    Label inside = starts.get(way.target());
    if (inside != null && way.back()) {
      b.iload(FUEL).ifgt(inside);
    }
    if (way.refund() != 0) {
      b.iinc(FUEL, way.refund());
    }
    if (way.sideExit() != 0) {
      b.aload(HART_LOCAL).loadConstant(way.sideExit()).putfield(HART, "sideExit", CD_int);
    }
    address(way.target());
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
    if (isReturn && !returnSites.isEmpty()) {
      dispatch(returnSites, inside());
    } else {
      b.goto_(inside());
    }
  }

  /** Where an indirect jump goes on: maybe at an entry of this region. */
  private Label inside() {
    usesInside = true;
    return insideLabel;
  }

  /** Goes to one of some offsets when it is {@code next}, and there is fuel; else elsewhere. */
  private void dispatch(List<Integer> offsets, Label otherwise) {
    b.iload(FUEL).ifle(exit);
    // next - base fits an int for every one of them, so others must not be mistaken for one:
    // compare as long first
    b.lload(NEXT).lload(BASE).lsub().l2i().i2l().lload(BASE).ladd().lload(NEXT).lcmp();
    b.ifne(otherwise);
    b.lload(NEXT).lload(BASE).lsub().l2i();
    List<SwitchCase> cases = new ArrayList<>();
    offsets.stream().sorted().forEach(r -> cases.add(SwitchCase.of(r, starts.get(r))));
    b.lookupswitch(otherwise, cases);
  }

  private void setLink(Decoded d, int offset) {
    if (d.rd() != 0) {
      address(offset + d.length());
      registers.pop(b, d.rd());
    }
  }
}
