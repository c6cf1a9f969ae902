package org.duvisor.virtio.blk;

import static org.duvisor.virtio.blk.DiskImageTest.read;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Adversary: whoever made the disk image that a user starts a machine with, or the guest that wrote
 * to it before. It wants the host to hang, to run out of memory, to end with an exception, or to
 * show the guest files that the user did not name.
 */
class HostileImageTest {
  @TempDir Path dir;
  private Path image;

  @BeforeEach
  void name() {
    image = dir.resolve("disk.qcow2");
  }

  private static BlockBackend open(Path file) throws IOException {
    return DiskImage.open(file, Optional.empty(), true, false);
  }

  /** One line that names the file. */
  private void assertRefused(Path file, String because) {
    IOException e = assertThrows(IOException.class, () -> open(file).close());
    assertTrue(e.getMessage().contains(because), e.getMessage());
    assertTrue(e.getMessage().contains(file.getFileName().toString()), e.getMessage());
    assertFalse(e.getMessage().contains("\n"));
  }

  @ParameterizedTest
  @CsvSource({
    "32, 1, encrypted",
    "32, 2, encrypted",
    "4, 4, version",
    "4, 1, version",
    "20, 8, clusters",
    "20, 22, clusters",
    "20, -1, clusters",
    "20, 2147483647, clusters",
    "24, 2147483647, size",
    "24, -1, size",
    "36, 0, level-1",
    "40, 1, level-1",
    "44, 100, level-1",
    "44, 1073741824, level-1",
    "100, 0, header",
    "100, 103, header",
    "100, 2147483647, header",
    "100, -1, header",
  })
  void headersThatLie(int at, int value, String because) throws IOException {
    assertRefused(new Qcow2Builder(3, 8).put32(at, value).write(image), because);
  }

  @ParameterizedTest
  @CsvSource({
    "2, corrupt",
    "4, external data file",
    "16, extended L2",
    "32, not known",
    "8, compressed",
    "-9223372036854775808, not known"
  })
  void featuresThatAReaderMustKnow(long bits, String because) throws IOException {
    assertRefused(new Qcow2Builder(3, 8).put64(72, bits).write(image), because);
  }

  @Test
  void aCompressionThatDoesNotExist() throws IOException {
    assertRefused(
        new Qcow2Builder(3, 8).put64(72, 8).put32(100, 112).put32(104, 2 << 24).write(image),
        "compressed");
  }

  @Test
  void aDiskThatNeedsALevelOneTableOfGigabytes() throws IOException {
    assertRefused(
        new Qcow2Builder(3, 8).put64(24, 1L << 60).put32(36, -1).write(image), "too large");
    // As large as it may be, in a file that is all hole: memory is bounded, and it opens.
    Path sparse = new Qcow2Builder(3, 8).put64(24, 1L << 37).put32(36, 4 << 20).write(image);
    try (var file = new java.io.RandomAccessFile(sparse.toFile(), "rw")) {
      file.setLength(64 << 20);
    }
    try (BlockBackend disk = open(sparse)) {
      assertEquals(1L << 37, disk.size());
      assertArrayEquals(new byte[1024], read(disk, (1L << 37) - 1024, 1024));
    }
  }

  @Test
  void headersThatAreCutShort() throws IOException {
    byte[] whole = new Qcow2Builder(3, 8).data(0, 1).backing("x", "raw").image();
    for (int length = 0; length < 3 * Qcow2Builder.CLUSTER; length += 7) {
      Files.write(image, java.util.Arrays.copyOf(whole, length));
      assertThrows(IOException.class, () -> open(image).close());
    }
  }

  @Test
  void extensionsThatAreCutShortOrEndless() throws IOException {
    assertRefused(
        new Qcow2Builder(3, 8).put32(104, 7).put32(108, -1).write(image), "header extension");
    assertRefused(
        new Qcow2Builder(3, 8).put32(104, 7).put32(108, 401).write(image), "header extension");
    // Extensions of no length up to the end of the cluster: each takes a step.
    Qcow2Builder endless = new Qcow2Builder(3, 8);
    for (int at = 104; at < 512; at += 8) {
      endless.put32(at, 7);
    }
    try (BlockBackend disk = open(endless.write(image))) {
      assertEquals(4096, disk.size());
    }
  }

  @Test
  void tablesAndClustersOutsideOfTheFileAreErrorsOfThatRead() throws IOException {
    Qcow2Builder builder = new Qcow2Builder(3, 8).data(0, 1);
    builder.entry(1, 1L << 40).entry(2, 512 * 1000).entry(3, 1L << 62 | 1L << 50);
    builder.entry(4, -1L & ~(1L << 62)).entry(5, -1);
    try (BlockBackend disk = open(builder.write(image))) {
      assertEquals(1, read(disk, 0, 512)[0]);
      for (int cluster = 1; cluster < 4; cluster++) {
        long at = 512L * cluster;
        assertThrows(IOException.class, () -> read(disk, at, 512));
      }
      assertThrows(IOException.class, () -> read(disk, 5 * 512, 512));
    }
    for (long l2 : new long[] {1L << 40, 512 * 1000, 0x00ff_ffff_ffff_fe00L}) {
      try (BlockBackend disk =
          open(new Qcow2Builder(3, 8).put64(Qcow2Builder.L1, l2).write(image))) {
        assertThrows(IOException.class, () -> read(disk, 0, 512));
      }
    }
  }

  /** Tables that are their own entries: two look-ups end it. */
  @Test
  void tablesThatPointAtThemselves() throws IOException {
    Qcow2Builder builder = new Qcow2Builder(3, 8).put64(Qcow2Builder.L1, Qcow2Builder.L1);
    builder.put64(Qcow2Builder.L1 + 8, Qcow2Builder.L2).entry(0, Qcow2Builder.L2);
    try (BlockBackend disk = open(builder.write(image))) {
      assertTimeoutPreemptively(Duration.ofSeconds(20), () -> read(disk, 0, 4096));
    }
  }

  @Test
  void compressedClustersThatAreGarbageShortOrTooLong() throws IOException {
    byte[] garbage = new byte[100];
    new Random(1).nextBytes(garbage);
    Qcow2Builder builder = new Qcow2Builder(3, 8);
    builder.compressed(0, garbage, 100, 0).deflated(1, new byte[100], 0);
    builder.deflated(2, new byte[1 << 20], 1).compressed(3, new byte[0], 0, 1);
    try (BlockBackend disk = open(builder.write(image))) {
      assertThrows(IOException.class, () -> read(disk, 0, 512));
      assertThrows(IOException.class, () -> read(disk, 512, 512));
      assertArrayEquals(new byte[512], read(disk, 1024, 512)); // the rest is not even looked at
      assertThrows(IOException.class, () -> read(disk, 1536, 512));
    }
  }

  @Test
  void aZstdClusterThatIsGarbage() throws IOException {
    Qcow2Builder builder = new Qcow2Builder(3, 8);
    builder.put64(72, 8).put32(100, 112).put32(104, 1 << 24);
    byte[] frame = {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 0x20, 5, 0x2b, 0, 0, 1};
    builder.compressed(0, frame, frame.length, 0);
    try (BlockBackend disk = open(builder.write(image))) {
      assertThrows(IOException.class, () -> read(disk, 0, 512));
    }
  }

  // ---- backing files

  @Test
  void aBackingFileThatIsTheImageItself() throws IOException {
    Qcow2Builder builder = new Qcow2Builder(3, 8).backing("disk.qcow2", "qcow2");
    builder.write(image);
    IOException e = assertThrows(IOException.class, () -> open(image).close());
    assertTrue(e.getMessage().contains("on top of each other"), e.getMessage());
    // Every file was closed again: the image can be locked.
    RawFile.open(image, false).close();
  }

  @Test
  void backingFilesInACircle() throws IOException {
    new Qcow2Builder(3, 8).backing("b.qcow2", "qcow2").write(dir.resolve("disk.qcow2"));
    new Qcow2Builder(3, 8).backing("disk.qcow2", "").write(dir.resolve("b.qcow2"));
    IOException e = assertThrows(IOException.class, () -> open(image).close());
    assertTrue(e.getMessage().contains("on top of each other"), e.getMessage());
  }

  @Test
  void aBackingFileOfTheHost() throws IOException {
    Path secret = Files.write(dir.resolve("secret"), new byte[4096]);
    Path inner = Files.createDirectory(dir.resolve("images"));
    Files.createSymbolicLink(inner.resolve("link.raw"), secret);
    Path disk = inner.resolve("disk.qcow2");
    for (String name : new String[] {secret.toString(), "../secret", "./../secret", "link.raw"}) {
      new Qcow2Builder(3, 8).backing(name, "raw").write(disk);
      assertRefused(disk, "not in the same folder");
      DiskImage.open(disk, Optional.empty(), true, true).close(); // when the user allows it
    }
  }

  @ParameterizedTest
  @CsvSource({"nbd:localhost:1", "json:{}", "file:x", "http://localhost/x", "ssh://x"})
  void aBackingFileThatIsNoFile(String name) throws IOException {
    assertRefused(new Qcow2Builder(3, 8).backing(name, "raw").write(image), "no plain file");
  }

  @Test
  void namesOfBackingFilesThatAreGarbage() throws IOException {
    assertRefused(new Qcow2Builder(3, 8).backing("none", "raw").write(image), "missing");
    assertRefused(new Qcow2Builder(3, 8).backing("a\0b", "raw").write(image), "missing");
    assertRefused(new Qcow2Builder(3, 8).backing("x", "vmdk").write(image), "not supported");
    for (int length : new int[] {0, -1, 1024, Integer.MAX_VALUE}) {
      Qcow2Builder builder = new Qcow2Builder(3, 8).backing("x", "raw").put32(16, length);
      assertRefused(builder.write(image), "name of its backing file");
    }
    for (long offset : new long[] {-1, Long.MAX_VALUE, 1 << 20, Long.MIN_VALUE}) {
      Qcow2Builder builder = new Qcow2Builder(3, 8).backing("x", "raw").put64(8, offset);
      assertRefused(builder.write(image), "name of its backing file");
    }
    Files.createDirectory(dir.resolve("folder"));
    IOException e =
        assertThrows(
            IOException.class,
            () -> open(new Qcow2Builder(3, 8).backing("folder", "raw").write(image)).close());
    assertTrue(e.getMessage().contains("not a regular file"), e.getMessage());
  }

  /** Adversary: a guest that writes a qcow2 header to its raw disk, for the next start. */
  @Test
  void aRawDiskThatHasGrownAHeader() throws IOException {
    Path secret = Files.writeString(dir.resolve("secret.raw"), "secret".repeat(1000));
    byte[] evil = new Qcow2Builder(3, 8).backing(secret.toString(), "raw").image();
    Path raw = Files.write(dir.resolve("disk.img"), evil);
    assertRefused(raw, "format=");
    try (BlockBackend disk = DiskImage.open(raw, Optional.of(DiskImage.Format.raw), false, false)) {
      assertArrayEquals(evil, read(disk, 0, evil.length));
    }
    // The same one level down: the image above says raw, so it is raw.
    new Qcow2Builder(3, 8).backing("disk.img", "raw").write(image);
    try (BlockBackend disk = open(image)) {
      assertEquals('Q', read(disk, 0, 512)[0]);
    }
  }

  /** Adversary: an image that would have any file of its folder taken as a raw disk. */
  @ParameterizedTest
  @ValueSource(strings = {"id_rsa", "disk.img", "disk.raw"})
  void aBackingFileIsNotRawUnlessTheImageSaysSo(String name) throws IOException {
    Files.write(dir.resolve(name), new byte[4096]);
    new Qcow2Builder(3, 8).backing(name, "").write(image);
    assertRefused(image, "qemu-img rebase -u -F raw -b " + name + " " + image);
  }

  /** Adversary: an image in a home folder that names what is in a folder below. */
  @Test
  void aBackingFileInAFolderBelow() throws IOException {
    Path keys = Files.createDirectory(dir.resolve(".ssh"));
    Files.write(keys.resolve("id_rsa"), new byte[4096]);
    for (String name : new String[] {".ssh/id_rsa", "./.ssh/../.ssh/id_rsa"}) {
      new Qcow2Builder(3, 8).backing(name, "raw").write(image);
      assertRefused(image, "not in the same folder");
    }
    Files.createSymbolicLink(dir.resolve("here"), dir);
    new Qcow2Builder(3, 8).backing("here/.ssh/id_rsa", "raw").write(image);
    assertRefused(image, "not in the same folder");
    Files.write(dir.resolve("base"), new byte[4096]);
    new Qcow2Builder(3, 8).backing("here/base", "raw").write(image);
    open(image).close(); // by another way, but the same folder
  }

  // ---- images in folders that guests write to

  /** Adversary: a guest that puts a link where its user has an image. */
  @Test
  void aLinkInASharedFolderIsNotFollowed() throws IOException {
    Path outside = Files.createDirectory(dir.resolve("outside"));
    Files.write(outside.resolve("disk.img"), new byte[4096]);
    Path shared = Files.createDirectory(dir.resolve("shared"));
    Files.createSymbolicLink(shared.resolve("disk.img"), Path.of("../outside/disk.img"));
    Files.createSymbolicLink(shared.resolve("sub"), outside);
    Files.createSymbolicLink(dir.resolve("mine"), shared);
    Files.createSymbolicLink(dir.resolve("mine.img"), Path.of("mine/disk.img"));
    for (String way :
        new String[] {
          "shared/disk.img",
          "shared/sub/disk.img",
          "mine/disk.img",
          "mine.img",
          "outside/../shared/disk.img",
          "shared/../shared/./sub/disk.img"
        }) {
      Path path = dir.resolve(way);
      for (Path folder : List.of(shared, dir.resolve("mine"))) {
        IOException e =
            assertThrows(
                IOException.class,
                () -> DiskImage.open(path, Optional.empty(), true, true, List.of(folder)).close());
        assertTrue(e.getMessage().contains("a link in a shared folder"), e.getMessage());
      }
      DiskImage.open(path, Optional.empty(), true, true).close(); // no one shares it
    }
    Files.write(shared.resolve("own.img"), new byte[4096]);
    for (String way : new String[] {"shared/own.img", "mine/own.img"}) {
      DiskImage.open(dir.resolve(way), Optional.empty(), true, true, List.of(shared)).close();
    }
    // Nor for what an image names.
    Path top = shared.resolve("top.qcow2");
    new Qcow2Builder(3, 8).backing("sub/disk.img", "raw").write(top);
    assertThrows(
        IOException.class,
        () -> DiskImage.open(top, Optional.empty(), true, true, List.of(shared)).close());
  }

  /** Images of other emulators are not raw disks, unless the user says so. */
  @ParameterizedTest
  @CsvSource({
    "vmdk, VMDK",
    "vdi, VDI",
    "vhdx, VHDX",
    "vpc, VHD",
    "qcow, qcow",
    "qed, QED",
    "parallels, Para"
  })
  void imagesOfOtherFormats(String format, String named) throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/qemu-img")), "qemu-img is not installed");
    Path disk = dir.resolve("disk.img");
    Process made =
        new ProcessBuilder("qemu-img", "create", "-q", "-f", format, disk.toString(), "8M")
            .inheritIO()
            .start();
    assumeTrue(made.waitFor() == 0, "qemu-img makes no " + format);
    assertRefused(disk, named);
    DiskImage.open(disk, Optional.of(DiskImage.Format.raw), true, false).close();
  }

  @ParameterizedTest
  @CsvSource({"1f8b0800, gzip", "fd377a585a00, xz", "28b52ffd, zstd", "425a6839, bzip2"})
  void compressedDisks(String begin, String named) throws IOException {
    byte[] bytes = java.util.Arrays.copyOf(HexFormat.of().parseHex(begin), 4096);
    assertRefused(Files.write(dir.resolve("disk.img"), bytes), named);
  }

  @Test
  void filesThatAreTooShortForADisk() throws IOException {
    Path disk = Files.write(dir.resolve("disk.img"), new byte[0]);
    assertRefused(disk, "is empty");
    Files.write(disk, new byte[6]);
    assertRefused(disk, "shorter than a sector");
    try (BlockBackend raw = DiskImage.open(disk, Optional.of(DiskImage.Format.raw), true, false)) {
      assertEquals(512, raw.size());
    }
  }

  // ---- anything

  /** Images with random damage open or not, and read or not; nothing but an IOException. */
  @Test
  void randomDamage() throws IOException {
    new Qcow2Builder(3, 8).data(0, 9).write(dir.resolve("below.qcow2"));
    for (int seed = 0; seed < 3000; seed++) {
      Random random = new Random(seed);
      byte[] bytes =
          new Qcow2Builder(2 + seed % 2, 8)
              .data(0, 1)
              .deflated(1, new byte[512], 0)
              .data(3, 2)
              .backing("below.qcow2", seed % 3 == 0 ? "" : "qcow2")
              .image();
      for (int hits = 1 + random.nextInt(4); hits > 0; hits--) {
        boolean tables = random.nextBoolean();
        int at = tables ? 512 + random.nextInt(512 + 64) : random.nextInt(160);
        bytes[at] = (byte) (random.nextBoolean() ? random.nextInt() : bytes[at] ^ 1 << seed % 8);
      }
      Files.write(image, bytes);
      int number = seed;
      assertDoesNotThrow(() -> use(image), () -> "seed " + number);
    }
  }

  private static void use(Path file) {
    try (BlockBackend disk = open(file)) {
      for (int cluster = 0; cluster < 10; cluster++) {
        long at = cluster * 512L;
        if (at + 512 <= disk.size()) {
          try {
            read(disk, at, 512);
          } catch (IOException e) {
            // What damage may do.
          }
        }
      }
    } catch (IOException e) {
      // What damage may do.
    }
  }
}
