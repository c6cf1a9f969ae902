package org.duvisor.virtio.p9;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import org.duvisor.virtio.host.Errno;
import org.duvisor.virtio.host.Native;

/**
 * The host's file system calls, as Linux has them: Java's own cannot make a folder, a link or a
 * permission relative to an open folder. Results are those of libc; errors are {@link Errno}. One
 * thread uses an object.
 */
final class Libc extends Native {
  private static final int AT_FDCWD = -100;
  private static final int AT_SYMLINK_NOFOLLOW = 0x100;
  private static final int AT_SYMLINK_FOLLOW = 0x400;
  private static final int AT_EMPTY_PATH = 0x1000;
  private static final int STATX_BASIC_AND_BIRTH = 0xfff;
  private static final int SC_OPEN_MAX = 4;

  /** Room for struct statx and struct statfs, and one for two struct timespec. */
  private static final int STRUCT_BYTES = 256;

  private final MemorySegment empty = Arena.ofAuto().allocate(1);
  private final MemorySegment struct = Arena.ofAuto().allocate(STRUCT_BYTES, 8);
  private final MemorySegment selfPath = Arena.ofAuto().allocate(64);

  private final MethodHandle openat = findVariadic(3, "openat", INT, INT, POINTER, INT, INT);
  private final MethodHandle close = find("close", INT, INT);
  private final MethodHandle statx = find("statx", INT, INT, POINTER, INT, INT, POINTER);
  private final MethodHandle fstatfs = find("fstatfs", INT, INT, POINTER);
  private final MethodHandle mkdirat = find("mkdirat", INT, INT, POINTER, INT);
  private final MethodHandle mknodat = find("mknodat", INT, INT, POINTER, INT, LONG);
  private final MethodHandle symlinkat = find("symlinkat", INT, POINTER, INT, POINTER);
  private final MethodHandle linkat = find("linkat", INT, INT, POINTER, INT, POINTER, INT);
  private final MethodHandle readlinkat = find("readlinkat", LONG, INT, POINTER, POINTER, LONG);
  private final MethodHandle unlinkat = find("unlinkat", INT, INT, POINTER, INT);
  private final MethodHandle renameat = find("renameat", INT, INT, POINTER, INT, POINTER);
  private final MethodHandle fchmodat = find("fchmodat", INT, INT, POINTER, INT, INT);
  private final MethodHandle fchownat = find("fchownat", INT, INT, POINTER, INT, INT, INT);
  private final MethodHandle utimensat = find("utimensat", INT, INT, POINTER, POINTER, INT);
  private final MethodHandle truncate = find("truncate", INT, POINTER, LONG);
  private final MethodHandle ftruncate = find("ftruncate", INT, INT, LONG);
  private final MethodHandle getxattr = find("getxattr", LONG, POINTER, POINTER, POINTER, LONG);
  private final MethodHandle listxattr = find("listxattr", LONG, POINTER, POINTER, LONG);
  private final MethodHandle removexattr = find("removexattr", INT, POINTER, POINTER);
  private final MethodHandle setxattr = find("setxattr", INT, POINTER, POINTER, POINTER, LONG, INT);
  private final MethodHandle pread = find("pread", LONG, INT, POINTER, LONG, LONG);
  private final MethodHandle pwrite = find("pwrite", LONG, INT, POINTER, LONG, LONG);
  private final MethodHandle lseek = find("lseek", LONG, INT, LONG, INT);
  private final MethodHandle getdents64 = find("getdents64", LONG, INT, POINTER, LONG);
  private final MethodHandle fsync = find("fsync", INT, INT);
  private final MethodHandle fdatasync = find("fdatasync", INT, INT);
  private final MethodHandle geteuid = find("geteuid", INT);
  private final MethodHandle sysconf = find("sysconf", LONG, INT);

  /** Where a descriptor's file is in the file system, whatever its name is by now. */
  private MemorySegment self(int fd) {
    byte[] text = ("/proc/self/fd/" + fd + "\0").getBytes(StandardCharsets.US_ASCII);
    MemorySegment.copy(text, 0, selfPath, ValueLayout.JAVA_BYTE, 0, text.length);
    return selfPath;
  }

  /** Opens a path of ours, not of the guest. */
  int open(String path, int flags) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(path);
      return (int)
          check(() -> (int) openat.invokeExact(captured, AT_FDCWD, name, flags | O_CLOEXEC, 0));
    }
  }

  /** Opens a name in a folder; never follows a link. */
  int openat(int folder, MemorySegment name, int flags, int mode) throws Errno {
    int all = flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
    return (int) check(() -> (int) openat.invokeExact(captured, folder, name, all, mode));
  }

  /** Opens the file of a descriptor anew. */
  int reopen(int fd, int flags) throws Errno {
    int all = flags | O_CLOEXEC | O_NOCTTY;
    MemorySegment name = self(fd);
    return (int) check(() -> (int) openat.invokeExact(captured, AT_FDCWD, name, all, 0));
  }

  void close(int fd) {
    try {
      check(() -> (int) close.invokeExact(captured, fd));
    } catch (Errno e) {
      // Closed all the same; what was written late, fsync tells.
    }
  }

  /** struct statx of a descriptor's file; valid until the next call. */
  MemorySegment statx(int fd) throws Errno {
    check(
        () ->
            (int)
                statx.invokeExact(
                    captured,
                    fd,
                    empty,
                    AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
                    STATX_BASIC_AND_BIRTH,
                    struct));
    return struct;
  }

  /** struct statfs of a descriptor's file system; valid until the next call. */
  MemorySegment statfs(int fd) throws Errno {
    check(() -> (int) fstatfs.invokeExact(captured, fd, struct));
    return struct;
  }

  void mkdirat(int folder, MemorySegment name, int mode) throws Errno {
    check(() -> (int) mkdirat.invokeExact(captured, folder, name, mode));
  }

  /** Makes a file without a device number. */
  void mknodat(int folder, MemorySegment name, int mode) throws Errno {
    check(() -> (int) mknodat.invokeExact(captured, folder, name, mode, 0L));
  }

  void symlinkat(MemorySegment target, int folder, MemorySegment name) throws Errno {
    check(() -> (int) symlinkat.invokeExact(captured, target, folder, name));
  }

  /** One more name for the file of a descriptor. */
  void link(int fd, int folder, MemorySegment name) throws Errno {
    MemorySegment old = self(fd);
    check(() -> (int) linkat.invokeExact(captured, AT_FDCWD, old, folder, name, AT_SYMLINK_FOLLOW));
  }

  int readlink(int fd, MemorySegment into) throws Errno {
    return (int)
        check(() -> (long) readlinkat.invokeExact(captured, fd, empty, into, into.byteSize()));
  }

  void unlinkat(int folder, MemorySegment name, int flags) throws Errno {
    check(() -> (int) unlinkat.invokeExact(captured, folder, name, flags));
  }

  void renameat(int from, MemorySegment name, int to, MemorySegment newName) throws Errno {
    check(() -> (int) renameat.invokeExact(captured, from, name, to, newName));
  }

  void chmod(int fd, int mode) throws Errno {
    MemorySegment name = self(fd);
    check(() -> (int) fchmodat.invokeExact(captured, AT_FDCWD, name, mode, 0));
  }

  /** Changes owner and group, -1 to leave one. */
  void chown(int fd, int uid, int gid) throws Errno {
    check(() -> (int) fchownat.invokeExact(captured, fd, empty, uid, gid, AT_EMPTY_PATH));
  }

  /** Sets times: two struct timespec. */
  void utimens(int fd, MemorySegment times) throws Errno {
    check(() -> (int) utimensat.invokeExact(captured, fd, empty, times, AT_EMPTY_PATH));
  }

  void truncate(int fd, long size) throws Errno {
    MemorySegment name = self(fd);
    check(() -> (int) truncate.invokeExact(captured, name, size));
  }

  /** The same for a descriptor that is open for writing, whatever the file's permissions are. */
  void ftruncate(int fd, long size) throws Errno {
    check(() -> (int) ftruncate.invokeExact(captured, fd, size));
  }

  /** Bytes of an extended attribute's value. */
  int getxattr(int fd, MemorySegment name, MemorySegment into) throws Errno {
    MemorySegment file = self(fd);
    return (int)
        check(() -> (long) getxattr.invokeExact(captured, file, name, into, into.byteSize()));
  }

  /** Bytes of the names, each with a zero behind it. */
  int listxattr(int fd, MemorySegment into) throws Errno {
    MemorySegment file = self(fd);
    return (int) check(() -> (long) listxattr.invokeExact(captured, file, into, into.byteSize()));
  }

  void removexattr(int fd, MemorySegment name) throws Errno {
    MemorySegment file = self(fd);
    check(() -> (int) removexattr.invokeExact(captured, file, name));
  }

  void setxattr(int fd, MemorySegment name, MemorySegment value, int flags) throws Errno {
    MemorySegment file = self(fd);
    check(() -> (int) setxattr.invokeExact(captured, file, name, value, value.byteSize(), flags));
  }

  long pread(int fd, MemorySegment into, long bytes, long offset) throws Errno {
    return check(() -> (long) pread.invokeExact(captured, fd, into, bytes, offset));
  }

  long pwrite(int fd, MemorySegment from, long bytes, long offset) throws Errno {
    return check(() -> (long) pwrite.invokeExact(captured, fd, from, bytes, offset));
  }

  void seek(int fd, long offset) throws Errno {
    check(() -> (long) lseek.invokeExact(captured, fd, offset, 0));
  }

  long getdents(int fd, MemorySegment into) throws Errno {
    return check(() -> (long) getdents64.invokeExact(captured, fd, into, into.byteSize()));
  }

  void fsync(int fd, boolean dataOnly) throws Errno {
    check(
        () ->
            dataOnly
                ? (int) fdatasync.invokeExact(captured, fd)
                : (int) fsync.invokeExact(captured, fd));
  }

  boolean isRoot() throws Errno {
    return check(() -> (int) geteuid.invokeExact(captured) & 0xffff_ffffL) == 0;
  }

  /** How many descriptors this process may have. */
  long openMax() throws Errno {
    return check(() -> (long) sysconf.invokeExact(captured, SC_OPEN_MAX));
  }
}
