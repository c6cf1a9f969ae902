package org.duvisor.devices.images;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a file is that is not what was asked for, in words for its user: formats that are mistaken
 * for kernels, firmware and RAM disks.
 */
public final class FileKind {
  /** Bytes at a place, and what they tell. The more particular come first. */
  private record Signature(int at, byte[] bytes, String kind) {
    static Signature text(int at, String text, String kind) {
      return new Signature(at, text.getBytes(StandardCharsets.ISO_8859_1), kind);
    }

    static Signature hex(int at, String digits, String kind) {
      return new Signature(at, HexFormat.of().parseHex(digits), kind);
    }

    boolean matches(ByteBuffer file) {
      return file.limit() >= at + bytes.length
          && file.slice(at, bytes.length).equals(ByteBuffer.wrap(bytes));
    }
  }

  private static final List<Signature> SIGNATURES =
      List.of(
          Signature.text(0x202, "HdrS", "a Linux kernel for x86 (bzImage)"),
          Signature.text(0x38, "ARMd", "a Linux kernel for arm64 (Image)"),
          Signature.text(0, "QFI\u00fb", "a disk image (qcow2)"),
          Signature.text(0, "KDMV", "a disk image (vmdk)"),
          Signature.text(0, "vhdxfile", "a disk image (vhdx)"),
          Signature.text(0, "conectix", "a disk image (vhd)"),
          Signature.hex(0x40, "7f10dabe", "a disk image (vdi)"),
          Signature.text(0x8001, "CD001", "a CD image (ISO 9660)"),
          Signature.text(0x200, "EFI PART", "a disk image (GPT)"),
          Signature.text(0, "hsqs", "a file system (squashfs)"),
          Signature.hex(0x438, "53ef01000100", "a file system (ext4)"),
          Signature.text(0, "070701", "a RAM disk (cpio)"),
          Signature.text(0, "070702", "a RAM disk (cpio)"),
          Signature.text(0, "070707", "a RAM disk (cpio, of a kind that Linux does not read)"),
          Signature.text(257, "ustar", "a tar archive"),
          Signature.text(0, "!<arch>\n", "an archive (ar: a library or a Debian package)"),
          Signature.hex(0, "d00dfeed", "a device tree or a FIT image"),
          Signature.hex(0, "27051956", "an image for U-Boot (uImage)"),
          Signature.text(0, "ANDROID!", "an Android boot image"),
          Signature.hex(0, "cafebabe", "a Java class or a macOS program"),
          Signature.text(0, "\u001f\u008b", "compressed with gzip"),
          Signature.text(0, "(\u00b5/\u00fd", "compressed with zstd"),
          Signature.text(0, "\u00fd7zXZ", "compressed with xz"),
          Signature.text(0, "BZh", "compressed with bzip2"),
          Signature.text(0, "\u0002!L\u0018", "compressed with lz4"),
          Signature.text(0, "\u0004\"M\u0018", "compressed with lz4"),
          Signature.text(0, "\u0089LZO", "compressed with lzop"),
          Signature.hex(0, "5d0000", "compressed with lzma"),
          Signature.text(0, "PK\u0003\u0004", "a zip archive"));

  private static final Map<Integer, String> PE_MACHINES =
      Map.of(
          0x14c, "x86",
          0x8664, "x86-64",
          0x1c0, "arm",
          0xaa64, "arm64",
          0x5032, "32-bit RISC-V",
          0x5064, "RISC-V",
          0x6264, "LoongArch");

  /** Where an MZ header says that a PE header is. */
  private static final int PE_OFFSET = 60;

  private static final int PE_MAGIC = 0x4550;

  private static final int SECTOR = 512;
  private static final int MBR_PARTITIONS = 0x1be;
  private static final int MBR_MAGIC_AT = 0x1fe;

  /** So much of a file tells whether it is text. */
  private static final int TEXT_BYTES = 4096;

  private FileKind() {}

  /**
   * What a file with this content is, to follow "is"; empty for what has no form of its own, such
   * as a flat binary.
   */
  static Optional<String> of(MemorySegment content) {
    ByteBuffer file = ImageFile.view(content);
    for (Signature s : SIGNATURES) {
      if (s.matches(file)) {
        return Optional.of(s.kind);
      }
    }
    if (file.limit() > PE_OFFSET + 4 && file.getShort(0) == 0x5a4d) { // "MZ"
      long pe = file.getInt(PE_OFFSET) & 0xffff_ffffL;
      if (pe <= file.limit() - 6 && file.getInt((int) pe) == PE_MAGIC) {
        int machine = Short.toUnsignedInt(file.getShort((int) pe + 4));
        String name =
            PE_MACHINES.getOrDefault(machine, "machine 0x" + Integer.toHexString(machine));
        return Optional.of("an EFI program for " + name);
      }
    }
    if (isMbr(file)) {
      return Optional.of("a disk image (MBR)");
    }
    if (isZero(file)) {
      return Optional.of("nothing but zeros");
    }
    return isText(file) ? Optional.of("text") : Optional.empty();
  }

  /** Two bytes at the end of the sector are not much: each partition is active or not, too. */
  private static boolean isMbr(ByteBuffer file) {
    boolean found = file.limit() >= SECTOR && file.getShort(MBR_MAGIC_AT) == (short) 0xaa55;
    for (int at = MBR_PARTITIONS; found && at < MBR_MAGIC_AT; at += 16) {
      found = (file.get(at) & 0x7f) == 0;
    }
    return found;
  }

  private static boolean isZero(ByteBuffer file) {
    for (int i = 0; i < file.limit(); i++) {
      if (file.get(i) != 0) {
        return false;
      }
    }
    return true;
  }

  /** Lines of printable characters, ASCII or what may be UTF-8. */
  private static boolean isText(ByteBuffer file) {
    for (int i = 0; i < Math.min(file.limit(), TEXT_BYTES); i++) {
      int c = file.get(i) & 0xff;
      boolean space = c >= '\t' && c <= '\r' || c == 0x1b;
      if (c < ' ' && !space || c == 0x7f || c >= 0xf8 || c == 0xc0 || c == 0xc1) {
        return false;
      }
    }
    return true;
  }
}
