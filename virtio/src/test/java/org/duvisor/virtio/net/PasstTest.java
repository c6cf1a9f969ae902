package org.duvisor.virtio.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.duvisor.virtio.QueueWorker.Serving;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The real thing behind the socket: passt answers DHCP. Skipped where passt is not installed or may
 * not run.
 */
@Timeout(60)
class PasstTest {
  private static final int XID = 0x600df00d;
  private static final int ETHERNET = 14;
  private static final int IP = 20;
  private static final int UDP = 8;
  private static final int BOOTP = 240;

  @Test
  void offersAnAddress() throws IOException, InterruptedException {
    Path socket =
        Path.of(
            System.getProperty("java.io.tmpdir"), "duvisor-passt-" + ProcessHandle.current().pid());
    Files.deleteIfExists(socket);
    Process passt = start(socket);
    try {
      while (!Files.exists(socket) && passt.isAlive()) {
        passt.waitFor(20, TimeUnit.MILLISECONDS);
      }
      assumeTrue(passt.isAlive(), "passt does not run here");
      StreamNet cable = StreamNet.connect(UnixDomainSocketAddress.of(socket));
      try (NetFixture net = new NetFixture(cable, Serving.THREAD, 2048)) {
        net.post(32);
        net.send(discover());
        assertEquals(2, offer(net), "DHCPOFFER");
      }
    } finally {
      passt.destroy();
      passt.waitFor();
      Files.deleteIfExists(socket);
    }
  }

  private static Process start(Path socket) {
    Optional<Process> started = Optional.empty();
    try {
      started =
          Optional.of(
              new ProcessBuilder("passt", "--foreground", "--quiet", "--socket", socket.toString())
                  .redirectErrorStream(true)
                  .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                  .start());
    } catch (IOException e) {
      assumeTrue(false, "passt is not installed");
    }
    return started.orElseThrow();
  }

  /** RFC 2131: the message type (option 53) of the answer to ours. */
  private static int offer(NetFixture net) {
    while (true) {
      ByteBuffer frame = ByteBuffer.wrap(net.receive());
      int bootp = ETHERNET + IP + UDP;
      boolean answer =
          frame.capacity() > bootp + BOOTP
              && frame.getShort(12) == 0x0800
              && frame.get(ETHERNET + 9) == 17
              && frame.getShort(ETHERNET + IP + 2) == 68
              && frame.getInt(bootp + 4) == XID;
      if (answer) {
        for (int at = bootp + BOOTP; frame.get(at) != -1; at += 2 + (frame.get(at + 1) & 0xff)) {
          if (frame.get(at) == 53) {
            return frame.get(at + 2);
          }
        }
      }
      net.post(1);
    }
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
