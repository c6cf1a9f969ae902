package org.duvisor.conformance.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.DvException;
import org.duvisor.platform.DvException.Reason;
import org.duvisor.platform.HuHart;
import org.duvisor.platform.InterruptFile;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What {@link HuHart#claimFile} and {@link DvDriver#message} promise (docs/dv-ext.md, section 3.4);
 * names tell the adversary where there is one.
 */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
abstract class InterruptFileContract extends Peer {
  private static final int EIDELIVERY = 0x70;
  private static final int EIP0 = 0x80;
  private static final int EIE0 = 0xc0;
  private static final int LAST = 0xff;
  private static final int IDENTITY = 33;
  private static final long VGEIN = 0x3f000;
  private static final long BLOCK = 2 << 20;

  /** Where the guest has the block of host-physical addresses that holds a file's page. */
  private static final long PAGES = TinyVm.RAM + BLOCK;

  /** Stores an identity to the page whose address a1 holds. */
  private static final String POST = "li a2, 33\nsw a2, (a1)\necall";

  @BeforeEach
  void filesAreHere() {
    assumeTrue(open().capabilities().interruptIdentities() != 0, "needs guest interrupt files");
  }

  /** Gives the vCPU a file that delivers its interrupts. */
  static InterruptFile claim(HuHart h) {
    InterruptFile file = h.claimFile();
    h.csr(Csr.HUSTATUS, h.csr(Csr.HUSTATUS) | (long) file.number() << 12);
    put(h, EIDELIVERY, 1);
    put(h, EIE0, 1L << IDENTITY);
    return file;
  }

  static long get(HuHart h, int select) {
    h.csr(Csr.HUVSISELECT, select);
    return h.csr(Csr.HUVSIREG);
  }

  static void put(HuHart h, int select, long value) {
    h.csr(Csr.HUVSISELECT, select);
    h.csr(Csr.HUVSIREG, value);
  }

  /** Lets a vCPU of the VM store to a page, until it leaves the guest for its own reasons. */
  private static long post(TinyVm vm, HuHart h, long page) {
    vm.program(0, POST);
    vm.map(PAGES, page & -BLOCK);
    vm.prepare(h, 0);
    h.fenceGvma(-1);
    h.x(11, PAGES + (page & BLOCK - 1));
    return enter(h);
  }

  /** Enters until the guest itself leaves; the host's own interrupts do not count. */
  private static long enter(HuHart h) {
    do {
      h.enter();
    } while (h.csr(Csr.UCAUSE) == HuHart.HOST_EVENT);
    return h.csr(Csr.UCAUSE);
  }

  /** A vCPU with a file, whose thread then does nothing until it is told to look. */
  private final class Victim {
    final TinyVm vm = new TinyVm(open());
    final AtomicReference<InterruptFile> file = new AtomicReference<>();
    final CountDownLatch look = new CountDownLatch(1);
    final AtomicReference<Long> pending = new AtomicReference<>();

    Victim() throws InterruptedException {
      start(
          () -> {
            try (HuHart h = vm.driver.register(1)) {
              file.set(claim(h));
              look.await();
              pending.set(get(h, EIP0));
            }
          });
      until(() -> file.get() != null);
    }

    long page() {
      return file.get().hpa();
    }

    void gotNothing() throws InterruptedException {
      look.countDown();
      until(() -> pending.get() != null);
      assertEquals(0, pending.get());
    }
  }

  // ---- delivery

  /**
   * The blocked thread wakes up by the store, and the vCPU that stores does not leave its guest.
   */
  @Test
  void G4_storeOfAnotherVcpuWakesABlockedOneWithoutAnExit() throws InterruptedException {
    TinyVm vm = new TinyVm(open());
    AtomicReference<InterruptFile> file = new AtomicReference<>();
    AtomicReference<Long> got = new AtomicReference<>();
    start(
        () -> {
          try (HuHart h = vm.driver.register(0)) {
            file.set(claim(h));
            while (get(h, EIP0) == 0) {
              h.idle(-1);
            }
            got.set(get(h, EIP0));
            assertNotEquals(0, h.csr(Csr.HUIP) & 1 << 10);
          }
        });
    until(() -> file.get() != null);
    Thread.sleep(20); // most probably it is blocked by now
    start(
            () -> {
              try (HuHart h = vm.driver.register(1)) {
                assertEquals(Cause.ECALL_VS, post(vm, h, file.get().hpa()));
                assertEquals(TinyVm.RAM + 8, h.csr(Csr.UEPC));
                until(() -> got.get() != null);
              }
            })
        .join();
    assertEquals(1L << IDENTITY, got.get());
  }

  @Test
  void G4_messageReachesAGuestThatRunsWithoutAnExit() throws InterruptedException {
    TinyVm vm = new TinyVm(open());
    vm.program(
        0,
        """
        li a1, 0x80001000
        li a0, 0x80000100
        csrw stvec, a0
        li a0, 0x200
        csrw sie, a0
        csrsi sstatus, 2
        li a0, 1
        sd a0, (a1)
        1: ld a0, 8(a1)
        beqz a0, 1b
        ecall
        """);
    vm.program(0x100, "csrrw a0, stopei, x0\nsrli a0, a0, 16\nsd a0, 8(a1)\nsret");
    AtomicReference<Long> cause = new AtomicReference<>();
    start(
        () -> {
          try (HuHart h = vm.driver.register(0)) {
            InterruptFile file = claim(h);
            vm.prepare(h, 0);
            h.csr(Csr.HUSTATUS, h.csr(Csr.HUSTATUS) | (long) file.number() << 12);
            cause.set(enter(h));
          }
        });
    until(() -> vm.word(0x1000) != 0);
    vm.driver.message(0, IDENTITY);
    until(() -> cause.get() != null);
    assertEquals(Cause.ECALL_VS, cause.get());
    assertEquals(IDENTITY, vm.word(0x1008));
  }

  @Test
  void messageThatCameBeforeEndsTheNextIdle() throws InterruptedException {
    TinyVm vm = new TinyVm(open());
    try (HuHart h = vm.driver.register(0)) {
      claim(h);
      vm.driver.message(0, IDENTITY);
      h.idle(-1);
      put(h, EIP0, 0);
      long deadline = h.csr(Csr.TIME) + 20_000;
      vm.driver.message(0, IDENTITY + 1); // not enabled: it may as well sleep
      while (h.csr(Csr.TIME) < deadline) {
        h.idle(deadline);
      }
      assertEquals(1L << IDENTITY + 1, get(h, EIP0));
    }
  }

  @Test
  void messagesThatNobodyCanTakeAreLost() throws InterruptedException {
    DvDriver d = open();
    try (HuHart h = d.register(0)) {
      d.message(0, IDENTITY); // no file yet
      claim(h);
      for (int vcpu : new int[] {1, 63, 64, 65, -1, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
        d.message(vcpu, IDENTITY);
      }
      for (int identity : new int[] {0, -1, 2048, 65536, 65536 + IDENTITY, Integer.MIN_VALUE}) {
        d.message(0, identity);
      }
      for (int select = EIP0; select < EIE0; select += 2) {
        assertEquals(0, get(h, select));
      }
      h.returnFile();
      d.message(0, IDENTITY);
    }
    d.close();
    d.message(0, IDENTITY);
  }

  // ---- who has a file

  @Test
  void aVcpuHasOneFileAndGivesItBackOnce() throws InterruptedException {
    DvDriver d = open();
    HuHart h = d.register(0);
    h.returnFile();
    claim(h);
    refused(Reason.BUSY, h::claimFile);
    start(
            () -> {
              refused(Reason.GONE, h::claimFile);
              refused(Reason.GONE, h::returnFile);
            })
        .join();
    h.returnFile();
    h.returnFile();
    assertEquals(0, h.csr(Csr.HUSTATUS) & VGEIN);
    claim(h);
    h.close();
    refused(Reason.GONE, h::claimFile);
    refused(Reason.GONE, h::returnFile);
    start(() -> claim(d.register(0))).join(); // and its thread ends
    try (HuHart next = d.register(0)) {
      claim(next);
    }
    d.close();
    refused(Reason.GONE, () -> d.register(0));
  }

  /** Adversary: the VM that had the file before, and left as much as it could in it. */
  @Test
  void G2_aFileIsEmptyForItsNextOwner() throws InterruptedException {
    for (int round = 0; round < 3; round++) {
      try (DvDriver d = openDriver();
          HuHart h = d.register(round)) {
        InterruptFile file = h.claimFile();
        h.csr(Csr.HUSTATUS, h.csr(Csr.HUSTATUS) | (long) file.number() << 12);
        assertEquals(0, h.csr(Csr.HUVSISELECT) & 0xff);
        for (int select = EIDELIVERY; select <= LAST; select += 2) {
          assertEquals(0, get(h, select), "register " + select);
        }
        for (int select = LAST - 1; select > EIDELIVERY; select -= 2) {
          put(h, select, -1);
        }
        put(h, EIDELIVERY, 1);
      }
    }
  }

  /** Adversary: a process whose vCPUs take all files there are. */
  @Test
  void D6_filesAreALimitAndComeBack() throws InterruptedException {
    DvDriver d = open();
    AtomicInteger answers = new AtomicInteger();
    AtomicInteger given = new AtomicInteger();
    CountDownLatch out = new CountDownLatch(1);
    Thread[] all = new Thread[DvDriver.MAX_VCPUS];
    for (int i = 0; i < all.length; i++) {
      int vcpu = i;
      all[i] =
          start(
              () -> {
                try (HuHart h = d.register(vcpu)) {
                  try {
                    claim(h);
                    given.incrementAndGet();
                  } catch (DvException e) {
                    assertEquals(Reason.LIMIT, e.reason());
                  }
                  answers.incrementAndGet();
                  out.await();
                }
              });
    }
    until(() -> answers.get() == all.length);
    assertTrue(given.get() > 0);
    out.countDown();
    for (Thread t : all) {
      t.join();
    }
    try (HuHart h = d.register(0)) {
      claim(h);
    }
  }

  // ---- isolation

  @Test
  void G2_hostileVmStoresToTheFileOfAnother() throws InterruptedException {
    Victim victim = new Victim();
    TinyVm vm = new TinyVm(open());
    try (HuHart h = vm.driver.register(0)) {
      vm.driver.message(1, IDENTITY); // there is no vCPU 1 in its own VM
      refused(Reason.GONE, () -> post(vm, h, victim.page()));
    }
    victim.gotNothing();
  }

  @Test
  void G2_hostileVmWithAFileOfItsOwnStoresToTheFileOfAnother() throws InterruptedException {
    Victim victim = new Victim();
    TinyVm vm = new TinyVm(open());
    try (HuHart h = vm.driver.register(0)) {
      long own = claim(h).hpa();
      assertNotEquals(victim.page(), own);
      assertEquals(Cause.ECALL_VS, post(vm, h, own));
      refused(Reason.GONE, () -> post(vm, h, victim.page()));
    }
    victim.gotNothing();
  }

  @Test
  void G2_hostileHypervisorSelectsAndForgesFiles() throws InterruptedException {
    Victim victim = new Victim();
    DvDriver d = open();
    try (HuHart h = d.register(0)) {
      for (int round = 0; round < 2; round++) {
        for (int csr : new int[] {Csr.HDVGEIN, Csr.HDVGOWNER, Csr.HGEIE, Csr.HGEIP}) {
          refused(Reason.PERMISSION, () -> h.csr(csr));
          refused(Reason.PERMISSION, () -> h.csr(csr, -1));
        }
        long own = round == 0 ? 0 : (long) claim(h).number() << 12;
        for (long file = 0; file < 64; file++) {
          h.csr(Csr.HUSTATUS, file << 12);
          assertEquals(file << 12 == own ? own : 0, h.csr(Csr.HUSTATUS) & VGEIN);
        }
        h.csr(Csr.HUSTATUS, 0);
        refused(Reason.PERMISSION, () -> get(h, EIP0));
      }
    }
    victim.gotNothing();
  }

  /** Adversary: a vCPU that goes on storing to the file of another that has given it back. */
  @Test
  void G2_aFileThatWasReturnedIsOutOfReach() throws InterruptedException {
    TinyVm vm = new TinyVm(open());
    AtomicReference<InterruptFile> file = new AtomicReference<>();
    start(
            () -> {
              try (HuHart h = vm.driver.register(1)) {
                file.set(claim(h));
                h.returnFile();
              }
            })
        .join();
    try (HuHart h = vm.driver.register(0)) {
      refused(Reason.GONE, () -> post(vm, h, file.get().hpa()));
    }
  }

  /** Adversary: a VM that kept the address of the file of one that has ended. */
  @Test
  void G2_aFileOfAVmThatEndedIsOutOfReach() throws InterruptedException {
    AtomicReference<InterruptFile> file = new AtomicReference<>();
    DvDriver ended = open();
    start(
            () -> {
              HuHart h = ended.register(1);
              file.set(claim(h));
              ended.close();
            })
        .join();
    TinyVm vm = new TinyVm(open());
    try (HuHart h = vm.driver.register(0)) {
      refused(Reason.GONE, () -> post(vm, h, file.get().hpa()));
    }
  }

  /** Adversary: an end that leaves the thread of a vCPU in its guest, or asleep for good. */
  @Test
  void aVmThatEndsWakesTheOwnersOfItsFiles() throws InterruptedException {
    TinyVm vm = new TinyVm(open());
    AtomicReference<InterruptFile> file = new AtomicReference<>();
    Thread t =
        start(
            () -> {
              try (HuHart h = vm.driver.register(0)) {
                file.set(claim(h));
                while (true) {
                  h.idle(-1);
                }
              } catch (DvException e) {
                assertEquals(Reason.GONE, e.reason());
              }
            });
    until(() -> file.get() != null);
    vm.driver.close();
    t.join();
  }
}
