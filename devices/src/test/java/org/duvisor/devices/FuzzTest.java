package org.duvisor.devices;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.duvisor.devices.chardev.ScriptedBackend;

/**
 * Adversary: a hostile guest that reads and writes anything anywhere, in every width, aligned or
 * not.
 */
class FuzzTest {
  private static final int[] WIDTHS = {1, 2, 4, 8};

  @Property(tries = 40)
  void noAccessIsAnException(@ForAll long seed) {
    Random random = new Random(seed);
    ScriptedBackend host = new ScriptedBackend();
    Plic plic =
        new Plic(
            random.nextInt(1, 1024),
            List.of(new Plic.Context(IrqLine.NONE, 1, 11), new Plic.Context(IrqLine.NONE, 1, 9)));
    List<Device> devices =
        List.of(
            plic,
            new Ns16550(host, plic.source(1), 3_686_400),
            new GoldfishRtc(
                InstantSource.fixed(Instant.EPOCH.plusSeconds(random.nextInt())),
                Timers.never(),
                plic.source(1)),
            new TestFinisher(request -> {}, 1));
    host.type("input");
    for (Device device : devices) {
      for (int i = 0; i < 2000; i++) {
        access(device, random);
      }
      device.reset();
    }
  }

  private static void access(Device device, Random random) {
    int width = WIDTHS[random.nextInt(4)];
    long range = random.nextBoolean() ? 64 : device.size();
    long offset =
        switch (random.nextInt(8)) {
          case 0 -> random.nextLong();
          case 1 -> 0x20_0000 + random.nextInt(0x2008);
          case 2 -> 0x2000 + random.nextInt(0x200);
          default -> random.nextLong(range);
        };
    if (random.nextBoolean()) {
      device.write(offset, width, random.nextBoolean() ? random.nextLong() : random.nextInt(16));
    } else {
      long value = device.read(offset, width);
      if (width < 8) {
        assertEquals(0, value >>> 8 * width, "zero-extended");
      }
    }
  }
}
