package org.duvisor.devices.fdt;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A device tree and what travels with it in the flattened form, version 17 (Devicetree
 * Specification 0.4, chapter 5).
 *
 * @param root the root node
 * @param bootCpu the hart id in the header, unsigned 32 bits
 * @param reservations memory the operating system must leave alone
 */
public record Fdt(Node root, int bootCpu, List<Reservation> reservations) {
  static final int MAGIC = 0xd00dfeed;
  static final int VERSION = 17;
  static final int LAST_COMPATIBLE_VERSION = 16;
  static final int HEADER_BYTES = 40;

  static final int BEGIN_NODE = 1;
  static final int END_NODE = 2;
  static final int PROP = 3;
  static final int NOP = 4;
  static final int END = 9;

  /** Deeper trees are refused by the reader; real ones stay below ten levels. */
  static final int MAX_DEPTH = 64;

  /** A reserved range of physical memory, both in bytes. */
  public record Reservation(long address, long size) {}

  /** A tree with its parts; the list is copied. */
  public Fdt {
    reservations = List.copyOf(reservations);
  }

  /** A tree booted by hart 0 that reserves nothing. */
  public static Fdt of(Node root) {
    return new Fdt(root, 0, List.of());
  }

  /**
   * Reads a blob somebody else made. It trusts nothing: every offset, length, name and nesting is
   * checked. Bytes after the blob's own total size are ignored.
   *
   * @throws IllegalArgumentException with one line saying what is wrong
   */
  public static Fdt parse(byte[] blob) {
    return new FdtReader(blob).read();
  }

  /**
   * The flattened tree. Blocks are in the order header, reservations, structure, strings;
   * reservations are aligned to 8 bytes and the total is a multiple of 8.
   */
  public byte[] blob() {
    Strings strings = new Strings();
    Structure structure = new Structure();
    write(root, structure, strings);
    structure.cell(END);

    int reservationsAt = HEADER_BYTES;
    int structureAt = reservationsAt + 16 * (reservations.size() + 1);
    int stringsAt = structureAt + structure.out.size();
    int total = (stringsAt + strings.out.size() + 7) & -8;
    ByteBuffer blob = ByteBuffer.allocate(total);
    blob.putInt(MAGIC).putInt(total).putInt(structureAt).putInt(stringsAt).putInt(reservationsAt);
    blob.putInt(VERSION).putInt(LAST_COMPATIBLE_VERSION).putInt(bootCpu);
    blob.putInt(strings.out.size()).putInt(structure.out.size());
    for (Reservation r : reservations) {
      blob.putLong(r.address).putLong(r.size);
    }
    blob.putLong(0).putLong(0);
    blob.put(structure.out.toByteArray()).put(strings.out.toByteArray());
    return blob.array();
  }

  private static void write(Node node, Structure structure, Strings strings) {
    structure.cell(BEGIN_NODE);
    structure.padded((node.name() + "\0").getBytes(StandardCharsets.UTF_8));
    node.properties()
        .forEach(
            (name, value) -> {
              structure.cell(PROP);
              structure.cell(value.length);
              structure.cell(strings.offset(name));
              structure.padded(value);
            });
    for (Node child : node.children()) {
      write(child, structure, strings);
    }
    structure.cell(END_NODE);
  }

  /** The structure block while it grows: big-endian cells. */
  private static final class Structure {
    final ByteArrayOutputStream out = new ByteArrayOutputStream(4096);

    void cell(int value) {
      out.write(value >>> 24);
      out.write(value >>> 16);
      out.write(value >>> 8);
      out.write(value);
    }

    void padded(byte[] bytes) {
      out.writeBytes(bytes);
      while ((out.size() & 3) != 0) {
        out.write(0);
      }
    }
  }

  /** The strings block: each property name once. */
  private static final class Strings {
    final ByteArrayOutputStream out = new ByteArrayOutputStream(512);
    private final Map<String, Integer> offsets = new LinkedHashMap<>();

    int offset(String name) {
      return offsets.computeIfAbsent(
          name,
          n -> {
            int offset = out.size();
            out.writeBytes((n + "\0").getBytes(StandardCharsets.UTF_8));
            return offset;
          });
    }
  }
}
