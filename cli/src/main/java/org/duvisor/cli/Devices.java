package org.duvisor.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.VirtioDevice;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.BlockBackend;
import org.duvisor.virtio.blk.DiskImage;
import org.duvisor.virtio.blk.Overlay;
import org.duvisor.virtio.host.Links;
import org.duvisor.virtio.net.Net;
import org.duvisor.virtio.net.NetBackend;
import org.duvisor.virtio.net.Passt;
import org.duvisor.virtio.net.StreamNet;
import org.duvisor.virtio.p9.P9;
import org.duvisor.virtio.rng.Rng;

/**
 * The virtio devices that options describe, until a machine owns them: disks, network, shared
 * folders, entropy, in this order of slots, so that disks are where they are with and without the
 * others, the first one in the first slot.
 */
final class Devices implements AutoCloseable {
  private final Serving serving;
  private final RandomGenerator random;
  private final List<VirtioDevice> devices = new ArrayList<>();
  private int cards;

  /**
   * No devices yet.
   *
   * @param random for the entropy device and the network card's address
   */
  Devices(Serving serving, RandomGenerator random) {
    this.serving = serving;
    this.random = random;
  }

  /** Opens what the options name; after an exception, {@link #close} gives it back. */
  Devices open(GuestOptions options) throws IOException {
    options.disks().forEach(Disk::check);
    options.shares().forEach(Share::check);
    addDisks(options.disks(), options.sharedFolders());
    org.duvisor.cli.Net.check(options.nets());
    for (org.duvisor.cli.Net.Card card : options.nets()) {
      plug(card);
    }
    share(options.shares());
    devices.add(new Rng(random, serving));
    return this;
  }

  private void addDisks(List<Disk> disks, List<Path> shared) throws IOException {
    Map<Path, Disk> seen = new HashMap<>();
    for (Disk disk : disks) {
      Path file = Links.resolve("disk image " + disk.file(), disk.file(), shared);
      Disk before = seen.put(file, disk);
      if (before != null && (before.isWritten() || disk.isWritten())) {
        throw new UserError(
            "disk image " + disk.file() + " is named twice: that needs ro or snapshot each time");
      }
      String name = "vd" + (char) ('a' + devices.size());
      String serial = before == null ? serial(file) : name + "-" + serial(file);
      devices.add(new Blk(name, open(disk, shared), serving, serial, 1));
    }
  }

  /**
   * What tells the disk from others, for /dev/disk/by-id in the guest: the same each time for a
   * file, whatever its place among the disks, and another one for another file.
   */
  static String serial(Path file) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(file.toString().getBytes(UTF_8));
      return HexFormat.of().formatHex(hash, 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }

  private static BlockBackend open(Disk disk, List<Path> shared) throws IOException {
    boolean readOnly = !disk.isWritten();
    BlockBackend image =
        DiskImage.open(disk.file(), disk.format(), readOnly, disk.anyBacking(), shared);
    if (!disk.snapshot()) {
      return image;
    }
    try {
      return Overlay.over(image);
    } catch (IOException e) {
      image.close();
      throw e;
    }
  }

  private void share(List<Share> shares) throws IOException {
    List<String> tags = Share.tags(shares);
    for (int i = 0; i < tags.size(); i++) {
      Share share = shares.get(i);
      devices.add(P9.share(share.folder(), tags.get(i), share.readOnly(), serving));
    }
  }

  private void plug(org.duvisor.cli.Net.Card card) throws IOException {
    byte[] mac =
        card.mac().map(text -> HexFormat.ofDelimiter(":").parseHex(text)).orElseGet(this::anyMac);
    NetBackend network =
        switch (card.net()) {
          case org.duvisor.cli.Net.None() -> throw new IllegalArgumentException("no network");
          case org.duvisor.cli.Net.User(boolean host, var forwards) -> Passt.start(host, forwards);
          case org.duvisor.cli.Net.Unix(var socket) ->
              StreamNet.connect(UnixDomainSocketAddress.of(socket));
          case org.duvisor.cli.Net.Tcp(var host, var port) ->
              StreamNet.connect(new InetSocketAddress(host, port));
        };
    devices.add(new Net("net" + cards++, mac, Net.NO_MTU, network, serving));
  }

  private byte[] anyMac() {
    byte[] mac = new byte[6];
    random.nextBytes(mac);
    mac[0] = 0x52; // unicast, administered locally
    mac[1] = 0x54;
    mac[2] = 0;
    return mac;
  }

  void add(VirtioDevice device) {
    devices.add(device);
  }

  /** The devices in the order of their slots; who gets them closes them. */
  List<VirtioDevice> list() {
    return List.copyOf(devices);
  }

  /** Closes devices, which is harmless when their machine did. */
  @Override
  public void close() {
    devices.forEach(VirtioDevice::close);
  }
}
