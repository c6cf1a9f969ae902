package org.duvisor.virtio.p9;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.duvisor.devices.Snapshot;
import org.duvisor.virtio.Buffers;
import org.duvisor.virtio.Chain;
import org.duvisor.virtio.ConfigSpace;
import org.duvisor.virtio.Offer;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.RequestDevice;
import org.duvisor.virtio.Session;
import org.duvisor.virtio.Virtqueue;

/**
 * The 9P transport (5.10) with a host folder behind it. In Linux: {@code mount -t 9p -o
 * trans=virtio,version=9p2000.L,cache=mmap TAG FOLDER}.
 */
public final class P9 extends RequestDevice {
  /** Longest name of a share, in bytes; Linux copies it to a page, people type it. */
  public static final int MAX_TAG = 31;

  private static final int QUEUE_SIZE = 128;

  private final Server server;

  private P9(String tag, Export export, Serving serving) {
    super(
        new Offer(9, "virtio-9p " + tag, 1L << P9Layout.F_MOUNT_TAG, 1, QUEUE_SIZE, config(tag)),
        serving);
    this.server = new Server(export);
  }

  private static ConfigSpace config(String tag) {
    byte[] name = tag.getBytes(StandardCharsets.UTF_8);
    ConfigSpace config = new ConfigSpace(2 + name.length).set(0, 2, name.length);
    for (int i = 0; i < name.length; i++) {
      config.set(2 + i, 1, name[i]);
    }
    return config;
  }

  /**
   * Shares a folder.
   *
   * @param tag what the guest mounts it by, 1 to {@link #MAX_TAG} bytes
   * @param readOnly whether every change is refused
   * @throws IOException with one line for the user
   */
  public static P9 share(Path folder, String tag, boolean readOnly, Serving serving)
      throws IOException {
    return new P9(tag, Export.of(folder, readOnly), serving);
  }

  @Override
  protected void request(Session session, Virtqueue queue, Chain chain) {
    Buffers in = chain.readable();
    Buffers out = chain.writable();
    if (in.size() < P9Layout.HEADER) {
      queue.violated("a 9P request without a header");
      return;
    }
    synchronized (server) {
      MemorySegment request = server.request();
      int bytes = (int) in.read(request, 0, Math.min(in.size(), request.byteSize()));
      int reply = server.answer(bytes, out.size());
      if (reply < 0) {
        queue.violated("a 9P request without room for a reply");
        return;
      }
      queue.used(chain.head(), out.write(server.reply(), 0, reply));
    }
  }

  @Override
  public void reset() {
    super.reset();
    synchronized (server) {
      server.clear();
    }
  }

  /** Files that a guest has open are the host's, and may be others later. */
  @Override
  public void snapshot(Snapshot s) {
    throw s.refused("a folder is shared");
  }

  @Override
  protected void release() {
    synchronized (server) {
      server.close();
    }
  }
}
