package org.duvisor.platform.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * Writes an ELF shared object for riscv64 as small as the dynamic linker takes it (System V ABI,
 * gABI chapter 5; RISC-V ELF psABI): code, data, and symbols that others may look up. A step of the
 * build.
 */
final class SharedObject {
  /** Where the code begins, in the file and in memory; the code's labels say so, too. */
  static final int CODE = 0x1000;

  private static final int PAGE = 0x1000;
  private static final int HEADER_BYTES = 64;
  private static final int SEGMENT_BYTES = 56;
  private static final int SYMBOL_BYTES = 24;
  private static final int DYNAMIC_BYTES = 6 * 16;

  private static final short ET_DYN = 3;
  private static final short EM_RISCV = 243;
  private static final int COMPRESSED_AND_DOUBLE = 5; // EF_RISCV_RVC, EF_RISCV_FLOAT_ABI_DOUBLE

  private static final int PT_LOAD = 1;
  private static final int PT_DYNAMIC = 2;
  private static final int PT_GNU_STACK = 0x6474e551;
  private static final int X = 1;
  private static final int W = 2;
  private static final int R = 4;

  private static final int DT_HASH = 4;
  private static final int DT_STRTAB = 5;
  private static final int DT_SYMTAB = 6;
  private static final int DT_STRSZ = 10;
  private static final int DT_SYMENT = 11;

  private static final byte GLOBAL_FUNCTION = 0x12;

  private SharedObject() {}

  /**
   * The file.
   *
   * @param code from {@link #CODE} on, read and executed
   * @param data from the next multiple of 4 KiB on, read and written
   * @param symbols names and addresses, in the code
   */
  static byte[] write(byte[] code, byte[] data, Map<String, Integer> symbols) {
    List<String> names = symbols.keySet().stream().sorted().toList();
    int segments = 5;
    int symbolTable = HEADER_BYTES + segments * SEGMENT_BYTES;
    int hashTable = symbolTable + (names.size() + 1) * SYMBOL_BYTES;
    int strings = hashTable + 4 * (2 + 1 + names.size() + 1);
    int stringBytes = 1 + names.stream().mapToInt(n -> n.length() + 1).sum();
    int dataAt = CODE + (code.length + PAGE - 1) / PAGE * PAGE;
    int dynamic = dataAt + (data.length + 7) / 8 * 8;
    int end = dynamic + DYNAMIC_BYTES;
    if (strings + stringBytes > CODE) {
      throw new IllegalArgumentException("too many symbols");
    }
    ByteBuffer b = ByteBuffer.allocate(end).order(ByteOrder.LITTLE_ENDIAN);
    b.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1}).position(16);
    b.putShort(ET_DYN).putShort(EM_RISCV).putInt(1);
    b.putLong(0).putLong(HEADER_BYTES).putLong(0).putInt(COMPRESSED_AND_DOUBLE);
    b.putShort((short) HEADER_BYTES).putShort((short) SEGMENT_BYTES).putShort((short) segments);
    b.position(HEADER_BYTES);
    segment(b, PT_LOAD, R, 0, strings + stringBytes);
    segment(b, PT_LOAD, R | X, CODE, code.length);
    segment(b, PT_LOAD, R | W, dataAt, end - dataAt);
    segment(b, PT_DYNAMIC, R | W, dynamic, DYNAMIC_BYTES);
    segment(b, PT_GNU_STACK, R | W, 0, 0);
    b.position(symbolTable + SYMBOL_BYTES);
    int name = 1;
    for (String n : names) {
      short someSection = 1;
      b.putInt(name).put(GLOBAL_FUNCTION).put((byte) 0).putShort(someSection);
      b.putLong(symbols.get(n)).putLong(0);
      name += n.length() + 1;
    }
    // One bucket: all symbols in a row.
    b.position(hashTable);
    b.putInt(1).putInt(names.size() + 1).putInt(names.isEmpty() ? 0 : 1).putInt(0);
    for (int i = 1; i <= names.size(); i++) {
      b.putInt(i == names.size() ? 0 : i + 1);
    }
    b.put((byte) 0);
    names.forEach(n -> b.put(n.getBytes(StandardCharsets.US_ASCII)).put((byte) 0));
    b.position(CODE).put(code).position(dataAt).put(data).position(dynamic);
    b.putLong(DT_HASH).putLong(hashTable).putLong(DT_STRTAB).putLong(strings);
    b.putLong(DT_SYMTAB).putLong(symbolTable).putLong(DT_STRSZ).putLong(stringBytes);
    b.putLong(DT_SYMENT).putLong(SYMBOL_BYTES); // and DT_NULL, which is 0
    return b.array();
  }

  /** A segment that lies in memory as it does in the file. */
  private static void segment(ByteBuffer b, int type, int flags, long at, long bytes) {
    b.putInt(type).putInt(flags).putLong(at).putLong(at).putLong(at).putLong(bytes).putLong(bytes);
    b.putLong(type == PT_LOAD ? PAGE : 8);
  }
}
