package org.duvisor.hypervisor.sbi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.duvisor.hypervisor.fake.Rig;
import org.duvisor.isa.Csr;
import org.junit.jupiter.api.Test;

/** SBI calls by the letter of SBI 3.0, and with arguments from a hostile guest. */
class SbiTest {
  private static final long BASE = 0x10;
  private static final long TIME = 0x54494D45;
  private static final long IPI = 0x735049;
  private static final long RFENCE = 0x52464E43;
  private static final long HSM = 0x48534D;
  private static final long SRST = 0x53525354;
  private static final long DBCN = 0x4442434E;
  private static final long PMU = 0x504D55;
  private static final long SUSP = 0x53555350;
  private static final long STA = 0x535441;
  private static final long FWFT = 0x46574654;

  // Not here.
  private static final long CPPC = 0x43505043;
  private static final long NACL = 0x4E41434C;
  private static final long SSE = 0x535345;
  private static final long DBTR = 0x44425452;
  private static final long MPXY = 0x4D505859;

  private final Rig rig = new Rig(3);

  private void call(long error, long value, long extension, long function, long... arguments) {
    Rig r = rig;
    r.endings.clear();
    r.vcpus.all().forEach(v -> v.reset());
    r.once(
        h -> h.ecall(extension, function, arguments),
        h -> {
          assertEquals(error, h.x(10), "a0");
          assertEquals(value, h.x(11), "a1");
          assertEquals(Rig.RAM + 4, h.csr(Csr.UEPC));
        });
  }

  @Test
  void base() {
    call(0, 0x0300_0000, BASE, 0);
    call(0, 0x4456, BASE, 1);
    call(0, 1, BASE, 2);
    for (long e :
        new long[] {BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN, PMU, SUSP, STA, FWFT, 1, 2, 8}) {
      call(0, 1, BASE, 3, e);
    }
    for (long e :
        new long[] {0, 3, 4, 5, 6, 7, 9, CPPC, NACL, SSE, DBTR, MPXY, -1, 1L << 32 | TIME}) {
      call(0, 0, BASE, 3, e);
    }
    for (int f = 4; f <= 6; f++) {
      call(0, 0, BASE, f);
    }
    call(-2, 0, BASE, 7);
    call(-2, 0, BASE, -1);
  }

  @Test
  void whatIsNotThereSaysSo() {
    for (long e :
        new long[] {
          CPPC, NACL, SSE, DBTR, MPXY, 0x0A000000, 0xC100000, -1, Long.MIN_VALUE, 1L << 32 | PMU
        }) {
      call(-2, 0, e, 0, 1, 2, 3);
    }
    for (long e : new long[] {TIME, IPI, SRST, SUSP, STA}) {
      call(-2, 0, e, 1);
      call(-2, 0, e, -1);
      call(-2, 0, e, 1L << 32);
    }
    for (long function : new long[] {7, 9, -1, 1L << 32, Long.MIN_VALUE}) {
      call(-2, 0, PMU, function);
    }
    for (long function : new long[] {2, -1, 1L << 32}) {
      call(-2, 0, FWFT, function);
    }
    call(-2, 0, RFENCE, 3);
    call(-2, 0, HSM, 4);
    call(-2, 0, DBCN, 3);
  }

  @Test
  void legacyReturnsOneValue() {
    rig.console.input = "x";
    rig.once(
        h -> {
          h.ecall(2, 0, 0, 77);
        },
        h -> {
          assertEquals('x', h.x(10));
          assertEquals(77, h.x(11), "a1 is kept");
        });
    call(-1, 0, 2, 0);
    call(-2, 0, 4, 0);
    call(0, 0, 1, 0, 'A');
    assertEquals("A", rig.console.output.toString());
  }

  @Test
  void setTimerWritesTheGuestsComparator() {
    rig.once(h -> h.ecall(TIME, 0, 1234), h -> assertEquals(1234, h.csr(Csr.HUVSTIMECMP)));
  }

  @Test
  void ipiToOthersIsPostedAndToOneselfIsThere() {
    rig.once(
        h -> h.ecall(IPI, 0, 0b101, 0),
        h -> {
          assertEquals(0, h.x(10));
          assertEquals(0b100, rig.driver.posts());
          assertEquals(4, h.csr(Csr.HUVIP));
        });
  }

  @Test
  void hartMasks() {
    call(0, 0, IPI, 0, 0b111, 0);
    call(0, 0, IPI, 0, 0b1, 2);
    call(0, 0, IPI, 0, 0, -1);
    call(0, 0, IPI, 0, 0, 99);
    call(-3, 0, IPI, 0, 0b1000, 0);
    call(-3, 0, IPI, 0, 0b10, 2);
    call(-3, 0, IPI, 0, 1, 3);
    call(-3, 0, IPI, 0, 1, 64);
    call(-3, 0, IPI, 0, 1, 1L << 32);
    call(-3, 0, IPI, 0, -1, 0);
    call(-3, 0, IPI, 0, 1L << 63, 1);
    call(-3, 0, RFENCE, 0, 0b1000, 0);
  }

  @Test
  void fencesOfOneselfAreLocalAndOfOthersTheDrivers() {
    rig.once(
        h -> {
          h.fences.clear();
          h.ecall(RFENCE, 1, 0b011, 0, 0x1800, 0x1000);
        },
        h -> {
          assertEquals(
              List.of("vvma 1000 ffffffffffffffff", "vvma 2000 ffffffffffffffff"), h.fences);
          assertEquals(List.of("VVMA 2 1800 1000 0"), rig.driver.fences);
        });
  }

  @Test
  void wholeLongAndOverflowingRangesAreFencedAsAWhole() {
    long[][] ranges = {
      {0, 0},
      {0, -1},
      {0x1000, -1},
      {-1, 0},
      {-1, -1},
      {-1, 2},
      {0, 1L << 40},
      {0, 0x40001},
      {1, 0x40000},
      {-0x1000L, 0x2000},
      {-0x1000L, 0x1001},
      {-0x2000L, -0x2000L},
      {-0x41000L, 0x41000},
      {5, Long.MIN_VALUE}
    };
    for (long[] range : ranges) {
      Rig r = new Rig(2);
      r.once(
          h -> {
            h.fences.clear();
            h.ecall(RFENCE, 2, 0b11, 0, range[0], range[1], 7);
          },
          h -> {
            assertEquals(List.of("vvma ffffffffffffffff 7"), h.fences);
            assertEquals(List.of("VVMA_ASID 2 0 0 7"), r.driver.fences);
          });
    }
    Rig r = new Rig(1);
    r.once(
        h -> {
          h.fences.clear();
          h.ecall(RFENCE, 1, 1, 0, -0x1000L, 0x1000);
        },
        h -> assertEquals(List.of("vvma fffffffffffff000 ffffffffffffffff"), h.fences));
    Rig s = new Rig(1);
    s.once(
        h -> {
          h.fences.clear();
          h.ecall(RFENCE, 0, 0, -1, -0x2000L, 0x1fff);
        },
        h -> assertEquals(List.of("i"), h.fences));
  }

  /** Adversary: a guest whose range ends with the last page of all, which no end is beyond. */
  @Test
  void rangesUpToTheEndOfMemoryAreSoManyPages() {
    long[][] ranges = { // start, size, first page, pages
      {-0x2000L, 0x1fff, -0x2000L, 2},
      {-0x2000L, 0x2000, -0x2000L, 2},
      {-0x1001L, 0x1001, -0x2000L, 2},
      {-0x1001L, 2, -0x2000L, 2},
      {-1, 1, -0x1000L, 1},
      {-0x1000L, 0xfff, -0x1000L, 1},
      {-0x40000L, 0x40000, -0x40000L, 64},
      {Long.MAX_VALUE, 2, Long.MAX_VALUE & -0x1000L, 2},
      {0xfff, 0x1001, 0, 2},
      {1, 0x3ffff, 0, 64}
    };
    for (long[] range : ranges) {
      List<String> pages = new ArrayList<>();
      for (int i = 0; i < range[3]; i++) {
        pages.add("vvma %x ffffffffffffffff".formatted(range[2] + 0x1000L * i));
      }
      Rig r = new Rig(2);
      r.once(
          h -> {
            h.fences.clear();
            h.ecall(RFENCE, 1, 0b11, 0, range[0], range[1]);
          },
          h -> {
            assertEquals(pages, h.fences);
            assertEquals(List.of("VVMA 2 %x %x 0".formatted(range[0], range[1])), r.driver.fences);
          });
    }
  }

  @Test
  void debugConsoleWritesAndReadsOnlyRam() {
    byte[] text = "hello\n".getBytes(StandardCharsets.US_ASCII);
    rig.ram.slice(Rig.RAM + 0x1000, text.length).asByteBuffer().put(text);
    call(0, 6, DBCN, 0, 6, Rig.RAM + 0x1000, 0);
    call(0, 0, DBCN, 2, 0xFF21);
    assertEquals("hello\n!", rig.console.output.toString());
    rig.console.input = "abc";
    call(0, 2, DBCN, 1, 2, Rig.RAM + 0x2000, 0);
    call(0, 1, DBCN, 1, 9, Rig.RAM + 0x2002, 0);
    call(0, 0, DBCN, 1, 9, Rig.RAM + 0x2003, 0);
    assertEquals("abc", rig.ram.slice(Rig.RAM + 0x2000, 8).getString(0));
    call(0, 0, DBCN, 0, 0, 0, 0);
    long end = Rig.RAM + (4 << 20);
    call(0, 4096, DBCN, 0, 4 << 20, Rig.RAM, 0);
    long[][] refused = {
      {1, end, 0},
      {2, end - 1, 0},
      {1, Rig.RAM - 1, 0},
      {(4 << 20) + 1, Rig.RAM, 0},
      {-1, Rig.RAM, 0},
      {1, Rig.RAM, 1},
      {1, Rig.DEVICE, 0},
      {0x1000, 0, 0},
      {Long.MIN_VALUE, Rig.RAM + 0x1000, 0}
    };
    for (long[] r : refused) {
      call(-3, 0, DBCN, 0, r);
      call(-3, 0, DBCN, 1, r);
    }
  }

  @Test
  void resetEndsTheVm() {
    record Case(String end, long type, long reason) {}
    List<Case> cases =
        List.of(
            new Case("poweroff", 0, 0),
            new Case("fail 1", 0, 1),
            new Case("reboot", 1, 0),
            new Case("warm reboot", 2, 0),
            new Case("reboot", 1, 1));
    for (Case c : cases) {
      Rig r = new Rig(1);
      r.run(h -> h.ecall(SRST, 0, c.type, c.reason));
      assertEquals(List.of(c.end), r.endings);
    }
    long[][] invalid = {{3, 0}, {0, 2}, {-1, 0}, {0xF000_0000L, 0}, {0, 0xE000_0000L}};
    for (long[] i : invalid) {
      call(-3, 0, SRST, 0, i);
    }
  }

  @Test
  void hsmStatusAndBadStarts() {
    call(0, 0, HSM, 2, 0);
    call(0, 1, HSM, 2, 1);
    call(-3, 0, HSM, 2, 3);
    call(-3, 0, HSM, 2, -1);
    call(-3, 0, HSM, 0, 3, Rig.RAM, 0);
    call(-5, 0, HSM, 0, 1, 0, 0);
    call(-5, 0, HSM, 0, 1, Rig.RAM + 1, 0);
    call(-5, 0, HSM, 0, 1, Rig.RAM + (4 << 20), 0);
    call(-6, 0, HSM, 0, 0, Rig.RAM, 0);
    call(0, 0, HSM, 0, 1, Rig.RAM + 0x100, 5);
    rig.vcpus.get(1).hsm().start(Rig.RAM, 0);
    assertEquals(2, rig.vcpus.get(1).hsm().state().number(), "nobody runs it: still pending");
  }

  @Test
  void suspendWaitsAndReturnsOrStartsAnew() {
    rig.once(
        h -> {
          h.csr(Csr.HUVSIE, 2);
          h.csr(Csr.HUVIP, 4);
          h.x(9, 9);
          h.ecall(HSM, 3, 0, 0, 0);
        },
        h -> {
          assertEquals(0, h.x(10));
          assertEquals(9, h.x(9));
          assertEquals(Rig.RAM + 4, h.csr(Csr.UEPC));
        });
    Rig r = new Rig(1);
    r.once(
        h -> {
          h.csr(Csr.HUVSIE, 2);
          h.csr(Csr.HUVIP, 4);
          h.csr(Csr.HUVSATP, 8L << 60 | 0x80100);
          h.ecall(HSM, 3, 0x8000_0000L, Rig.RAM + 0x200, 42);
        },
        h -> {
          assertEquals(0, h.x(10), "hart id");
          assertEquals(42, h.x(11), "opaque");
          assertEquals(Rig.RAM + 0x200, h.csr(Csr.UEPC));
          assertEquals(0, h.csr(Csr.HUVSATP));
          assertEquals(4, h.csr(Csr.HUVIP), "what woke it is still there");
        });
    call(-3, 0, HSM, 3, 1, 0, 0);
    call(-3, 0, HSM, 3, 0x8000_0001L, Rig.RAM, 0);
    call(-5, 0, HSM, 3, 0x8000_0000L, 12, 0);
    call(-5, 0, HSM, 3, 0xFFFF_FFFF_8000_0000L, 12, 0);
  }

  @Test
  void lastHartThatStopsEndsTheVm() {
    rig.run(h -> h.ecall(HSM, 1));
    assertEquals(1, rig.endings.size());
    assertEquals(
        "crash all vCPUs have stopped, and nobody is left to start one", rig.endings.getFirst());
  }

  /** Registers as HSM says, whatever was in them. */
  @Test
  void startedHartsAreClean() {
    rig.once(
        h -> {
          for (int i = 1; i < 32; i++) {
            assertEquals(0, h.x(i), "x" + i);
          }
          assertEquals(Rig.RAM, h.csr(Csr.UEPC));
          assertEquals(0xffff_ffffL, h.csr(Csr.HUCOUNTEREN), "all of Zicntr and Zihpm");
          assertEquals(7, h.csr(Csr.HUVSCOUNTEREN), "user programs read the time without a call");
          assertEquals(-1, h.csr(Csr.HUVSTIMECMP));
          assertEquals(-1000, h.csr(Csr.HUTIMEDELTA), "the guest's time begins");
          h.ecall(TIME, 0, -1);
        },
        h -> {});
  }
}
