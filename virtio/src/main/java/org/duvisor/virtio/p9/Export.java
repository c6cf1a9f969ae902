package org.duvisor.virtio.p9;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.duvisor.virtio.blk.OpenImages;
import org.duvisor.virtio.host.Errno;

/**
 * A host folder that a guest uses, and all that keeps the guest in it.
 *
 * <ul>
 *   <li>A name is one component: no slash, no zero byte, not "." or "..", at most 255 bytes.
 *   <li>It is resolved relative to an open folder; a symbolic link is never followed.
 *   <li>Only regular files and folders are opened: no device of the host, no FIFO that blocks.
 *   <li>Device nodes are not made, and regular files are never made setuid or setgid: a guest's
 *       root has no say on the host.
 *   <li>A read-only folder refuses every change here, before the host is asked.
 *   <li>Descriptors are bounded.
 *   <li>A disk image of a machine of this process is not opened.
 * </ul>
 *
 * <p>Descriptors are of type O_PATH unless {@link #openData} or {@link #create} made them. One
 * thread at a time.
 */
final class Export implements AutoCloseable {
  private static final int MAX_NAME = 255;
  private static final int MAX_TARGET = 4095;
  private static final int MAX_OPEN = 8192;

  /** Descriptors that all exports of this process have: half of what it may have, at most. */
  private static final AtomicInteger OPEN_IN_ALL = new AtomicInteger();

  // struct statx.
  private static final int STX_MODE = 0x1c;
  private static final int STX_INO = 0x20;
  private static final int STX_DEV_MAJOR = 0x88;
  private static final int STX_DEV_MINOR = 0x8c;

  private final Libc libc;
  private final boolean readOnly;
  private final boolean asRoot;
  private final int root;
  private final long maxInAll;
  private final long rootDevice;
  private final MemorySegment nameBuffer = Arena.ofAuto().allocate(MAX_NAME + 1);
  private final MemorySegment secondBuffer = Arena.ofAuto().allocate(MAX_TARGET + 1);
  private int open;

  private Export(Libc libc, boolean readOnly, int root) throws Errno {
    this.libc = libc;
    this.readOnly = readOnly;
    this.root = root;
    this.asRoot = libc.isRoot();
    this.maxInAll = libc.openMax() / 2;
    this.rootDevice = device(libc.statx(root));
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

  /** An open file that several fids may share. */
  final class Handle {
    private final int fd;
    private int uses = 1;

    private Handle(int fd) {
      this.fd = fd;
      open++;
      OPEN_IN_ALL.incrementAndGet();
    }

    int fd() {
      return fd;
    }

    Handle share() {
      uses++;
      return this;
    }

    void release() {
      uses--;
      if (uses == 0) {
        open--;
        OPEN_IN_ALL.decrementAndGet();
        libc.close(fd);
      }
    }
  }

  private void mayOpen() throws Errno {
    if (open >= MAX_OPEN || OPEN_IN_ALL.get() >= maxInAll) {
      throw new Errno(P9Layout.ENFILE);
    }
  }

  /** How many descriptors guests have; for tests. */
  int open() {
    return open;
  }

  Handle openRoot() throws Errno {
    mayOpen();
    return new Handle(libc.reopen(root, Libc.O_PATH | Libc.O_DIRECTORY));
  }

  Handle lookup(int folder, MemorySegment text) throws Errno {
    mayOpen();
    return new Handle(libc.openat(folder, name(text), Libc.O_PATH, 0));
  }

  /** Opens a regular file or a folder for its data. */
  Handle openData(int fd, int access, boolean truncate) throws Errno {
    int type = mode(libc.statx(fd)) & P9Layout.S_IFMT;
    if (type != P9Layout.S_IFREG && type != P9Layout.S_IFDIR) {
      throw new Errno(P9Layout.EACCES);
    }
    if (access != Libc.O_RDONLY || truncate) {
      mayWrite();
      if (type == P9Layout.S_IFDIR) {
        throw new Errno(P9Layout.EISDIR);
      }
    }
    if (isImage(fd)) {
      throw new Errno(P9Layout.EBUSY); // a close would take its lock away
    }
    mayOpen();
    int flags = access | Libc.O_NONBLOCK | (truncate ? Libc.O_TRUNC : 0);
    return new Handle(libc.reopen(fd, flags));
  }

  private static boolean isImage(int fd) {
    try {
      return OpenImages.has(Path.of("/proc/self/fd/" + fd));
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

  /** Makes a regular file and opens it; opens one that is there already unless exclusive. */
  Handle create(
      int folder, MemorySegment text, int access, boolean exclusive, int mode, Owner owner)
      throws Errno {
    mayWrite();
    mayOpen();
    Handle made;
    try {
      int flags = access | Libc.O_CREAT | Libc.O_EXCL | Libc.O_NONBLOCK;
      made = new Handle(libc.openat(folder, name(text), flags, mode & 0777));
    } catch (Errno e) {
      if (e.number() != P9Layout.EEXIST || exclusive) {
        throw e;
      }
      Handle there = lookup(folder, text);
      try {
        return openData(there.fd, access, false);
      } finally {
        there.release();
      }
    }
    try {
      own(made.fd, owner);
      libc.chmod(made.fd, fileMode(mode)); // the umask is not the guest's
    } catch (Errno e) {
      made.release();
      throw e;
    }
    return made;
  }

  private static int fileMode(int mode) {
    return mode & 07777 & ~P9Layout.SETUID_SETGID;
  }

  void makeFolder(int folder, MemorySegment text, int mode, Owner owner) throws Errno {
    mayWrite();
    libc.mkdirat(folder, name(text), mode & 0777);
    give(folder, text, mode, owner);
  }

  /** Makes a regular file, a FIFO or a socket. */
  void makeNode(int folder, MemorySegment text, int mode, Owner owner) throws Errno {
    mayWrite();
    int type = mode & P9Layout.S_IFMT;
    if (type != P9Layout.S_IFREG && type != P9Layout.S_IFIFO && type != P9Layout.S_IFSOCK) {
      throw new Errno(P9Layout.EPERM);
    }
    libc.mknodat(folder, name(text), type | mode & 0777);
    give(folder, text, mode, owner);
  }

  private void give(int folder, MemorySegment text, int mode, Owner owner) throws Errno {
    Handle made = lookup(folder, text);
    try {
      own(made.fd, owner);
      changeMode(made.fd, mode);
    } finally {
      made.release();
    }
  }

  /** The target is text for the guest: nothing on the host follows it. */
  void makeLink(int folder, MemorySegment text, MemorySegment target, Owner owner) throws Errno {
    mayWrite();
    if (target.byteSize() > MAX_TARGET) {
      throw new Errno(P9Layout.ENAMETOOLONG);
    }
    for (long i = 0; i < target.byteSize(); i++) {
      if (at(target, i) == 0) {
        throw new Errno(P9Layout.EINVAL);
      }
    }
    libc.symlinkat(terminated(target, secondBuffer), folder, name(text));
    if (asRoot) {
      Handle made = lookup(folder, text);
      try {
        own(made.fd, owner);
      } finally {
        made.release();
      }
    }
  }

  void hardLink(int fd, int folder, MemorySegment text) throws Errno {
    mayWrite();
    libc.link(fd, folder, name(text));
  }

  // ---- changes

  void unlink(int folder, MemorySegment text, boolean isFolder) throws Errno {
    mayWrite();
    libc.unlinkat(folder, name(text), isFolder ? P9Layout.UNLINK_FOLDER : 0);
  }

  void rename(int from, MemorySegment text, int to, MemorySegment newText) throws Errno {
    mayWrite();
    libc.renameat(from, name(text, nameBuffer), to, name(newText, secondBuffer));
  }

  void changeMode(int fd, int mode) throws Errno {
    mayWrite();
    boolean folder = (mode(libc.statx(fd)) & P9Layout.S_IFMT) == P9Layout.S_IFDIR;
    libc.chmod(fd, folder ? mode & 07777 : fileMode(mode));
  }

  void changeOwner(int fd, int uid, int gid) throws Errno {
    mayWrite();
    libc.chown(fd, uid, gid);
  }

  void changeSize(int fd, long size) throws Errno {
    mayWrite();
    if ((mode(libc.statx(fd)) & P9Layout.S_IFMT) != P9Layout.S_IFREG) {
      throw new Errno(P9Layout.EINVAL);
    }
    libc.truncate(fd, size);
  }

  /** Two struct timespec. */
  void changeTimes(int fd, MemorySegment times) throws Errno {
    mayWrite();
    libc.utimens(fd, times);
  }

  // ---- data

  long read(int fd, MemorySegment into, long bytes, long offset) throws Errno {
    return libc.pread(fd, into, bytes, offset);
  }

  long write(int fd, MemorySegment from, long bytes, long offset) throws Errno {
    mayWrite();
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

  static int mode(MemorySegment statx) {
    return statx.get(ValueLayout.JAVA_SHORT, STX_MODE) & 0xffff;
  }

  private static long device(MemorySegment statx) {
    long major = statx.get(ValueLayout.JAVA_INT, STX_DEV_MAJOR) & 0xffff_ffffL;
    return major << 32 | statx.get(ValueLayout.JAVA_INT, STX_DEV_MINOR) & 0xffff_ffffL;
  }

  /** A number for each file: inode numbers of another file system are moved out of the way. */
  long identity(MemorySegment statx) {
    long inode = statx.get(ValueLayout.JAVA_LONG, STX_INO);
    long device = device(statx);
    return device == rootDevice ? inode : inode ^ (device - rootDevice) * 0x9e37_79b9_7f4a_7c15L;
  }

  @Override
  public void close() {
    libc.close(root);
  }
}
