package org.duvisor.virtio.blk;

import static org.duvisor.virtio.blk.DiskImageTest.filled;
import static org.duvisor.virtio.blk.DiskImageTest.read;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RawFileTest {
  @TempDir Path dir;

  private Path image(byte[] contents) throws IOException {
    return Files.write(dir.resolve("disk.img"), contents);
  }

  @Test
  void bytesOfTheFileAreBytesOfTheDisk() throws IOException {
    Path image = image(new byte[4096]);
    try (RawFile file = RawFile.open(image, false)) {
      file.write(1024, ByteBuffer.wrap(filled(512, 7)));
      assertArrayEquals(filled(512, 7), read(file, 1024, 512));
      file.zero(1024, 256);
      file.discard(0, 4096);
      file.flush();
    }
    byte[] expected = new byte[4096];
    Arrays.fill(expected, 1280, 1536, (byte) 7);
    assertArrayEquals(expected, Files.readAllBytes(image));
  }

  @Test
  void theLastSectorIsFilledUpWithZeros() throws IOException {
    Path image = image(filled(700, 1));
    try (RawFile file = RawFile.open(image, false)) {
      assertEquals(1024, file.size());
      byte[] expected = new byte[1024];
      Arrays.fill(expected, 0, 700, (byte) 1);
      assertArrayEquals(expected, read(file, 0, 1024));
      assertEquals(700, Files.size(image));
      file.write(512, ByteBuffer.wrap(filled(512, 2)));
      assertArrayEquals(filled(512, 2), read(file, 512, 512));
    }
    assertEquals(1024, Files.size(image));
  }

  @Test
  void aFileThatShrankIsAnErrorNotZeros() throws IOException {
    Path image = image(filled(4096, 1));
    try (RawFile file = RawFile.open(image, true);
        RandomAccessFile other = new RandomAccessFile(image.toFile(), "rw")) {
      other.setLength(1000);
      assertThrows(EOFException.class, () -> read(file, 512, 512));
      assertArrayEquals(filled(512, 1), read(file, 0, 512));
    }
  }

  /** As buffers of a guest are: of any lengths, some of them empty. */
  @Test
  void manyBuffersAreOne() throws IOException {
    byte[] contents = new byte[8192];
    new Random(1).nextBytes(contents);
    Path image = image(Arrays.copyOf(contents, 8000));
    byte[] padded = Arrays.copyOf(Arrays.copyOf(contents, 8000), 8192);
    int[] lengths = {1, 0, 511, 2048, 3, 0, 1021, 512};
    try (RawFile file = RawFile.open(image, false)) {
      for (long offset : new long[] {0, 512, 4096}) { // the last one reaches over the file's end
        for (boolean direct : new boolean[] {false, true}) {
          ByteBuffer[] into = buffers(lengths, direct);
          Thread.currentThread().interrupt();
          file.read(offset, into);
          assertTrue(Thread.interrupted());
          int from = (int) offset;
          for (ByteBuffer b : into) {
            b.flip();
            byte[] bytes = new byte[b.limit()];
            b.get(bytes);
            assertArrayEquals(Arrays.copyOfRange(padded, from, from + bytes.length), bytes);
            from += bytes.length;
            b.flip();
          }
          assertEquals(offset + 4096, from);
          file.write(4096 - offset % 4096, into);
          System.arraycopy(padded, (int) offset, padded, (int) (4096 - offset % 4096), 4096);
        }
      }
    }
    assertArrayEquals(padded, Files.readAllBytes(image));
  }

  private static ByteBuffer[] buffers(int[] lengths, boolean direct) {
    return Arrays.stream(lengths)
        .mapToObj(n -> direct ? ByteBuffer.allocateDirect(n) : ByteBuffer.allocate(n))
        .toArray(ByteBuffer[]::new);
  }

  @Test
  void manyBuffersOfAFileThatShrankAreAnError() throws IOException {
    Path image = image(filled(4096, 1));
    try (RawFile file = RawFile.open(image, true);
        RandomAccessFile other = new RandomAccessFile(image.toFile(), "rw")) {
      other.setLength(1000);
      assertThrows(
          EOFException.class, () -> file.read(0, buffers(new int[] {512, 512, 512, 512}, true)));
    }
  }

  @Test
  void sparseFilesStaySparse() throws IOException {
    Path image = dir.resolve("sparse.img");
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength(1L << 40);
    }
    try (RawFile file = RawFile.open(image, false)) {
      assertEquals(1L << 40, file.size());
      file.write((1L << 40) - 512, ByteBuffer.wrap(filled(512, 3)));
      assertArrayEquals(filled(512, 3), read(file, (1L << 40) - 512, 512));
      assertArrayEquals(new byte[512], read(file, 1L << 39, 512));
    }
  }

  @Test
  void anInterruptedThreadLosesNothing() throws IOException {
    Path image = image(new byte[4096]);
    try (RawFile file = RawFile.open(image, false)) {
      Thread.currentThread().interrupt();
      file.write(0, ByteBuffer.wrap(filled(512, 5)));
      assertTrue(Thread.interrupted(), "the interrupt is kept");
      Thread.currentThread().interrupt();
      assertArrayEquals(filled(512, 5), read(file, 0, 512));
      assertTrue(Thread.interrupted());
      file.write(512, ByteBuffer.wrap(filled(512, 6)));
    }
    assertEquals(6, Files.readAllBytes(image)[1023]);
  }

  @Test
  void twoMachinesCannotWriteOneImage() throws IOException, InterruptedException {
    Path image = image(new byte[512]);
    try (RawFile first = RawFile.open(image, false)) {
      IOException refused = assertThrows(IOException.class, () -> RawFile.open(image, false));
      assertTrue(
          refused.getMessage().endsWith("is in use by another disk or machine of this process"),
          refused.getMessage());
      assertFalse(first.readOnly());
      assertTrue(lockedForOthers(image), "the refusal has taken nothing away");
    }
    try (RawFile one = RawFile.open(image, true);
        RawFile two = RawFile.open(image, true)) {
      assertArrayEquals(read(one, 0, 512), read(two, 0, 512));
    }
  }

  /** Adversary: a process that waits for a reader to leave, to write below another one. */
  @Test
  void aReaderThatClosesLeavesTheLockToTheOthers() throws IOException, InterruptedException {
    Path image = image(filled(512, 3));
    try (RawFile stays = RawFile.open(image, true)) {
      RawFile.open(image, true).close();
      assertTrue(lockedForOthers(image));
      assertThrows(IOException.class, () -> RawFile.open(image, false));
      Thread.currentThread().interrupt(); // closes the file that they share
      assertArrayEquals(filled(512, 3), read(stays, 0, 512));
      assertTrue(Thread.interrupted());
      assertTrue(lockedForOthers(image));
    }
    RawFile.open(image, false).close();
  }

  /** Adversary: whoever exchanges the file between an interrupt and the next read. */
  @Test
  void theFileStaysTheOneThatWasOpened() throws IOException {
    Path image = image(filled(512, 3));
    try (RawFile file = RawFile.open(image, true)) {
      Files.move(image, dir.resolve("moved"));
      Files.createSymbolicLink(image, Files.write(dir.resolve("other"), filled(512, 9)));
      Thread.currentThread().interrupt();
      assertArrayEquals(filled(512, 3), read(file, 0, 512));
      assertTrue(Thread.interrupted());
    }
  }

  /** Asks a process that is not this one. */
  private static boolean lockedForOthers(Path image) throws IOException, InterruptedException {
    var asking =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            Asking.class.getName(),
            image.toString());
    return asking.inheritIO().start().waitFor() == Asking.LOCKED;
  }

  /** A program that opens an image for writing. */
  static final class Asking {
    static final int LOCKED = 3;

    public static void main(String[] arguments) throws IOException {
      try (RawFile file = RawFile.open(Path.of(arguments[0]), false)) {
        System.exit(file.readOnly() ? 1 : 0);
      } catch (IOException e) {
        System.exit(e.getMessage().endsWith("is in use by another machine") ? LOCKED : 1);
      }
    }
  }

  @Test
  void whatIsNoImageIsSaidInOneLine() {
    String missing =
        assertThrows(IOException.class, () -> RawFile.open(dir.resolve("none"), false))
            .getMessage();
    assertTrue(missing.contains("none: no such file"), missing);
    String folder = assertThrows(IOException.class, () -> RawFile.open(dir, false)).getMessage();
    assertTrue(folder.contains("not a regular file"), folder);
  }

  @Test
  void readOnlyImagesNeedNoWritePermission() throws IOException {
    Path image = image(filled(512, 4));
    assertTrue(image.toFile().setWritable(false));
    try (RawFile file = RawFile.open(image, true)) {
      assertTrue(file.readOnly());
      assertArrayEquals(filled(512, 4), read(file, 0, 512));
      file.flush();
    }
  }
}
