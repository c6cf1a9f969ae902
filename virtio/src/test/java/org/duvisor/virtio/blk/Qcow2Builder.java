package org.duvisor.virtio.blk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.Deflater;

/**
 * Makes small qcow2 images byte by byte, right ones and wrong ones: clusters of 512 bytes, the
 * header in the first, a level-1 table in the second, one level-2 table in the third, data behind.
 */
final class Qcow2Builder {
  static final int CLUSTER = 512;
  static final int L1 = CLUSTER;
  static final int L2 = 2 * CLUSTER;

  private final ByteBuffer bytes = ByteBuffer.allocate(64 << 10);
  private int end = 3 * CLUSTER;

  Qcow2Builder(int version, int diskClusters) {
    bytes.putInt(0, Qcow2Header.MAGIC).putInt(4, version).putInt(20, 9);
    bytes.putLong(24, (long) diskClusters * CLUSTER).putInt(36, 1).putLong(40, L1);
    if (version == 3) {
      bytes.putInt(96, 4).putInt(100, 104);
    }
    bytes.putLong(L1, 1L << 63 | L2);
  }

  /** A header that is different. */
  Qcow2Builder put32(int at, int value) {
    bytes.putInt(at, value);
    return this;
  }

  /** A header or table entry that is different. */
  Qcow2Builder put64(int at, long value) {
    bytes.putLong(at, value);
    return this;
  }

  /** The level-2 entry of a cluster of the disk. */
  Qcow2Builder entry(int cluster, long value) {
    return put64(L2 + 8 * cluster, value);
  }

  /** A cluster of the disk, full of one byte. */
  Qcow2Builder data(int cluster, int value) {
    entry(cluster, 1L << 63 | end);
    for (int i = 0; i < CLUSTER; i++) {
      bytes.put(end + i, (byte) value);
    }
    end += CLUSTER;
    return this;
  }

  /** A cluster of the disk that is compressed; its sectors may be told wrong. */
  Qcow2Builder deflated(int cluster, byte[] content, int sectorsAfterFirst) {
    Deflater deflater = new Deflater(9, true);
    deflater.setInput(content);
    deflater.finish();
    byte[] packed = new byte[2 * CLUSTER];
    int length = deflater.deflate(packed);
    deflater.end();
    return compressed(cluster, packed, length, sectorsAfterFirst);
  }

  Qcow2Builder compressed(int cluster, byte[] packed, int length, int sectorsAfterFirst) {
    entry(cluster, 1L << 62 | (long) sectorsAfterFirst << 61 | end);
    bytes.put(end, packed, 0, length);
    end += length;
    return this;
  }

  /** Names a backing file, and its format unless that is empty. */
  Qcow2Builder backing(String name, String format) {
    byte[] text = name.getBytes(StandardCharsets.UTF_8);
    int at = 104;
    if (!format.isEmpty()) {
      bytes.putInt(at, 0xe2792aca).putInt(at + 4, format.length());
      bytes.put(at + 8, format.getBytes(StandardCharsets.UTF_8));
      at += 16;
    }
    at += 8;
    bytes.putLong(8, at).putInt(16, text.length).put(at, text);
    return this;
  }

  byte[] image() {
    byte[] image = new byte[(end + CLUSTER - 1) / CLUSTER * CLUSTER];
    bytes.get(0, image);
    return image;
  }

  Path write(Path file) throws IOException {
    return Files.write(file, image());
  }
}
