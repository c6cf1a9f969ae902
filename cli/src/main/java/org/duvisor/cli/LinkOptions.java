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
      defaultValue = "none",
      converter = Net.Converter.class,
      description =
          "Network: none, user (passt; user,host: the guest's gateway is the computer's own"
              + " 127.0.0.1), unix:PATH, tcp:HOST:PORT. Default: ${DEFAULT-VALUE}.")
  private Net net = new Net.None();

  List<Share> shares() {
    return List.copyOf(shares);
  }

  Net net() {
    return net;
  }
}
