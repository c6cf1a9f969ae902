package org.duvisor.hypervisor.sbi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.ValueLayout;
import org.duvisor.hypervisor.fake.FakeDriver.Guest;
import org.duvisor.hypervisor.fake.FakeHart;
import org.duvisor.hypervisor.fake.Rig;
import org.duvisor.hypervisor.vcpu.FirmwareEvent;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.platform.HuHart;
import org.junit.jupiter.api.Test;

/** Performance counters by the letter of SBI 3.0, chapter 11. */
class PmuTest {
  private static final long PMU = 0x504D55;
  private static final long TIME = 0x54494D45;
  private static final long IPI = 0x735049;
  private static final long RFENCE = 0x52464E43;

  private static final long INFO = 1;
  private static final long CONFIG = 2;
  private static final long START = 3;
  private static final long STOP = 4;
  private static final long READ = 5;
  private static final long READ_HIGH = 6;
  private static final long DESCRIBE = 8;

  private static final long NOT_SUPPORTED = -2;
  private static final long INVALID = -3;
  private static final long INVALID_ADDRESS = -5;
  private static final long STARTED = -7;
  private static final long STOPPED = -8;
  private static final long NO_SHMEM = -9;

  private static final long SKIP = 1;
  private static final long CLEAR = 2;
  private static final long GO = 4;

  private static final long ALL = 0x7fffd;
  private static final long FIRST = 3;
  private static final long SET_TIMER = 0xf0005;
  private static final long IPI_SENT = 0xf0006;
  private static final long IPI_RECEIVED = 0xf0007;

  private final Rig rig = new Rig(3);
  private final Calls calls = new Calls(rig, PMU);

  private Calls timers(int times) {
    for (int i = 0; i < times; i++) {
      calls.other(0, 0, TIME, 0, 1234);
    }
    return calls;
  }

  @Test
  void countersAreTwoOfTheHartAndSixteenOfTheFirmware() {
    calls
        .call(0, 19, 0)
        .call(0, 63 << 12 | Csr.CYCLE, INFO, 0)
        .call(INVALID, 0, INFO, 1)
        .call(0, 63 << 12 | Csr.INSTRET, INFO, 2);
    for (int i = 3; i < 19; i++) {
      calls.call(0, 1L << 63 | 63 << 12, INFO, i);
    }
    for (long i : new long[] {19, 64, -1, 1L << 32, Long.MIN_VALUE}) {
      calls.call(INVALID, 0, INFO, i);
      calls.call(INVALID, 0, READ, i);
      calls.call(INVALID, 0, READ_HIGH, i);
    }
    for (long i = 0; i < 3; i++) {
      calls.call(INVALID, 0, READ, i);
      calls.call(INVALID, 0, READ_HIGH, i);
    }
    calls.call(0, 0, READ, 3).call(0, 0, READ_HIGH, 18).run();
  }

  @Test
  void itCountsFromStartToStopOnly() {
    timers(2).call(0, FIRST, CONFIG, 0, ALL, CLEAR, SET_TIMER, 0);
    timers(3).call(0, 0, READ, FIRST).call(0, 0, START, FIRST, 1, 1, 100);
    timers(4).call(0, 104, READ, FIRST).call(STARTED, 0, START, FIRST, 1, 1, 7);
    timers(1).call(0, 105, READ, FIRST).call(0, 0, STOP, FIRST, 1, 0);
    timers(5).call(0, 105, READ, FIRST).call(STOPPED, 0, STOP, FIRST, 1, 0);
    calls.call(0, 0, START, FIRST, 1, 0, 1L << 40);
    timers(2).call(0, 107, READ, FIRST).call(0, 0, READ_HIGH, FIRST);
    calls.call(0, 0, STOP, FIRST, 1, 1).call(INVALID, 0, START, FIRST, 1, 0, 0);
    timers(1).call(0, 107, READ, FIRST).call(0, FIRST, CONFIG, 0, ALL, CLEAR | GO, SET_TIMER, 0);
    timers(1).call(0, 1, READ, FIRST).run();
  }

  @Test
  void valuesWrapAround() {
    calls.call(0, FIRST, CONFIG, 0, ALL, CLEAR, SET_TIMER, 0).call(0, 0, START, FIRST, 1, 1, -2);
    timers(3).call(0, 1, READ, FIRST).run();
  }

  @Test
  void countersThatAreTakenAreNotMatched() {
    calls
        .call(0, 3, CONFIG, 0, ALL, 0, SET_TIMER, 0)
        .call(0, 4, CONFIG, 0, ALL, GO, SET_TIMER, 0)
        .call(0, 3, CONFIG, 3, 1, 0, IPI_SENT, 0)
        .call(NOT_SUPPORTED, 0, CONFIG, 4, 1, 0, IPI_SENT, 0)
        .call(0, 3, CONFIG, 3, 3, 0, IPI_SENT, 0)
        .call(0, 7, CONFIG, 7, 3, SKIP | GO, IPI_SENT, 0)
        .call(NOT_SUPPORTED, 0, CONFIG, 7, 3, SKIP, IPI_SENT, 0)
        .call(0, 8, CONFIG, 7, 3, 0, IPI_SENT, 0)
        .call(0, 0, STOP, 4, 1, 1)
        .call(0, 4, CONFIG, 3, 3, 0, IPI_SENT, 0)
        .run();
  }

  @Test
  void setsOfCountersAreChecked() {
    long[][] invalid = {
      {0, 2},
      {0, -1},
      {1, 1},
      {19, 1},
      {18, 2},
      {3, 1L << 16},
      {63, 2},
      {64, 1},
      {-1, 1},
      {1L << 32, 1},
      {Long.MIN_VALUE, 1},
      {2, 1L << 62}
    };
    for (long[] set : invalid) {
      calls
          .call(INVALID, 0, CONFIG, set[0], set[1], 0, SET_TIMER, 0)
          .call(INVALID, 0, START, set[0], set[1], 0, 0)
          .call(INVALID, 0, STOP, set[0], set[1], 0);
    }
    calls
        .call(NOT_SUPPORTED, 0, CONFIG, 0, 0, 0, SET_TIMER, 0)
        .call(NOT_SUPPORTED, 0, CONFIG, 99, 0, SKIP, SET_TIMER, 0)
        .call(0, 0, START, 0, 0, 0, 0)
        .call(0, 0, STOP, -1, 0, 0)
        .call(0, 3, CONFIG, 3, 3, 0, SET_TIMER, 0)
        .call(INVALID, 0, START, 3, 3, 0, 0)
        .call(STOPPED, 0, STOP, 3, 3, 0)
        .run();
  }

  @Test
  void reservedFlagsAndSnapshotsAreRefused() {
    for (long flag : new long[] {1 << 8, 1L << 32, Long.MIN_VALUE}) {
      calls.call(INVALID, 0, CONFIG, 0, ALL, flag, SET_TIMER, 0);
    }
    calls.call(0, 3, CONFIG, 0, ALL, 0xf8, SET_TIMER, 0);
    for (long flag : new long[] {4, 1L << 32, -1}) {
      calls.call(INVALID, 0, START, 3, 1, flag, 0).call(INVALID, 0, STOP, 3, 1, flag);
    }
    calls
        .call(NO_SHMEM, 0, START, 3, 1, 2, 0)
        .call(NO_SHMEM, 0, STOP, 3, 1, 2)
        .call(NO_SHMEM, 0, STOP, 3, 1, 3)
        .call(0, 0, START, 3, 1, 0, 0)
        .run();
  }

  @Test
  void eventsThatAreNotCountedExactlyAreNotThere() {
    for (long event :
        new long[] {
          0,
          3,
          10,
          11,
          0x10000,
          0x10001,
          0x20000,
          0x30000,
          0x40000,
          0xf0000,
          0xf0002,
          0xf0003,
          0xf0004,
          0xf000e,
          0xf0015,
          0xf0100,
          0xfffff,
          0x100000 | SET_TIMER,
          1L << 32 | SET_TIMER,
          -1
        }) {
      calls.call(NOT_SUPPORTED, 0, CONFIG, 0, ALL, 0, event, 0);
    }
    calls.call(NOT_SUPPORTED, 0, CONFIG, 0, ALL, 0, SET_TIMER, 1).run();
  }

  /** Adversary: a figure that is almost right. */
  @Test
  void ipisAndFencesAreCountedByHart() {
    for (int i = 0; i < 8; i++) {
      calls.call(0, 3 + i, CONFIG, 0, ALL, CLEAR | GO, IPI_SENT + i, 0);
    }
    calls
        .other(0, 0, IPI, 0, 0b001, 0) // to itself
        .other(0, 0, IPI, 0, 0b110, 0)
        .other(0, 0, IPI, 0, 0, -1)
        .other(INVALID, 0, IPI, 0, 0b1000, 0)
        .call(0, 4, READ, 3)
        .call(0, 0, READ, 4)
        .leave(PmuTest::receivesIpi)
        .call(0, 1, READ, 4)
        .other(0, 0, RFENCE, 0, 0b111, 0)
        .other(0, 0, RFENCE, 1, 0b001, 0, 0, 0)
        .other(0, 0, RFENCE, 1, 0b010, 0, 0, 0)
        .other(0, 0, RFENCE, 2, 0, -1, 0, 0, 7)
        .other(NOT_SUPPORTED, 0, RFENCE, 3, 0b010, 0)
        .other(INVALID, 0, RFENCE, 1, 0b1000, 0)
        .call(0, 2, READ, 5)
        .call(0, 0, READ, 6)
        .call(0, 1, READ, 7)
        .call(0, 0, READ, 8)
        .call(0, 2, READ, 9)
        .call(0, 0, READ, 10)
        .run();
    assertEquals(1, rig.vcpus.get(1).counted(FirmwareEvent.FENCE_I_RECEIVED));
    assertEquals(1, rig.vcpus.get(1).counted(FirmwareEvent.SFENCE_VMA_RECEIVED));
    assertEquals(0, rig.vcpus.get(2).counted(FirmwareEvent.SFENCE_VMA_RECEIVED));
    assertEquals(1, rig.vcpus.get(2).counted(FirmwareEvent.SFENCE_VMA_ASID_RECEIVED));
  }

  /** The post of another hart, which is taken before the next step. */
  private static void receivesIpi(FakeHart h) {
    h.csr(Csr.VIPI0, 1);
    h.exit(HuHart.HOST_EVENT, 0, 0, 0);
  }

  /** The instruction csrr a0, csr, of a hart that withholds it. */
  private static Guest readCsr(int csr) {
    return h -> h.exit(Cause.VIRTUAL_INSTRUCTION, (long) csr << 20 | 0x2573, 0, 0);
  }

  @Test
  void cyclesAndInstructionsAreReadDirectlyUntilTheyAreConfigured() {
    calls
        .then(h -> h.csr(Csr.CYCLE, 1000))
        .then(h -> assertEquals(0xffff_ffffL, h.csr(Csr.HUCOUNTEREN)))
        .call(NOT_SUPPORTED, 0, CONFIG, 2, 1, 0, 1, 0)
        .call(NOT_SUPPORTED, 0, CONFIG, 0, 1, 0, 2, 0)
        .call(NOT_SUPPORTED, 0, CONFIG, 0, ALL, 0, 1, 5)
        .call(0, 0, CONFIG, 0, ALL, CLEAR, 1, 0)
        .call(0, 2, CONFIG, 0, ALL, CLEAR, 2, 0)
        .then(h -> assertEquals(0xffff_fffaL, h.csr(Csr.HUCOUNTEREN)))
        .call(0, 0, START, 0, 1, 1, -50)
        .then(h -> h.csr(Csr.CYCLE, 1070))
        .leave(readCsr(Csr.CYCLE))
        .then(h -> assertEquals(20, h.x(10)))
        .call(0, 0, STOP, 0, 1, 0)
        .then(h -> h.csr(Csr.CYCLE, 5000))
        .leave(readCsr(Csr.CYCLE))
        .then(h -> assertEquals(20, h.x(10)))
        .leave(readCsr(Csr.INSTRET))
        .then(h -> assertEquals(0, h.x(10)))
        .leave(readCsr(Csr.CYCLE + 31))
        .then(h -> assertEquals(0, h.x(10)))
        .call(STOPPED, 0, STOP, 0, 0b101, 1)
        .then(h -> assertEquals(0xffff_ffffL, h.csr(Csr.HUCOUNTEREN)))
        .run();
  }

  /** They would count the hypervisor, and what else the host runs. */
  @Test
  void hartsThatAreSharedHaveFirmwareCountersOnly() {
    Rig shared = new Rig(1, true);
    Calls there = new Calls(shared, PMU);
    there
        .call(0, 19, 0)
        .call(INVALID, 0, INFO, 0)
        .call(INVALID, 0, INFO, 2)
        .call(INVALID, 0, CONFIG, 0, 1, 0, 1, 0)
        .call(NOT_SUPPORTED, 0, CONFIG, 3, 0xffff, 0, 1, 0)
        .call(0, 3, CONFIG, 3, 0xffff, 0, SET_TIMER, 0)
        .run();
  }

  /** A hart that starts again does not go on with what its last life counted. */
  @Test
  void aResetOfTheHartResetsItsCounters() {
    calls.call(0, 3, CONFIG, 0, ALL, GO, SET_TIMER, 0);
    timers(3).call(0, 3, READ, 3).run();
    rig.endings.clear();
    rig.vcpus.all().forEach(v -> v.reset());
    calls
        .call(0, 0, READ, 3)
        .call(STOPPED, 0, STOP, 3, 1, 0)
        .call(INVALID, 0, START, 3, 1, 0, 0)
        .run();
  }

  private void entry(long at, int event, int output, long data) {
    rig.ram.slice(at, 16).set(ValueLayout.JAVA_INT, 0, event);
    rig.ram.slice(at, 16).set(ValueLayout.JAVA_INT, 4, output);
    rig.ram.slice(at, 16).set(ValueLayout.JAVA_LONG, 8, data);
  }

  private int output(long at) {
    return rig.ram.slice(at, 16).get(ValueLayout.JAVA_INT, 4);
  }

  @Test
  void eventInfoSaysWhichEventsThereAre() {
    long at = Rig.RAM + 0x2000;
    entry(at, 1, -1, 77); // event_data are not valid for this type
    entry(at + 16, 3, -1, 0);
    entry(at + 32, (int) SET_TIMER, 0, 0);
    entry(at + 48, (int) SET_TIMER, 1, 1);
    entry(at + 64, 0x20000, 1, 0);
    entry(at + 80, (int) IPI_RECEIVED, 9, 0);
    entry(at + 96, 1 << 20, 5, 0);
    calls.call(0, 0, DESCRIBE, at, 0, 6, 0).call(INVALID, 0, DESCRIBE, at + 80, 0, 2, 0).run();
    int[] outputs = {1, 0, 1, 0, 0, 1, 5};
    for (int i = 0; i < outputs.length; i++) {
      assertEquals(outputs[i], output(at + 16L * i), "entry " + i);
    }
  }

  @Test
  void eventInfoIsInRamOrNowhere() {
    long end = Rig.RAM + (4 << 20);
    calls
        .call(0, 0, DESCRIBE, 0, 0, 0, 0)
        .call(INVALID, 0, DESCRIBE, Rig.RAM, 0, 1, 1)
        .call(INVALID, 0, DESCRIBE, Rig.RAM + 8, 0, 1, 0)
        .call(-1, 0, DESCRIBE, Rig.RAM, 0, (1 << 16) + 1, 0)
        .call(0, 0, DESCRIBE, end - 16, 0, 1, 0);
    long[][] outside = {
      {end, 0, 1},
      {end - 16, 0, 2},
      {Rig.RAM - 16, 0, 2},
      {Rig.DEVICE, 0, 1},
      {Rig.RAM, 1, 1},
      {Rig.RAM, -1, 1},
      {-16, 0, 1},
      {-16, -1, 1},
      {Rig.RAM, 0, (4 << 16) + 1},
      {Rig.RAM, 0, 1L << 60},
      {Rig.RAM, 0, Long.MAX_VALUE},
      {Rig.RAM, 0, -1}
    };
    for (long[] o : outside) {
      calls.call(INVALID_ADDRESS, 0, DESCRIBE, o[0], o[1], o[2], 0);
    }
    calls.run();
  }
}
