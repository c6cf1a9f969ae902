package org.duvisor.virtio.p9;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.duvisor.virtio.Buffers;
import org.duvisor.virtio.Chain;
import org.duvisor.virtio.ConfigSpace;
import org.duvisor.virtio.QueueWorker;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.Session;
import org.duvisor.virtio.VirtioDevice;
import org.duvisor.virtio.Virtqueue;
import org.jspecify.annotations.Nullable;

/**
 * The 9P transport (5.10) with a host folder behind it. In Linux: {@code mount -t 9p -o
 * trans=virtio,version=9p2000.L TAG FOLDER}.
 */
public final class P9 implements VirtioDevice {
  /** Longest name of a share, in bytes; Linux copies it to a page, people type it. */
  public static final int MAX_TAG = 31;

  private static final int QUEUE_SIZE = 128;

  private final String tag;
  private final Server server;
  private final ConfigSpace config;
  private final QueueWorker worker;
  private volatile @Nullable Service service;
  private boolean closed;

  private static final class Service {
    final Virtqueue queue;
    final Chain chain;

    Service(Session session) {
      queue = session.queues().getFirst();
      chain = queue.newChain();
    }
  }

  private P9(String tag, Export export, Serving serving) {
    this.tag = tag;
    this.server = new Server(export);
    byte[] name = tag.getBytes(StandardCharsets.UTF_8);
    config = new ConfigSpace(2 + name.length).set(0, 2, name.length);
    for (int i = 0; i < name.length; i++) {
      config.set(2 + i, 1, name[i]);
    }
    worker = new QueueWorker(serving, "virtio-9p " + tag, _ -> serve());
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
  public int id() {
    return 9;
  }

  @Override
  public String name() {
    return "virtio-9p " + tag;
  }

  @Override
  public long features() {
    return 1L << P9Layout.F_MOUNT_TAG;
  }

  @Override
  public int[] queueSizes() {
    return new int[] {QUEUE_SIZE};
  }

  @Override
  public ConfigSpace config() {
    return config;
  }

  @Override
  public void start(Session session) {
    service = new Service(session);
  }

  @Override
  public void notify(int queue) {
    worker.wake(queue);
  }

  private void serve() {
    Service now = service;
    if (now == null) {
      return;
    }
    Virtqueue queue = now.queue;
    boolean more = true;
    while (more) {
      synchronized (queue) { // for each request anew: a reset waits for one at most
        more = service == now && queue.next(now.chain);
        if (more) {
          more = request(queue, now.chain);
        }
      }
    }
  }

  private boolean request(Virtqueue queue, Chain chain) {
    Buffers in = chain.readable();
    Buffers out = chain.writable();
    if (in.size() < P9Layout.HEADER) {
      return queue.violated("a 9P request without a header");
    }
    synchronized (server) {
      MemorySegment request = server.request();
      int bytes = (int) in.read(request, 0, Math.min(in.size(), request.byteSize()));
      int reply = server.answer(bytes, out.size());
      if (reply < 0) {
        return queue.violated("a 9P request without room for a reply");
      }
      queue.used(chain.head(), out.write(server.reply(), 0, reply));
    }
    queue.publish();
    return true;
  }

  @Override
  public void reset() {
    service = null;
    synchronized (server) {
      server.clear();
    }
  }

  @Override
  public void close() {
    synchronized (config) {
      if (closed) {
        return;
      }
      closed = true;
    }
    worker.close();
    synchronized (server) {
      server.close();
    }
  }
}
