package org.duvisor.hypervisor.sbi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.SplittableRandom;
import org.duvisor.hypervisor.fake.FakeHart;
import org.duvisor.hypervisor.fake.Rig;
import org.duvisor.isa.Csr;
import org.duvisor.platform.HuHart;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Adversary: a guest that makes calls with any arguments at all, in any order. */
class AnyCallTest {
  private static final int CALLS = 20_000;

  private static final long[] EXTENSIONS = {
    0x10,
    0x54494D45,
    0x735049,
    0x52464E43,
    0x504D55,
    0x504D55,
    0x504D55,
    0x4442434E,
    0x53555350,
    0x535441,
    0x535441,
    0x46574654,
    0x46574654
  };

  private static final long[] NUMBERS = {
    0,
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    16,
    18,
    19,
    63,
    64,
    0x7fffd,
    0xffff,
    0xf0005,
    0xf0006,
    -1,
    -2,
    -64,
    1L << 32,
    1L << 62,
    Long.MIN_VALUE,
    Long.MAX_VALUE,
    Rig.RAM,
    Rig.RAM + 64,
    Rig.RAM + 0x1000,
    Rig.RAM + (4 << 20) - 64,
    Rig.RAM + (4 << 20),
    Rig.DEVICE
  };

  private static long pick(SplittableRandom random, long[] from) {
    return from[random.nextInt(from.length)];
  }

  private static void act(FakeHart h, SplittableRandom random) {
    h.csr(Csr.HUVIP, 4); // whatever waits is woken
    h.csr(Csr.HUVSIE, 2);
    h.stolen += random.nextInt(3);
    if (random.nextInt(8) == 0) {
      h.exit(HuHart.HOST_EVENT, 0, 0, 0);
      return;
    }
    long[] arguments =
        random.longs(6).map(any -> any < 0 ? pick(random, NUMBERS) : any & 31).toArray();
    h.ecall(pick(random, EXTENSIONS), random.nextInt(10), arguments);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void isAnsweredAndHarmless(long seed) {
    var random = new SplittableRandom(seed);
    Rig rig = new Rig(2);
    int[] left = {CALLS};
    rig.run(
        h -> {
          if (left[0]-- == 0) {
            h.ecall(8, 0);
          } else {
            act(h, random);
          }
        });
    assertEquals(List.of("poweroff"), rig.endings);
  }
}
