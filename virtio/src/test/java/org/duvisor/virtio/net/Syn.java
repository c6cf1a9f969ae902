package org.duvisor.virtio.net;

import java.nio.ByteBuffer;

/** Frames that ask for a TCP connection (RFC 9293, 3.1), over IPv4 and IPv6. */
final class Syn {
  private static final int TCP = 6;
  private static final int HEADER = 20;
  private static int port = 40_000;

  private Syn() {}

  /** A frame from one address to another, both of 4 or both of 16 bytes. */
  static byte[] packet(byte[] from, byte[] to, int destination) {
    boolean v4 = from.length == 4;
    ByteBuffer f = ByteBuffer.allocate(14 + (v4 ? 20 : 40) + HEADER);
    f.put(new byte[] {-1, -1, -1, -1, -1, -1}).put(NetFixture.MAC);
    if (v4) {
      f.putShort((short) 0x0800).putShort((short) 0x4500).putShort((short) (20 + HEADER));
      f.putInt(0).putShort((short) (64 << 8 | TCP)).putShort((short) 0);
    } else {
      f.putShort((short) 0x86dd).putInt(0x6000_0000).putShort((short) HEADER);
      f.putShort((short) (TCP << 8 | 64));
    }
    f.put(from).put(to);
    if (v4) {
      f.putShort(14 + 10, checksum(f, 14, 20, 0));
    }
    int tcp = f.position();
    f.putShort((short) port++).putShort((short) destination).putInt(1).putInt(0);
    f.putShort((short) 0x5002).putShort((short) 0xffff).putInt(0);
    f.putShort(
        tcp + 16, checksum(f, tcp - 2 * from.length, 2 * from.length + HEADER, TCP + HEADER));
    return f.array();
  }

  private static short checksum(ByteBuffer f, int from, int bytes, int start) {
    int sum = start;
    for (int i = 0; i < bytes; i += 2) {
      sum += f.getShort(from + i) & 0xffff;
    }
    sum = (sum & 0xffff) + (sum >>> 16);
    return (short) ~((sum & 0xffff) + (sum >>> 16));
  }
}
