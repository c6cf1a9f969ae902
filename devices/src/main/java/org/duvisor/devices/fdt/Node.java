package org.duvisor.devices.fdt;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A node of a device tree: properties in the order they were set, then children. Setting a property
 * again replaces it.
 */
public final class Node {
  private final String name;
  private final Map<String, byte[]> properties = new LinkedHashMap<>();
  private final Map<String, Node> children = new LinkedHashMap<>();

  /** A node; the root's name is empty. */
  public Node(String name) {
    this.name = name;
  }

  /** The name with its unit address, for instance "uart@10000000". */
  public String name() {
    return name;
  }

  /** The child of that name, made when there is none. */
  public Node child(String childName) {
    return children.computeIfAbsent(childName, Node::new);
  }

  /** Sets an empty (boolean) property. */
  public Node flag(String property) {
    return bytes(property, new byte[0]);
  }

  /** Sets a list of strings. */
  public Node strings(String property, String... values) {
    return bytes(property, (String.join("\0", values) + "\0").getBytes(StandardCharsets.UTF_8));
  }

  /** Sets 32-bit big-endian cells. */
  public Node cells(String property, int... values) {
    ByteBuffer buffer = ByteBuffer.allocate(4 * values.length);
    for (int v : values) {
      buffer.putInt(v);
    }
    return bytes(property, buffer.array());
  }

  /** Sets 64-bit big-endian values (two cells each), as in reg with 2 address and 2 size cells. */
  public Node longs(String property, long... values) {
    ByteBuffer buffer = ByteBuffer.allocate(8 * values.length);
    for (long v : values) {
      buffer.putLong(v);
    }
    return bytes(property, buffer.array());
  }

  /** Sets raw bytes. */
  public Node bytes(String property, byte[] value) {
    properties.put(property, value);
    return this;
  }

  /** The properties by name, big-endian as in the blob. */
  public Map<String, byte[]> properties() {
    return Collections.unmodifiableMap(properties);
  }

  /** The children in order. */
  public Collection<Node> children() {
    return Collections.unmodifiableCollection(children.values());
  }
}
