package org.duvisor.virtio.net;

/**
 * A port of the host that leads to one of the guest.
 *
 * @param tcp whether of TCP; otherwise of UDP
 * @param address of the host, where it is, as a literal; empty for all of them
 * @param hostPort 1 to 65535
 * @param guestPort 1 to 65535
 */
public record Forward(boolean tcp, String address, int hostPort, int guestPort) {
  /** As passt has it. */
  String specification() {
    return (address.isEmpty() ? "" : address + "/") + hostPort + ":" + guestPort;
  }
}
