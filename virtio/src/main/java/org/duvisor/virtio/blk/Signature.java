package org.duvisor.virtio.blk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;

/**
 * How files begin that are no raw image, whatever their name. They are refused, never read as what
 * they seem to be: a guest that owns a raw disk can write any of these to it.
 *
 * @param offset of the bytes in the file
 * @param bytes that are there
 * @param what it is, and what to do
 */
record Signature(int offset, byte[] bytes, String what) {
  private static final String CONVERT = ", which is not supported: qemu-img convert -O raw";
  private static final String UNPACK = ": unpack it first";

  private static final List<Signature> ALL =
      List.of(
          text(0, "QFI\u00fb", "has the header of a qcow2 image: say format=qcow2"),
          text(0, "QED\0", "is a QED image" + CONVERT),
          text(0, "KDMV", "is a VMDK image" + CONVERT),
          text(0, "COWD", "is a VMDK image" + CONVERT),
          text(0, "# Disk DescriptorFile", "describes a VMDK image" + CONVERT),
          text(0, "vhdxfile", "is a VHDX image" + CONVERT),
          text(0, "conectix", "is a VHD image" + CONVERT),
          text(0, "WithoutFreeSpace", "is a Parallels image" + CONVERT),
          text(0, "WithouFreSpacExt", "is a Parallels image" + CONVERT),
          hex(0x40, "7f10dabe", "is a VDI image" + CONVERT),
          hex(0, "1f8b08", "is compressed by gzip" + UNPACK),
          hex(0, "fd377a585a00", "is compressed by xz" + UNPACK),
          hex(0, "28b52ffd", "is compressed by zstd" + UNPACK),
          text(0, "BZh", "is compressed by bzip2" + UNPACK),
          text(0, "PK\003\004", "is a zip archive" + UNPACK));

  private static Signature text(int offset, String text, String what) {
    return new Signature(offset, text.getBytes(StandardCharsets.ISO_8859_1), what);
  }

  private static Signature hex(int offset, String digits, String what) {
    return new Signature(offset, HexFormat.of().parseHex(digits), what);
  }

  private boolean begins(ByteBuffer head) {
    return head.limit() >= offset + bytes.length
        && head.slice(offset, bytes.length).equals(ByteBuffer.wrap(bytes));
  }

  /**
   * Refuses a file that is no raw image.
   *
   * @param head the first bytes of the file, all there are or many
   * @throws IOException with one line for the user
   */
  static void refuse(Path file, ByteBuffer head) throws IOException {
    String what =
        head.limit() < Blk.SECTOR
            ? head.limit() == 0
                ? "is empty: give it a size first (truncate -s 1G)"
                : "is shorter than a sector: it is no disk"
            : ALL.stream().filter(s -> s.begins(head)).map(Signature::what).findFirst().orElse("");
    if (!what.isEmpty()) {
      throw new IOException("disk image " + file + " " + what + "; format=raw takes it as it is");
    }
  }
}
