package org.duvisor.conformance.soak;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.duvisor.conformance.guest.LoadedGuest;
import org.duvisor.platform.sim.SimHost;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.VirtioDevice;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.MemoryDisk;
import org.duvisor.virtio.p9.P9;
import org.duvisor.virtio.rng.Rng;

/** One guest's life: a boot, some load, and an end, which may be sudden. */
final class GuestLoad {
  private static final List<String> WORK =
      List.of(
          "dd if=/dev/urandom of=/dev/vda bs=64k count=64 2>/dev/null; sync",
          "md5sum /bin/busybox",
          "i=0; while [ $i -lt 200 ]; do i=$((i + 1)); (true); done",
          "cp /bin/busybox /mnt/copy; cmp /bin/busybox /mnt/copy; rm /mnt/copy",
          "tar cf /mnt/etc.tar /etc; rm /mnt/etc.tar");

  private final SimHost host;
  private final SplittableRandom random;

  GuestLoad(SimHost host, SplittableRandom random) {
    this.host = host;
    this.random = random;
  }

  /** Runs to the end; what goes wrong is thrown. */
  Void run() throws Exception {
    Path folder = Files.createTempDirectory("duvisor-soak");
    try (LoadedGuest guest = LoadedGuest.boot(host, 1 + random.nextInt(4), devices(folder))) {
      if (random.nextInt(4) == 0) {
        Thread.sleep(random.nextInt(3000)); // ended somewhere in its boot
        guest.kill();
        return null;
      }
      guest.ready();
      for (int i = random.nextInt(6); i > 0; i--) {
        guest.run(WORK.get(random.nextInt(WORK.size())));
      }
      switch (random.nextInt(3)) {
        case 0 -> guest.powerOff();
        case 1 -> guest.reboot();
        default -> {
          guest.start(WORK.get(random.nextInt(WORK.size())));
          guest.kill();
        }
      }
    } finally {
      delete(folder);
    }
    return null;
  }

  private VirtioDevice[] devices(Path folder) throws IOException {
    return new VirtioDevice[] {
      new Rng(random.split()),
      new Blk("vda", new MemoryDisk(8 << 20), Serving.THREAD),
      P9.share(folder, "host", false, Serving.THREAD),
    };
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
