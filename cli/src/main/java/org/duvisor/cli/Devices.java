package org.duvisor.cli;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.VirtioDevice;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.RawFile;
import org.duvisor.virtio.console.Console;
import org.duvisor.virtio.net.NetBackend;
import org.duvisor.virtio.net.StreamNet;
import org.duvisor.virtio.rng.Rng;

/** The virtio devices that options ask for, in the order of their slots. */
final class Devices {
  private static final int COLUMNS = 80;
  private static final int ROWS = 24;

  private final List<VirtioDevice> list = new ArrayList<>();
  private final Serving serving;
  private final RandomGenerator random;

  /**
   * No devices yet.
   *
   * @param serving who does the work of a queue
   * @param random for the guest's random numbers and its MAC address
   */
  Devices(Serving serving, RandomGenerator random) {
    this.serving = serving;
    this.random = random;
    list.add(new Rng(random));
  }

  /** Opens the disks. */
  Devices disks(List<Disk> disks) throws IOException {
    for (Disk disk : disks) {
      String name = String.valueOf(disk.file().getFileName());
      list.add(new Blk(name, RawFile.open(disk.file(), disk.readOnly()), serving));
    }
    return this;
  }

  /** Plugs in the network. */
  Devices net(Net net) throws IOException {
    switch (net) {
      case Net.None() -> {}
      case Net.User() -> card(Passt.connect());
      case Net.Unix(var socket) -> card(StreamNet.connect(UnixDomainSocketAddress.of(socket)));
      case Net.Tcp(var host, var port) ->
          card(StreamNet.connect(new InetSocketAddress(host, port)));
    }
    return this;
  }

  private void card(NetBackend backend) {
    byte[] mac = new byte[6];
    random.nextBytes(mac);
    mac[0] = 0x52; // administered locally, unicast
    list.add(
        new org.duvisor.virtio.net.Net(
            "net0", mac, org.duvisor.virtio.net.Net.NO_MTU, backend, serving));
  }

  /** Adds a console. */
  Devices console(CharBackend backend) {
    list.add(new Console(COLUMNS, ROWS, backend, serving));
    return this;
  }

  List<VirtioDevice> list() {
    return list;
  }
}
