package org.duvisor.machine.adversary;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.duvisor.devices.MmioBus;
import org.duvisor.isa.Assembler;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.Tlb;
import org.duvisor.machine.dv.Posts;
import org.duvisor.machine.mem.PhysicalMemory;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.GuardedMemory;
import org.duvisor.machine.testing.PageTables;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A hostile guest kernel that attacks the software TLB: in every mode, with every combination of
 * the status bits that change data accesses, it touches page 0, the last page and pages that share
 * TLB entries with its own, with every access, and a jump, at every interesting offset, before they
 * are mapped, while they are, and after they have been unmapped again. Each result is held against
 * a walk of a table in Java; RAM lies between pages that nothing may touch.
 */
class HostileAddressesTest {
  private static final long RAM = 0x8000_0000L;
  private static final long SIZE = 4 << 20;
  private static final long CODE = RAM;
  private static final long WITH_MPRV = RAM + 0x4000;
  private static final long JUMPS = RAM + 0x6000;
  private static final long HANDLER = RAM + 0x8000;
  private static final long STAGE1 = RAM + 0x1_0000;
  private static final long STAGE2 = RAM + 0x4_0000;
  private static final long IDENTITY = 2 << 20;
  private static final long TABLE = RAM + 0x10_0000;
  private static final long LOG = RAM + 0x14_0000;
  private static final long PAGES = RAM + 0x20_0000; // not mapped as it is
  private static final long WAY = Tlb.ENTRIES * 4096L;
  private static final long MARK = 0x1234_5678;
  private static final int ADUE = 61;

  /** Read, write, execute and user bits of the pages that are attacked, in turn. */
  private static final long[] RIGHTS = {0x6, 0x2, 0x8, 0x16, 0x12, 0x18};

  private static final long[] TARGETS = {
    0, -4096, WAY, RAM + WAY, RAM + 2 * WAY, (1L << 38) - 4096, -(1L << 38)
  };
  private static final long[] OFFSETS = {0, 1, 2, 3, 4, 7, 8, 2047, 4088, 4089, 4093, 4094, 4095};

  /** Access, bytes, and whether it stores; LR and AMO must be aligned. */
  private record Access(String text, int bytes, boolean signed, boolean store, boolean atomic) {}

  private static final List<Access> ACCESSES =
      List.of(
          new Access("lb a0, (a1)", 1, true, false, false),
          new Access("lbu a0, (a1)", 1, false, false, false),
          new Access("lh a0, (a1)", 2, true, false, false),
          new Access("lhu a0, (a1)", 2, false, false, false),
          new Access("lw a0, (a1)", 4, true, false, false),
          new Access("lwu a0, (a1)", 4, false, false, false),
          new Access("ld a0, (a1)", 8, true, false, false),
          new Access("lr.w a0, (a1)", 4, true, false, true),
          new Access("lr.d a0, (a1)", 8, true, false, true),
          new Access("sb a2, (a1)", 1, true, true, false),
          new Access("sh a2, (a1)", 2, true, true, false),
          new Access("sw a2, (a1)", 4, true, true, false),
          new Access("sd a2, (a1)", 8, true, true, false),
          new Access("amoor.w a0, a2, (a1)", 4, true, true, true),
          new Access("amoand.d a0, a2, (a1)", 8, true, true, true));

  private enum Mode {
    M(Hart.M, false, false),
    S(Hart.S, false, false),
    U(Hart.U, false, false),
    VS(Hart.S, true, false),
    VU(Hart.U, true, false),
    MPRV_S(Hart.S, false, true),
    MPRV_U(Hart.U, false, true),
    MPRV_VS(Hart.S, true, true),
    MPRV_VU(Hart.U, true, true);

    final int privilege;
    final boolean virtual;
    final boolean mprv;

    Mode(int privilege, boolean virtual, boolean mprv) {
      this.privilege = privilege;
      this.virtual = virtual;
      this.mprv = mprv;
    }

    boolean user() {
      return privilege == Hart.U;
    }
  }

  private record Page(long physical, long rights, long content) {}

  private final MemorySegment ram = GuardedMemory.allocate(SIZE);
  private Hart hart;
  private PageTables tables;
  private PageTables userTables;
  private final Map<Long, Page> mapped = new HashMap<>();

  // The regime that is attacked from.
  private Mode mode;
  private boolean paging;
  private boolean hostMxr;
  private boolean hostSum;
  private boolean guestMxr;
  private boolean guestSum;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void noAddressReachesWhatIsNotMappedThere(EngineUnderTest engine) {
    power(engine);
    for (Mode m : Mode.values()) {
      for (int bits = 0; bits < 16; bits++) {
        regime(m, m != Mode.M, bits);
        attackThrice();
      }
    }
    regime(Mode.S, false, 2);
    attack("bare");
    regime(Mode.MPRV_S, false, 3);
    attack("bare");
  }

  private void attackThrice() {
    attack("never mapped");
    if (!paging) {
      return;
    }
    for (int i = 0; i < TARGETS.length; i++) {
      map(TARGETS[i], i);
    }
    attack("mapped");
    for (long va : TARGETS) {
      unmap(va);
    }
    attack("unmapped");
  }

  // ---- the machine

  private void power(EngineUnderTest engine) {
    var memory = new PhysicalMemory(RAM, ram);
    hart =
        new Hart(
            0, HartConfig.STANDARD, memory, new MmioBus(), () -> 0, new Posts(), engine.factory());
    tables = identity(STAGE1, 0xcf);
    userTables = identity(STAGE1 + 0x1_0000, 0xdf);
    for (long gpa : new long[] {0, 1L << 30, 2L << 30, 3L << 30}) {
      poke(STAGE2 + (gpa >>> 30) * 8, gpa >>> 12 << 10 | 0xdf);
    }
    for (int i = 0; i < TARGETS.length; i++) {
      ram.asSlice(physical(i) - RAM, 4096).fill((byte) content(i));
    }
    asm(
        HANDLER,
        """
          csrw mscratch, t0
          csrr a6, mcause
          addi t0, a6, -1 # instruction access fault
          beqz t0, 1f
          addi t0, a6, -12 # instruction page fault
          beqz t0, 1f
          csrr t0, mepc
          addi t0, t0, 4
          csrw mepc, t0
          csrr t0, mscratch
          mret
        1:
          csrr t0, mscratch
          csrw mepc, t0
          mret
        """);
    asm(JUMPS, JUMPING);
    asm(CODE, program(""));
    asm(WITH_MPRV, program("mstatus, s3"));
  }

  /**
   * For each address of the table: each access, its result and the cause of its trap to the log.
   */
  private static String program(String mprv) {
    String on = mprv.isEmpty() ? "" : "csrs " + mprv;
    String off = mprv.isEmpty() ? "" : "csrc " + mprv;
    StringBuilder text =
        new StringBuilder(
            """
              li s0, TABLE
              li s1, LOG
            next:
              ld a1, (s0)
              ld a2, 8(s0)
              addi s0, s0, 16
              beq a1, s4, done
            """);
    for (Access a : ACCESSES) {
      text.append(
          """
            li a0, MARK
            li a6, -1
            %s
            %s
            %s
            sd a0, (s1)
            sd a6, 8(s1)
            addi s1, s1, 16
          """
              .formatted(on, a.text, off));
    }
    return text + "  j next\ndone:\n  j done\n";
  }

  private static final String JUMPING =
      """
        li s0, TABLE
        li s1, LOG
      next:
        ld a1, (s0)
        addi s0, s0, 16
        beq a1, s4, done
        li a6, -1
        jalr t0, (a1)
        sd a6, (s1)
        addi s1, s1, 8
        j next
      done:
        j done
      """;

  private PageTables identity(long root, long flags) {
    var made = new PageTables(this::poke, this::peek, root, false);
    for (long a = RAM; a < RAM + IDENTITY; a += 4096) {
      made.map(a, a, flags, 0);
    }
    return made;
  }

  private void asm(long at, String text) {
    byte[] code =
        new Assembler(at)
            .define("TABLE", TABLE)
            .define("LOG", LOG)
            .define("MARK", MARK)
            .asm(text)
            .bytes();
    MemorySegment.copy(code, 0, ram, ValueLayout.JAVA_BYTE, at - RAM, code.length);
  }

  private void poke(long address, long value) {
    ram.set(ValueLayout.JAVA_LONG, address - RAM, value);
  }

  private long peek(long address) {
    return ram.get(ValueLayout.JAVA_LONG, address - RAM);
  }

  private static long physical(int target) {
    return PAGES + target * 4096L;
  }

  /** Bytes of a page; alike in the first and the last one, for accesses go from this to that. */
  private static int content(int target) {
    if ((RIGHTS[target % RIGHTS.length] & 8) != 0) {
      return 0x82; // c.jr t0, all over the page
    }
    return 0x11 * Math.max(target, 1);
  }

  private void csr(int number, long value) {
    hart.setMode(Hart.M, false);
    hart.csrs().writeChecked(number, value);
  }

  private void regime(Mode m, boolean translated, int bits) {
    mode = m;
    paging = translated;
    hostMxr = (bits & 1) != 0;
    hostSum = (bits & 2) != 0;
    guestMxr = (bits & 4) != 0;
    guestSum = (bits & 8) != 0;
    long satp = translated ? (m.user() ? userTables : tables).atp(1) : 0;
    csr(Csr.PMPADDR0, -1);
    csr(Csr.PMPCFG0, 0x1f);
    csr(Csr.MTVEC, HANDLER);
    csr(Csr.MENVCFG, 1L << ADUE);
    csr(Csr.HENVCFG, 1L << ADUE);
    csr(Csr.SATP, m.virtual ? 0 : satp);
    csr(Csr.VSATP, m.virtual ? satp : 0);
    csr(Csr.HGATP, m.virtual ? 8L << 60 | STAGE2 >>> 12 : 0);
    csr(Csr.VSSTATUS, (guestSum ? 1L << 18 : 0) | (guestMxr ? 1L << 19 : 0));
    csr(Csr.MSTATUS, (hostSum ? 1L << 18 : 0) | (hostMxr ? 1L << 19 : 0));
  }

  private void map(long va, int target) {
    long rights = RIGHTS[target % RIGHTS.length];
    (mode.user() ? userTables : tables).map(va, physical(target), rights | 0xc1, 0);
    mapped.put(va, new Page(physical(target), rights, content(target)));
  }

  private void unmap(long va) {
    (mode.user() ? userTables : tables).map(va, 0, 0, 0);
    mapped.remove(va);
    hart.setMode(Hart.M, false);
    if (mode.virtual) {
      hart.mmu().fenceGuest(false, va, -1);
    } else {
      hart.mmu().fenceHost(false, va, -1);
    }
  }

  // ---- the attack

  private record Shot(long va, long data) {}

  private void attack(String when) {
    List<Shot> shots = new ArrayList<>();
    for (long target : TARGETS) {
      Page page = mapped.get(target);
      for (long offset : OFFSETS) {
        shots.add(new Shot(target + offset, page == null ? 0x3c : page.content));
      }
    }
    long at = TABLE;
    for (Shot s : shots) {
      poke(at, s.va);
      poke(at + 8, s.data * 0x0101_0101_0101_0101L);
      at += 16;
    }
    poke(at, MARK);
    for (int round = 0; round < 2; round++) { // the second one in translated code
      if (!mode.mprv) {
        run(JUMPS);
        for (int i = 0; i < shots.size(); i++) {
          long va = shots.get(i).va & -2;
          String where = "%s, %s: fetch at %x".formatted(when, mode, va);
          assertEquals(fetchCause(va), peek(LOG + 8L * i), where);
        }
      }
      run(mode.mprv ? WITH_MPRV : CODE);
      long log = LOG;
      for (Shot s : shots) {
        for (Access a : ACCESSES) {
          check(when, s, a, peek(log), peek(log + 8));
          log += 16;
        }
      }
    }
    for (int i = 0; i < TARGETS.length; i++) {
      for (long b = 0; b < 4096; b += 8) {
        assertEquals(content(i) * 0x0101_0101_0101_0101L, peek(physical(i) + b), when);
      }
    }
  }

  private void run(long program) {
    hart.x(9, 0);
    hart.x(19, 1L << 17 | (long) mode.privilege << 11 | (mode.virtual ? 1L << 39 : 0));
    hart.x(20, MARK);
    hart.setMode(mode.mprv || mode == Mode.M ? Hart.M : mode.privilege, mode.virtual && !mode.mprv);
    hart.pc = program;
    for (int i = 0; i < 1000 && !isDone(); i++) {
      hart.run(20_000);
    }
    assertTrue(isDone(), "the program has not ended");
  }

  private boolean isDone() {
    return hart.x(11) == MARK && hart.x(9) != 0;
  }

  private void check(String when, Shot s, Access a, long value, long cause) {
    long expectedCause = cause(s.va, a);
    long expected = MARK;
    if (expectedCause < 0 && !a.text.startsWith("s")) {
      long content = page(s.va).content * 0x0101_0101_0101_0101L;
      int unused = 64 - 8 * a.bytes;
      expected = a.signed ? content << unused >> unused : content << unused >>> unused;
    }
    if (cause != expectedCause || value != expected) {
      throw new AssertionError(
          "%s, %s, MXR %b/%b, SUM %b/%b: %s at %x gives %x and cause %d, not %x and %d"
              .formatted(
                  when,
                  mode,
                  hostMxr,
                  guestMxr,
                  hostSum,
                  guestSum,
                  a.text,
                  s.va,
                  value,
                  cause,
                  expected,
                  expectedCause));
    }
  }

  private Page page(long va) {
    return mapped.getOrDefault(va & -4096, new Page(0, 0, 0));
  }

  /** The cause of the trap, or -1. */
  private long cause(long va, Access a) {
    if (a.atomic && (va & (a.bytes - 1)) != 0) {
      return a.store ? Cause.STORE_MISALIGNED : Cause.LOAD_MISALIGNED;
    }
    if (!paging) { // all of it is beside RAM
      return a.store ? Cause.STORE_ACCESS_FAULT : Cause.LOAD_ACCESS_FAULT;
    }
    if (may(va, a) && may(va + a.bytes - 1, a)) {
      return -1;
    }
    return a.store ? Cause.STORE_PAGE_FAULT : Cause.LOAD_PAGE_FAULT;
  }

  private long fetchCause(long va) {
    if (!paging) {
      return Cause.INSTRUCTION_ACCESS_FAULT;
    }
    long rights = page(va).rights;
    boolean allowed = (rights & 8) != 0 && mode.user() == ((rights & 0x10) != 0);
    return allowed ? -1 : Cause.INSTRUCTION_PAGE_FAULT;
  }

  private boolean may(long va, Access a) {
    long rights = page(va).rights;
    boolean sum = mode.virtual ? guestSum : hostSum;
    boolean mxr = hostMxr || mode.virtual && guestMxr;
    if (mode.user() ? (rights & 0x10) == 0 : (rights & 0x10) != 0 && !sum) {
      return false;
    }
    return a.store ? (rights & 4) != 0 : (rights & 2) != 0 || mxr && (rights & 8) != 0;
  }
}
