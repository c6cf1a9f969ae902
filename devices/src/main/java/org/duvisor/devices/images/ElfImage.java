package org.duvisor.devices.images;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.duvisor.devices.GuestMemory;

/**
 * A 64-bit little-endian RISC-V ELF program: firmware, bare-metal tests, vmlinux (ELF-64 Object
 * File Format 1.5).
 */
public final class ElfImage {
  private static final int HEADER_BYTES = 64;
  private static final int PROGRAM_HEADER_BYTES = 56;
  private static final int SECTION_HEADER_BYTES = 64;
  private static final int SYMBOL_BYTES = 24;
  private static final int TYPE_EXECUTABLE = 2;
  private static final int TYPE_SHARED = 3;
  private static final int MACHINE_RISCV = 243;
  private static final int PT_LOAD = 1;
  private static final int SHT_SYMTAB = 2;
  private static final int SHT_NOBITS = 8;

  /**
   * A loadable segment; addresses and sizes in bytes, unsigned.
   *
   * @param headers whether it begins with the headers of the file, which linkers put before the
   *     program unless they are told otherwise
   * @param file its initialized bytes, at most {@code memoryBytes}; the rest is zero
   */
  public record Segment(
      long physical, long virtual, long memoryBytes, boolean headers, MemorySegment file) {
    private boolean holds(long address) {
      return Long.compareUnsigned(address - virtual, memoryBytes) < 0;
    }
  }

  /** Names of some machines in the header. */
  private static final Map<Integer, String> MACHINES =
      Map.of(
          3,
          "x86",
          8,
          "MIPS",
          21,
          "POWER",
          22,
          "s390",
          40,
          "arm",
          62,
          "x86-64",
          183,
          "arm64",
          258,
          "LoongArch");

  private final Path file;
  private final MemorySegment bytes;
  private final ByteBuffer view;
  private final int type;
  private final long entry;
  private final List<Segment> segments = new ArrayList<>();

  private ElfImage(Path file, MemorySegment bytes) {
    this.file = file;
    this.bytes = bytes;
    this.view = ImageFile.view(bytes);
    if (!isElf(bytes)) {
      throw new ImageException(file, "is not an ELF file");
    }
    if (bytes.byteSize() < HEADER_BYTES) {
      throw new ImageException(file, "ELF header is cut short");
    }
    int machine = half(18);
    if (machine != MACHINE_RISCV) {
      throw new ImageException(
          file,
          "is for ELF machine %d (%s), not RISC-V (%d)"
              .formatted(machine, MACHINES.getOrDefault(machine, "unknown"), MACHINE_RISCV));
    }
    if (view.get(4) != 2 || view.get(5) != 1) {
      throw new ImageException(file, "is not a 64-bit little-endian ELF file");
    }
    type = half(16);
    if (type != TYPE_EXECUTABLE && type != TYPE_SHARED) {
      throw new ImageException(file, "is not an executable ELF file (type " + type + ")");
    }
    entry = view.getLong(24);
    readSegments();
  }

  /**
   * Opens an ELF file, perhaps compressed with gzip or zstd.
   *
   * @throws ImageException when it cannot be used
   */
  public static ElfImage open(Path file) {
    MemorySegment bytes = ImageFile.map(file);
    return of(file, Compression.of(file, bytes).expand(file, bytes));
  }

  static ElfImage of(Path file, MemorySegment bytes) {
    return new ElfImage(file, bytes);
  }

  static boolean isElf(MemorySegment bytes) {
    return bytes.byteSize() >= 4 && ImageFile.view(bytes).getInt(0) == 0x464c457f;
  }

  /** The loadable segments in the order of the file; at least one. */
  public List<Segment> segments() {
    return List.copyOf(segments);
  }

  /** Whether it may be loaded anywhere (position-independent), its addresses counting from 0. */
  public boolean relocatable() {
    return type == TYPE_SHARED;
  }

  /**
   * The lowest physical address of a segment; one of a program with fixed addresses that holds
   * headers, and not the entry point, does not count.
   */
  public long lowest() {
    return segments.stream()
        .filter(s -> relocatable() || !s.headers || s.holds(entry))
        .mapToLong(Segment::physical)
        .reduce((a, b) -> Long.compareUnsigned(a, b) < 0 ? a : b)
        .orElse(segments.getFirst().physical);
  }

  /**
   * Bytes from the lowest physical address to the end of the highest segment, at most {@code
   * Long.MAX_VALUE}.
   */
  public long span() {
    long lowest = lowest();
    return segments.stream()
        .filter(s -> Long.compareUnsigned(s.physical, lowest) >= 0)
        .mapToLong(s -> s.physical - lowest + s.memoryBytes)
        .map(end -> end < 0 ? Long.MAX_VALUE : end)
        .max()
        .orElseThrow();
  }

  /** The physical address of the entry point, as linked. */
  public long entry() {
    for (Segment s : segments) {
      if (s.holds(entry)) {
        return entry - s.virtual + s.physical;
      }
    }
    throw new ImageException(
        file, "entry point 0x" + Long.toHexString(entry) + " lies outside of every segment");
  }

  /**
   * Copies the segments to their physical addresses plus {@code displacement} and clears what the
   * file does not hold. Of a segment that begins with the file's headers, what lies below RAM is
   * left out.
   *
   * @return the entry point in guest-physical memory
   * @throws ImageException when another segment, or the entry point, does not lie in RAM
   */
  public long load(GuestMemory memory, long displacement) {
    long ram = memory.regions().getFirst().base();
    for (Segment s : segments) {
      long at = s.physical + displacement;
      boolean below = s.headers && Long.compareUnsigned(at, ram) < 0;
      long skip = below && Long.compareUnsigned(ram - at, s.memoryBytes) < 0 ? ram - at : 0;
      if (!below || skip != 0) {
        MemorySegment place = ImageFile.place(file, memory, at + skip, s.memoryBytes - skip);
        MemorySegment content = s.file.asSlice(Math.min(skip, s.file.byteSize()));
        place.copyFrom(content);
        place.asSlice(content.byteSize()).fill((byte) 0);
      }
    }
    long start = entry() + displacement;
    if (memory.slice(start, 2) == null) {
      throw new ImageException(file, "starts at 0x%x, where there is no RAM".formatted(start));
    }
    return start;
  }

  /**
   * Looks a symbol up by name.
   *
   * @return its value as linked, empty when the file has no such symbol or no symbols at all
   * @throws ImageException when the symbol table is damaged
   */
  public OptionalLong symbol(String name) {
    long sections = view.getLong(40);
    int count = half(60);
    if (sections == 0 || count == 0) {
      return OptionalLong.empty();
    }
    if (half(58) != SECTION_HEADER_BYTES) {
      throw new ImageException(file, "ELF section headers have an unknown size");
    }
    ByteBuffer headers = headers(sections, count, SECTION_HEADER_BYTES, "section headers");
    for (int i = 0; i < count; i++) {
      ByteBuffer header = header(headers, i, SECTION_HEADER_BYTES);
      if (header.getInt(4) == SHT_SYMTAB) {
        int strings = header.getInt(40);
        if (strings < 0 || strings >= count) {
          throw new ImageException(file, "ELF symbol table has no strings");
        }
        return symbol(
            name, contents(header), contents(header(headers, strings, SECTION_HEADER_BYTES)));
      }
    }
    return OptionalLong.empty();
  }

  private static OptionalLong symbol(String name, ByteBuffer symbols, ByteBuffer strings) {
    ByteBuffer wanted = ByteBuffer.wrap((name + "\0").getBytes(StandardCharsets.UTF_8));
    for (int at = 0; at <= symbols.limit() - SYMBOL_BYTES; at += SYMBOL_BYTES) {
      int nameAt = symbols.getInt(at);
      boolean defined = symbols.getShort(at + 6) != 0;
      if (defined
          && nameAt >= 0
          && nameAt <= strings.limit() - wanted.limit()
          && strings.get(nameAt) == wanted.get(0)
          && strings.slice(nameAt, wanted.limit()).equals(wanted)) {
        return OptionalLong.of(symbols.getLong(at + 8));
      }
    }
    return OptionalLong.empty();
  }

  /** The bytes of a section; one without any has none. */
  private ByteBuffer contents(ByteBuffer header) {
    boolean none = header.getInt(4) == SHT_NOBITS;
    return ImageFile.view(
        part(none ? 0 : header.getLong(24), none ? 0 : header.getLong(32), "symbols"));
  }

  private ByteBuffer headers(long offset, int count, int each, String what) {
    return ImageFile.view(part(offset, (long) count * each, what));
  }

  private static ByteBuffer header(ByteBuffer headers, int index, int bytes) {
    return headers.slice(index * bytes, bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private void readSegments() {
    int count = half(56);
    if (count == 0 || half(54) != PROGRAM_HEADER_BYTES) {
      throw new ImageException(file, "ELF file has no program headers");
    }
    ByteBuffer headers = headers(view.getLong(32), count, PROGRAM_HEADER_BYTES, "program headers");
    for (int i = 0; i < count; i++) {
      ByteBuffer header = header(headers, i, PROGRAM_HEADER_BYTES);
      if (header.getInt(0) == PT_LOAD && header.getLong(40) != 0) {
        readSegment(header);
      }
    }
    if (segments.isEmpty()) {
      throw new ImageException(file, "ELF file has nothing to load");
    }
  }

  private void readSegment(ByteBuffer header) {
    long virtual = header.getLong(16);
    long physical = header.getLong(24);
    long fileBytes = header.getLong(32);
    long memoryBytes = header.getLong(40);
    if (memoryBytes < 0 || Long.compareUnsigned(fileBytes, memoryBytes) > 0) {
      throw new ImageException(
          file, "ELF segment at 0x" + Long.toHexString(physical) + " has impossible sizes");
    }
    if (memoryBytes > ImageFile.MAX_BYTES) {
      throw new ImageException(
          file, "ELF segment at 0x" + Long.toHexString(physical) + " is too large");
    }
    long offset = header.getLong(8);
    MemorySegment content = part(offset, fileBytes, "a segment");
    boolean headers = offset == 0 && fileBytes >= HEADER_BYTES;
    segments.add(new Segment(physical, virtual, memoryBytes, headers, content));
  }

  private int half(int offset) {
    return Short.toUnsignedInt(view.getShort(offset));
  }

  /** A range of the file; both bounds are whatever the file says. */
  private MemorySegment part(long offset, long length, String what) {
    if (offset < 0 || length < 0 || offset > bytes.byteSize() - length) {
      throw new ImageException(file, "ELF file is cut short: " + what + " lie beyond its end");
    }
    return bytes.asSlice(offset, length);
  }
}
