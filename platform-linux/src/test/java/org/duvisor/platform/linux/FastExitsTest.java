package org.duvisor.platform.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.duvisor.hypervisor.vcpu.FirmwareEvent;
import org.duvisor.isa.Csr;
import org.duvisor.platform.FastExits;
import org.duvisor.platform.FastExits.Kind;
import org.duvisor.virtio.Doorbell;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every fast exit against its handler in Java: guests that do random things, and hostile ones, must
 * not be able to tell one from the other.
 */
class FastExitsTest {
  private static final long ALL = (1L << Kind.values().length) - 1;
  private static final long LOG = StubRig.GUEST + 0x1_0000;
  private static final long LOG_BYTES = 0x8000;
  private static final int OPERATIONS = 160;

  /** Guest memory that nobody touches before. */
  private static final long FRESH = StubRig.GUEST + 0x4_0000;

  /** Functions that return. */
  private static final long CODE = FRESH + 0x6_7000;

  private static final long MORE_CODE = StubRig.GUEST + 0x41_7000;

  /** In it, a stage-1 table that maps everything to itself. */
  private static final long STAGE1 = FRESH + 0x8_0000;

  private static final long END = StubRig.GUEST + RigVm.RAM_BYTES;

  private static final long BASE = 0x10;
  private static final long TIME = 0x54494D45;
  private static final long IPI = 0x735049;
  private static final long RFENCE = 0x52464E43;
  private static final long HSM = 0x48534D;
  private static final long SRST = 0x53525354;
  private static final long PMU = 0x504D55;

  private static final long[] EXTENSIONS = {
    BASE,
    BASE,
    TIME,
    IPI,
    IPI,
    IPI,
    RFENCE,
    RFENCE,
    HSM,
    PMU,
    PMU,
    0x4442434E,
    2,
    3,
    0,
    0x1234567,
    0x1_0000_0010L,
    -BASE,
    IPI | 1L << 63
  };
  private static final long[] FUNCTIONS = {0, 0, 0, 1, 2, 3, 4, 5, 6, 7, -1, 1L << 32, 1L << 63};
  private static final long[] FIRST = {
    0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, -1, 1L << 63, BASE, TIME, IPI, HSM, SRST, 0x4442434E, 0x77
  };
  private static final long[] SECOND = {0, 0, 0, 1, 2, 3, 62, 63, 64, 65, -1, -2, 1L << 63};
  private static final String[] OTHERS = {
    "csrci sip, 2",
    "csrsi sie, 2",
    "csrci sie, 2",
    "fadd.d f1, f1, f2",
    "fmv.x.d a0, f1",
    "fcvt.d.l f2, a0",
    "csrwi frm, 2",
    "frcsr a0",
    "csrsi sie, 2\ncsrsi sip, 2\nwfi\ncsrci sip, 2",
    "wfi",
    "wrs.nto",
    "rdtime a0",
    "fence.i",
    "li a3, %d\njalr a3".formatted(CODE),
    "li a3, %d\njalr a3".formatted(MORE_CODE),
    "li a2, %d\ncsrw satp, a2\nsfence.vma\nnop\ncsrw satp, x0\nsfence.vma"
        .formatted(8L << 60 | STAGE1 >>> 12)
  };

  private static long pick(SplittableRandom random, long[] from) {
    return from[random.nextInt(from.length)];
  }

  private static final int[] SOURCES = {0, 1, 2, 5, 6, 7, 9, 10, 12, 15, 28, 31};
  private static final long[] QUEUES = {0, 0, 0, 1, 1, 2, 4, 5, 63, 64, -1, 1L << 32, 1L << 33 | 4};
  private static final long[] REGISTERS = {
    RigVm.NOTIFY + 0x1000,
    RigVm.NOTIFY + 0x1000,
    RigVm.NOTIFY + 0x1000,
    RigVm.NOTIFY,
    RigVm.NOTIFY + 0x2000,
    RigVm.NOTIFY + 0x1004,
    RigVm.NOTIFY + 0x1002,
    RigVm.NOTIFY + 0xff0
  };

  /** A store to a device: its notification register or another, of any width, from any register. */
  private static String store(SplittableRandom random) {
    int source = SOURCES[random.nextInt(SOURCES.length)];
    String width = new String[] {"sw", "sw", "sw", "sw", "sd", "sh", "sb"}[random.nextInt(7)];
    long offset = random.nextInt(3) * 4L;
    String set = source == 0 ? "" : "li x%d, %d\n".formatted(source, pick(random, QUEUES));
    String base = "li a3, %d\n".formatted(pick(random, REGISTERS) - offset);
    boolean compressed = random.nextInt(3) == 0 && (source == 10 || source == 12 || source == 15);
    String store =
        compressed
            ? "c.sw x%d, %d(a3)\n".formatted(source, offset)
            : "%s x%d, %d(a3)\n".formatted(width, source, offset);
    return set + base + store + (compressed ? "c.nop\n" : "");
  }

  /** An access to guest memory, mostly a page's first; or to where there is none. */
  private static String touch(SplittableRandom random) {
    long[] odd = {END, END - 8, END + 0x1000, StubRig.GUEST - 8, 0, -8, 1L << 40, 1L << 41};
    long page = FRESH + 0x10_0000 + random.nextLong((END - FRESH - 0x10_0000) / 4096) * 4096;
    long at = random.nextInt(5) == 0 ? pick(random, odd) : page + random.nextInt(500) * 8L;
    String[] accesses = {"ld a0, (a3)", "sd a0, (a3)", "sb a0, (a3)", "amoadd.d a0, a0, (a3)"};
    return "li a3, %d\n%s\n".formatted(at, accesses[random.nextInt(accesses.length)]);
  }

  /** Operations, with what each has left in registers and CSRs to the log; then the end. */
  private static String program(SplittableRandom random) {
    StringBuilder out =
        new StringBuilder("li s0, %d\nli t0, 3 << 13\ncsrs sstatus, t0\n".formatted(LOG));
    out.append(counters());
    out.append(
        "la t0, handler\ncsrw stvec, t0\nli s1, 0x123456789\nfcvt.d.l f1, s1\nfcvt.d.l f2, s0\n");
    for (int i = 0; i < OPERATIONS; i++) {
      if (random.nextInt(4) == 0) {
        out.append(store(random));
      } else if (random.nextInt(4) == 0) {
        out.append(touch(random));
      } else if (random.nextInt(4) == 0) {
        out.append(OTHERS[random.nextInt(OTHERS.length)]).append('\n');
      } else {
        long extension = pick(random, EXTENSIONS);
        long function = pick(random, FUNCTIONS);
        out.append("li a7, %d\n".formatted(extension));
        boolean stops = extension == HSM && function == 1; // the end of this guest
        out.append("li a6, %d\n".formatted(stops ? 2 : function));
        out.append("li a0, %d\n".formatted(pick(random, FIRST)));
        out.append("li a1, %d\n".formatted(pick(random, SECOND)));
        out.append("li a2, %d\nli a3, %d\n".formatted(random.nextLong(), random.nextInt(9000)));
        for (int r : new int[] {5, 6, 7, 28, 29}) {
          out.append("li x%d, %d\n".formatted(r, random.nextLong()));
        }
        out.append("ecall\n");
      }
      out.append("sd a0, 0(s0)\nsd a1, 8(s0)\nsd t0, 16(s0)\nsd t1, 24(s0)\nsd t2, 32(s0)\n");
      out.append("sd t3, 40(s0)\nsd t4, 48(s0)\n");
      out.append("csrr a5, sip\nsd a5, 56(s0)\ncsrr a5, stimecmp\nsd a5, 64(s0)\n");
      out.append("fsd f1, 72(s0)\nfsd f2, 80(s0)\naddi s0, s0, 88\n");
    }
    return out + shutdown() + HANDLER;
  }

  /** Firmware counters from 3 on for all firmware events, which count from now on. */
  private static String counters() {
    StringBuilder out = new StringBuilder();
    for (FirmwareEvent e : FirmwareEvent.values()) {
      out.append("li a7, %d\nli a6, 2\nli a0, 3\nli a1, 0xffff\nli a2, 6\n".formatted(PMU));
      out.append("li a3, %d\nli a4, 0\necall\n".formatted(0xf0000 | e.code()));
    }
    return out.toString();
  }

  /** Of the guest's exceptions: on with the next instruction. */
  private static final String HANDLER =
      """
      handler:
        csrw sscratch, t0
        csrr t0, sepc
        addi t0, t0, 4
        csrw sepc, t0
        csrr t0, sscratch
        sret
      """;

  private static String shutdown() {
    return "li a7, %d\nli a6, 0\nli a0, 0\nli a1, 0\necall\n".formatted(SRST);
  }

  /** Half of the seeds with blocks of 2 MiB. */
  private static RigVm run(long allowed, long seed, String program) {
    RigVm vm = new RigVm(allowed, seed % 2 == 0 ? 4096 : 2 << 20).waiting(seed % 4 << 1);
    vm.rig.program(CODE, "ret");
    vm.rig.program(MORE_CODE, "ret");
    vm.rig.put(STAGE1 + 8 * (StubRig.GUEST >>> 30), StubRig.GUEST >>> 30 << 28 | 0xcf);
    return vm.run(program);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void aGuestCannotTellFastExitsFromTheHandlers(long seed) {
    String program = program(new SplittableRandom(seed));
    RigVm slow = run(0, seed, program);
    for (int kind = -1; kind < Kind.values().length; kind++) {
      RigVm fast = run(kind < 0 ? ALL : 1L << kind, seed, program);
      String what = kind < 0 ? "all" : Kind.values()[kind].name();
      assertEquals(slow.events, fast.events, what);
      for (long at = LOG; at < LOG + LOG_BYTES; at += 8) {
        long offset = (at - LOG) % 88;
        long operation = (at - LOG) / 88;
        assertEquals(
            slow.rig.get(at),
            fast.rig.get(at),
            () -> "%s, operation %d, field %d".formatted(what, operation, offset));
      }
      assertEquals(slow.rig.get(RigVm.DOORBELL), fast.rig.get(RigVm.DOORBELL), what);
      for (long at = RigVm.TABLES; at < RigVm.TABLES + 0x2_0000; at += 8) {
        assertEquals(slow.rig.get(at), fast.rig.get(at), what + ", stage 2");
      }
      for (int csr :
          new int[] {Csr.HUVIP, Csr.HUVSTIMECMP, Csr.VIPI0, Csr.HUVSSTATUS, Csr.HUVSIE}) {
        assertEquals(slow.rig.csr(csr), fast.rig.csr(csr), what + ", " + Csr.name(csr));
      }
      for (int r = 1; r < 32; r++) {
        assertEquals(slow.rig.context(Context.X + 8 * r), fast.rig.context(Context.X + 8 * r));
        assertEquals(slow.rig.context(Context.F + 8 * r), fast.rig.context(Context.F + 8 * r));
      }
      assertTrue(kind >= 0 || fast.entries < slow.entries, "something was fast");
    }
  }

  private static RigVm repeat(int times, String body) {
    return new RigVm(ALL)
        .run(
            "li s1, %d\n1:\n%s\naddi s1, s1, -1\nbnez s1, 1b\n".formatted(times, body)
                + shutdown());
  }

  @Test
  void whatIsSimpleNeedsNoJava() {
    String call = "li a7, %d\nli a6, %d\nli a0, %d\nli a1, %d\necall";
    assertEquals(100, repeat(100, call.formatted(BASE, 0, 0, 0)).fast(Kind.SBI_BASE));
    assertEquals(100, repeat(100, call.formatted(BASE, 3, IPI, 0)).fast(Kind.SBI_BASE));
    assertEquals(100, repeat(100, call.formatted(TIME, 0, 1 << 30, 0)).fast(Kind.SBI_TIMER));
    assertEquals(100, repeat(100, call.formatted(IPI, 0, 1, 0)).fast(Kind.SBI_IPI));
    assertEquals(100, repeat(100, call.formatted(IPI, 0, 3, 1)).fast(Kind.SBI_IPI));
    assertEquals(100, repeat(100, call.formatted(RFENCE, 1, 1, 0)).fast(Kind.SBI_RFENCE));
    assertEquals(100, repeat(100, "csrsi sie, 2\ncsrsi sip, 2\nwfi").fast(Kind.WFI));
    assertEquals(2, repeat(100, call.formatted(BASE, 0, 0, 0)).entries); // a table, and the end
  }

  private static String call(long extension, int function, long a0, long a1) {
    return "li a7, %d\nli a6, %d\nli a0, %d\nli a1, %d\necall\n"
        .formatted(extension, function, a0, a1);
  }

  /** Adversary: a firmware counter that knows only of what Java has seen. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void firmwareCountersCountFastExitsToo(boolean fast) {
    RigVm vm =
        new RigVm(fast ? ALL : 0)
            .waiting(4)
            .run(
                counters()
                    + call(TIME, 0, 1 << 30, 0).repeat(3)
                    + call(IPI, 0, 1, 0).repeat(2) // to itself
                    + call(IPI, 0, 3, 0).repeat(5)
                    + call(IPI, 0, 6, 0).repeat(7) // vCPU 2 waits
                    + call(RFENCE, 1, 1, 0).repeat(2)
                    + call(RFENCE, 0, 3, 0).repeat(4)
                    + "li s0, %d\n".formatted(LOG)
                    + call(PMU, 5, 3, 0)
                    + "sd a1, 0(s0)\n"
                    + call(PMU, 5, 4, 0)
                    + "sd a1, 8(s0)\n"
                    + call(PMU, 5, 6, 0)
                    + "sd a1, 16(s0)\n"
                    + call(PMU, 5, 8, 0)
                    + "sd a1, 24(s0)\n"
                    + shutdown());
    assertEquals(3, vm.rig.get(LOG), "set_timer");
    assertEquals(5 + 2 * 7, vm.rig.get(LOG + 8), "IPIs to others");
    assertEquals(4, vm.rig.get(LOG + 16), "fence.i to others");
    assertEquals(0, vm.rig.get(LOG + 24), "sfence.vma to others");
  }

  @Test
  void aQueueIsLeftForAThreadThatIsAwake() {
    String ring = "li a1, %d\nli a0, 4\n".formatted(RigVm.NOTIFY + 0x1000);
    RigVm vm = repeat(100, ring + "sw a0, (a1)\nli a0, 1\nc.sw a0, 0(a1)\nc.nop");
    assertEquals(200, vm.fast(Kind.DOORBELL));
    assertEquals(0x12, vm.rig.get(RigVm.DOORBELL));
    RigVm asleep = new RigVm(ALL);
    asleep.rig.put(RigVm.DOORBELL + Doorbell.ASLEEP, 1);
    asleep.run(ring + "sw a0, (a1)\n" + shutdown());
    assertEquals(0, asleep.fast(Kind.DOORBELL));
    assertEquals(0x10, asleep.rig.get(RigVm.DOORBELL));
  }

  private static String touchAll(long from, long step, int times) {
    return "li s0, %d\nli s2, %d\nli s1, %d\n1:\nsd s0, (s0)\nadd s0, s0, s2\naddi s1, s1, -1\nbnez s1, 1b\n"
            .formatted(from, step, times)
        + shutdown();
  }

  @Test
  void aPageWhoseTableExistsNeedsNoJava() {
    long second = StubRig.GUEST + (2 << 20);
    RigVm vm = new RigVm(ALL).run(touchAll(second, 4096, 768));
    assertEquals(766, vm.fast(Kind.FAULT_4K));
    assertEquals(4, vm.entries); // the tables of the code and of two blocks, and the end
    RigVm large = new RigVm(ALL, 2 << 20).run(touchAll(second, 4096, 768));
    assertEquals(255, large.fast(Kind.FAULT_4K));
    assertEquals(1, large.fast(Kind.FAULT_2M));
    assertEquals(3, large.entries); // the code's block, the table of the half block, and the end
    for (RigVm each : new RigVm[] {vm, large}) {
      assertEquals(0, each.rig.get(StubRig.FAST + FastExits.BUSY));
    }
  }

  /** Tables that are taken away are not looked at any more, however the guest faults. */
  @Test
  void tablesThatWereWithdrawnAreLeftAlone() {
    RigVm vm = new RigVm(ALL);
    vm.before = _ -> vm.rig.put(StubRig.FAST + FastExits.ROOT, 0);
    vm.run(touchAll(FRESH, 4096, 20));
    assertEquals(0, vm.fast(Kind.FAULT_4K));
    assertEquals(0, vm.rig.get(StubRig.FAST + FastExits.BUSY));
    assertEquals(FRESH, vm.rig.get(FRESH));
  }

  /** An entry that is there, and with which the hart faults all the same, is Java's. */
  @Test
  void anEntryThatIsThereIsNotOverwritten() {
    for (long allowed : new long[] {0, ALL}) {
      RigVm vm = new RigVm(allowed);
      long page = FRESH + 0x5000;
      vm.before =
          entry -> {
            if (entry == 2) { // the table is that of the code
              vm.rig.put(vm.entry(page), 2);
            }
          };
      vm.run("li s0, %d\nli a7, 99\necall\nsd s0, (s0)\n".formatted(page) + shutdown());
      assertEquals(2, vm.rig.get(vm.entry(page)));
      assertTrue(vm.events.toString().contains("faults again and again"), vm.events.toString());
    }
  }

  @Test
  void aTargetThatWaitsIsWokenByJava() {
    RigVm vm =
        new RigVm(ALL)
            .waiting(2)
            .run("li a7, %d\nli a6, 0\nli a0, 6\nli a1, 0\necall\n".formatted(IPI) + shutdown());
    assertEquals("[kick 1, off, kick 1, kick 2]", vm.events.toString());
    assertEquals(0, vm.fast(Kind.SBI_IPI));
    assertEquals(6, vm.rig.csr(Csr.VIPI0));
  }

  /** The other end of an IPI: a post to the vCPU while its guest runs. */
  @Test
  void aPostBecomesAnInterruptOfTheGuest() {
    for (long allowed : new long[] {0, ALL}) {
      RigVm vm = new RigVm(allowed);
      vm.before = entry -> vm.rig.posts.post(entry == 1 ? 1 : 0, 1);
      vm.run(
          "1: csrr a0, sip\nandi a0, a0, 2\nbeqz a0, 1b\nli s0, %d\nsd a0, 0(s0)\n".formatted(LOG)
              + shutdown());
      assertEquals(2, vm.rig.get(LOG));
      assertEquals(0, vm.rig.csr(Csr.VIPI0));
      assertEquals(allowed == 0 ? 0 : 1, vm.fast(Kind.IPI));
    }
  }

  /** How long the fast path is, in instructions: what the guest waits for. */
  @Test
  void aNullCallIsAnsweredInAFewInstructions() {
    int many = 1000;
    String body = "li a7, 16\nli a6, 0\necall";
    long with = repeat(many, body).rig.hart.retired;
    long without = repeat(many, body.replace("ecall", "nop")).rig.hart.retired;
    assertTrue((with - without) / many <= 60, "it takes " + (with - without) / (double) many);
  }
}
