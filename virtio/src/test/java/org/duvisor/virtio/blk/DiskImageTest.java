package org.duvisor.virtio.blk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** qcow2 images and overlays; qemu-img is the reference where it is installed. */
class DiskImageTest {
  private static final int DISK = 4 << 20;

  @TempDir Path dir;

  static byte[] filled(int length, int value) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  static byte[] read(BlockBackend disk, long offset, int bytes) throws IOException {
    ByteBuffer into = ByteBuffer.allocate(bytes);
    disk.read(offset, into);
    assertEquals(0, into.remaining());
    return into.array();
  }

  private static BlockBackend open(Path file) throws IOException {
    return DiskImage.open(file, Optional.empty(), true, false);
  }

  @Test
  void whatTheImageHoldsAndWhatItDoesNot() throws IOException {
    Path image = dir.resolve("a.qcow2");
    byte[] text = new byte[512];
    new Random(3).nextBytes(text);
    Arrays.fill(text, 100, 400, (byte) 5);
    new Qcow2Builder(3, 8).data(1, 7).deflated(2, text, 0).entry(3, 1).write(image);
    try (BlockBackend disk = open(image)) {
      assertEquals(4096, disk.size());
      assertTrue(disk.readOnly());
      byte[] expected = new byte[4096];
      Arrays.fill(expected, 512, 1024, (byte) 7);
      System.arraycopy(text, 0, expected, 1024, 512);
      assertArrayEquals(expected, read(disk, 0, 4096));
      assertArrayEquals(Arrays.copyOfRange(expected, 700, 1300), read(disk, 700, 600));
      assertThrows(IOException.class, () -> disk.write(0, ByteBuffer.allocate(512)));
    }
  }

  @Test
  void aBackingFileThatIsSmaller() throws IOException {
    Files.write(dir.resolve("base.img"), filled(1024, 3));
    Path image =
        new Qcow2Builder(3, 8)
            .data(0, 7)
            .entry(1, 1)
            .backing("base.img", "raw")
            .write(dir.resolve("a.qcow2"));
    try (BlockBackend disk = open(image)) {
      assertArrayEquals(filled(512, 7), read(disk, 0, 512));
      assertArrayEquals(new byte[3584], read(disk, 512, 3584)); // zeros hide what is below
    }
    new Qcow2Builder(3, 8).data(0, 7).backing("base.img", "raw").write(image);
    try (BlockBackend disk = open(image)) {
      assertArrayEquals(filled(512, 3), read(disk, 512, 512));
      assertArrayEquals(new byte[512], read(disk, 1024, 512));
    }
  }

  @Test
  void anOverlayForgetsWhatWasWritten() throws IOException {
    Path image = Files.write(dir.resolve("disk.img"), filled(DISK, 1));
    byte[] expected = filled(DISK, 1);
    Random random = new Random(5);
    try (BlockBackend disk = Overlay.over(open(image))) {
      assertFalse(disk.readOnly());
      for (int i = 0; i < 500; i++) {
        int length = 512 * (1 + random.nextInt(40));
        int at = 512 * random.nextInt((DISK - length) / 512 + 1);
        if (random.nextInt(3) == 0) {
          assertArrayEquals(Arrays.copyOfRange(expected, at, at + length), read(disk, at, length));
        } else if (random.nextInt(4) == 0) {
          disk.zero(at, length);
          Arrays.fill(expected, at, at + length, (byte) 0);
        } else {
          disk.write(at, ByteBuffer.wrap(filled(length, i)));
          Arrays.fill(expected, at, at + length, (byte) i);
        }
      }
      disk.write(DISK - 512, ByteBuffer.wrap(filled(512, 99)));
      Arrays.fill(expected, DISK - 512, DISK, (byte) 99);
      assertArrayEquals(expected, read(disk, 0, DISK));
    }
    assertArrayEquals(filled(DISK, 1), Files.readAllBytes(image));
  }

  /** A disk of zeros, as large as one likes. */
  private record Vast(long size) implements BlockBackend {
    @Override
    public boolean readOnly() {
      return true;
    }

    @Override
    public void read(long offset, ByteBuffer into) {
      into.put(new byte[into.remaining()]);
    }

    @Override
    public void write(long offset, ByteBuffer from) {
      throw new AssertionError("it is only read");
    }

    @Override
    public void zero(long offset, long length) {}

    @Override
    public void discard(long offset, long length) {}

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }

  /** Adversary: a guest that writes far behind what a file of the host can have. */
  @Test
  void anOverlayOfAnyDiskIsAsLargeAsWhatWasWritten() throws IOException {
    long size = 1L << 60;
    try (BlockBackend disk = Overlay.over(new Vast(size))) {
      for (long at : new long[] {0, 1L << 44, (1L << 50) + 512, size - 1024}) {
        disk.write(at, ByteBuffer.wrap(filled(1024, 7)));
      }
      for (long at : new long[] {0, 1L << 44, (1L << 50) + 512, size - 1024}) {
        assertArrayEquals(filled(1024, 7), read(disk, at, 1024));
      }
      assertArrayEquals(new byte[512], read(disk, 1L << 50, 512));
      assertArrayEquals(new byte[512], read(disk, (1L << 50) + 1536, 512));
    }
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).toList();
    }
  }

  /** Whatever ends the process: what has no name does not stay. */
  @Test
  void anOverlaysFileHasNoName() throws IOException {
    Path folder = Files.createDirectory(dir.resolve("scratch"));
    try (BlockBackend disk = Overlay.over(new Vast(1 << 20), folder)) {
      disk.write(0, ByteBuffer.wrap(filled(4096, 7)));
      assertEquals(List.of(), names(folder));
      assertArrayEquals(filled(4096, 7), read(disk, 0, 4096));
    }
    assertTrue(
        assertThrows(
                IOException.class, () -> Overlay.over(new Vast(512), dir.resolve("none")).close())
            .getMessage()
            .contains("TMPDIR"));
  }

  /** Adversary: a guest that fills the host's disk by what it writes to a snapshot. */
  @Test
  void anOverlayLeavesTheHostSomeSpace() throws Exception {
    Path small = Files.createDirectory(dir.resolve("small"));
    assumeTrue(
        new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=32m", "none", small.toString())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start()
                .waitFor()
            == 0,
        "needs the right to mount a small file system");
    try (BlockBackend disk = Overlay.over(new Vast(1L << 40), small)) {
      // A block here and there first, so that clusters are there and grow later.
      IOException full =
          assertThrows(
              IOException.class,
              () -> {
                for (long block = 0; block < 16; block++) {
                  for (long cluster = 0; cluster < 1024; cluster++) {
                    disk.write(cluster << 16 | block << 12, ByteBuffer.wrap(filled(4096, 1)));
                  }
                }
              });
      assertTrue(full.getMessage().startsWith("the snapshot is full: " + small), full.getMessage());
      assertTrue(Files.getFileStore(small).getUsableSpace() >= 1 << 20);
      assertArrayEquals(filled(4096, 1), read(disk, 0, 4096));
      disk.write(0, ByteBuffer.wrap(filled(4096, 2))); // what is there needs no more space
      assertArrayEquals(filled(4096, 2), read(disk, 0, 4096));
    } finally {
      new ProcessBuilder("umount", small.toString()).start().waitFor();
    }
  }

  // ---- against qemu-img

  private void qemuImg(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("qemu-img"));
    command.addAll(List.of(arguments));
    try {
      Process process =
          new ProcessBuilder(command)
              .directory(dir.toFile())
              .redirectErrorStream(true)
              .redirectOutput(dir.resolve("qemu-img.log").toFile())
              .start();
      assertTrue(process.waitFor(60, TimeUnit.SECONDS));
      assertEquals(0, process.exitValue(), Files.readString(dir.resolve("qemu-img.log")));
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  private static boolean hasQemuImg() {
    return Files.isExecutable(Path.of("/usr/bin/qemu-img"));
  }

  /** Text, noise, holes. */
  private byte[] contents(int seed) throws IOException {
    byte[] bytes = new byte[DISK + 512 * 3];
    Random random = new Random(seed);
    for (int i = 0; i < 60; i++) {
      byte[] piece = new byte[random.nextInt(100_000)];
      if (i % 2 == 0) {
        random.nextBytes(piece);
      } else {
        for (int j = 0; j < piece.length; j++) {
          piece[j] = (byte) "The quick brown fox\n".charAt(j % (1 + seed % 20));
        }
      }
      System.arraycopy(piece, 0, bytes, random.nextInt(bytes.length - piece.length), piece.length);
    }
    try (RandomAccessFile file = new RandomAccessFile(dir.resolve("raw.img").toFile(), "rw")) {
      file.write(bytes);
    }
    return bytes;
  }

  private void assertHolds(byte[] expected, String name) throws IOException {
    try (BlockBackend disk = open(dir.resolve(name))) {
      assertEquals(expected.length, disk.size());
      assertArrayEquals(expected, read(disk, 0, expected.length));
      Random random = new Random(1);
      for (int i = 0; i < 200; i++) {
        int at = random.nextInt(expected.length);
        int length = random.nextInt(Math.min(200_000, expected.length - at));
        assertArrayEquals(Arrays.copyOfRange(expected, at, at + length), read(disk, at, length));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "compat=0.10",
        "compat=1.1",
        "compat=1.1,cluster_size=512",
        "compat=1.1,cluster_size=2M",
        "compat=1.1,lazy_refcounts=on",
      })
  void imagesOfQemu(String options) throws IOException {
    assumeTrue(hasQemuImg(), "qemu-img is not installed (Debian: qemu-utils)");
    byte[] expected = contents(options.hashCode() & 0xff);
    qemuImg("convert", "-O", "qcow2", "-o", options, "raw.img", "plain.qcow2");
    assertHolds(expected, "plain.qcow2");
    qemuImg("convert", "-c", "-O", "qcow2", "-o", options, "raw.img", "deflate.qcow2");
    assertHolds(expected, "deflate.qcow2");
    if (options.startsWith("compat=1.1")) {
      String zstd = options + ",compression_type=zstd";
      qemuImg("convert", "-c", "-O", "qcow2", "-o", zstd, "raw.img", "zstd.qcow2");
      assertHolds(expected, "zstd.qcow2");
    }
  }

  @Test
  void imagesOfQemuOnTopOfEachOther() throws IOException {
    assumeTrue(hasQemuImg(), "qemu-img is not installed (Debian: qemu-utils)");
    byte[] expected = contents(7);
    qemuImg("create", "-q", "-f", "qcow2", "-b", "raw.img", "-F", "raw", "one.qcow2");
    qemuImg("create", "-q", "-f", "qcow2", "-b", "one.qcow2", "-F", "qcow2", "two.qcow2");
    assertHolds(expected, "two.qcow2");
    qemuImg("create", "-q", "-f", "qcow2", "-b", "two.qcow2", "-F", "qcow2", "big.qcow2", "64M");
    assertHolds(Arrays.copyOf(expected, 64 << 20), "big.qcow2");
  }

  @ParameterizedTest
  @ValueSource(strings = {"extended_l2=on", "data_file=ext.raw"})
  void kindsOfImagesThatAreRefused(String options) throws IOException {
    assumeTrue(hasQemuImg(), "qemu-img is not installed (Debian: qemu-utils)");
    qemuImg("create", "-q", "-f", "qcow2", "-o", options, "a.qcow2", "1M");
    assertThrows(IOException.class, () -> open(dir.resolve("a.qcow2")));
  }
}
