package org.duvisor.hypervisor.sbi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.duvisor.hypervisor.fake.Rig;
import org.duvisor.isa.Csr;
import org.junit.jupiter.api.Test;

/** Firmware features (SBI 3.0, chapter 18). */
class FirmwareFeaturesTest {
  private static final long FWFT = 0x46574654;
  private static final long SET = 0;
  private static final long GET = 1;

  private static final long MISALIGNED = 0;
  private static final long AD_UPDATING = 4;
  private static final long MASKING = 5;

  private static final long NOT_SUPPORTED = -2;
  private static final long INVALID = -3;
  private static final long DENIED = -4;
  private static final long LOCKED = -14;

  private final Rig rig = new Rig(1);
  private final Calls calls = new Calls(rig, FWFT);

  @Test
  void reservedAndForeignFeaturesAreDenied() {
    for (long f :
        new long[] {6, 0x3fff_ffff, 0x4000_0000, 0x7fff_ffff, 0x8000_0000L, 0xc000_0000L, -1}) {
      calls.call(DENIED, 0, SET, f, 0, 0).call(DENIED, 0, GET, f);
    }
    for (long f = 1; f <= 3; f++) {
      calls.call(NOT_SUPPORTED, 0, SET, f, 1, 0).call(NOT_SUPPORTED, 0, GET, f);
    }
    calls.run();
  }

  @Test
  void misalignedExceptionsAreTheGuestsAndStayIt() {
    calls
        .call(0, 1, GET, MISALIGNED)
        .call(0, 1, GET, 1L << 32) // a feature has 32 bits
        .call(0, 0, SET, MISALIGNED, 1, 0)
        .call(DENIED, 0, SET, MISALIGNED, 0, 0)
        .call(INVALID, 0, SET, MISALIGNED, 2, 0)
        .call(INVALID, 0, SET, MISALIGNED, -1, 0)
        .call(INVALID, 0, SET, MISALIGNED, 1, 2)
        .call(0, 0, SET, MISALIGNED, 1, 1)
        .call(LOCKED, 0, SET, MISALIGNED, 0, 0)
        .run();
  }

  private static long environment(long bits) {
    return Csr.HENVCFG_STCE
        | Csr.HENVCFG_PBMTE
        | Csr.HENVCFG_CBZE
        | Csr.HENVCFG_CBCFE
        | 1 << 4
        | bits;
  }

  @Test
  void updatingOfPageTablesIsABitOfTheHart() {
    calls
        .then(h -> assertEquals(environment(Csr.HENVCFG_ADUE), h.csr(Csr.HUENVCFG)))
        .call(0, 1, GET, AD_UPDATING)
        .then(h -> h.fences.clear())
        .call(0, 0, SET, AD_UPDATING, 0, 0)
        .then(h -> assertEquals(environment(0), h.csr(Csr.HUENVCFG)))
        .then(h -> assertTrue(h.fences.contains("vvma ffffffffffffffff ffffffffffffffff")))
        .call(0, 0, GET, AD_UPDATING)
        .call(INVALID, 0, SET, AD_UPDATING, 2, 0)
        .call(INVALID, 0, SET, AD_UPDATING, 1, -1)
        .call(INVALID, 0, SET, AD_UPDATING, 1, 1L << 63)
        .call(0, 0, SET, AD_UPDATING, 1, 1)
        .call(LOCKED, 0, SET, AD_UPDATING, 0, 0)
        .call(0, 0, SET, AD_UPDATING, 1, 0) // as it is
        .call(0, 1, GET, AD_UPDATING)
        .run();
    reset();
    calls.call(0, 0, SET, AD_UPDATING, 0, 0).call(0, 0, GET, AD_UPDATING).run();
    reset();
    calls.call(0, 1, GET, AD_UPDATING).run();
  }

  private void reset() {
    rig.endings.clear();
    rig.vcpus.all().forEach(v -> v.reset());
  }

  @Test
  void pointersAreMaskedBySevenOrSixteenBits() {
    calls.call(0, 0, GET, MASKING);
    long[][] lengths = {{7, 2}, {16, 3}, {0, 0}, {16, 3}, {7, 2}};
    for (long[] l : lengths) {
      calls
          .call(0, 0, SET, MASKING, l[0], 0)
          .then(h -> assertEquals(environment(Csr.HENVCFG_ADUE | l[1] << 32), h.csr(Csr.HUENVCFG)))
          .call(0, l[0], GET, MASKING);
    }
    for (long no : new long[] {1, 6, 8, 15, 17, -1, 1L << 32, Long.MIN_VALUE}) {
      calls.call(INVALID, 0, SET, MASKING, no, 0);
    }
    calls
        .call(0, 0, SET, MASKING, 7, 1)
        .call(LOCKED, 0, SET, MASKING, 0, 0)
        .call(0, 0, SET, AD_UPDATING, 0, 0)
        .call(0, 7, GET, MASKING)
        .run();
    reset();
    calls.call(0, 0, GET, MASKING).call(0, 0, SET, MASKING, 16, 0).run();
  }

  @Test
  void hartsWithoutThemDoNotSupportThem() {
    Rig plain = new Rig(1, true);
    new Calls(plain, FWFT)
        .call(NOT_SUPPORTED, 0, GET, AD_UPDATING)
        .call(NOT_SUPPORTED, 0, SET, AD_UPDATING, 0, 0)
        .call(NOT_SUPPORTED, 0, GET, MASKING)
        .call(NOT_SUPPORTED, 0, SET, MASKING, 0, 0)
        .call(0, 1, GET, MISALIGNED)
        .run();
  }
}
