package org.duvisor.conformance.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.platform.Capabilities;
import org.duvisor.platform.Delegation;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.DvException;
import org.duvisor.platform.DvException.Reason;
import org.duvisor.platform.Fence;
import org.duvisor.platform.Grant;
import org.duvisor.platform.HuHart;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Everything {@link DvDriver} and {@link HuHart} promise; names tell the adversary where there is
 * one.
 */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
abstract class DvDriverContract extends Peer {
  private static final String SPIN = "1: j 1b";
  private static final String COUNT =
      "li a1, 0x80001000\n1: ld a0, (a1)\naddi a0, a0, 1\nsd a0, (a1)\nj 1b";

  private static boolean isZero(MemorySegment s) {
    return s.mismatch(MemorySegment.ofArray(new byte[(int) s.byteSize()])) == -1;
  }

  // ---- grants

  @Test
  void capabilitiesAreUsable() {
    Capabilities c = open().capabilities();
    assertTrue(
        c.windows() > 1
            && Long.bitCount(c.grantGranule()) == 1
            && c.timebaseHertz() > 0
            && c.stage2Modes() != 0);
  }

  @Test
  void D4_grantsAreZeroedAlignedAndDisjoint() {
    DvDriver d = open();
    long granule = d.capabilities().grantGranule();
    Grant a = d.grant(granule, Grant.Use.GUEST_MEMORY);
    Grant b = d.grant(2 * granule, Grant.Use.STAGE2_TABLES);
    assertEquals(0, a.hpa() % granule | b.hpa() % granule);
    assertTrue(a.hpa() + a.bytes() <= b.hpa() || b.hpa() + b.bytes() <= a.hpa());
    assertTrue(isZero(a.memory()) && isZero(b.memory()));
    assertEquals(granule, a.bytes());
    b.memory().fill((byte) 0x5a);
    assertTrue(isZero(a.memory()));
    d.revoke(b);
    DvDriver other = open();
    for (int i = 0; i < 3; i++) {
      assertTrue(isZero(other.grant(granule, Grant.Use.GUEST_MEMORY).memory()));
    }
  }

  @Test
  void D1_sizesThatAreNoGranulesAreRefused() {
    DvDriver d = open();
    long granule = d.capabilities().grantGranule();
    for (long bytes : new long[] {0, -granule, granule - 1, granule + 4096, Long.MIN_VALUE, 1}) {
      refused(Reason.INVALID, () -> d.grant(bytes, Grant.Use.GUEST_MEMORY));
    }
    for (long bytes : new long[] {Long.MAX_VALUE & -granule, 1L << 46}) {
      DvException e = assertThrows(DvException.class, () -> d.grant(bytes, Grant.Use.GUEST_MEMORY));
      // more than there is, and more than the quota of a platform that has one
      assertTrue(e.reason() == Reason.NO_MEMORY || e.reason() == Reason.LIMIT, e::getMessage);
    }
    assertEquals(granule, d.grant(granule, Grant.Use.GUEST_MEMORY).bytes());
  }

  @Test
  void D6_windowsAreALimitAndComeBack() {
    DvDriver d = open();
    long granule = d.capabilities().grantGranule();
    List<Grant> all = new ArrayList<>();
    for (int i = 0; i < d.capabilities().windows(); i++) {
      all.add(d.grant(granule, Grant.Use.GUEST_MEMORY));
    }
    refused(Reason.LIMIT, () -> d.grant(granule, Grant.Use.GUEST_MEMORY));
    d.revoke(all.get(3));
    assertEquals(granule, d.grant(granule, Grant.Use.GUEST_MEMORY).bytes());
  }

  @Test
  void D3_revokedMemoryIsDeadAndOnlyTheOwnerRevokes() {
    DvDriver d = open();
    Grant g = d.grant(d.capabilities().grantGranule(), Grant.Use.GUEST_MEMORY);
    refused(Reason.INVALID, () -> open().revoke(g));
    d.revoke(g);
    assertThrows(IllegalStateException.class, () -> g.memory().get(ValueLayout.JAVA_BYTE, 0));
    refused(Reason.INVALID, () -> d.revoke(g));
  }

  /** The attack needs the same memory, of which the kernel may have taken a page in between. */
  @Test
  void D3_hostileVcpuSpinsOnARevokedPage() throws InterruptedException {
    int attempts = 0;
    while (!aVcpuSpinsOnAPageThatTheNextVmGets()) {
      assertTrue(++attempts < 8, "the memory went to no VM");
    }
  }

  private boolean aVcpuSpinsOnAPageThatTheNextVmGets() throws InterruptedException {
    TinyVm vm = new TinyVm(open());
    vm.program(0, COUNT);
    AtomicReference<Reason> end = new AtomicReference<>();
    start(
        () -> {
          try (HuHart h = vm.driver.register(0)) {
            vm.prepare(h, 0);
            while (true) {
              h.enter();
            }
          } catch (DvException e) {
            end.set(e.reason());
          }
        });
    until(() -> vm.word(0x1000) != 0);
    vm.driver.revoke(vm.ram);
    DvDriver other = open();
    long granule = other.capabilities().grantGranule();
    boolean same = false;
    try { // there is a window for each try
      while (!same) {
        Grant next = other.grant(granule, Grant.Use.GUEST_MEMORY);
        same = next.hpa() == vm.ram.hpa();
        assertTrue(isZero(next.memory()));
      }
    } catch (DvException e) {
      assertEquals(Reason.LIMIT, e.reason());
    }
    until(() -> end.get() != null);
    assertEquals(Reason.GONE, end.get());
    other.close();
    return same;
  }

  // ---- delegation

  @Test
  void delegationOutsideTheMasksIsRefusedAsAWhole() {
    TinyVm vm = new TinyVm(open());
    Delegation d = Delegation.RECOMMENDED;
    for (int bit = 0; bit < 64; bit++) {
      long b = 1L << bit;
      Delegation[] bad = {
        new Delegation(d.exceptionsToHu() | b, 0, 0, 0),
            new Delegation(0, d.interruptsToHu() | b, 0, 0),
        new Delegation(0, 0, d.exceptionsToGuest() | b, 0),
            new Delegation(0, 0, 0, d.interruptsToGuest() | b)
      };
      for (Delegation x : bad) {
        if (!x.isLegal()) {
          refused(Reason.PERMISSION, () -> vm.driver.delegate(x));
        }
      }
    }
    vm.program(0, "ecall");
    try (HuHart h = vm.driver.register(0)) {
      vm.prepare(h, 0);
      h.enter();
      assertEquals(Cause.ECALL_VS, h.csr(Csr.UCAUSE)); // still delegated
    }
  }

  @Test
  void D8_exceptionThatNobodyTakesKillsTheVmOnly() {
    TinyVm vm = new TinyVm(open());
    TinyVm other = new TinyVm(open());
    vm.driver.delegate(new Delegation(0, 0, 0, 0));
    vm.program(0, "ecall");
    other.program(0, "ecall");
    try (HuHart h = vm.driver.register(0)) {
      vm.prepare(h, 0);
      refused(Reason.GONE, h::enter);
      refused(Reason.GONE, h::enter);
    }
    refused(Reason.GONE, () -> vm.driver.register(1));
    try (HuHart h = other.driver.register(0)) {
      other.prepare(h, 0);
      h.enter();
      assertEquals(Cause.ECALL_VS, h.csr(Csr.UCAUSE));
    }
  }

  // ---- vCPUs

  @Test
  void registersStartAsZeroAndAgainForTheNextThread() {
    TinyVm vm = new TinyVm(open());
    vm.program(0, "li sp, -5\nli t6, 7\ncsrw sscratch, t6\nfcvt.d.l f3, t6\necall");
    for (int round = 0; round < 3; round++) {
      try (HuHart h = vm.driver.register(5)) {
        assertEquals(5, h.vcpu());
        for (int i = 0; i < 32; i++) {
          assertEquals(0, h.x(i));
        }
        for (int csr :
            new int[] {
              Csr.UEPC,
              Csr.UCAUSE,
              Csr.HUVSSCRATCH,
              Csr.HUVSATP,
              Csr.HUVIP,
              Csr.HUIE,
              Csr.UTVAL,
              Csr.HUVSTVEC
            }) {
          assertEquals(0, h.csr(csr), Csr.name(csr));
        }
        assertEquals(2L << 32, h.csr(Csr.HUSTATUS));
        assertEquals(5, h.csr(Csr.VCPUID));
        vm.prepare(h, 0);
        h.csr(Csr.HUVSSTATUS, 1 << 13);
        h.x(0, 99);
        h.enter();
        assertEquals(Cause.ECALL_VS, h.csr(Csr.UCAUSE));
        assertEquals(0, h.x(0));
        assertEquals(-5, h.x(2));
        assertEquals(7, h.csr(Csr.HUVSSCRATCH));
      }
    }
  }

  @Test
  void registersThatAreNotWhatWasWritten() {
    DvDriver d = open();
    try (HuHart h = d.register(0)) {
      h.csr(Csr.FCSR, -1L << 8 | 0x65); // the guest's, not the host's rounding
      assertEquals(0x65, h.csr(Csr.FCSR));
      assertEquals(3, h.csr(Csr.FRM));
      assertEquals(5, h.csr(Csr.FFLAGS));
      h.csr(Csr.FRM, 1);
      h.csr(Csr.FFLAGS, 0x12);
      assertEquals(0x32, h.csr(Csr.FCSR));
      h.csr(Csr.UTVEC, 0x1001);
      h.csr(Csr.UTVEC, 0x2002); // no such mode: the one before stays
      assertEquals(0x2001, h.csr(Csr.UTVEC));
    }
  }

  /** Adversary: a hypervisor that leaves its VMs to threads which end without a word. */
  @Test
  void D3_threadEndsAfterItsVmWasClosed() throws InterruptedException {
    for (int i = 0; i < 20; i++) {
      DvDriver d = open();
      var registered = new CountDownLatch(1);
      var closed = new CountDownLatch(1);
      Thread t =
          start(
              () -> {
                d.register(3);
                registered.countDown();
                closed.await();
              });
      registered.await();
      d.close();
      closed.countDown();
      t.join();
    }
    open().register(3).close();
  }

  @Test
  void registrationIsCheckedAndExclusive() throws InterruptedException {
    DvDriver d = open();
    for (int bad : new int[] {-1, 64, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
      refused(Reason.INVALID, () -> d.register(bad));
    }
    HuHart h = d.register(7);
    refused(Reason.BUSY, () -> d.register(7));
    refused(Reason.BUSY, () -> d.register(8));
    refused(Reason.BUSY, () -> open().register(0)); // a thread is a vCPU of one VM
    start(() -> refused(Reason.BUSY, () -> d.register(7))).join();
    Thread.startVirtualThread(() -> refused(Reason.INVALID, () -> d.register(9))).join();
    h.close();
    h.close();
    d.register(7).close();
  }

  @Test
  void D5_anotherThreadUsesAVcpu() throws InterruptedException {
    TinyVm vm = new TinyVm(open());
    try (HuHart h = vm.driver.register(0)) {
      start(
              () -> {
                refused(Reason.GONE, () -> h.x(1));
                refused(Reason.GONE, () -> h.x(1, 1));
                refused(Reason.GONE, () -> h.csr(Csr.UEPC));
                refused(Reason.GONE, () -> h.csr(Csr.UEPC, 4));
                refused(Reason.GONE, h::enter);
                refused(Reason.GONE, () -> h.idle(0));
                refused(Reason.GONE, h::stolenNanos);
                refused(Reason.GONE, () -> h.fenceGvma(-1));
                refused(Reason.GONE, () -> h.fenceVvma(-1, -1));
                refused(Reason.GONE, h::fenceI);
                refused(Reason.INVALID, h::close);
              })
          .join();
      assertEquals(0, h.x(1));
    }
  }

  @Test
  void D3_unregisteredVcpuReadsTheRegistersOfTheNextOne() {
    TinyVm vm = new TinyVm(open());
    HuHart old = vm.driver.register(0);
    old.close();
    try (HuHart h = open().register(0)) {
      h.x(1, 0x5ec7e7);
      refused(Reason.GONE, () -> old.x(1));
      refused(Reason.GONE, () -> old.x(1, 0));
      refused(Reason.GONE, () -> old.csr(Csr.UEPC));
      refused(Reason.GONE, () -> old.csr(Csr.UEPC, 8));
      refused(Reason.GONE, old::enter);
      assertEquals(0x5ec7e7, h.x(1));
    }
  }

  @Test
  void D3_threadEndsWithoutUnregistering() throws InterruptedException {
    DvDriver d = open();
    start(() -> d.register(0)).join();
    d.register(0).close();
    start(() -> d.register(1)).join();
  }

  @Test
  void hypervisorEntersWithNothingToEnter() {
    TinyVm vm = new TinyVm(open());
    try (HuHart h = vm.driver.register(0)) {
      vm.prepare(h, 0);
      h.csr(Csr.HUSTATUS, 0);
      refused(Reason.INVALID, h::enter);
      vm.prepare(h, 0);
      h.csr(Csr.HUGATP, 0);
      refused(Reason.PERMISSION, h::enter);
      vm.program(0, "ecall");
      vm.prepare(h, 0);
      h.enter();
      assertEquals(Cause.ECALL_VS, h.csr(Csr.UCAUSE));
    }
  }

  @Test
  void G2_hostileHypervisorAsksForCsrsOfTheHost() {
    try (HuHart h = open().register(0)) {
      for (int csr :
          new int[] {
            0x102, 0x103, 0x6c0, 0x6c1, 0x6c2, 0x6c4, 0x6c5, 0x6c6, 0x100, 0x105, 0x180, 0x200,
            0x300, 0x304, 0x680
          }) {
        refused(Reason.PERMISSION, () -> h.csr(csr));
        refused(Reason.PERMISSION, () -> h.csr(csr, -1));
      }
      assertThrows(IndexOutOfBoundsException.class, () -> h.x(32));
      assertThrows(IndexOutOfBoundsException.class, () -> h.x(-1, 0));
    }
  }

  @Test
  void W4_hostileHypervisorMapsMemoryOfAnotherVm() {
    TinyVm vm = new TinyVm(open());
    TinyVm victim = new TinyVm(open());
    victim.ram.memory().set(ValueLayout.JAVA_LONG, 0, 0x5ec7e7);
    vm.map(TinyVm.RAM + (2 << 20), victim.ram.hpa());
    vm.program(0, "li a1, 0x80200000\nld a0, (a1)\nsd x0, (a1)\necall");
    try (HuHart h = vm.driver.register(0)) {
      vm.prepare(h, 0);
      refused(Reason.GONE, h::enter);
      assertEquals(0, h.x(10));
    }
    assertEquals(0x5ec7e7, victim.word(0));
  }

  @Test
  void W4_hostileHypervisorUsesTheTablesOfAnotherVm() {
    TinyVm vm = new TinyVm(open());
    TinyVm victim = new TinyVm(open());
    victim.program(0, "ecall");
    try (HuHart h = vm.driver.register(0)) {
      vm.prepare(h, 0);
      h.csr(Csr.HUGATP, victim.root());
      refused(Reason.GONE, h::enter);
    }
  }

  // ---- kicks and idling

  private HuHart spinning(TinyVm vm, int vcpu) {
    vm.program(0, SPIN);
    HuHart h = vm.driver.register(vcpu);
    vm.prepare(h, 0);
    return h;
  }

  @Test
  void kickBeforeEntryEndsTheEntryAtOnce() {
    TinyVm vm = new TinyVm(open());
    try (HuHart h = spinning(vm, 0)) {
      vm.driver.kick(0);
      h.enter();
      assertEquals(HuHart.HOST_EVENT, h.csr(Csr.UCAUSE));
      assertEquals(0x180, h.csr(Csr.HUSTATUS) & 0x181);
    }
  }

  @Test
  void kickWhileInTheGuest() throws InterruptedException {
    TinyVm vm = new TinyVm(open());
    vm.program(0, COUNT);
    AtomicReference<Long> cause = new AtomicReference<>();
    start(
        () -> {
          try (HuHart h = vm.driver.register(3)) {
            vm.prepare(h, 0);
            h.enter();
            cause.set(h.csr(Csr.UCAUSE));
          }
        });
    until(() -> vm.word(0x1000) != 0);
    vm.driver.kick(3);
    until(() -> cause.get() != null);
    assertEquals(HuHart.HOST_EVENT, cause.get());
  }

  @Test
  void kicksOfNobodyAreIgnored() {
    DvDriver d = open();
    for (int vcpu : new int[] {0, 63, 64, -1, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      d.kick(vcpu);
    }
  }

  @Test
  void idleEndsByKickAndByTime() throws InterruptedException {
    DvDriver d = open();
    try (HuHart h = d.register(0)) {
      d.kick(0);
      h.idle(-1); // the kick that came before
      h.idle(0); // long past
      long deadline = h.csr(Csr.TIME) + h.csr(Csr.TIME) % 7 + 20_000;
      while (h.csr(Csr.TIME) < deadline) {
        h.idle(deadline);
      }
      AtomicBoolean stop = new AtomicBoolean();
      Thread kicker =
          start(
              () -> {
                while (!stop.get()) {
                  d.kick(0);
                  Thread.sleep(1);
                }
              });
      h.idle(-1);
      h.idle(Long.MIN_VALUE);
      stop.set(true);
      kicker.join();
    }
  }

  @Test
  void kickStormLetsTheGuestStillRun() throws InterruptedException {
    TinyVm vm = new TinyVm(open());
    vm.program(0, "li a0, 100000\n1: addi a0, a0, -1\nbnez a0, 1b\necall");
    AtomicBoolean stop = new AtomicBoolean();
    Thread storm =
        start(
            () -> {
              while (!stop.get()) {
                vm.driver.kick(0);
                Thread.onSpinWait();
              }
            });
    try (HuHart h = vm.driver.register(0)) {
      vm.prepare(h, 0);
      for (int i = 0; i < 300; i++) {
        h.enter();
        assertTrue(h.csr(Csr.UCAUSE) == HuHart.HOST_EVENT || h.csr(Csr.UCAUSE) == Cause.ECALL_VS);
        h.csr(Csr.UEPC, TinyVm.RAM);
      }
      stop.set(true);
      storm.join();
      do {
        h.csr(Csr.UEPC, TinyVm.RAM);
        h.enter();
      } while (h.csr(Csr.UCAUSE) != Cause.ECALL_VS);
    }
  }

  @Test
  void collectionsGoOnWhileAVcpuIsInItsGuest() throws InterruptedException {
    TinyVm vm = new TinyVm(open());
    vm.program(0, COUNT);
    AtomicLong exits = new AtomicLong();
    AtomicBoolean stop = new AtomicBoolean();
    Thread vcpu =
        start(
            () -> {
              try (HuHart h = vm.driver.register(0)) {
                vm.prepare(h, 0);
                while (!stop.get()) {
                  h.enter(); // on Linux the host's interrupts bring it back now and then
                  assertEquals(HuHart.HOST_EVENT, h.csr(Csr.UCAUSE));
                  exits.incrementAndGet();
                }
              }
            });
    until(() -> vm.word(0x1000) != 0);
    int undisturbed = 0;
    for (int i = 0; i < 20; i++) {
      long counted = vm.word(0x1000);
      long before = exits.get();
      System.gc();
      vcpu.getStackTrace(); // a handshake with the vCPU's thread itself
      undisturbed += exits.get() == before ? 1 : 0;
      until(() -> vm.word(0x1000) != counted);
    }
    System.out.println("collections without an exit in between: " + undisturbed + " of 20");
    stop.set(true);
    vm.driver.kick(0);
    vcpu.join();
  }

  // ---- posts

  @Test
  void W6_postsStayInTheirDomain() throws InterruptedException {
    TinyVm vm = new TinyVm(open());
    TinyVm victim = new TinyVm(open());
    vm.program(0, SPIN);
    CountDownLatch posted = new CountDownLatch(1);
    start(
        () -> {
          try (HuHart h = victim.driver.register(1)) {
            posted.await();
            assertEquals(0, h.csr(Csr.VIPI0));
            assertEquals(0, h.csr(Csr.HUIP));
          }
        });
    try (HuHart h = vm.driver.register(0)) {
      h.csr(Csr.VIPI0, -1);
      h.csr(Csr.VIPICLR, -1);
      assertEquals(-2, h.csr(Csr.VIPI0)); // only its own is taken back
    }
    posted.countDown();
    try (HuHart h = vm.driver.register(1)) { // what was posted to it before is waiting
      vm.prepare(h, 0);
      h.enter();
      assertEquals(Cause.INTERRUPT | Cause.USER_SOFTWARE, h.csr(Csr.UCAUSE));
      h.csr(Csr.VIPICLR, 2);
      assertEquals(-4, h.csr(Csr.VIPI0));
    }
  }

  @Test
  void W6_recycledVmidBringsNoPostsAndNoTranslations() {
    for (int i = 0; i < 50; i++) {
      try (DvDriver d = openDriver()) {
        TinyVm vm = new TinyVm(d);
        vm.program(0, "li a1, 0x80001000\nld a0, (a1)\nli a2, 77\nsd a2, (a1)\necall");
        try (HuHart h = d.register(i % 64)) {
          assertEquals(0, h.csr(Csr.VIPI0));
          vm.prepare(h, 0);
          h.enter();
          assertEquals(Cause.ECALL_VS, h.csr(Csr.UCAUSE));
          assertEquals(0, h.x(10));
          h.csr(Csr.VIPI0, -1);
        }
      }
    }
  }

  // ---- fences

  @Test
  void D11_fenceReachesAVcpuInTheGuestAndMemoryIsSeenAnew() throws InterruptedException {
    TinyVm vm = new TinyVm(open());
    Grant more = vm.driver.grant(vm.driver.capabilities().grantGranule(), Grant.Use.GUEST_MEMORY);
    long page = TinyVm.RAM + (2 << 20);
    vm.map(page, vm.ram.hpa());
    more.memory().set(ValueLayout.JAVA_LONG, 0x1000, 1);
    vm.program(
        0, "li a1, 0x80201000\nli a2, 0x80001008\nsd a1, (a2)\n1: ld a0, (a1)\nbeqz a0, 1b\necall");
    AtomicReference<Long> cause = new AtomicReference<>(0L);
    start(
        () -> {
          try (HuHart h = vm.driver.register(0)) {
            vm.prepare(h, 0);
            do {
              h.enter();
            } while (h.csr(Csr.UCAUSE) == HuHart.HOST_EVENT);
            cause.set(h.csr(Csr.UCAUSE));
          }
        });
    until(() -> vm.word(0x1008) != 0);
    vm.map(page, more.hpa());
    vm.driver.fence(Fence.GVMA, 1, 0, -1, 0);
    until(() -> cause.get() != 0);
    assertEquals(Cause.ECALL_VS, cause.get());
  }

  /** Adversary: a guest that has another vCPU fenced, whose hart does it with interrupts off. */
  @Test
  void fencesWithOddOperandsReturn() throws InterruptedException {
    long[] starts = {
      0,
      1,
      0x1000,
      -1,
      -0xfffL,
      -0x1000L,
      -0x1001L,
      -0x2000L,
      -0x40000L,
      Long.MIN_VALUE,
      Long.MAX_VALUE
    };
    long[] sizes = {
      0,
      1,
      -1,
      -2,
      0xfff,
      0x1000,
      0x1fff,
      0x40000,
      0x40001,
      -0x2000L,
      Long.MAX_VALUE,
      Long.MIN_VALUE
    };
    TinyVm vm = new TinyVm(open());
    vm.program(0x2000, COUNT);
    var over = new AtomicBoolean();
    Thread counts =
        start(
            () -> {
              try (HuHart h = vm.driver.register(1)) {
                vm.prepare(h, 0x2000);
                while (!over.get()) {
                  h.enter();
                }
              }
            });
    until(() -> vm.word(0x1000) != 0);
    try (HuHart h = spinning(vm, 63)) {
      for (Fence f : Fence.values()) {
        for (long start : starts) {
          for (long size : sizes) {
            vm.driver.fence(f, -1, start, size, -1);
          }
        }
      }
      long then = vm.word(0x1000);
      until(() -> vm.word(0x1000) != then);
      over.set(true);
      vm.driver.kick(1);
      counts.join();
      h.fenceGvma(-1);
      h.fenceVvma(-1, -1);
      h.fenceVvma(5, 1 << 20);
    }
  }

  @Test
  void hostileGuestHasAVcpuFencedForEverThatNeverEnters() throws InterruptedException {
    TinyVm vm = new TinyVm(open());
    vm.program(0, "ecall");
    CountDownLatch registered = new CountDownLatch(1);
    CountDownLatch flooded = new CountDownLatch(1);
    Thread t =
        start(
            () -> {
              try (HuHart h = vm.driver.register(1)) {
                vm.prepare(h, 0);
                registered.countDown();
                flooded.await();
                h.enter();
                assertEquals(Cause.ECALL_VS, h.csr(Csr.UCAUSE));
              }
            });
    registered.await();
    for (int i = 0; i < 100_000; i++) {
      vm.driver.fence(Fence.VVMA, 2, 4096L * i, 4096, 0);
    }
    flooded.countDown();
    t.join();
  }

  // ---- the end

  @Test
  void closingWhileVcpusRunEndsThem() throws InterruptedException {
    TinyVm vm = new TinyVm(open());
    vm.program(0, COUNT);
    ConcurrentLinkedQueue<Reason> ends = new ConcurrentLinkedQueue<>();
    for (int i = 0; i < 3; i++) {
      int vcpu = i;
      start(
          () -> {
            try (HuHart h = vm.driver.register(vcpu)) {
              vm.prepare(h, 0);
              while (true) {
                h.enter();
                if (vcpu == 2) {
                  h.idle(-1);
                }
              }
            } catch (DvException e) {
              ends.add(e.reason());
            }
          });
    }
    until(() -> vm.word(0x1000) != 0);
    vm.driver.close();
    until(() -> ends.size() == 3);
    assertEquals(List.of(Reason.GONE, Reason.GONE, Reason.GONE), List.copyOf(ends));
  }

  @Test
  void closingDoesNotWaitForAThreadThatNeverComesBack() throws InterruptedException {
    DvDriver d = open();
    TinyVm vm = new TinyVm(d);
    CountDownLatch in = new CountDownLatch(1);
    CountDownLatch out = new CountDownLatch(1);
    start(
        () -> {
          HuHart h = d.register(0);
          h.x(5, 5);
          in.countDown();
          out.await();
          assertEquals(5, h.x(5)); // still its own hart, whatever happened since
          refused(Reason.GONE, h::enter);
          h.close();
        });
    in.await();
    d.close();
    assertThrows(IllegalStateException.class, () -> vm.ram.memory().get(ValueLayout.JAVA_BYTE, 0));
    try (HuHart h = open().register(0)) {
      h.x(5, 6);
      out.countDown();
      assertEquals(6, h.x(5));
    }
  }

  @Test
  void closedDriverRefusesEverythingAndIsIdempotent() {
    DvDriver d = open();
    TinyVm vm = new TinyVm(d);
    HuHart own = d.register(2); // this thread's: goes with the driver
    d.close();
    d.close();
    refused(Reason.GONE, () -> own.x(1));
    own.close();
    refused(Reason.GONE, () -> d.register(0));
    refused(Reason.GONE, () -> d.grant(1 << 21, Grant.Use.GUEST_MEMORY));
    refused(Reason.GONE, () -> d.delegate(Delegation.RECOMMENDED));
    refused(Reason.INVALID, () -> d.revoke(vm.ram));
    d.kick(0);
    d.fence(Fence.GVMA, -1, 0, 0, 0);
    assertNotEquals(0, vm.ram.hpa());
  }
}
