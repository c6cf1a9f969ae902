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
import java.util.Map;
import java.util.Optional;
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

  /** Marks at their places in a file of {@code length} bytes that is else 1, 2, 3, 1, ... */
  private static byte[] marked(int length, Object... placesAndMarks) {
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      bytes[i] = (byte) (1 + i % 3);
    }
    for (int i = 0; i < placesAndMarks.length; i += 2) {
      byte[] mark = ((String) placesAndMarks[i + 1]).getBytes(StandardCharsets.ISO_8859_1);
      System.arraycopy(mark, 0, bytes, (int) placesAndMarks[i], mark.length);
    }
    return bytes;
  }

  @Test
  void filesThatAreNoKernelsAreToldByName() throws IOException {
    Map<String, byte[]> files =
        Map.ofEntries(
            Map.entry(
                "text", "# A read-me\n\nfor people, \u00e9\n".getBytes(StandardCharsets.UTF_8)),
            Map.entry("a Linux kernel for x86 (bzImage)", marked(2048, 0, "MZ", 0x202, "HdrS")),
            Map.entry("a Linux kernel for arm64 (Image)", marked(2048, 0, "MZ", 0x38, "ARMd")),
            Map.entry("a disk image (qcow2)", marked(512, 0, "QFI\u00fb")),
            Map.entry("a disk image (vmdk)", marked(512, 0, "KDMV")),
            Map.entry("a disk image (vdi)", marked(512, 0x40, "\u007f\u0010\u00da\u00be")),
            Map.entry("a disk image (vhdx)", marked(512, 0, "vhdxfile")),
            Map.entry("a disk image (GPT)", marked(1024, 512, "EFI PART")),
            Map.entry(
                "a disk image (MBR)",
                marked(
                    512, 0x1be, "\u0080", 0x1ce, "\0", 0x1de, "\0", 0x1ee, "\0", 0x1fe, "U\u00aa")),
            Map.entry("a file system (ext4)", marked(2048, 0x438, "S\u00ef\1\0\1\0")),
            Map.entry("a CD image (ISO 9660)", marked(40_000, 0x8001, "CD001")),
            Map.entry("a RAM disk (cpio)", marked(512, 0, "070701")),
            Map.entry("a tar archive", marked(1024, 257, "ustar")),
            Map.entry("a device tree or a FIT image", marked(64, 0, "\u00d0\r\u00fe\u00ed")),
            Map.entry("an image for U-Boot (uImage)", marked(64, 0, "'\5\u0019V")),
            Map.entry(
                "an EFI program for x86-64",
                marked(512, 0, "MZ", 60, "\u0080\0\0\0", 128, "PE\0\0d\u0086")),
            Map.entry("nothing but zeros", new byte[5000]));
    for (Map.Entry<String, byte[]> f : files.entrySet()) {
      for (byte[] content : List.of(f.getValue(), gzip(f.getValue()))) {
        Path file = file("file", content);
        String line = "file: is " + f.getKey() + "; it is not a RISC-V kernel (";
        assertTrue(error(() -> KernelImage.openAny(file)).contains(line), f.getKey());
        assertTrue(error(() -> KernelImage.open(file)).contains(line), f.getKey());
      }
    }
    byte[] twice = gzip(gzip(image(2000)));
    assertTrue(
        error(() -> KernelImage.openAny(file("twice", twice))).contains("is compressed with gzip"));
  }

  /** A kernel as Linux packs it for EFI: header, then the compressed Image. */
  private static byte[] zboot(byte[] payload, int start, int length) {
    ByteBuffer b = ByteBuffer.allocate(512 + payload.length).order(ByteOrder.LITTLE_ENDIAN);
    b.put("MZ\0\0zimg".getBytes(StandardCharsets.US_ASCII)).putInt(start).putInt(length);
    return b.put(24, "gzip".getBytes(StandardCharsets.US_ASCII)).put(512, payload).array();
  }

  @Test
  void efiKernelsAreUnpacked() throws IOException {
    byte[] image = image(100_000);
    byte[] payload = gzip(image);
    assertLoads(file("vmlinuz.efi", zboot(payload, 512, payload.length)), image);
    int[][] wrong = {
      {512, payload.length + 1}, {0, 600}, {512, 0}, {-1, payload.length}, {512, -1}, {100, 50}
    };
    for (int[] w : wrong) {
      Path file = file("damaged.efi", zboot(payload, w[0], w[1]));
      assertTrue(error(() -> KernelImage.openAny(file)).contains("(zboot) that is"));
    }
    byte[] arm = gzip(marked(2048, 0x38, "ARMd"));
    assertTrue(
        error(() -> KernelImage.openAny(file("arm.efi", zboot(arm, 512, arm.length))))
            .contains("is a Linux kernel for arm64"));
  }

  @Test
  void whatLinuxWillNotTakeForARamDiskIsDoubted() {
    byte[] cpio = marked(512, 0, "070701");
    byte[] padded = Arrays.copyOf(new byte[8], 520);
    System.arraycopy(cpio, 0, padded, 8, 512);
    byte[] xz = marked(64, 0, "\u00fd7zXZ\0");
    for (byte[] good : List.of(cpio, gzip(cpio), padded, xz, marked(512, 0, "hsqs"))) {
      assertEquals(Optional.empty(), Initrd.open(file("initrd", good)).doubt());
    }
    Map<String, byte[]> wrong =
        Map.of(
            "text", "not an archive".getBytes(StandardCharsets.US_ASCII),
            "nothing but zeros", new byte[512],
            "a disk image (qcow2)", marked(512, 0, "QFI\u00fb"),
            "of no form that is known", marked(512));
    wrong.forEach(
        (is, content) -> {
          assertEquals(Optional.of(is), Initrd.open(file("initrd", content)).doubt());
          assertEquals(Optional.of(is), Initrd.open(file("initrd", gzip(content))).doubt());
        });
  }

  /**
   * An ELF file as gcc -static -Wl,-Ttext=0x80000000 makes it: a segment with the headers of the
   * file, and the program, in one piece or two.
   */
  private static byte[] linked(long headers, long program, boolean inOne) {
    int page = 0x1000;
    int segments = inOne ? 1 : 2;
    ByteBuffer b = ByteBuffer.allocate(page + 8).order(ByteOrder.LITTLE_ENDIAN);
    b.put(elf(2, 243, program, program, new byte[0], 8), 0, 64);
    b.putShort(56, (short) segments).position(64);
    for (int i = 0; i < segments; i++) {
      boolean first = i == 0;
      long bytes = inOne ? page + 8 : first ? 300 : 8;
      b.putInt(1).putInt(5).putLong(first ? 0 : page);
      b.putLong(first ? headers : program).putLong(first ? headers : program);
      b.putLong(bytes).putLong(bytes).putLong(page);
    }
    return b.putLong(page, 0x0807_0605_0403_0201L).array();
  }

  @Test
  void headersBelowRamAreLeftOut() {
    byte[] content = {1, 2, 3, 4, 5, 6, 7, 8};
    List<byte[]> files = List.of(linked(RAM - 0x1000, RAM, true), linked(0x1_0000, RAM, false));
    for (byte[] elf : files) {
      ram.fill((byte) 0xff);
      assertEquals(RAM + 4, ElfImage.open(file("plain", elf)).load(memory, 0));
      assertArrayEquals(content, loaded(RAM, 8));
      assertEquals(-1, loaded(RAM + 8, 1)[0]);
      KernelImage kernel = KernelImage.openAny(file("plain", elf));
      assertTrue(kernel.memoryBytes() <= 0x2000, "no room for what lies between");
      assertEquals(RAM + 4, kernel.load(memory, AT));
    }
    Path program = file("program", linked(RAM - 0x1000, RAM - 0x2000, false));
    assertTrue(error(() -> ElfImage.open(program).load(memory, 0)).contains("is not all RAM"));
    Path linux = file("linux", linked(0x1_0000, 0x1_1000, true));
    assertTrue(
        error(() -> ElfImage.open(linux).load(memory, 0))
            .endsWith("starts at 0x11004, where there is no RAM"));
    Path high = file("high", linked(RAM + RAM_BYTES - 0x1000, RAM + RAM_BYTES, true));
    assertTrue(error(() -> ElfImage.open(high).load(memory, 0)).contains("is not all RAM"));
  }

  @Test
  void flatBinariesGoWhereTheirCallerSays() {
    Path file = file("flat.bin", new byte[] {0x13, 0, 0, 0, 0x6f, 0, 0, 0});
    assertEquals(0, KernelImage.openAny(file).textOffset());
    assertEquals(2 << 20, KernelImage.openAny(file, 2 << 20).textOffset());
  }
}
