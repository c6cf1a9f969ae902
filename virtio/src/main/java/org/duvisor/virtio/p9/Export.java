package org.duvisor.virtio.p9;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.duvisor.virtio.blk.OpenImages;
import org.duvisor.virtio.host.Errno;
import org.duvisor.virtio.p9.Nodes.Data;
import org.duvisor.virtio.p9.Nodes.Node;

/**
 * A host folder that a guest uses, and all that keeps the guest in it.
 *
 * <ul>
 *   <li>A name is one component: no slash, no zero byte, not "." or "..", at most 255 bytes.
 *   <li>It is resolved relative to an open folder; a symbolic link is never followed.
 *   <li>Only regular files and folders are opened: no device of the host, no FIFO that blocks.
 *   <li>Device nodes are not made, and those that are there keep owner, permissions and times, as
 *       do FIFOs and sockets.
 *   <li>Regular files are never made setuid or setgid, and are neither any more once a guest writes
 *       to them: a guest's root has no say on the host.
 *   <li>Extended attributes are those of users ("user."): the others mean something to the host.
 *   <li>A read-only folder refuses every change here, before the host is asked.
 *   <li>Descriptors are bounded ({@link Nodes}).
 *   <li>A disk image of a machine of this process is neither opened nor changed, and keeps its
 *       name, with all folders on the way to it.
 * </ul>
 *
 * <p>A file is named by a {@link Node} where it may have to be found again, and by a descriptor
 * where it is at hand. One thread at a time.
 */
final class Export implements AutoCloseable {
  private static final int MAX_NAME = 255;
  private static final int MAX_TARGET = 4095;
  private static final byte[] USER = "user.".getBytes(StandardCharsets.US_ASCII);

  private final Libc libc;
  private final boolean readOnly;
  private final boolean asRoot;
  private final Nodes nodes;
  private final long rootDevice;
  private final MemorySegment nameBuffer = Arena.ofAuto().allocate(MAX_NAME + 1);
  private final MemorySegment secondBuffer = Arena.ofAuto().allocate(MAX_TARGET + 1);

  private Export(Libc libc, boolean readOnly, int root) throws Errno {
    this.libc = libc;
    this.readOnly = readOnly;
    this.asRoot = libc.isRoot();
    this.nodes = new Nodes(libc, root);
    this.rootDevice = Statx.device(libc.statx(root));
  }

  /**
   * Opens a folder.
   *
   * @throws IOException with one line for the user
   */
  static Export of(Path folder, boolean readOnly) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new IOException("shared folder " + folder + ": no such folder");
    }
    try {
      Libc libc = new Libc();
      int root = libc.open(folder.toRealPath().toString(), Libc.O_PATH | Libc.O_DIRECTORY);
      return new Export(libc, readOnly, root);
    } catch (UnsupportedOperationException e) {
      throw new IOException("sharing a folder needs a Linux host", e);
    } catch (Errno e) {
      throw new IOException("shared folder " + folder + " cannot be opened", e);
    }
  }

  private void mayWrite() throws Errno {
    if (readOnly) {
      throw new Errno(P9Layout.EROFS);
    }
  }

  // ---- names

  private MemorySegment name(MemorySegment text, MemorySegment buffer) throws Errno {
    long length = text.byteSize();
    if (length > MAX_NAME) {
      throw new Errno(P9Layout.ENAMETOOLONG);
    }
    boolean dots = length == 0 || length <= 2 && at(text, 0) == '.' && at(text, length - 1) == '.';
    for (long i = 0; i < length && !dots; i++) {
      dots = at(text, i) == '/' || at(text, i) == 0;
    }
    if (dots) {
      throw new Errno(P9Layout.EINVAL);
    }
    return terminated(text, buffer);
  }

  private static void noZero(MemorySegment text) throws Errno {
    for (long i = 0; i < text.byteSize(); i++) {
      if (at(text, i) == 0) {
        throw new Errno(P9Layout.EINVAL);
      }
    }
  }

  private static byte at(MemorySegment text, long index) {
    return text.get(ValueLayout.JAVA_BYTE, index);
  }

  private static MemorySegment terminated(MemorySegment text, MemorySegment buffer) {
    buffer.asSlice(0, text.byteSize()).copyFrom(text);
    buffer.set(ValueLayout.JAVA_BYTE, text.byteSize(), (byte) 0);
    return buffer;
  }

  private MemorySegment name(MemorySegment text) throws Errno {
    return name(text, nameBuffer);
  }

  // ---- descriptors

  /** One more use of the shared folder itself. */
  Node root() {
    return nodes.share(nodes.root());
  }

  boolean isRoot(Node node) {
    return node == nodes.root();
  }

  Node share(Node node) {
    return nodes.share(node);
  }

  void release(Node node) {
    nodes.release(node);
  }

  int fd(Node node) throws Errno {
    return nodes.fd(node);
  }

  Node lookup(Node folder, MemorySegment text) throws Errno {
    return nodes.walk(folder, name(text));
  }

  /** Opens a regular file or a folder for its data. */
  Data openData(int fd, int access, boolean truncate) throws Errno {
    int type = Statx.type(libc.statx(fd));
    if (type != P9Layout.S_IFREG && type != P9Layout.S_IFDIR) {
      throw new Errno(P9Layout.EACCES);
    }
    boolean changes = access != Libc.O_RDONLY || truncate;
    if (changes) {
      mayWrite();
      if (type == P9Layout.S_IFDIR) {
        throw new Errno(P9Layout.EISDIR);
      }
    }
    refuseImage(fd);
    if (changes) {
      dropPrivileges(fd);
    }
    int flags = access | Libc.O_NONBLOCK | (truncate ? Libc.O_TRUNC : 0);
    return nodes.data(() -> libc.reopen(fd, flags));
  }

  /**
   * What a guest writes is not to run as someone else. The host's kernel sees to that too, but not
   * for root.
   */
  private void dropPrivileges(int fd) throws Errno {
    int mode = Statx.mode(libc.statx(fd));
    if ((mode & P9Layout.SETUID_SETGID) != 0) {
      try {
        libc.chmod(fd, fileMode(mode));
      } catch (Errno e) {
        if (asRoot) {
          throw e;
        }
      }
    }
  }

  // ---- disk images

  /** A close would take its lock away, and a change the disk from under its machine. */
  private void refuseImage(int fd) throws Errno {
    if (OpenImages.any() && isImage(fd)) {
      throw new Errno(P9Layout.EBUSY);
    }
  }

  /** The same for a name that leads to one: it is where its user finds it the next time. */
  private void refuseNameOfImage(int folder, MemorySegment name) throws Errno {
    if (!OpenImages.any()) {
      return;
    }
    int fd;
    try {
      fd = libc.openat(folder, name, Libc.O_PATH, 0);
    } catch (Errno e) {
      return; // there is no such name, and what is to be done with it will say so
    }
    try {
      refuseImage(fd);
      if (OpenImages.isAbove(Files.readSymbolicLink(self(fd)))) {
        throw new Errno(P9Layout.EBUSY);
      }
    } catch (IOException e) {
      throw new Errno(P9Layout.EIO);
    } finally {
      libc.close(fd);
    }
  }

  private static Path self(int fd) {
    return Path.of("/proc/self/fd/" + fd);
  }

  private static boolean isImage(int fd) {
    try {
      return OpenImages.has(self(fd));
    } catch (IOException e) {
      return false; // a host without /proc; reopen() does not work there either
    }
  }

  // ---- new files

  /** Who a new file belongs to, where the host lets us choose. */
  record Owner(int uid, int gid) {}

  private void own(int fd, Owner owner) throws Errno {
    if (asRoot) {
      libc.chown(fd, owner.uid, owner.gid);
    }
  }

  /** A new file, and its data. */
  record Created(Node node, Data data) {}

  /** Makes a regular file and opens it; opens one that is there already unless exclusive. */
  Created create(
      Node folder, MemorySegment text, int access, boolean exclusive, int mode, Owner owner)
      throws Errno {
    mayWrite();
    int in = nodes.fd(folder);
    MemorySegment name = name(text);
    int flags = access | Libc.O_CREAT | Libc.O_EXCL | Libc.O_NONBLOCK;
    Data made;
    try {
      made = nodes.data(() -> libc.openat(in, name, flags, mode & 0777));
    } catch (Errno e) {
      if (e.number() != P9Layout.EEXIST || exclusive) {
        throw e;
      }
      return openExisting(folder, text, access);
    }
    try {
      own(made.fd(), owner);
      libc.chmod(made.fd(), fileMode(mode)); // the umask is not the guest's
      return new Created(nodes.node(folder, name, libc.statx(made.fd())), made);
    } catch (Errno e) {
      made.close();
      throw e;
    }
  }

  private Created openExisting(Node folder, MemorySegment text, int access) throws Errno {
    Node there = lookup(folder, text);
    try {
      return new Created(there, openData(nodes.fd(there), access, false));
    } catch (Errno e) {
      nodes.release(there);
      throw e;
    }
  }

  private static int fileMode(int mode) {
    return mode & 07777 & ~P9Layout.SETUID_SETGID;
  }

  void makeFolder(Node folder, MemorySegment text, int mode, Owner owner) throws Errno {
    mayWrite();
    libc.mkdirat(nodes.fd(folder), name(text), mode & 0777);
    give(folder, text, owner, mode & 07777);
  }

  /** Makes a regular file, a FIFO or a socket. */
  void makeNode(Node folder, MemorySegment text, int mode, Owner owner) throws Errno {
    mayWrite();
    int type = mode & P9Layout.S_IFMT;
    if (type != P9Layout.S_IFREG && type != P9Layout.S_IFIFO && type != P9Layout.S_IFSOCK) {
      throw new Errno(P9Layout.EPERM);
    }
    libc.mknodat(nodes.fd(folder), name(text), type | mode & 0777);
    give(folder, text, owner, fileMode(mode));
  }

  private void give(Node folder, MemorySegment text, Owner owner, int mode) throws Errno {
    Node made = lookup(folder, text);
    try {
      own(nodes.fd(made), owner);
      libc.chmod(nodes.fd(made), mode);
    } finally {
      nodes.release(made);
    }
  }

  /** The target is text for the guest: nothing on the host follows it. */
  void makeLink(Node folder, MemorySegment text, MemorySegment target, Owner owner) throws Errno {
    mayWrite();
    if (target.byteSize() > MAX_TARGET) {
      throw new Errno(P9Layout.ENAMETOOLONG);
    }
    noZero(target);
    libc.symlinkat(terminated(target, secondBuffer), nodes.fd(folder), name(text));
    if (asRoot) {
      Node made = lookup(folder, text);
      try {
        own(nodes.fd(made), owner);
      } finally {
        nodes.release(made);
      }
    }
  }

  /** One more name for a file or a link; what else there is stays where its host put it. */
  void hardLink(int fd, Node folder, MemorySegment text) throws Errno {
    mayWrite();
    int type = Statx.type(libc.statx(fd));
    if (type != P9Layout.S_IFREG && type != P9Layout.S_IFLNK) {
      throw new Errno(P9Layout.EPERM);
    }
    refuseImage(fd);
    libc.link(fd, nodes.fd(folder), name(text));
  }

  // ---- changes

  void unlink(Node folder, MemorySegment text, boolean isFolder) throws Errno {
    mayWrite();
    int in = nodes.fd(folder);
    MemorySegment name = name(text);
    refuseNameOfImage(in, name);
    nodes.holdOn(folder, name);
    libc.unlinkat(in, name, isFolder ? P9Layout.UNLINK_FOLDER : 0);
    nodes.removed(folder, name);
  }

  void rename(Node from, MemorySegment text, Node to, MemorySegment newText) throws Errno {
    mayWrite();
    int out = nodes.fd(from);
    int in = nodes.fd(to);
    MemorySegment name = name(text, nameBuffer);
    MemorySegment newName = name(newText, secondBuffer);
    refuseNameOfImage(out, name);
    refuseNameOfImage(in, newName);
    nodes.holdOn(to, newName);
    libc.renameat(out, name, in, newName);
    nodes.moved(from, name, to, newName);
  }

  /**
   * Whether a file whose attributes are to change is a folder. Other than regular files and folders
   * only links have any that a guest may change.
   */
  private boolean mayChange(int fd, boolean links) throws Errno {
    mayWrite();
    int type = Statx.type(libc.statx(fd));
    if (type != P9Layout.S_IFREG
        && type != P9Layout.S_IFDIR
        && !(links && type == P9Layout.S_IFLNK)) {
      throw new Errno(P9Layout.EPERM);
    }
    refuseImage(fd);
    return type == P9Layout.S_IFDIR;
  }

  void changeMode(int fd, int mode) throws Errno {
    boolean folder = mayChange(fd, false);
    libc.chmod(fd, folder ? mode & 07777 : fileMode(mode));
  }

  void changeOwner(int fd, int uid, int gid) throws Errno {
    mayChange(fd, true);
    libc.chown(fd, uid, gid);
  }

  /** By a descriptor that is open for writing, or as the file's permissions allow. */
  void changeSize(int fd, long size, boolean writable) throws Errno {
    mayWrite();
    if (Statx.type(libc.statx(fd)) != P9Layout.S_IFREG) {
      throw new Errno(P9Layout.EINVAL);
    }
    refuseImage(fd);
    dropPrivileges(fd);
    if (writable) {
      libc.ftruncate(fd, size);
    } else {
      libc.truncate(fd, size);
    }
  }

  /** Two struct timespec. */
  void changeTimes(int fd, MemorySegment times) throws Errno {
    mayChange(fd, true);
    libc.utimens(fd, times);
  }

  // ---- data

  long read(int fd, MemorySegment into, long bytes, long offset) throws Errno {
    return libc.pread(fd, into, bytes, offset);
  }

  long write(int fd, MemorySegment from, long bytes, long offset) throws Errno {
    mayWrite();
    if (asRoot) {
      dropPrivileges(fd); // whoever set them since it was opened
    }
    return libc.pwrite(fd, from, bytes, offset);
  }

  /** Fills {@code into} with struct linux_dirent64 from a place on; returns how many bytes. */
  long entries(int fd, long offset, MemorySegment into) throws Errno {
    libc.seek(fd, offset);
    return libc.getdents(fd, into);
  }

  void sync(int fd, boolean dataOnly) throws Errno {
    libc.fsync(fd, dataOnly);
  }

  int target(int fd, MemorySegment into) throws Errno {
    return libc.readlink(fd, into);
  }

  // ---- what a file is

  /** struct statx; valid until the next call of anything here. */
  MemorySegment statx(int fd) throws Errno {
    return libc.statx(fd);
  }

  MemorySegment statfs(int fd) throws Errno {
    return libc.statfs(fd);
  }

  /** A number for each file: inode numbers of another file system are moved out of the way. */
  long identity(long device, long inode) {
    return device == rootDevice ? inode : inode ^ (device - rootDevice) * 0x9e37_79b9_7f4a_7c15L;
  }

  // ---- extended attributes

  private MemorySegment attribute(MemorySegment text) throws Errno {
    if (!isUsers(text)) {
      throw new Errno(P9Layout.EOPNOTSUPP);
    }
    if (text.byteSize() > MAX_NAME) {
      throw new Errno(P9Layout.ENAMETOOLONG);
    }
    noZero(text);
    return terminated(text, nameBuffer);
  }

  private static boolean isUsers(MemorySegment name) {
    return name.byteSize() > USER.length
        && name.asSlice(0, USER.length).mismatch(MemorySegment.ofArray(USER)) < 0;
  }

  /** Bytes of an attribute's value, in {@code into}. */
  int attribute(int fd, MemorySegment text, MemorySegment into) throws Errno {
    return libc.getxattr(fd, attribute(text), into);
  }

  /** Bytes of the attributes' names, each with a zero behind it, in {@code into}. */
  int attributes(int fd, MemorySegment into) throws Errno {
    int all = libc.listxattr(fd, into);
    int kept = 0;
    for (int from = 0, end = 0; end < all; end++) {
      if (at(into, end) == 0) {
        if (isUsers(into.asSlice(from, end - from))) {
          MemorySegment.copy(into, from, into, kept, end + 1 - from);
          kept += end + 1 - from;
        }
        from = end + 1;
      }
    }
    return kept;
  }

  /** Sets an attribute, or removes it when there is nothing to replace it by. */
  void changeAttribute(int fd, MemorySegment text, MemorySegment value, int flags) throws Errno {
    MemorySegment name = attribute(text);
    mayChange(fd, false);
    if (value.byteSize() == 0 && flags == P9Layout.XATTR_REPLACE) {
      libc.removexattr(fd, name);
    } else {
      libc.setxattr(fd, name, value, flags);
    }
  }

  @Override
  public void close() {
    nodes.close();
  }
}
