package org.duvisor.virtio.blk;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import org.duvisor.virtio.Buffers;
import org.duvisor.virtio.Chain;
import org.duvisor.virtio.ConfigSpace;
import org.duvisor.virtio.Offer;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.RequestDevice;
import org.duvisor.virtio.Session;
import org.duvisor.virtio.Virtqueue;

/**
 * The block device (5.2). Data moves between the back end and guest memory without a copy in
 * between.
 *
 * <p>Without VIRTIO_BLK_F_FLUSH negotiated each write is made durable before it completes
 * (5.2.5.2). A host error is VIRTIO_BLK_S_IOERR for the guest and, the first time, a line in the
 * log.
 */
public final class Blk extends RequestDevice {
  /** Bytes in a sector, the unit of every address of this device. */
  public static final int SECTOR = 512;

  private static final int QUEUE_SIZE = 256;

  /** Leaves room for the header and the status byte in the queue. */
  private static final int SEG_MAX = QUEUE_SIZE - 2;

  private static final int RANGES_MAX = 16;
  private static final int RANGE_SECTORS_MAX = (32 << 20) / SECTOR;

  /**
   * Longest single transfer of the host, which bounds temporary buffers inside the JDK for on-heap
   * guest memory.
   */
  private static final int TRANSFER = 1 << 20;

  private static final System.Logger LOG = System.getLogger("org.duvisor.virtio.blk");

  private final BlockBackend backend;
  private final byte[] serial;
  private final AtomicBoolean complained = new AtomicBoolean();

  /**
   * A disk with one queue.
   *
   * @param name for the log and the thread, for instance the image's file name; also the serial
   *     number
   * @param backend closed with the device
   */
  public Blk(String name, BlockBackend backend, Serving serving) {
    this(name, backend, serving, name, 1);
  }

  /**
   * A disk.
   *
   * @param serial the serial number the guest sees, cut to 20 bytes
   * @param queues 1 to 64 request queues, all served by one thread
   */
  public Blk(String name, BlockBackend backend, Serving serving, String serial, int queues) {
    super(
        new Offer(
            2,
            "virtio-blk " + name,
            features(backend, queues),
            queues,
            QUEUE_SIZE,
            config(backend, queues)),
        serving);
    this.backend = backend;
    this.serial = Arrays.copyOf(serial.getBytes(StandardCharsets.US_ASCII), BlkLayout.ID_BYTES);
  }

  private static long features(BlockBackend backend, int queues) {
    return 1L << BlkLayout.F_SEG_MAX
        | 1L << BlkLayout.F_BLK_SIZE
        | 1L << BlkLayout.F_FLUSH
        | (queues > 1 ? 1L << BlkLayout.F_MQ : 0)
        | (backend.readOnly()
            ? 1L << BlkLayout.F_RO
            : 1L << BlkLayout.F_DISCARD | 1L << BlkLayout.F_WRITE_ZEROES);
  }

  private static ConfigSpace config(BlockBackend backend, int queues) {
    return new ConfigSpace(BlkLayout.CONFIG_SIZE)
        .set(BlkLayout.CAPACITY, 8, backend.size() / SECTOR)
        .set(BlkLayout.SEG_MAX, 4, SEG_MAX)
        .set(BlkLayout.BLK_SIZE, 4, SECTOR)
        .set(BlkLayout.NUM_QUEUES, 2, queues)
        .set(BlkLayout.MAX_DISCARD_SECTORS, 4, RANGE_SECTORS_MAX)
        .set(BlkLayout.MAX_DISCARD_SEG, 4, RANGES_MAX)
        .set(BlkLayout.DISCARD_ALIGNMENT, 4, backend.discardBytes() / SECTOR)
        .set(BlkLayout.MAX_ZEROES_SECTORS, 4, RANGE_SECTORS_MAX)
        .set(BlkLayout.MAX_ZEROES_SEG, 4, RANGES_MAX)
        .set(BlkLayout.ZEROES_MAY_UNMAP, 1, 1);
  }

  @Override
  protected void request(Session session, Virtqueue queue, Chain chain) {
    Buffers in = chain.readable();
    Buffers out = chain.writable();
    if (in.size() < BlkLayout.HEADER || out.size() < 1) {
      queue.violated("a block request without header or status");
      return;
    }
    int type = (int) in.readNumber(4);
    in.skip(4);
    long sector = in.readNumber(8);
    boolean writeThrough = !session.has(BlkLayout.F_FLUSH);
    int status;
    try {
      status =
          switch (type) {
            case BlkLayout.T_IN -> readSectors(sector, out);
            case BlkLayout.T_OUT -> writeSectors(sector, in, writeThrough);
            case BlkLayout.T_FLUSH -> flush();
            case BlkLayout.T_GET_ID -> writeId(out);
            case BlkLayout.T_DISCARD, BlkLayout.T_WRITE_ZEROES -> ranges(type, in, writeThrough);
            default -> BlkLayout.S_UNSUPP;
          };
    } catch (IOException
        | RuntimeException e) { // a damaged image may be any exception of its reader
      complain(type, e);
      status = BlkLayout.S_IOERR;
    }
    long written = status == BlkLayout.S_OK ? out.position() : 0;
    out.skip(out.remaining() - 1);
    out.writeNumber(1, status);
    // Bytes count from the first writable one; with data left unwritten before the status, only
    // those before are sure.
    queue.used(chain.head(), written == out.size() - 1 ? out.size() : written);
  }

  private int readSectors(long sector, Buffers out) throws IOException {
    if (!inside(sector, out.size() - 1)) {
      return BlkLayout.S_IOERR;
    }
    long offset = sector * SECTOR;
    while (out.remaining() > 1) {
      long start = out.position();
      backend.read(offset, out.take(Math.min(TRANSFER, out.remaining() - 1)));
      offset += out.position() - start;
    }
    return BlkLayout.S_OK;
  }

  private int writeSectors(long sector, Buffers in, boolean writeThrough) throws IOException {
    if (backend.readOnly() || !inside(sector, in.remaining())) {
      return BlkLayout.S_IOERR;
    }
    long offset = sector * SECTOR;
    while (in.remaining() > 0) {
      long start = in.position();
      backend.write(offset, in.take(TRANSFER));
      offset += in.position() - start;
    }
    if (writeThrough) {
      backend.flush();
    }
    return BlkLayout.S_OK;
  }

  private int flush() throws IOException {
    backend.flush();
    return BlkLayout.S_OK;
  }

  private int writeId(Buffers out) {
    int length = (int) Math.min(serial.length, out.size() - 1);
    out.write(MemorySegment.ofArray(serial), 0, length);
    return BlkLayout.S_OK;
  }

  /**
   * Discard and write zeroes: whole ranges or an error, but an error may leave earlier ranges done.
   */
  private int ranges(int type, Buffers in, boolean writeThrough) throws IOException {
    if (backend.readOnly()) {
      return BlkLayout.S_IOERR;
    }
    long count = in.remaining() / BlkLayout.RANGE;
    if (in.remaining() % BlkLayout.RANGE != 0 || count > RANGES_MAX) {
      return BlkLayout.S_IOERR;
    }
    for (int i = 0; i < count; i++) {
      long sector = in.readNumber(8);
      long sectors = in.readNumber(4);
      int flags = (int) in.readNumber(4);
      if ((flags & ~(type == BlkLayout.T_DISCARD ? 0 : BlkLayout.RANGE_UNMAP)) != 0) {
        return BlkLayout.S_UNSUPP;
      }
      long bytes = sectors * SECTOR;
      if (sectors > RANGE_SECTORS_MAX || !inside(sector, bytes)) {
        return BlkLayout.S_IOERR;
      }
      if (type == BlkLayout.T_DISCARD) {
        backend.discard(sector * SECTOR, bytes);
      } else {
        backend.zero(sector * SECTOR, bytes);
      }
    }
    if (writeThrough) {
      backend.flush();
    }
    return BlkLayout.S_OK;
  }

  /** Whether the bytes are whole sectors of the disk. */
  private boolean inside(long sector, long bytes) {
    long capacity = backend.size() / SECTOR;
    return bytes % SECTOR == 0
        && sector >= 0
        && sector <= capacity
        && bytes / SECTOR <= capacity - sector;
  }

  private void complain(int type, Exception e) {
    if (complained.compareAndSet(false, true)) {
      LOG.log(
          System.Logger.Level.WARNING,
          "{0}: request type {1} failed on the host: {2}; the guest sees I/O errors",
          offer().name(),
          type,
          e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage());
    }
  }

  @Override
  protected void release() {
    try (backend) {
      backend.flush();
    } catch (IOException e) {
      LOG.log(
          System.Logger.Level.ERROR,
          "{0}: the last writes may be lost: {1}",
          offer().name(),
          e.getMessage());
    }
  }
}
