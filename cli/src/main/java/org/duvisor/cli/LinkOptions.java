package org.duvisor.cli;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** What links a machine with the computer it is on. */
final class LinkOptions {
  @Option(
      names = "--share",
      paramLabel = "DIR[,OPT]",
      converter = Share.Converter.class,
      description =
          "A folder of the computer, for the machine (mount -t 9p -o"
              + " trans=virtio,version=9p2000.L,cache=mmap TAG DIR). OPT: ro; tag=TAG (default:"
              + " share, share1, ...).")
  private List<Share> shares = new ArrayList<>();

  @Option(
      names = "--net",
      paramLabel = "NET",
      converter = Net.Converter.class,
      description =
          "A network card; again for the next (eth0, eth1, ...): none, user (passt), unix:PATH,"
              + " tcp:HOST:PORT. Default: none. With user: ,host (the guest's gateway is the"
              + " computer's own 127.0.0.1) and ,hostfwd=tcp:[ADDR]:PORT-:PORT (a port of the"
              + " computer leads to one of the guest; udp too). With any: ,mac=ADDRESS.")
  private List<Net.Card> nets = new ArrayList<>();

  List<Share> shares() {
    return List.copyOf(shares);
  }

  List<Net.Card> nets() {
    return nets.stream().filter(card -> !(card.net() instanceof Net.None)).toList();
  }
}
