package org.duvisor.virtio.p9;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.duvisor.virtio.host.Errno;
import org.jspecify.annotations.Nullable;

/**
 * The files of a folder that a guest has fids for. A guest that caches names has one for each of
 * them, far more than there are descriptors: those used last have one (O_PATH), the others are
 * found again by their names, one component after the other from the nearest open folder on, never
 * by a link, and must be the same file then; otherwise the guest is told so (ESTALE). A name that
 * the guest moves or removes is followed: what has no name any more keeps its descriptor.
 *
 * <p>Descriptors are bounded, for one folder and for all of this process. One thread at a time.
 */
final class Nodes implements AutoCloseable {
  /** Descriptors of one folder. */
  static final int MAX_OPEN = 8192;

  private static final int MAX_NODES = 1 << 17;
  private static final int MAX_NAME = 255;

  /** So many of those used last are not closed: what a request has in its hands. */
  private static final int IN_USE = 16;

  /** Descriptors that all folders of this process have: half of what it may have, at most. */
  private static final AtomicInteger OPEN_IN_ALL = new AtomicInteger();

  /** What tells files apart; the time of birth, where the host has it, a number used again too. */
  private record Identity(long device, long inode, long born, int bornNanos) {
    static Identity of(MemorySegment statx) {
      return new Identity(
          Statx.device(statx), Statx.inode(statx), Statx.born(statx), Statx.bornNanos(statx));
    }
  }

  private record Key(Node folder, String name) {}

  /** A file. */
  static final class Node {
    private final Identity identity;
    private @Nullable Key key;
    private int fd = -1;
    private int uses = 1;

    private Node(Identity identity) {
      this.identity = identity;
    }
  }

  /** A file that is open for its data. */
  final class Data {
    private final int fd;
    private boolean closed;

    private Data(int fd) {
      this.fd = fd;
      count(1);
    }

    int fd() {
      return fd;
    }

    void close() {
      if (!closed) {
        closed = true;
        libc.close(fd);
        count(-1);
      }
    }
  }

  private final Libc libc;
  private final long maxInAll;
  private final Node root;
  private final Map<Key, Node> byName = new HashMap<>();
  private final Map<Node, Node> recent = new LinkedHashMap<>(16, 0.75f, true);
  private final MemorySegment nameBuffer = Arena.ofAuto().allocate(MAX_NAME + 1);
  private int open;

  /** The files below a folder, whose descriptor it takes over. */
  Nodes(Libc libc, int root) throws Errno {
    this.libc = libc;
    this.maxInAll = libc.openMax() / 2;
    this.root = new Node(Identity.of(libc.statx(root)));
    this.root.fd = root;
  }

  Node root() {
    return root;
  }

  /** Descriptors in use, the root's aside. */
  int open() {
    return open;
  }

  private void count(int more) {
    open += more;
    OPEN_IN_ALL.addAndGet(more);
  }

  /** Makes room for one more descriptor. */
  private void mayOpen() throws Errno {
    while (open >= MAX_OPEN || OPEN_IN_ALL.get() >= maxInAll) {
      if (recent.size() <= IN_USE) {
        throw new Errno(P9Layout.ENFILE);
      }
      shut(recent.keySet().iterator().next());
    }
  }

  private void shut(Node node) {
    if (node.fd >= 0) {
      recent.remove(node);
      libc.close(node.fd);
      node.fd = -1;
      count(-1);
    }
  }

  private void opened(Node node, int fd) {
    node.fd = fd;
    count(1);
    recent.put(node, node);
  }

  /** A new descriptor for data; those that cannot be closed leave some for files to be named. */
  Data data(Opening opening) throws Errno {
    if (open - recent.size() >= MAX_OPEN - 4 * IN_USE) {
      throw new Errno(P9Layout.ENFILE);
    }
    mayOpen();
    return new Data(opening.open());
  }

  /** A call that opens a file. */
  @FunctionalInterface
  interface Opening {
    int open() throws Errno;
  }

  // ---- by name

  /** What a name in a folder is now; one more use of it. */
  Node walk(Node folder, MemorySegment name) throws Errno {
    int in = fd(folder);
    mayOpen();
    int fd = libc.openat(in, name, Libc.O_PATH, 0);
    try {
      Node node = node(folder, name, libc.statx(fd));
      if (node.fd < 0) {
        opened(node, fd);
      } else {
        recent.get(node);
        libc.close(fd);
      }
      return node;
    } catch (Errno e) {
      libc.close(fd);
      throw e;
    }
  }

  /** The file of a name, as its struct statx describes it; one more use of it. */
  Node node(Node folder, MemorySegment name, MemorySegment statx) throws Errno {
    Key key = key(folder, name);
    Identity identity = Identity.of(statx);
    Node known = byName.get(key);
    if (known != null && known.identity.equals(identity)) {
      return share(known);
    }
    if (known != null) {
      forget(known);
    }
    if (byName.size() >= MAX_NODES) {
      throw new Errno(P9Layout.ENFILE);
    }
    Node node = new Node(identity);
    attach(node, key);
    return node;
  }

  private static Key key(Node folder, MemorySegment name) {
    byte[] bytes = name.toArray(ValueLayout.JAVA_BYTE);
    int length = 0;
    while (length < bytes.length && bytes[length] != 0) {
      length++;
    }
    return new Key(folder, new String(bytes, 0, length, StandardCharsets.ISO_8859_1));
  }

  private void attach(Node node, Key key) {
    share(key.folder);
    node.key = key;
    byName.put(key, node);
  }

  /** A file has no name any more, or one that is not known; its descriptor is all there is. */
  private void forget(Node node) {
    Key key = node.key;
    if (key != null) {
      node.key = null;
      recent.remove(node);
      byName.remove(key);
      release(key.folder);
    }
  }

  /** Before a name goes: gives the file that has it a descriptor to live on. */
  void holdOn(Node folder, MemorySegment name) throws Errno {
    Node node = byName.get(key(folder, name));
    if (node != null) {
      try {
        fd(node);
      } catch (Errno e) {
        if (e.number() != P9Layout.ESTALE) {
          throw e;
        }
      }
    }
  }

  /** A name is gone. */
  void removed(Node folder, MemorySegment name) {
    Node node = byName.get(key(folder, name));
    if (node != null) {
      forget(node);
    }
  }

  /** A name has become another one, which is gone if there was one. */
  void moved(Node from, MemorySegment name, Node to, MemorySegment newName) {
    Key key = key(from, name);
    Key newKey = key(to, newName);
    Node node = byName.get(key);
    if (key.equals(newKey)) {
      return;
    }
    removed(to, newName);
    if (node != null) {
      boolean open = node.fd >= 0;
      share(node);
      forget(node);
      attach(node, newKey);
      if (open) {
        recent.put(node, node);
      }
      release(node);
    }
  }

  // ---- descriptors

  /** The descriptor of a file, found again if need be. */
  int fd(Node node) throws Errno {
    if (node.fd >= 0) {
      recent.get(node);
      return node.fd;
    }
    mayOpen();
    int fd = find(node);
    try {
      if (!node.identity.equals(Identity.of(libc.statx(fd)))) {
        throw new Errno(P9Layout.ESTALE);
      }
    } catch (Errno e) {
      libc.close(fd);
      throw e;
    }
    opened(node, fd);
    return fd;
  }

  private int find(Node node) throws Errno {
    Deque<String> names = new ArrayDeque<>();
    Node from = node;
    while (from.fd < 0) {
      Key key = from.key;
      if (key == null) {
        throw new Errno(P9Layout.ESTALE);
      }
      names.push(key.name);
      from = key.folder;
    }
    int at = from.fd;
    try {
      for (String name : names) {
        int next = libc.openat(at, buffer(name), Libc.O_PATH, 0);
        closeUnless(from.fd, at);
        at = next;
      }
      return at;
    } catch (Errno e) {
      closeUnless(from.fd, at);
      throw switch (e.number()) {
        case P9Layout.ENOENT, P9Layout.ENOTDIR -> new Errno(P9Layout.ESTALE);
        default -> e;
      };
    }
  }

  private void closeUnless(int kept, int fd) {
    if (fd != kept) {
      libc.close(fd);
    }
  }

  private MemorySegment buffer(String name) {
    byte[] bytes = (name + "\0").getBytes(StandardCharsets.ISO_8859_1);
    MemorySegment.copy(bytes, 0, nameBuffer, ValueLayout.JAVA_BYTE, 0, bytes.length);
    return nameBuffer;
  }

  // ---- uses

  Node share(Node node) {
    node.uses++;
    return node;
  }

  /** One use less, and with the last one a use less of the folder that it is in. */
  void release(Node node) {
    for (Node at = node; at != null; ) {
      at.uses--;
      if (at.uses > 0) {
        return;
      }
      shut(at);
      Key key = at.key;
      at.key = null;
      if (key != null) {
        byName.remove(key);
      }
      at = key == null ? null : key.folder;
    }
  }

  @Override
  public void close() {
    libc.close(root.fd);
  }
}
