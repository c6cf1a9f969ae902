package org.duvisor.devices.images;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the guest gets of a RAM disk's file. */
class InitrdInflationTest {
  private static final byte[] CONTENT = "a RAM disk ".repeat(1000).getBytes(StandardCharsets.UTF_8);

  @TempDir private Path directory;

  private long length(byte[]... parts) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.write(part);
    }
    Path file = Files.write(directory.resolve("initrd"), all.toByteArray());
    return Initrd.open(file).bytes();
  }

  private static byte[] gzip(byte[] content) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
      out.write(content);
    }
    return bytes.toByteArray();
  }

  @Test
  void oneMemberIsInflated() throws IOException {
    assertEquals(CONTENT.length, length(gzip(CONTENT)));
  }

  @Test
  void anArchiveThatIsNotCompressedIsKept() throws IOException {
    assertEquals(CONTENT.length, length(CONTENT));
  }

  @Test
  void severalMembersAreLeftToTheKernel() throws IOException {
    byte[] member = gzip(CONTENT);
    assertEquals(2L * member.length, length(member, member));
    assertEquals(member.length + 512L, length(member, new byte[512]));
  }

  @Test
  void damageIsLeftToTheKernel() throws IOException {
    byte[] member = gzip(CONTENT);
    member[member.length / 2] ^= 0x55;
    assertEquals(member.length, length(member));
    byte[] cut = java.util.Arrays.copyOf(gzip(CONTENT), 40);
    assertEquals(40, length(cut));
  }
}
