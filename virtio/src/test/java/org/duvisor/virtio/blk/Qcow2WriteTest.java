package org.duvisor.virtio.blk;

import static org.duvisor.virtio.blk.DiskImageTest.read;
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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** qcow2 images that are written, against an array of bytes and judged by qemu-img. */
class Qcow2WriteTest {
  private static final int LEAKS = 3;

  @TempDir Path dir;
  private Path image;

  @BeforeEach
  void name() {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/qemu-img")), "qemu-img is not installed");
    image = dir.resolve("disk.qcow2");
  }

  private int qemuImg(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("qemu-img"));
    command.addAll(List.of(arguments));
    try {
      Process process =
          new ProcessBuilder(command)
              .directory(dir.toFile())
              .redirectErrorStream(true)
              .redirectOutput(dir.resolve("log").toFile())
              .start();
      assertTrue(process.waitFor(60, TimeUnit.SECONDS));
      return process.exitValue();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  private void done(String... arguments) throws IOException {
    assertEquals(0, qemuImg(arguments), () -> log());
  }

  private String log() {
    try {
      return Files.readString(dir.resolve("log"));
    } catch (IOException e) {
      return e.toString();
    }
  }

  private BlockBackend open() throws IOException {
    return DiskImage.open(image, Optional.empty(), false, false);
  }

  private void assertHolds(byte[] expected) throws IOException {
    done("check", image.toString());
    Files.write(dir.resolve("expected"), expected);
    done("compare", "-f", "qcow2", "-F", "raw", image.toString(), "expected");
  }

  /** A disk and what it has to hold. */
  private static final class Model {
    final Random random;
    final byte[] bytes;
    final int longest;

    Model(int seed, byte[] bytes, int longest) {
      this.random = new Random(seed);
      this.bytes = bytes;
      this.longest = longest;
    }

    void step(BlockBackend disk) throws IOException {
      int sectors = bytes.length / 512;
      int at = random.nextInt(sectors);
      int length = 1 + random.nextInt(Math.min(sectors - at, longest / 512));
      if (random.nextInt(3) == 0) { // whole clusters now and then
        at &= -128;
        length = Math.min(sectors - at, 128);
      }
      at *= 512;
      length *= 512;
      switch (random.nextInt(8)) {
        case 0 -> disk.flush();
        case 1 -> {
          disk.zero(at, length);
          Arrays.fill(bytes, at, at + length, (byte) 0);
        }
        case 2 -> {
          disk.discard(at, length); // may be zeros, or what it was
          byte[] now = read(disk, at, length);
          for (int i = 0; i < length; i++) {
            assertTrue(now[i] == 0 || now[i] == bytes[at + i]);
          }
          System.arraycopy(now, 0, bytes, at, length);
        }
        case 3 ->
            assertArrayEquals(Arrays.copyOfRange(bytes, at, at + length), read(disk, at, length));
        default -> {
          byte[] data = new byte[length];
          random.nextBytes(data);
          disk.write(at, ByteBuffer.wrap(data));
          System.arraycopy(data, 0, bytes, at, length);
        }
      }
    }
  }

  private byte[] noise(String name, int length) throws IOException {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    Arrays.fill(bytes, length / 3, length / 2, (byte) 'x');
    Files.write(dir.resolve(name), bytes);
    return bytes;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "compat=1.1; 4M",
        "compat=0.10; 4M",
        "lazy_refcounts=on; 4M",
        "cluster_size=512; 24M", // the table of reference counts has to grow
        "cluster_size=4k; 12M",
        "cluster_size=2M; 16M",
        "preallocation=metadata; 4M",
        "preallocation=full; 4M",
      })
  void randomOperations(String options, String size) throws IOException {
    done("create", "-q", "-f", "qcow2", "-o", options, image.toString(), size);
    int bytes = Integer.parseInt(size.replace("M", "")) << 20;
    randomOperations(new Model(options.hashCode(), new byte[bytes], bytes / 16), 100);
  }

  private void randomOperations(Model model, int steps) throws IOException {
    for (int round = 0; round < 3; round++) {
      try (BlockBackend disk = open()) {
        assertFalse(disk.readOnly());
        assertEquals(model.bytes.length, disk.size());
        for (int i = 0; i < steps; i++) {
          model.step(disk);
        }
        assertArrayEquals(model.bytes, read(disk, 0, model.bytes.length));
        disk.flush();
      }
      assertHolds(model.bytes);
    }
  }

  @ParameterizedTest
  @CsvSource({"compat=1.1", "compat=0.10", "cluster_size=512"})
  void overBackingFilesNothingBelowIsWritten(String options) throws IOException {
    byte[] base = noise("base.img", 3 << 20);
    done(
        "create",
        "-q",
        "-f",
        "qcow2",
        "-F",
        "raw",
        "-b",
        "base.img",
        "-o",
        options,
        "mid.qcow2",
        "4M");
    done(
        "create",
        "-q",
        "-f",
        "qcow2",
        "-F",
        "qcow2",
        "-b",
        "mid.qcow2",
        "-o",
        options,
        image.toString(),
        "5M");
    randomOperations(new Model(9, Arrays.copyOf(base, 5 << 20), 300_000), 100);
    assertArrayEquals(base, Files.readAllBytes(dir.resolve("base.img")));
    done("check", "mid.qcow2");
  }

  @ParameterizedTest
  @CsvSource({"zlib", "zstd"})
  void compressedClustersAreReplaced(String type) throws IOException {
    byte[] base = new byte[4 << 20];
    Arrays.fill(base, 0, 3 << 20, (byte) 'y');
    System.arraycopy(noise("noise", 1 << 20), 0, base, 1 << 20, 1 << 20);
    Files.write(dir.resolve("base.img"), base);
    done(
        "convert",
        "-c",
        "-O",
        "qcow2",
        "-o",
        "compression_type=" + type,
        "base.img",
        image.toString());
    randomOperations(new Model(5, base, 300_000), 100);
  }

  /**
   * A process that is killed at any time: what it wrote is in the file in the order of its writes,
   * and qemu-img finds clusters that are lost at most.
   */
  @ParameterizedTest
  @CsvSource({"compat=1.1", "cluster_size=512", "cluster_size=4k"})
  void aCrashLosesClustersAtMost(String options) throws IOException {
    noise("base.img", 3 << 20);
    done(
        "create",
        "-q",
        "-f",
        "qcow2",
        "-F",
        "raw",
        "-b",
        "base.img",
        "-o",
        options,
        image.toString());
    Path crashed = Files.createDirectory(dir.resolve("crashed")).resolve("disk.qcow2");
    Files.copy(dir.resolve("base.img"), crashed.resolveSibling("base.img"));
    byte[] base = Files.readAllBytes(dir.resolve("base.img"));
    var model = new Model(3, base, 100_000);
    try (BlockBackend disk = open()) {
      for (int i = 0; i < 200; i++) {
        model.step(disk);
        if (i % 10 == 0) {
          Files.write(crashed, Files.readAllBytes(image));
          int code = qemuImg("check", crashed.toString());
          assertTrue(code == 0 || code == LEAKS, () -> log());
        }
      }
      disk.flush();
      Files.write(crashed, Files.readAllBytes(image)); // no close
      done("check", crashed.toString());
      Files.write(dir.resolve("expected"), model.bytes);
      done("compare", "-f", "qcow2", "-F", "raw", crashed.toString(), "expected");
    }
  }

  /** What is discarded, or written with zeros, makes room for what comes. */
  @Test
  void freeClustersAreUsedAgain() throws IOException {
    done("create", "-q", "-f", "qcow2", image.toString(), "64M");
    long grown = 0;
    for (int round = 0; round < 4; round++) {
      try (BlockBackend disk = open()) {
        for (int at = 0; at < 8 << 20; at += 1 << 20) {
          disk.write(at + (round << 23), ByteBuffer.wrap(noise("n", 1 << 20)));
        }
        disk.flush();
        grown = round == 0 ? Files.size(image) : grown;
        assertEquals(grown, Files.size(image));
        if (round % 2 == 0) {
          disk.discard(round << 23, 8 << 20);
        } else {
          disk.zero(round << 23, 8 << 20);
        }
        assertArrayEquals(new byte[8 << 20], read(disk, round << 23, 8 << 20));
        disk.flush();
      }
      assertHolds(new byte[64 << 20]);
      done("map", "--output=json", image.toString());
      assertFalse(log().contains("\"data\": true"), log());
    }
  }

  @Test
  void whatCannotBeKeptIsRefused() throws IOException {
    done("create", "-q", "-f", "qcow2", "-o", "refcount_bits=64", image.toString(), "1M");
    assertRefused("of another width than 16 bits");
    done("create", "-q", "-f", "qcow2", image.toString(), "1M");
    done("snapshot", "-c", "before", image.toString());
    assertRefused("has internal snapshots");
    done("create", "-q", "-f", "qcow2", image.toString(), "1M");
    patch(79, 1); // the dirty bit
    assertRefused("qemu-img check -r all");
    done("create", "-q", "-f", "qcow2", image.toString(), "1M");
    patch(58, 1); // clusters of the table of reference counts
    assertRefused("reference counts are not in the file");
  }

  /** Features that only hold as long as whoever writes knows them: bitmaps, for example. */
  @Test
  void unknownAutoclearFeaturesAreSwitchedOff() throws IOException {
    done("create", "-q", "-f", "qcow2", image.toString(), "1M");
    patch(95, 0x85);
    DiskImage.open(image, Optional.empty(), true, false).close();
    assertEquals((byte) 0x85, Files.readAllBytes(image)[95]);
    open().close();
    assertEquals(0, Files.readAllBytes(image)[95]);
  }

  private void patch(int at, int value) throws IOException {
    try (var file = new RandomAccessFile(image.toFile(), "rw")) {
      file.seek(at);
      file.write(value);
    }
  }

  private void assertRefused(String because) {
    IOException e = assertThrows(IOException.class, () -> open().close());
    assertTrue(e.getMessage().contains(because), e.getMessage());
    assertTrue(e.getMessage().startsWith("disk image " + image), e.getMessage());
    assertEquals(1, e.getMessage().lines().count());
  }

  /** Adversary: whoever made the image, whose tables point anywhere. Errors are I/O errors. */
  @Test
  void writingToDamagedImagesHarmsNothingElse() throws IOException {
    byte[] base = noise("base.img", 1 << 20);
    done("convert", "-O", "qcow2", "-o", "cluster_size=4k", "base.img", image.toString());
    byte[] good = Files.readAllBytes(image);
    int written = 0;
    for (int seed = 0; seed < 30; seed++) {
      Random random = new Random(seed);
      byte[] bad = good.clone();
      for (int i = 0; i < 20; i++) { // header, tables and counts are the first 8 clusters
        bad[random.nextInt(seed % 3 == 0 ? 120 : 8 * 4096)] = (byte) random.nextInt();
      }
      Files.write(image, bad);
      try (BlockBackend disk = open()) {
        for (int i = 0; i < 50; i++) {
          int at = random.nextInt(base.length / 512 - 100) * 512;
          try {
            if (i % 5 == 0) {
              disk.discard(at, 40_960);
            } else {
              disk.write(at, ByteBuffer.allocate(8192));
            }
            written++;
            disk.flush();
          } catch (IOException e) {
            assertFalse(e.getMessage().contains("\n"));
          }
        }
      } catch (IOException e) {
        assertTrue(e.getMessage().startsWith("disk image"), e.getMessage());
      }
      assertTrue(Files.size(image) < 64 << 20, "seed " + seed);
    }
    assertTrue(written > 100, "written " + written);
    assertArrayEquals(base, Files.readAllBytes(dir.resolve("base.img")));
  }

  /** Adversary: an image whose entries make a guest write over header and tables. */
  @Test
  void tablesAreNotTheDisksClusters() throws IOException {
    done("create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", image.toString(), "1M");
    try (BlockBackend disk = open()) {
      disk.write(0, ByteBuffer.allocate(4096));
      disk.flush();
    }
    byte[] good = Files.readAllBytes(image);
    ByteBuffer bytes = ByteBuffer.wrap(good.clone());
    int l1 = (int) bytes.getLong(40);
    int l2 = (int) (bytes.getLong(l1) & Qcow2Tables.OFFSET);
    for (long to : new long[] {0, l1, bytes.getLong(48)}) {
      bytes.putLong(l2, to | Qcow2Tables.COPIED);
      Files.write(image, bytes.array());
      try (BlockBackend disk = open()) {
        if (to == 0) { // no cluster: another one is found
          disk.write(0, ByteBuffer.allocate(4096));
        } else {
          assertThrows(IOException.class, () -> disk.write(0, ByteBuffer.allocate(4096)));
        }
      }
      byte[] now = Files.readAllBytes(image);
      assertArrayEquals(Arrays.copyOf(good, 48), Arrays.copyOf(now, 48));
      assertArrayEquals(
          Arrays.copyOfRange(good, l1, l1 + 4096), Arrays.copyOfRange(now, l1, l1 + 4096));
    }
  }
}
