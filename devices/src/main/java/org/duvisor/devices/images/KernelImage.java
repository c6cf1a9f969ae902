package org.duvisor.devices.images;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.duvisor.devices.GuestMemory;

/**
 * What a machine or VM starts: a RISC-V Linux {@code Image} (Linux, "Boot image header in RISC-V
 * Linux"), an ELF file, or a flat binary; each may be compressed with gzip or zstd, and an {@code
 * Image} be packed as an EFI program that expands itself (Linux, "zboot"). An {@code Image} is
 * expanded straight into guest memory.
 */
public final class KernelImage {
  /** What the file is, once expanded. */
  public enum Format {
    /**
     * Linux's flat kernel with the RISC-V header: to be placed {@link #textOffset} above a 2 MiB
     * boundary.
     */
    IMAGE,
    /** An ELF program; see {@link #fixedAddress}. */
    ELF,
    /** Bytes without any header, entered at the first one. */
    FLAT
  }

  private static final int HEADER_BYTES = 64;
  private static final long MAGIC = 0x5643534952L; // "RISCV"
  private static final int MAGIC2 = 0x05435352; // "RSC\5"
  private static final int BIG_ENDIAN = 1;

  /** Where the header says that the file is a PE image too, for EFI. */
  private static final int PE_OFFSET = 60;

  private static final int PE_MAGIC = 0x4550; // "PE\0\0"
  private static final int PE_HEADER_BYTES = 24;
  private static final int PE_SECTION_BYTES = 40;

  /** "MZ", two zeros, "zimg". */
  private static final long ZBOOT_MAGIC = 0x676d_697a_0000_5a4dL;

  /**
   * Below this an ELF file's physical addresses are offsets, as in vmlinux, whose segments start at
   * 0.
   */
  private static final long LOWEST_FIXED = 0x1000;

  private final Path file;
  private final Format format;
  private final Compression compression;
  private final MemorySegment bytes;
  private final long textOffset;
  private final long memoryBytes;

  private KernelImage(
      Path file,
      Format format,
      Compression compression,
      MemorySegment bytes,
      long textOffset,
      long memoryBytes) {
    this.file = file;
    this.format = format;
    this.compression = compression;
    this.bytes = bytes;
    this.textOffset = textOffset;
    this.memoryBytes = memoryBytes;
  }

  /**
   * Opens a kernel: an {@code Image} or an ELF file.
   *
   * @throws ImageException when it is neither or cannot be used
   */
  public static KernelImage open(Path file) {
    return open(file, ImageFile.map(file), -1);
  }

  /**
   * Opens firmware or a bare-metal program; what is neither an {@code Image} nor ELF, nor of a form
   * that is no program, is a flat binary, to be placed at the start of RAM.
   *
   * @throws ImageException when it cannot be used
   */
  public static KernelImage openAny(Path file) {
    return openAny(file, 0);
  }

  /**
   * The same.
   *
   * @param flatOffset bytes from the start of RAM to the place of a flat binary, at least 0
   */
  public static KernelImage openAny(Path file, long flatOffset) {
    return open(file, ImageFile.map(file), flatOffset);
  }

  /** Opens the content of a file; a flat binary only with an offset, which is not negative. */
  private static KernelImage open(Path file, MemorySegment bytes, long flatOffset) {
    if (isZboot(bytes)) {
      return open(file, zbootPayload(file, bytes), flatOffset);
    }
    Compression compression = Compression.of(file, bytes);
    MemorySegment head = compression.head(file, bytes, HEADER_BYTES);
    if (ElfImage.isElf(head)) {
      MemorySegment expanded = compression.expand(file, bytes);
      ElfImage elf = ElfImage.of(file, expanded);
      elf.entry();
      KernelImage kernel =
          new KernelImage(file, Format.ELF, Compression.NONE, expanded, 0, elf.span());
      if (!kernel.fixedAddress() && elf.span() > ImageFile.MAX_BYTES) {
        throw new ImageException(file, "ELF segments lie too far apart");
      }
      return kernel;
    }
    if (isImage(head)) {
      return image(file, compression, bytes, head);
    }
    MemorySegment expanded = compression.expand(file, bytes);
    String is = FileKind.of(expanded).map(kind -> "is " + kind + "; it ").orElse("");
    if (flatOffset < 0) {
      throw new ImageException(
          file, is + "is not a RISC-V kernel (neither an Image nor an ELF file)");
    }
    if (!is.isEmpty()) {
      throw new ImageException(
          file, is + "is not a RISC-V kernel (a Linux Image, an ELF file or a flat binary)");
    }
    return new KernelImage(
        file, Format.FLAT, Compression.NONE, expanded, flatOffset, expanded.byteSize());
  }

  private static boolean isZboot(MemorySegment bytes) {
    return bytes.byteSize() >= HEADER_BYTES && ImageFile.view(bytes).getLong(0) == ZBOOT_MAGIC;
  }

  /** The compressed kernel inside, which its header tells the place and the kind of. */
  private static MemorySegment zbootPayload(Path file, MemorySegment bytes) {
    ByteBuffer header = ImageFile.view(bytes);
    long start = header.getInt(8) & 0xffff_ffffL;
    long length = header.getInt(12) & 0xffff_ffffL;
    if (start < HEADER_BYTES || length == 0 || start + length > bytes.byteSize()) {
      throw new ImageException(
          file, "is an EFI program with a kernel inside (zboot) that is cut short or damaged");
    }
    MemorySegment payload = bytes.asSlice(start, length);
    if (Compression.of(file, payload) == Compression.NONE) {
      throw new ImageException(
          file, "is an EFI program with a kernel inside (zboot) that is damaged");
    }
    return payload;
  }

  private static boolean isImage(MemorySegment head) {
    if (head.byteSize() < HEADER_BYTES) {
      return false;
    }
    ByteBuffer header = ImageFile.view(head);
    return header.getLong(48) == MAGIC || header.getInt(56) == MAGIC2;
  }

  private static KernelImage image(
      Path file, Compression compression, MemorySegment bytes, MemorySegment head) {
    ByteBuffer header = ImageFile.view(head);
    long textOffset = header.getLong(8);
    long imageSize = header.getLong(16);
    if ((header.getLong(24) & BIG_ENDIAN) != 0) {
      throw new ImageException(file, "is a big-endian kernel");
    }
    if (imageSize <= 0
        || imageSize > ImageFile.MAX_BYTES
        || textOffset < 0
        || textOffset > ImageFile.MAX_BYTES) {
      throw new ImageException(file, "Image header has impossible sizes");
    }
    if (compression == Compression.NONE && bytes.byteSize() > imageSize) {
      throw new ImageException(file, "is longer than its Image header says");
    }
    if (compression == Compression.NONE && bytes.byteSize() < heldBytes(bytes, header)) {
      throw new ImageException(file, "is cut short");
    }
    return new KernelImage(file, Format.IMAGE, compression, bytes, textOffset, imageSize);
  }

  /**
   * How long the file is at least. The header's size counts what the file does not hold, but a
   * kernel that is an EFI program too (a PE image) lists its sections. 0 where nothing tells; a
   * compressed file that is cut short is noticed when it is expanded.
   */
  private static long heldBytes(MemorySegment bytes, ByteBuffer header) {
    long pe = header.getInt(PE_OFFSET) & 0xffff_ffffL;
    ByteBuffer file = ImageFile.view(bytes);
    if (pe == 0 || pe > bytes.byteSize() - PE_HEADER_BYTES || file.getInt((int) pe) != PE_MAGIC) {
      return 0;
    }
    int sections = file.getShort((int) pe + 6) & 0xffff;
    long at = pe + PE_HEADER_BYTES + (file.getShort((int) pe + 20) & 0xffff);
    long held = at + (long) sections * PE_SECTION_BYTES;
    for (int i = 0; i < sections && at <= bytes.byteSize() - PE_SECTION_BYTES; i++) {
      long length = file.getInt((int) at + 16) & 0xffff_ffffL;
      long start = file.getInt((int) at + 20) & 0xffff_ffffL;
      held = Math.max(held, start + length);
      at += PE_SECTION_BYTES;
    }
    return held;
  }

  /** The file's format. */
  public Format format() {
    return format;
  }

  /**
   * Bytes between a 2 MiB boundary and the place of an {@code Image}, or between the start of RAM
   * and that of a flat binary; 0 for ELF files.
   */
  public long textOffset() {
    return textOffset;
  }

  /** Bytes of memory it occupies once it runs, including what the file does not hold. */
  public long memoryBytes() {
    return memoryBytes;
  }

  /** Whether it must be loaded at {@link #address}; everything else goes where the caller wants. */
  public boolean fixedAddress() {
    return format == Format.ELF
        && !elf().relocatable()
        && Long.compareUnsigned(elf().lowest(), LOWEST_FIXED) >= 0;
  }

  /** The lowest address of a program with a fixed address, 0 for others. */
  public long address() {
    return fixedAddress() ? elf().lowest() : 0;
  }

  /** The bytes of an ELF file or a flat binary, expanded. */
  public MemorySegment content() {
    if (format == Format.IMAGE) {
      throw new IllegalStateException("an Image is expanded where it is loaded");
    }
    return bytes;
  }

  /** The ELF file, for its symbols; only for {@link Format#ELF}. */
  public ElfImage elf() {
    return ElfImage.of(file, bytes);
  }

  /**
   * Places the content in memory, expanding it on the way.
   *
   * @param at guest-physical address of the first byte; a program with a fixed address ignores it
   * @return the guest-physical entry point
   * @throws ImageException when it does not fit there or the compressed data is damaged
   */
  public long load(GuestMemory memory, long at) {
    if (format == Format.ELF) {
      ElfImage elf = elf();
      return elf.load(memory, fixedAddress() ? 0 : at - elf.lowest());
    }
    if (compression.expand(file, bytes, ImageFile.place(file, memory, at, memoryBytes)) < 0) {
      throw new ImageException(file, "is longer than its Image header says");
    }
    return at;
  }
}
