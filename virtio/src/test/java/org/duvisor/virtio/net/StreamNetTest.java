package org.duvisor.virtio.net;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.duvisor.virtio.MmioLayout;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.testing.TestDriver.Buffer;
import org.duvisor.virtio.testing.TestRam;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class StreamNetTest {
  @TempDir Path dir;
  private ServerSocketChannel server;
  private SocketChannel peer;
  private NetFixture net;

  @BeforeEach
  void connect() throws IOException {
    UnixDomainSocketAddress address = UnixDomainSocketAddress.of(dir.resolve("s"));
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(address);
    net = new NetFixture(StreamNet.connect(address), Serving.THREAD, 2048);
    peer = server.accept();
  }

  @AfterEach
  void close() throws IOException {
    net.close();
    peer.close();
    server.close();
  }

  private void write(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      peer.write(bytes);
    }
  }

  private void send(byte[] frame) throws IOException {
    write(ByteBuffer.allocate(4 + frame.length).putInt(frame.length).put(frame).flip());
  }

  private byte[] read(int length) throws IOException {
    ByteBuffer into = ByteBuffer.allocate(length);
    while (into.hasRemaining()) {
      assertTrue(peer.read(into) > 0);
    }
    return into.array();
  }

  private static void await(BooleanSupplier condition) {
    while (!condition.getAsBoolean()) {
      LockSupport.parkNanos(1_000);
    }
  }

  @Test
  void framesTravelBehindTheirLength() throws IOException {
    for (int length : new int[] {14, 60, 1514, 65536}) {
      net.send(NetTest.frame(length));
      assertEquals(length, ByteBuffer.wrap(read(4)).getInt());
      assertArrayEquals(NetTest.frame(length), read(length));
    }
    net.post(60);
    for (int length : new int[] {14, 60, 1514, 65536}) {
      send(NetTest.frame(length));
      assertArrayEquals(NetTest.frame(length), net.receive());
    }
  }

  /** Adversary: a guest that wants a user-level network to connect to its own host. */
  @Test
  void framesToTheHostItselfAreLost() throws IOException {
    byte[] me4 = {10, 0, 0, 1};
    byte[] me6 = InetAddress.getByName("fd00::2").getAddress();
    byte[] mapped = new byte[16];
    mapped[10] = -1;
    mapped[11] = -1;
    mapped[12] = 10;
    net.send(Syn.packet(me6, mapped, 1));
    for (String there : new String[] {"127.0.0.1", "127.255.0.9", "0.0.0.0", "0.255.1.1"}) {
      net.send(Syn.packet(me4, InetAddress.getByName(there).getAddress(), 1));
    }
    for (String there : new String[] {"::1", "::", "::7f00:1"}) {
      net.send(Syn.packet(me6, InetAddress.getByName(there).getAddress(), 1));
    }
    for (String there : new String[] {"1.0.0.0", "126.0.0.1", "128.0.0.1", "255.255.255.255"}) {
      byte[] frame = Syn.packet(me4, InetAddress.getByName(there).getAddress(), 1);
      net.send(frame);
      assertEquals(frame.length, ByteBuffer.wrap(read(4)).getInt());
      assertArrayEquals(frame, read(frame.length), there);
    }
    byte[] frame = Syn.packet(me6, InetAddress.getByName("64:ff9b::1").getAddress(), 1);
    net.send(frame);
    assertEquals(frame.length, ByteBuffer.wrap(read(4)).getInt());
    assertArrayEquals(frame, read(frame.length));
  }

  @Test
  void piecesOfAStreamBecomeFrames() throws IOException {
    net.post(8);
    ByteBuffer stream = ByteBuffer.allocate(4 + 100 + 4 + 200);
    stream.putInt(100).put(NetTest.frame(100)).putInt(200).put(NetTest.frame(200)).flip();
    while (stream.hasRemaining()) {
      int n = Math.min(stream.remaining(), 7);
      write(stream.slice(stream.position(), n));
      stream.position(stream.position() + n);
    }
    assertArrayEquals(NetTest.frame(100), net.receive());
    assertArrayEquals(NetTest.frame(200), net.receive());
  }

  /** Adversary: a peer that sends what is no frame. */
  @Test
  void garbageIsPassedOver() throws IOException {
    net.post(8);
    send(new byte[0]);
    send(new byte[13]);
    send(new byte[NetBackend.MAX_FRAME + 1]);
    send(new byte[5_000_000]);
    send(NetTest.frame(99));
    assertArrayEquals(NetTest.frame(99), net.receive());
    assertTrue(net.poll().isEmpty());
  }

  @Test
  void nothingIsLostWhileTheGuestHasNoRoom() throws IOException {
    for (int i = 0; i < 20; i++) {
      send(NetTest.frame(100 + i));
    }
    for (int i = 0; i < 20; i++) {
      net.post(1);
      assertArrayEquals(NetTest.frame(100 + i), net.receive());
    }
  }

  @Test
  void aPeerThatHangsUpTakesTheLinkDown() throws IOException {
    peer.close();
    await(() -> net.driver.config(6, 2) == 0);
    await(() -> (net.driver.read(MmioLayout.INTERRUPT_STATUS) & 2) != 0);
    net.send(NetTest.frame(60)); // returned, lost
  }

  /** Adversary: a peer that does not read. */
  @Test
  void aStuckPeerBlocksNeitherResetNorClose() {
    for (int i = 0; i < 60; i++) {
      net.tx.add(Buffer.in(TestRam.BASE, 12 + 65536));
    }
    net.tx.kick();
    net.driver.write(MmioLayout.STATUS, 0);
    assertEquals(0, net.driver.status());
    net.close();
  }

  @Test
  void nobodyListeningIsOneLine() {
    IOException e =
        assertThrows(
            IOException.class,
            () -> StreamNet.connect(UnixDomainSocketAddress.of(dir.resolve("nobody"))));
    assertTrue(e.getMessage().startsWith("network: cannot connect to "), e.getMessage());
  }
}
