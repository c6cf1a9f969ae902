package org.duvisor.virtio.net;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.duvisor.virtio.host.Errno;
import org.duvisor.virtio.host.SocketChild;

/**
 * The host's network for one guest by a passt process, with nothing to set up and no rights needed.
 * The process ends with its connection. The two are joined by a socket that has no name: whoever
 * else is on the host has no part in it.
 *
 * <p>The guest does not reach the host's own services at 127.0.0.1 unless that is asked for: passt
 * itself has them at the gateway's address ({@code --no-map-gw} turns it off), and older ones at
 * 127.0.0.1 itself, which {@link StreamNet} does not let through.
 */
public final class Passt {
  private static final long START_NANOS = 10_000_000_000L;
  private static final long POLL_NANOS = 2_000_000;

  /** Of a frame that no one answers: a local experiment (IEEE 802, 9.2.3). */
  private static final short EXPERIMENT = (short) 0x88b5;

  private static final int PROBE_BYTES = 60;

  private static final System.Logger LOG = System.getLogger("org.duvisor.virtio.net");

  private Passt() {}

  /**
   * Starts a process and waits until it works.
   *
   * @param host whether the guest reaches the host's services at 127.0.0.1, by the address of its
   *     gateway
   * @param forwards ports of the host that lead to the guest
   * @throws IOException with one line for the user when passt is not installed, or ends at once
   */
  public static NetBackend start(boolean host, List<Forward> forwards) throws IOException {
    List<String> command = new ArrayList<>(List.of("passt", "--foreground", "--quiet"));
    command.addAll(List.of("--fd", String.valueOf(SocketChild.ITS_END)));
    if (!host) {
      command.add("--no-map-gw");
      command.addAll(resolvers());
    }
    for (Forward forward : forwards) {
      command.addAll(
          List.of(forward.tcp() ? "--tcp-ports" : "--udp-ports", forward.specification()));
    }
    SocketChild passt;
    try {
      passt = SocketChild.start(command);
    } catch (Errno | UnsupportedOperationException e) {
      throw new IOException("--net user needs passt, which is not installed (Debian: passt)", e);
    }
    try {
      awaitStart(passt);
      return new StreamNet("passt", passt);
    } catch (IOException e) {
      String said =
          passt.lastLine(line -> !line.startsWith("Failed to send")).orElse("it said nothing");
      passt.close();
      throw new IOException("passt did not start: " + said, e);
    }
  }

  /** It works when it has read a frame, one of a kind that it does not know. */
  private static void awaitStart(SocketChild passt) throws IOException {
    ByteBuffer probe = ByteBuffer.allocateDirect(4 + PROBE_BYTES);
    probe.putInt(0, PROBE_BYTES).putShort(4 + 12, EXPERIMENT);
    while (probe.hasRemaining()) {
      passt.write(probe);
    }
    long deadline = System.nanoTime() + START_NANOS;
    while (!passt.hasReadAll()) {
      if (passt.ended() || System.nanoTime() - deadline > 0) {
        throw new IOException("it does not read");
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
  }

  /**
   * Options for a host whose resolver is one of its own services, which the guest does not reach:
   * those that it asks in turn, as systemd-resolved lists them.
   */
  private static List<String> resolvers() {
    List<String> named = names(Path.of("/etc/resolv.conf"));
    if (named.isEmpty() || !named.stream().allMatch(Passt::isOwn)) {
      return List.of(); // passt finds those that there are
    }
    List<String> options = new ArrayList<>();
    for (String address : names(Path.of("/run/systemd/resolve/resolv.conf"))) {
      if (!isOwn(address)) {
        options.addAll(List.of("--dns", address));
      }
    }
    if (options.isEmpty()) {
      LOG.log(
          System.Logger.Level.WARNING,
          "the guest has no name service: the host''s is at its own 127.0.0.1"
              + " (--net user,host lets the guest reach that)");
    }
    return options;
  }

  private static boolean isOwn(String address) {
    return address.startsWith("127.") || address.equals("::1");
  }

  /** The name servers of a file of resolv.conf(5). */
  private static List<String> names(Path file) {
    try {
      return Files.readAllLines(file).stream()
          .map(line -> line.strip().split("\\s+"))
          .filter(words -> words.length >= 2 && words[0].equals("nameserver"))
          .map(words -> words[1])
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }
}
