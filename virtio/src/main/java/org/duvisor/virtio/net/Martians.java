package org.duvisor.virtio.net;

import java.nio.ByteBuffer;

/**
 * Frames to addresses that no wire may carry (RFC 1122, 3.2.1.3; RFC 4291, 2.5): 0.0.0.0/8,
 * 127.0.0.0/8, and those of IPv6 whose first 80 bits are zero - unspecified, loopback, and IPv4 in
 * IPv6. Guests do not send them unless they mean harm: a user-level network behind the cable
 * answers by connecting from the host, where such an address is the host itself.
 */
final class Martians {
  private static final int TYPE = 12;
  private static final int IPV4 = 0x0800;
  private static final int IPV4_DESTINATION = 14 + 16;
  private static final int IPV6 = 0x86dd;
  private static final int IPV6_DESTINATION = 14 + 24;

  private Martians() {}

  /** Whether the remaining bytes, a frame, are for such an address. */
  static boolean isOne(ByteBuffer frame) {
    int at = frame.position();
    int bytes = frame.remaining();
    int type = frame.getShort(at + TYPE) & 0xffff;
    if (type == IPV4 && bytes >= IPV4_DESTINATION + 4) {
      int first = frame.get(at + IPV4_DESTINATION) & 0xff;
      return first == 0 || first == 127;
    }
    return type == IPV6
        && bytes >= IPV6_DESTINATION + 16
        && frame.getLong(at + IPV6_DESTINATION) == 0
        && frame.getShort(at + IPV6_DESTINATION + 8) == 0;
  }
}
