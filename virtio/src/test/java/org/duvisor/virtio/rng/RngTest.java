package org.duvisor.virtio.rng;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import java.util.random.RandomGenerator;
import org.duvisor.virtio.VirtioMmio;
import org.duvisor.virtio.testing.TestDriver;
import org.duvisor.virtio.testing.TestDriver.Buffer;
import org.duvisor.virtio.testing.TestDriver.Queue;
import org.duvisor.virtio.testing.TestIrq;
import org.duvisor.virtio.testing.TestRam;
import org.junit.jupiter.api.Test;

class RngTest {
  private final TestRam ram = new TestRam(1 << 20);
  private final RandomGenerator source = new Random(1);
  private final Queue queue =
      new TestDriver(new VirtioMmio(new Rng(source), ram.memory(), new TestIrq()), ram)
          .start(1)
          .getFirst();

  @Test
  void givesTheBytesOfItsSource() {
    long at = ram.allocate(100);
    assertEquals(100, queue.request(Buffer.out(at, 33), Buffer.out(at + 33, 67)).written());
    byte[] expected = new byte[100];
    new Random(1).nextBytes(expected);
    assertArrayEquals(expected, ram.bytes(at, 100));
  }

  @Test
  void aRequestIsBounded() {
    assertEquals(Rng.LIMIT, queue.request(Buffer.out(ram.allocate(100_000), 100_000)).written());
  }
}
