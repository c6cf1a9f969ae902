package org.duvisor.devices.images;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.duvisor.devices.GuestMemory;

/**
 * What a machine or VM starts: a RISC-V Linux {@code Image} (Linux, "Boot image header in RISC-V
 * Linux"), an ELF file, or a flat binary; each may be compressed with gzip or zstd. An {@code
 * Image} is expanded straight into guest memory.
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
    return open(file, false);
  }

  /**
   * Opens firmware or a bare-metal program; what is neither an {@code Image} nor ELF is a flat
   * binary.
   *
   * @throws ImageException when it cannot be used
   */
  public static KernelImage openAny(Path file) {
    return open(file, true);
  }

  private static KernelImage open(Path file, boolean flatAllowed) {
    MemorySegment bytes = ImageFile.map(file);
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
    if (!flatAllowed) {
      throw new ImageException(file, "is not a RISC-V kernel (neither an Image nor an ELF file)");
    }
    MemorySegment expanded = compression.expand(file, bytes);
    return new KernelImage(file, Format.FLAT, Compression.NONE, expanded, 0, expanded.byteSize());
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

  /** Bytes between a 2 MiB boundary and the place of an {@code Image}, 0 for the other formats. */
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
