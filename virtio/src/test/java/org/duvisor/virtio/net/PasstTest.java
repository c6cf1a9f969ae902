package org.duvisor.virtio.net;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.duvisor.virtio.QueueWorker.Serving;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The real thing behind the socket: passt answers DHCP. Skipped where it is not installed. */
@Timeout(60)
class PasstTest {
  private static final int XID = 0x600df00d;
  private static final int ETHERNET = 14;
  private static final int IP = 20;
  private static final int UDP = 8;
  private static final int BOOTP = 240;

  private static NetFixture plug(boolean host, Forward... forwards) throws IOException {
    boolean there =
        Stream.of(System.getenv("PATH").split(File.pathSeparator))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, "passt")));
    assumeTrue(there, "passt is not installed (Debian: passt)");
    NetFixture net = new NetFixture(Passt.start(host, List.of(forwards)), Serving.THREAD, 2048);
    net.post(32);
    return net;
  }

  @Test
  void offersAnAddress() throws IOException {
    try (NetFixture net = plug(false)) {
      net.send(discover());
      ByteBuffer offer = offer(net);
      assertEquals(2, option(offer, 53).get(0), "DHCPOFFER");
    }
  }

  /** Adversary: another user of the host, who plants links and sockets in shared folders. */
  @Test
  void leavesNothingInSharedFolders() throws IOException {
    Set<Path> before = temporary();
    try (NetFixture net = plug(false)) {
      net.send(discover());
      offer(net);
      assertEquals(before, temporary());
    }
  }

  private static Set<Path> temporary() throws IOException {
    Set<Path> all = new HashSet<>();
    for (String folder : new String[] {"/tmp", System.getProperty("java.io.tmpdir")}) {
      try (Stream<Path> files = Files.list(Path.of(folder))) {
        files
            .filter(f -> f.getFileName().toString().matches("(duvisor-(net|passt)|passt).*"))
            .forEach(all::add);
      }
    }
    return all;
  }

  @Test
  void itsProcessEndsWithTheDevice() throws IOException {
    NetFixture net = plug(false);
    net.send(discover());
    offer(net);
    assertEquals(1, children());
    net.close();
    assertEquals(0, children());
  }

  private static long children() {
    return ProcessHandle.current()
        .children()
        .filter(p -> p.info().command().orElse("").contains("passt"))
        .count();
  }

  /**
   * Adversary: a guest that wants to reach services of the host that listen at 127.0.0.1, by the
   * gateway's address and by addresses that no router would forward.
   */
  @Test
  void theHostsOwnServicesAreNotReached() throws IOException {
    try (ServerSocketChannel host = listen("127.0.0.1");
        ServerSocketChannel host6 = listen("::1");
        NetFixture net = plug(false)) {
      attack(net, host, host6);
      assertNull(host.accept());
      assertNull(host6.accept());
    }
  }

  @Test
  void theHostsOwnServicesAreAtTheGatewayWhenAskedFor() throws IOException {
    try (ServerSocketChannel host = listen("127.0.0.1");
        ServerSocketChannel host6 = listen("::1");
        NetFixture net = plug(true)) {
      attack(net, host, host6);
      // passt connects on its own time: the kernel, not its answer to DHCP, says when it is there.
      try (SocketChannel reached = acceptSoon(host)) {
        assertNotNull(reached, "by the gateway");
      }
      assertNull(host.accept(), "by any other address");
    }
  }

  private static @Nullable SocketChannel acceptSoon(ServerSocketChannel host) throws IOException {
    host.configureBlocking(true);
    host.socket().setSoTimeout(10_000);
    try {
      return host.socket().accept().getChannel();
    } catch (SocketTimeoutException e) {
      return null;
    } finally {
      host.configureBlocking(false);
    }
  }

  private static ServerSocketChannel listen(String address) throws IOException {
    ServerSocketChannel listening = ServerSocketChannel.open();
    listening.bind(new InetSocketAddress(address, 0)).configureBlocking(false);
    return listening;
  }

  /** Asks for a connection wherever one might be; the answer to DHCP says that passt is through. */
  private static void attack(NetFixture net, ServerSocketChannel host, ServerSocketChannel host6)
      throws IOException {
    int port = host.socket().getLocalPort();
    int port6 = host6.socket().getLocalPort();
    net.send(discover());
    ByteBuffer offer = offer(net);
    byte[] mine = new byte[4];
    offer.get(ETHERNET + IP + UDP + 16, mine);
    byte[] gateway = new byte[4];
    option(offer, 3).get(0, gateway);
    net.send(Syn.packet(mine, gateway, port));
    for (String there : new String[] {"127.0.0.1", "0.0.0.0", "0.1.2.3", "127.0.0.2"}) {
      net.send(Syn.packet(mine, InetAddress.getByName(there).getAddress(), port));
    }
    byte[] me = new byte[16];
    me[0] = (byte) 0xfd;
    me[15] = 2;
    byte[] mapped = new byte[16];
    mapped[10] = -1;
    mapped[11] = -1;
    net.send(Syn.packet(me, mapped.clone(), port)); // ::ffff:0.0.0.0
    mapped[12] = 127;
    mapped[15] = 1;
    net.send(Syn.packet(me, mapped, port));
    for (String there : new String[] {"::1", "::", "::127.0.0.1", "fd00::1", "fe80::1"}) {
      net.send(Syn.packet(me, InetAddress.getByName(there).getAddress(), port6));
    }
    net.send(discover());
    offer(net);
  }

  @Test
  void aPortOfTheHostLeadsToTheGuest() throws IOException {
    int port;
    try (var free = new DatagramSocket()) {
      port = free.getLocalPort();
    }
    try (NetFixture net = plug(false, new Forward(false, "127.0.0.1", port, 81));
        var host = new DatagramSocket()) {
      net.send(discover());
      offer(net); // now passt knows where the guest is
      byte[] text = "to the guest".getBytes(StandardCharsets.US_ASCII);
      var there = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
      host.send(new DatagramPacket(text, text.length, there));
      ByteBuffer frame = ByteBuffer.wrap(net.receive());
      while (frame.capacity() < ETHERNET + IP + UDP
          || frame.getShort(12) != 0x0800
          || frame.get(ETHERNET + 9) != 17
          || frame.getShort(ETHERNET + IP + 2) != 81) {
        net.post(1);
        frame = ByteBuffer.wrap(net.receive());
      }
      byte[] heard = new byte[text.length];
      frame.get(ETHERNET + IP + UDP, heard);
      assertArrayEquals(text, heard);
    }
  }

  /** RFC 2131: the answer to ours. */
  private static ByteBuffer offer(NetFixture net) {
    while (true) {
      ByteBuffer frame = ByteBuffer.wrap(net.receive());
      net.post(1);
      int bootp = ETHERNET + IP + UDP;
      if (frame.capacity() > bootp + BOOTP
          && frame.getShort(12) == 0x0800
          && frame.get(ETHERNET + 9) == 17
          && frame.getShort(ETHERNET + IP + 2) == 68
          && frame.getInt(bootp + 4) == XID) {
        return frame;
      }
    }
  }

  private static ByteBuffer option(ByteBuffer offer, int wanted) {
    for (int at = ETHERNET + IP + UDP + BOOTP;
        offer.get(at) != -1;
        at += 2 + (offer.get(at + 1) & 0xff)) {
      if (offer.get(at) == wanted) {
        return offer.slice(at + 2, offer.get(at + 1) & 0xff);
      }
    }
    throw new AssertionError("no option " + wanted);
  }

  private static byte[] discover() {
    int options = 4;
    ByteBuffer f = ByteBuffer.allocate(ETHERNET + IP + UDP + BOOTP + 60);
    int ipLength = f.capacity() - ETHERNET;
    f.put(new byte[] {-1, -1, -1, -1, -1, -1}).put(NetFixture.MAC).putShort((short) 0x0800);
    f.putShort((short) 0x4500)
        .putShort((short) ipLength)
        .putInt(0)
        .putShort((short) 0x4011)
        .putShort((short) 0);
    f.putInt(0).putInt(-1);
    f.putShort((short) 68)
        .putShort((short) 67)
        .putShort((short) (ipLength - IP))
        .putShort((short) 0);
    f.putInt(0x01010600).putInt(XID).putInt(0x8000); // broadcast the answer
    f.position(f.position() + 16).put(NetFixture.MAC);
    f.position(ETHERNET + IP + UDP + BOOTP - options).putInt(0x63825363);
    f.put(new byte[] {53, 1, 1, -1});
    int sum = 0;
    for (int i = 0; i < IP; i += 2) {
      sum += f.getShort(ETHERNET + i) & 0xffff;
    }
    f.putShort(ETHERNET + 10, (short) ~((sum & 0xffff) + (sum >> 16)));
    return f.array();
  }
}
