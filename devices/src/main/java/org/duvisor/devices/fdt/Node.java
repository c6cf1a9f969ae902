package org.duvisor.devices.fdt;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A node of a device tree: properties in the order they were set, then children. Setting a property
 * again replaces it.
 */
public final class Node {
  private final String name;
  private final Map<String, byte[]> properties = new LinkedHashMap<>();
  private final Map<String, Node> children = new LinkedHashMap<>();
  private final Node root;

  /** A root, or a node to be tested alone; a root's name is empty. */
  public Node(String name) {
    this.name = name;
    this.root = this;
  }

  private Node(String name, Node root) {
    this.name = name;
    this.root = root;
  }

  /** The root of the tree this node was made in, itself for a root. */
  public Node root() {
    return root;
  }

  /** The name with its unit address, for instance "uart@10000000". */
  public String name() {
    return name;
  }

  /** The child of that name, made when there is none. */
  public Node child(String childName) {
    return children.computeIfAbsent(childName, n -> new Node(n, root));
  }

  /** The node at a path of full names below this one, for instance "soc/serial@10000000". */
  public Optional<Node> find(String path) {
    Node node = this;
    for (String part : path.split("/", -1)) {
      Node next = part.isEmpty() ? node : node.children.get(part);
      if (next == null) {
        return Optional.empty();
      }
      node = next;
    }
    return Optional.of(node);
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

  /** The raw value of a property, big-endian, empty when it is not set. */
  public Optional<byte[]> property(String property) {
    return Optional.ofNullable(properties.get(property));
  }

  /** Removes a property or a child, whichever has that name; nothing happens when there is none. */
  public Node remove(String propertyOrChild) {
    properties.remove(propertyOrChild);
    children.remove(propertyOrChild);
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
