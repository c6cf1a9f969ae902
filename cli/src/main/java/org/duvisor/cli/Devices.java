package org.duvisor.cli;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.VirtioDevice;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.RawFile;
import org.duvisor.virtio.net.Net;
import org.duvisor.virtio.net.StreamNet;
import org.duvisor.virtio.rng.Rng;

/**
 * The virtio devices that options describe, until a machine owns them: entropy, disks, network, in
 * this order of slots, so that disks are where they are with and without a network.
 */
final class Devices implements AutoCloseable {
  private final Serving serving;
  private final RandomGenerator random;
  private final List<VirtioDevice> devices = new ArrayList<>();
  private final List<Passt> children = new ArrayList<>();

  /**
   * The entropy device alone.
   *
   * @param random also the source of the network card's address
   */
  Devices(Serving serving, RandomGenerator random) {
    this.serving = serving;
    this.random = random;
    devices.add(new Rng(random));
  }

  /** Opens what the options name; after an exception, {@link #close} gives it back. */
  Devices open(List<Disk> disks, org.duvisor.cli.Net net) throws IOException {
    for (Disk disk : disks) {
      String name = "vd" + (char) ('a' + devices.size() - 1);
      devices.add(new Blk(name, RawFile.open(disk.file(), disk.readOnly()), serving));
    }
    switch (net) {
      case org.duvisor.cli.Net.None() -> {}
      case org.duvisor.cli.Net.User() -> {
        Passt passt = Passt.start();
        children.add(passt);
        plug(passt.connect());
      }
      case org.duvisor.cli.Net.Unix(var socket) ->
          plug(StreamNet.connect(UnixDomainSocketAddress.of(socket)));
      case org.duvisor.cli.Net.Tcp(var host, var port) ->
          plug(StreamNet.connect(new InetSocketAddress(host, port)));
    }
    return this;
  }

  private void plug(StreamNet network) {
    byte[] mac = new byte[6];
    random.nextBytes(mac);
    mac[0] = 0x52; // unicast, administered locally
    mac[1] = 0x54;
    mac[2] = 0;
    devices.add(new Net("net0", mac, Net.NO_MTU, network, serving));
  }

  void add(VirtioDevice device) {
    devices.add(device);
  }

  /** The devices in the order of their slots; who gets them closes them. */
  List<VirtioDevice> list() {
    return List.copyOf(devices);
  }

  /** Closes devices, which is harmless when their machine did, and ends child processes. */
  @Override
  public void close() {
    devices.forEach(VirtioDevice::close);
    children.forEach(Passt::close);
  }
}
