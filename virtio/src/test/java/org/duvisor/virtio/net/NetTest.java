package org.duvisor.virtio.net;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.duvisor.virtio.MmioLayout;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.testing.TestDriver;
import org.duvisor.virtio.testing.TestDriver.Buffer;
import org.duvisor.virtio.testing.TestDriver.Queue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class NetTest {
  /** A cable whose far end is the test. */
  private static final class Wire implements NetBackend {
    final List<byte[]> sent = new ArrayList<>();
    Port port;

    @Override
    public void plug(Port newPort) {
      port = newPort;
    }

    @Override
    public synchronized void send(ByteBuffer frame) {
      byte[] bytes = new byte[frame.remaining()];
      frame.get(bytes);
      sent.add(bytes);
    }

    @Override
    public void close() {}
  }

  static byte[] frame(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  @ParameterizedTest
  @EnumSource(Serving.class)
  void framesComeBackThroughALoop(Serving serving) {
    try (NetFixture net = new NetFixture(new LoopbackNet(), serving, 2048)) {
      for (int length : new int[] {14, 60, 1514, 2036}) {
        net.post(1);
        net.send(frame(length));
        assertArrayEquals(frame(length), net.receive());
      }
    }
  }

  @Test
  void longFramesTakeSeveralMergeableBuffers() {
    Wire wire = new Wire();
    try (NetFixture net = new NetFixture(wire, Serving.INLINE, 100)) {
      net.post(16);
      assertTrue(wire.port.receive(ByteBuffer.wrap(frame(1514))));
      assertArrayEquals(frame(1514), net.receive());
    }
  }

  @Test
  void withoutEnoughBuffersNothingIsUsedAndTheFrameIsRefused() {
    Wire wire = new Wire();
    try (NetFixture net = new NetFixture(wire, Serving.INLINE, 100)) {
      net.post(15);
      assertTrue(!wire.port.receive(ByteBuffer.wrap(frame(1514))));
      assertTrue(net.poll().isEmpty());
      net.post(1);
      assertTrue(wire.port.receive(ByteBuffer.wrap(frame(1514))));
      assertArrayEquals(frame(1514), net.receive());
    }
  }

  /** Adversary: a peer that sends what no number of this driver's buffers holds. */
  @Test
  void aFrameLongerThanAllBuffersIsLost() {
    Wire wire = new Wire();
    try (NetFixture net = new NetFixture(wire, Serving.INLINE, 100)) {
      net.rx = net.driver.start(-1, 2, 16).getFirst();
      net.post(16);
      assertTrue(wire.port.receive(ByteBuffer.wrap(frame(16 * 100))));
      assertTrue(net.poll().isEmpty());
      assertTrue(wire.port.receive(ByteBuffer.wrap(frame(16 * 100 - NetFixture.HEADER))));
      assertArrayEquals(frame(16 * 100 - NetFixture.HEADER), net.receive());
    }
  }

  @Test
  void withoutMergingOneBufferHoldsOneFrameOrItIsLost() {
    Wire wire = new Wire();
    try (NetFixture net = new NetFixture(wire, Serving.INLINE, 100)) {
      net.rx = net.driver.start(~(1L << 15), 2, 64).getFirst();
      net.post(2);
      assertTrue(wire.port.receive(ByteBuffer.wrap(frame(89))));
      assertTrue(net.poll().isEmpty());
      assertTrue(wire.port.receive(ByteBuffer.wrap(frame(88))));
      assertArrayEquals(frame(88), net.receive());
    }
  }

  @Test
  void framesWithoutADriverAreLost() {
    Wire wire = new Wire();
    try (NetFixture net = new NetFixture(wire, Serving.INLINE, 100)) {
      net.post(2);
      net.mmio.reset();
      assertTrue(wire.port.receive(ByteBuffer.wrap(frame(60))));
      assertTrue(net.poll().isEmpty());
    }
  }

  @Test
  void configurationHasAddressAndLink() {
    Wire wire = new Wire();
    try (NetFixture net = new NetFixture(wire, Serving.INLINE, 100)) {
      assertEquals(0x9a_78_56_34_12_02L, net.driver.config(0, 8) & 0xffff_ffff_ffffL);
      assertEquals(1, net.driver.config(6, 2));
      wire.port.link(false);
      assertEquals(0, net.driver.config(6, 2));
      assertEquals(2, net.driver.acknowledge());
    }
  }

  /** Adversary: a driver that sends what is no frame. */
  @Test
  void oversizedAndEmptyFramesAreDroppedButReturned() {
    Wire wire = new Wire();
    try (NetFixture net = new NetFixture(wire, Serving.INLINE, 100)) {
      long at = net.ram.allocate(1 << 20);
      Queue tx = net.tx;
      tx.request(Buffer.in(at, 12));
      tx.request(Buffer.in(at, 12 + 13));
      tx.request(Buffer.in(at, 12 + NetBackend.MAX_FRAME + 1));
      tx.request(Buffer.in(at, 1 << 20), Buffer.in(at, 1 << 20));
      assertEquals(0, wire.sent.size());
      tx.request(Buffer.in(at, 12 + NetBackend.MAX_FRAME));
      assertEquals(1, wire.sent.size());
      assertEquals(0, net.driver.status() & TestDriver.NEEDS_RESET);
    }
  }

  @Test
  void aHubCarriesFramesToAllOthers() {
    HubNet hub = new HubNet();
    try (NetFixture a = new NetFixture(hub.socket(), Serving.THREAD, 2048);
        NetFixture b = new NetFixture(hub.socket(), Serving.THREAD, 2048);
        NetFixture c = new NetFixture(hub.socket(), Serving.INLINE, 2048)) {
      a.post(8);
      b.post(8);
      c.post(8);
      a.send(frame(100));
      assertArrayEquals(frame(100), b.receive());
      assertArrayEquals(frame(100), c.receive());
      b.mmio.close();
      c.send(frame(200));
      assertArrayEquals(frame(200), a.receive());
      assertTrue(a.poll().isEmpty());
    }
  }

  @Test
  void resetStopsReceiving() {
    Wire wire = new Wire();
    try (NetFixture net = new NetFixture(wire, Serving.THREAD, 100)) {
      net.post(4);
      net.driver.write(MmioLayout.STATUS, 0);
      wire.port.receive(ByteBuffer.wrap(frame(60)));
      assertTrue(net.rx.poll().isEmpty());
    }
  }

  @Test
  void badAddressesAreRefused() {
    NetBackend cable = new LoopbackNet();
    assertThrows(
        IllegalArgumentException.class,
        () -> new Net("t", new byte[5], Net.NO_MTU, cable, Serving.INLINE));
    assertThrows(
        IllegalArgumentException.class,
        () -> new Net("t", new byte[] {1, 0, 0, 0, 0, 0}, Net.NO_MTU, cable, Serving.INLINE));
    assertThrows(
        IllegalArgumentException.class, () -> new Net("t", new byte[6], 67, cable, Serving.INLINE));
  }

  /** 5.1.6.1: without VIRTIO_F_VERSION_1 and mergeable buffers the header has no num_buffers. */
  @Test
  void transitionalDriversHaveAShorterHeader() {
    int header = 10;
    Wire wire = new Wire();
    try (NetFixture net = new NetFixture(wire, Serving.INLINE, 2048)) {
      assertTrue(net.driver.negotiate(0));
      Queue rx = net.driver.queue(0, 64);
      Queue tx = net.driver.queue(1, 64);
      net.driver.write(
          MmioLayout.STATUS, TestDriver.FOUND | TestDriver.FEATURES_OK | TestDriver.DRIVER_OK);
      long buffer = net.ram.allocate(2048);
      rx.add(Buffer.out(buffer, 2048));
      rx.kick();
      assertTrue(wire.port.receive(ByteBuffer.wrap(frame(60))));
      assertEquals(header + 60, rx.await().written());
      assertArrayEquals(frame(60), net.ram.bytes(buffer + header, 60));
      tx.request(Buffer.in(buffer, header + 60));
      assertArrayEquals(frame(60), wire.sent.getFirst());
    }
  }
}
