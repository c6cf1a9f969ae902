package org.duvisor.devices.fdt;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reads one flattened tree, strictly. Not recursive, so nesting cannot exhaust the stack. */
final class FdtReader {
  private final ByteBuffer blob;
  private int structureEnd;
  private int stringsAt;
  private int stringsEnd;

  FdtReader(byte[] bytes) {
    this.blob = ByteBuffer.wrap(bytes);
  }

  Fdt read() {
    if (blob.limit() < Fdt.HEADER_BYTES) {
      throw bad("shorter than a header");
    }
    if (blob.getInt(0) != Fdt.MAGIC) {
      throw bad("no magic number");
    }
    int total = blob.getInt(4);
    if (total < Fdt.HEADER_BYTES || total > blob.limit()) {
      throw bad(
          "total size "
              + Integer.toUnsignedString(total)
              + " in a file of "
              + blob.limit()
              + " bytes");
    }
    blob.limit(total);
    int version = blob.getInt(20);
    int compatible = blob.getInt(24);
    if (version < Fdt.VERSION || compatible > Fdt.VERSION || compatible < 0) {
      throw bad(
          "version " + version + " (compatible with " + compatible + ") instead of " + Fdt.VERSION);
    }
    int structureAt = block("structure", 8, 36, 4);
    structureEnd = structureAt + blob.getInt(36);
    stringsAt = block("strings", 12, 32, 1);
    stringsEnd = stringsAt + blob.getInt(32);
    List<Fdt.Reservation> reservations = reservations(blob.getInt(16));
    blob.position(structureAt);
    return new Fdt(tree(), blob.getInt(28), reservations);
  }

  /** Checks a block given by the header fields at {@code offsetField} and {@code sizeField}. */
  private int block(String name, int offsetField, int sizeField, int align) {
    int offset = blob.getInt(offsetField);
    int size = blob.getInt(sizeField);
    if (offset < Fdt.HEADER_BYTES
        || offset > blob.limit()
        || size < 0
        || size > blob.limit() - offset
        || (offset | size) % align != 0) {
      throw bad("the " + name + " block lies outside of it or is misaligned");
    }
    return offset;
  }

  private List<Fdt.Reservation> reservations(int offset) {
    if (offset < Fdt.HEADER_BYTES || offset % 8 != 0) {
      throw bad("the reservation block lies outside of it or is misaligned");
    }
    List<Fdt.Reservation> list = new ArrayList<>();
    for (int at = offset; at <= blob.limit() - 16; at += 16) {
      var entry = new Fdt.Reservation(blob.getLong(at), blob.getLong(at + 8));
      if (entry.address() == 0 && entry.size() == 0) {
        return list;
      }
      list.add(entry);
    }
    throw bad("the reservation block does not end");
  }

  private Node tree() {
    Node[] path = new Node[Fdt.MAX_DEPTH];
    int depth = 0;
    boolean rootSeen = false;
    while (true) {
      int token = cell();
      switch (token) {
        case Fdt.NOP -> {}
        case Fdt.BEGIN_NODE -> {
          if (depth == Fdt.MAX_DEPTH) {
            throw bad("nodes nested deeper than " + Fdt.MAX_DEPTH);
          }
          String name = nodeName(depth == 0);
          if (depth == 0) {
            if (rootSeen) {
              throw bad("two roots");
            }
            rootSeen = true;
            path[0] = new Node(name);
          } else {
            path[depth] = newChild(path[depth - 1], name);
          }
          depth++;
        }
        case Fdt.END_NODE -> {
          if (depth == 0) {
            throw bad("a node ends that did not begin");
          }
          depth--;
        }
        case Fdt.PROP -> {
          if (depth == 0) {
            throw bad("a property outside of a node");
          }
          property(path[depth - 1]);
        }
        case Fdt.END -> {
          if (depth != 0 || !rootSeen) {
            throw bad("the structure ends inside of a node");
          }
          return path[0];
        }
        default -> throw bad("unknown token 0x" + Integer.toHexString(token));
      }
    }
  }

  private static Node newChild(Node parent, String name) {
    if (parent.find(name).isPresent()) {
      throw bad("two nodes named " + name);
    }
    return parent.child(name);
  }

  private void property(Node node) {
    int length = cell();
    String name = propertyName(cell());
    if (length < 0 || length > structureEnd - blob.position()) {
      throw bad("the value of " + name + " lies outside of the structure block");
    }
    if (!node.children().isEmpty()) {
      throw bad("property " + name + " after a child node");
    }
    if (node.property(name).isPresent()) {
      throw bad("two properties named " + name);
    }
    byte[] value = new byte[length];
    blob.get(value);
    align();
    node.bytes(name, value);
  }

  private int cell() {
    if (structureEnd - blob.position() < 4) {
      throw bad("the structure block is cut short");
    }
    return blob.getInt();
  }

  private void align() {
    int next = (blob.position() + 3) & -4;
    if (next > structureEnd) {
      throw bad("the structure block is cut short");
    }
    blob.position(next);
  }

  private String nodeName(boolean isRoot) {
    int start = blob.position();
    String name = string(start, structureEnd);
    blob.position(start + name.length() + 1);
    align();
    if (isRoot != name.isEmpty() || name.indexOf('/') >= 0) {
      throw bad("a node named \"" + name + "\"");
    }
    return name;
  }

  private String propertyName(int offset) {
    if (offset < 0 || offset >= stringsEnd - stringsAt) {
      throw bad("a property name outside of the strings block");
    }
    String name = string(stringsAt + offset, stringsEnd);
    if (name.isEmpty()) {
      throw bad("a property without a name");
    }
    return name;
  }

  /** The printable ASCII string at {@code start}, which must end before {@code end}. */
  private String string(int start, int end) {
    int at = start;
    while (at < end && blob.get(at) != 0) {
      if (blob.get(at) <= ' ' || blob.get(at) == 0x7f) {
        throw bad("a name with a character that is not printable ASCII");
      }
      at++;
    }
    if (at >= end) {
      throw bad("a name without an end");
    }
    return new String(Arrays.copyOfRange(blob.array(), start, at), StandardCharsets.US_ASCII);
  }

  private static IllegalArgumentException bad(String reason) {
    return new IllegalArgumentException("bad device tree blob: " + reason);
  }
}
