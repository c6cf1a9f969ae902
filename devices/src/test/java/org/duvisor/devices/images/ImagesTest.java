package org.duvisor.devices.images;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.duvisor.devices.GuestMemory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImagesTest {
  private static final long RAM = 0x8000_0000L;
  private static final int RAM_BYTES = 4 << 20;
  private static final long AT = RAM + 0x20_0000;

  @TempDir private Path directory;

  private final MemorySegment ram = Arena.ofAuto().allocate(RAM_BYTES);
  private final GuestMemory memory = new GuestMemory(List.of(new GuestMemory.Region(RAM, ram)));

  private Path file(String name, byte[] content) {
    try {
      return Files.write(directory.resolve(name), content);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private byte[] loaded(long at, int bytes) {
    return ram.asSlice(at - RAM, bytes).toArray(ValueLayout.JAVA_BYTE);
  }

  /** A kernel with a valid header, content that compresses somewhat, and some memory after it. */
  private static byte[] image(int bytes) {
    Random random = new Random(bytes);
    byte[] image = new byte[bytes];
    for (int i = 64; i < bytes; i++) {
      image[i] = i > 600 && random.nextInt(9) != 0 ? image[i - 500] : (byte) random.nextInt(40);
    }
    ByteBuffer.wrap(image)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(0x31a2)
        .putInt(0x10000)
        .putLong(0x20_0000)
        .putLong(bytes + 5000)
        .putLong(0)
        .putInt(2)
        .putInt(0)
        .putLong(0)
        .putLong(0x5643534952L)
        .putInt(0x05435352);
    return image;
  }

  private static byte[] gzip(byte[] content) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(content);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return out.toByteArray();
  }

  /**
   * A program header's worth of ELF: one segment of {@code content} at {@code physical}, entered at
   * its start + 4.
   */
  private static byte[] elf(
      int type, int machine, long virtual, long physical, byte[] content, long memoryBytes) {
    ByteBuffer b = ByteBuffer.allocate(120 + content.length).order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(0x464c457f).put((byte) 2).put((byte) 1).put((byte) 1).position(16);
    b.putShort((short) type)
        .putShort((short) machine)
        .putInt(1)
        .putLong(virtual + 4)
        .putLong(64)
        .putLong(0)
        .putInt(0);
    b.putShort((short) 64)
        .putShort((short) 56)
        .putShort((short) 1)
        .putShort((short) 64)
        .putShort((short) 0)
        .putShort((short) 0);
    b.putInt(1)
        .putInt(5)
        .putLong(120)
        .putLong(virtual)
        .putLong(physical)
        .putLong(content.length)
        .putLong(memoryBytes)
        .putLong(4096);
    return b.put(content).array();
  }

  private static String error(org.junit.jupiter.api.function.Executable action) {
    ImageException e = assertThrows(ImageException.class, action);
    assertNull(e.getCause());
    assertFalse(e.getMessage().contains("\n"));
    return e.getMessage();
  }

  private void assertLoads(Path file, byte[] image) {
    ram.fill((byte) 0);
    KernelImage kernel = KernelImage.open(file);
    assertEquals(KernelImage.Format.IMAGE, kernel.format());
    assertEquals(0x20_0000, kernel.textOffset());
    assertEquals(image.length + 5000, kernel.memoryBytes());
    assertEquals(AT, kernel.load(memory, AT));
    assertArrayEquals(image, loaded(AT, image.length));
    assertEquals(0, loaded(AT, image.length + 1)[image.length]);
  }

  /** A kernel that is an EFI program too lists what the file holds. */
  @Test
  void anImageThatIsCutShortIsNoticed() {
    byte[] image = image(100_000);
    ByteBuffer.wrap(image)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(60, 64)
        .putInt(64, 0x4550)
        .putShort(64 + 6, (short) 2)
        .putShort(64 + 20, (short) 160)
        .putInt(248 + 16, 4096)
        .putInt(248 + 20, 4096)
        .putInt(288 + 16, 100_000 - 8192)
        .putInt(288 + 20, 8192);
    assertEquals(105_000, KernelImage.open(file("whole", image)).memoryBytes());
    for (int length : new int[] {99_999, 8192, 320, 64 + 24}) {
      Path cut = file("cut", Arrays.copyOf(image, length));
      assertTrue(error(() -> KernelImage.open(cut)).endsWith("is cut short"));
    }
    // A header that lies about its sections is no exception.
    ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).putShort(64 + 6, (short) -1);
    Path lie = file("lie", image);
    assertTrue(error(() -> KernelImage.open(lie)).endsWith("is cut short"));
    ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).putInt(60, -1);
    KernelImage.open(file("none", image));
  }

  @Test
  void imagesLoadPlainAndCompressed() throws IOException {
    byte[] image = image(300_000);
    assertLoads(file("Image", image), image);
    assertLoads(file("Image.gz", gzip(image)), image);
    try (var zstd = ImagesTest.class.getResourceAsStream("image-300000.zst")) {
      assertLoads(file("Image.zst", zstd.readAllBytes()), image);
    }
  }

  @Test
  void mistakesWithFilesAreOneLine() throws IOException {
    assertTrue(
        error(() -> KernelImage.open(directory.resolve("none"))).endsWith("none: no such file"));
    assertTrue(error(() -> Initrd.open(directory)).endsWith(": is a directory"));
    assertTrue(error(() -> Initrd.open(Path.of("/dev/null"))).endsWith(": is not a regular file"));
    assertTrue(error(() -> ElfImage.open(file("empty", new byte[0]))).endsWith("empty: is empty"));
    assertTrue(
        error(() -> KernelImage.open(file("text", "hello".getBytes(StandardCharsets.US_ASCII))))
            .endsWith("is not a RISC-V kernel (neither an Image nor an ELF file)"));
    byte[] xz = {(byte) 0xfd, '7', 'z', 'X', 'Z', 0, 1, 2};
    assertTrue(error(() -> KernelImage.open(file("k.xz", xz))).contains("is compressed with xz"));
  }

  @Test
  void damagedGzipIsToldApart() {
    byte[] image = image(100_000);
    byte[] good = gzip(image);
    byte[] flipped = good.clone();
    flipped[good.length - 6] ^= 1;
    Path damaged = file("damaged.gz", flipped);
    assertTrue(
        error(() -> KernelImage.open(damaged).load(memory, AT)).endsWith("gzip data is damaged"));
    Path cut = file("cut.gz", Arrays.copyOf(good, good.length / 2));
    assertTrue(
        error(() -> KernelImage.open(cut).load(memory, AT)).endsWith("gzip data is cut short"));
    Path stub = file("stub.gz", Arrays.copyOf(good, 12));
    assertTrue(error(() -> KernelImage.open(stub)).endsWith("gzip data is cut short"));
  }

  /** Adversary: a compressed file that expands to far more than its header says. */
  @Test
  void bombsStopAtTheSizeInTheHeader() {
    byte[] image = Arrays.copyOf(image(1000), 3_000_000);
    Path bomb = file("bomb.gz", gzip(image));
    assertTrue(
        error(() -> KernelImage.open(bomb).load(memory, AT - 0x1000))
            .endsWith("is longer than its Image header says"));
    assertTrue(
        error(() -> KernelImage.open(file("long", image)))
            .endsWith("is longer than its Image header says"));
  }

  /**
   * Adversary: damaged compressed data; it loads or is one line, and never more than is reserved is
   * written.
   */
  @Test
  void damagedZstdIsAtWorstOneLine() throws IOException {
    byte[] good;
    try (var zstd = ImagesTest.class.getResourceAsStream("image-300000.zst")) {
      good = zstd.readAllBytes();
    }
    Random random = new Random(7);
    for (int i = 0; i < 300; i++) {
      byte[] bad =
          random.nextInt(4) == 0
              ? Arrays.copyOf(good, random.nextInt(4, good.length))
              : good.clone();
      for (int j = random.nextInt(1, 4); j > 0; j--) {
        int range = random.nextBoolean() ? Math.min(300, bad.length) : bad.length;
        bad[random.nextInt(range)] = (byte) random.nextInt();
      }
      try {
        new Zstd(bad, 400_000, Integer.MAX_VALUE).decode();
      } catch (Zstd.Corrupt e) {
        assertFalse(e.getMessage().isEmpty());
      }
    }
  }

  @Test
  void anImageThatDoesNotFitIsRefused() {
    Path file = file("Image", image(300_000));
    assertTrue(
        error(() -> KernelImage.open(file).load(memory, RAM + RAM_BYTES - 4096))
            .contains("is not all RAM"));
    assertTrue(error(() -> Initrd.open(file).load(memory, RAM - 8)).contains("is not all RAM"));
  }

  @Test
  void elfLoadsWhereItIsLinkedAndClearsTheRest() {
    ram.fill((byte) 0xff);
    byte[] content = {1, 2, 3, 4, 5, 6, 7, 8};
    KernelImage kernel =
        KernelImage.open(file("fixed", elf(2, 243, RAM + 0x1000, RAM + 0x1000, content, 12)));
    assertEquals(KernelImage.Format.ELF, kernel.format());
    assertTrue(kernel.fixedAddress());
    assertEquals(RAM + 0x1000, kernel.address());
    assertEquals(RAM + 0x1004, kernel.load(memory, AT));
    assertArrayEquals(
        new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, -1}, loaded(RAM + 0x1000, 13));
  }

  @Test
  void vmlinuxAndRelocatableFirmwareGoWhereTheyAreTold() {
    byte[] content = {1, 2, 3, 4, 5, 6, 7, 8};
    byte[] vmlinux = elf(2, 243, 0xffff_ffff_8000_0000L, 0, content, 16);
    byte[] firmware = elf(3, 243, 0, 0, content, 8);
    for (byte[] elf : List.of(vmlinux, firmware, gzip(vmlinux))) {
      ram.fill((byte) 0xff);
      KernelImage kernel = KernelImage.open(file("elf", elf));
      assertFalse(kernel.fixedAddress());
      assertEquals(AT + 4, kernel.load(memory, AT));
      assertArrayEquals(content, loaded(AT, 8));
    }
  }

  @Test
  void wrongElfFilesAreOneLine() {
    byte[] content = new byte[8];
    assertTrue(
        error(() -> ElfImage.open(file("x86", elf(2, 62, 0, 0, content, 8))))
            .contains("ELF machine 62"));
    assertTrue(
        error(() -> ElfImage.open(file("object", elf(1, 243, 0, 0, content, 8))))
            .contains("not an executable"));
    assertTrue(
        error(() -> ElfImage.open(file("sizes", elf(2, 243, 0, 0, content, 7))))
            .contains("impossible sizes"));
    byte[] cut = Arrays.copyOf(elf(2, 243, 0, 0, content, 8), 124);
    assertTrue(error(() -> ElfImage.open(file("cut", cut))).contains("cut short"));
    byte[] elsewhere = elf(2, 243, 0, 0, content, 8);
    elsewhere[24] = 100;
    assertTrue(
        error(() -> KernelImage.open(file("entry", elsewhere)))
            .contains("outside of every segment"));
    byte[] high = elf(2, 243, -4096, -4096, content, 8);
    assertTrue(
        error(() -> KernelImage.open(file("high", high)).load(memory, AT))
            .contains("is not all RAM"));
  }

  /** Adversary: a crafted ELF file; whatever its fields say, it loads or is one line. */
  @Test
  void damagedElfIsAtWorstOneLine() {
    byte[] good = withSymbols();
    Random random = new Random(3);
    for (int i = 0; i < 3000; i++) {
      byte[] bad =
          random.nextInt(5) == 0
              ? Arrays.copyOf(good, random.nextInt(4, good.length))
              : good.clone();
      for (int j = random.nextInt(1, 4); j > 0; j--) {
        ByteBuffer field = ByteBuffer.wrap(bad);
        int at = random.nextInt(bad.length);
        if (random.nextBoolean() && bad.length >= 8) {
          field.putLong(
              Math.min(at & -8, bad.length - 8), random.nextBoolean() ? random.nextLong() : -1);
        } else {
          field.put(at, (byte) random.nextInt());
        }
      }
      try {
        ElfImage elf = ElfImage.of(Path.of("elf"), MemorySegment.ofArray(bad));
        elf.symbol("tohost");
        elf.span();
        elf.load(memory, 0);
      } catch (ImageException e) {
        assertFalse(e.getMessage().contains("\n"));
      }
    }
  }

  /** The ELF file above with a symbol table: "tohost" at RAM + 8. */
  private static byte[] withSymbols() {
    byte[] elf = elf(2, 243, RAM, RAM, new byte[8], 16);
    int sections = elf.length;
    byte[] names = "\0tohost\0".getBytes(StandardCharsets.US_ASCII);
    ByteBuffer b =
        ByteBuffer.allocate(sections + 3 * 64 + 48 + names.length).order(ByteOrder.LITTLE_ENDIAN);
    b.put(elf).putLong(40, sections).putShort(58, (short) 64).putShort(60, (short) 3);
    int symbolsAt = sections + 3 * 64;
    section(b, sections + 64, 2, symbolsAt, 48, 2);
    section(b, sections + 128, 3, symbolsAt + 48, names.length, 0);
    b.putInt(symbolsAt + 24, 1)
        .putShort(symbolsAt + 30, (short) 1)
        .putLong(symbolsAt + 32, RAM + 8);
    b.put(symbolsAt + 48, names);
    return b.array();
  }

  private static void section(
      ByteBuffer b, int header, int type, long offset, long bytes, int link) {
    b.putInt(header + 4, type)
        .putLong(header + 24, offset)
        .putLong(header + 32, bytes)
        .putInt(header + 40, link);
  }

  @Test
  void symbolsAreFoundByName() {
    ElfImage elf = ElfImage.open(file("symbols", withSymbols()));
    assertEquals(OptionalLong.of(RAM + 8), elf.symbol("tohost"));
    assertEquals(OptionalLong.empty(), elf.symbol("fromhost"));
    assertEquals(OptionalLong.empty(), elf.symbol("tohos"));
    ElfImage bare = ElfImage.open(file("bare", elf(2, 243, RAM, RAM, new byte[8], 8)));
    assertEquals(OptionalLong.empty(), bare.symbol("tohost"));
  }

  @Test
  void flatBinariesOnlyWhereTheyAreExpected() {
    byte[] flat = {0x13, 0, 0, 0, 0x6f, 0, 0, 0};
    Path file = file("flat.bin", flat);
    KernelImage kernel = KernelImage.openAny(file);
    assertEquals(KernelImage.Format.FLAT, kernel.format());
    assertEquals(RAM, kernel.load(memory, RAM));
    assertArrayEquals(flat, loaded(RAM, 8));
    assertTrue(error(() -> KernelImage.open(file)).contains("is not a RISC-V kernel"));
  }

  @Test
  void initrdIsCopied() {
    byte[] content = new byte[500];
    content[0] = 7;
    Initrd initrd = Initrd.open(file("initrd", content));
    assertEquals(content.length, initrd.bytes());
    initrd.load(memory, AT);
    assertArrayEquals(content, loaded(AT, content.length));
  }
}
