package org.duvisor.platform.linux;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.duvisor.isa.Assembly;

/**
 * The assembled stub with its labels, as the build left it, and the code of CSR accesses that is
 * made from its templates.
 */
final class StubImage {
  private static final String RESOURCE = "stub.bin";

  /** Words of a read and a write, and which word of each names the CSR, from bit 20 on. */
  private static final int TEMPLATE_WORDS = 8;

  private static final int READ_WORD = 0;
  private static final int WRITE_WORD = 5;
  private static final int CSR_SHIFT = 20;

  /** Bytes of a read and a write of one CSR. */
  private static final int CSR_BYTES = 4 * TEMPLATE_WORDS;

  /** The write of a CSR follows its read. */
  static final int WRITE_OFFSET = 16;

  /** How many CSR numbers there are that may exist below supervisor level: bits 9:8 are 0. */
  static final int USER_CSRS = 1 << 10;

  /** Bytes of the reads and writes of all CSRs. */
  static final int ALL_CSRS_BYTES = USER_CSRS * CSR_BYTES;

  private final byte[] code;
  private final Map<String, Integer> labels;

  private StubImage(byte[] code, Map<String, Integer> labels) {
    this.code = code;
    this.labels = labels;
  }

  /** Writes the image into a folder: a step of the build. */
  public static void main(String[] arguments) throws IOException {
    String folder = StubImage.class.getPackageName().replace('.', '/');
    Path file = Path.of(arguments[0]).resolve(folder).resolve(RESOURCE);
    try (OutputStream out = Files.newOutputStream(file)) {
      write(Stub.assemble(), out);
    }
  }

  private static void write(Assembly stub, OutputStream to) throws IOException {
    var out = new DataOutputStream(to);
    List<String> names = stub.labels().keySet().stream().sorted().toList();
    out.writeInt(names.size());
    for (String name : names) {
      out.writeUTF(name);
      out.writeInt((int) stub.label(name));
    }
    out.writeInt(stub.bytes().length);
    out.write(stub.bytes());
    out.flush();
  }

  /** Reads what the build wrote. */
  static StubImage load() {
    try (InputStream from = StubImage.class.getResourceAsStream(RESOURCE)) {
      if (from == null) {
        throw new LinkageError(RESOURCE + " is missing: the build was incomplete");
      }
      var in = new DataInputStream(from);
      Map<String, Integer> labels = new HashMap<>();
      for (int n = in.readInt(); n > 0; n--) {
        labels.put(in.readUTF(), in.readInt());
      }
      return new StubImage(in.readNBytes(in.readInt()), labels);
    } catch (IOException e) {
      throw new LinkageError(RESOURCE + " cannot be read", e);
    }
  }

  /** Where a label is, in bytes from the start. */
  int offset(String label) {
    Integer offset = labels.get(label);
    if (offset == null) {
      throw new LinkageError("the stub has no " + label);
    }
    return offset;
  }

  /**
   * The code.
   *
   * @param previous the SIGILL handler that was there before, for what is none of our business
   * @param csrs address of {@link #csrCode}
   */
  byte[] code(long previous, long csrs) {
    byte[] filled = code.clone();
    ByteBuffer words = ByteBuffer.wrap(filled).order(ByteOrder.LITTLE_ENDIAN);
    words.putLong(offset("previous"), previous);
    words.putLong(offset("csrs"), csrs);
    words.putLong(offset("csrs") + 8, csrs + ALL_CSRS_BYTES);
    return filled;
  }

  /** Whether a CSR's number says that it may be accessed below supervisor level. */
  static boolean isUserCsr(int number) {
    return (number >>> 8 & 3) == 0;
  }

  /** A number for each user CSR, from 0 on without gaps. */
  static int csrIndex(int number) {
    return number >>> 2 & 0x300 | number & 0xff;
  }

  /** Where the read of a CSR is in {@link #csrCode}, in bytes. */
  static int csrOffset(int number) {
    return csrIndex(number) * CSR_BYTES;
  }

  /** The reads and writes of all user CSRs. */
  int[] csrCode() {
    int[] template = new int[TEMPLATE_WORDS];
    ByteBuffer.wrap(code)
        .order(ByteOrder.LITTLE_ENDIAN)
        .position(offset("csr_read"))
        .slice()
        .order(ByteOrder.LITTLE_ENDIAN)
        .asIntBuffer()
        .get(template);
    int[] all = new int[ALL_CSRS_BYTES / 4];
    for (int i = 0; i < USER_CSRS; i++) {
      int number = (i & 0x300) << 2 | i & 0xff;
      System.arraycopy(template, 0, all, i * TEMPLATE_WORDS, TEMPLATE_WORDS);
      all[i * TEMPLATE_WORDS + READ_WORD] |= number << CSR_SHIFT;
      all[i * TEMPLATE_WORDS + WRITE_WORD] |= number << CSR_SHIFT;
    }
    return all;
  }
}
