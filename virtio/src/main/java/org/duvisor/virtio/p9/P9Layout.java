package org.duvisor.virtio.p9;

/** Numbers of 9P2000.L and of the transport (VIRTIO 1.2, 5.10). Errors are Linux's. */
final class P9Layout {
  static final int F_MOUNT_TAG = 0;

  /** size[4] type[1] tag[2]. */
  static final int HEADER = 7;

  static final int NO_TAG = 0xffff;

  /** Of a fid: none, the one of an authentication that there is not. */
  static final int NO_FID = -1;

  // Requests; the reply is one more.
  static final int R_LERROR = 7;
  static final int T_STATFS = 8;
  static final int T_LOPEN = 12;
  static final int T_LCREATE = 14;
  static final int T_SYMLINK = 16;
  static final int T_MKNOD = 18;
  static final int T_RENAME = 20;
  static final int T_READLINK = 22;
  static final int T_GETATTR = 24;
  static final int T_SETATTR = 26;
  static final int T_XATTRWALK = 30;
  static final int T_XATTRCREATE = 32;
  static final int T_READDIR = 40;
  static final int T_FSYNC = 50;
  static final int T_LOCK = 52;
  static final int T_GETLOCK = 54;
  static final int T_LINK = 70;
  static final int T_MKDIR = 72;
  static final int T_RENAMEAT = 74;
  static final int T_UNLINKAT = 76;
  static final int T_VERSION = 100;
  static final int T_AUTH = 102;
  static final int T_ATTACH = 104;
  static final int T_FLUSH = 108;
  static final int T_WALK = 110;
  static final int T_READ = 116;
  static final int T_WRITE = 118;
  static final int T_CLUNK = 120;
  static final int T_REMOVE = 122;

  static final int QID_FOLDER = 0x80;
  static final int QID_LINK = 2;

  /** type[1] version[4] path[8]. */
  static final int QID_BYTES = 13;

  static final int MAX_WALK = 16;

  /** What a reply to Tread or Treaddir has before its data: header and count. */
  static final int IO_HEADER = HEADER + 4;

  static final long GETATTR_BASIC = 0x7ff;

  static final int SET_MODE = 1;
  static final int SET_UID = 1 << 1;
  static final int SET_GID = 1 << 2;
  static final int SET_SIZE = 1 << 3;
  static final int SET_ATIME = 1 << 4;
  static final int SET_MTIME = 1 << 5;
  static final int SET_ATIME_GIVEN = 1 << 7;
  static final int SET_MTIME_GIVEN = 1 << 8;

  // Open flags of the protocol: those of Linux on most architectures, whatever the host's are.
  static final int OPEN_ACCESS = 3;
  static final int OPEN_EXCL = 0200;
  static final int OPEN_TRUNC = 01000;

  static final int UNLINK_FOLDER = 0x200;

  static final int XATTR_REPLACE = 2;

  static final int LOCK_SUCCESS = 0;
  static final int LOCK_UNLOCKED = 2;

  static final int S_IFMT = 0170000;
  static final int S_IFDIR = 0040000;
  static final int S_IFREG = 0100000;
  static final int S_IFLNK = 0120000;
  static final int S_IFIFO = 0010000;
  static final int S_IFSOCK = 0140000;
  static final int SETUID_SETGID = 06000;

  static final int EPERM = 1;
  static final int ENOENT = 2;
  static final int EIO = 5;
  static final int E2BIG = 7;
  static final int EBADF = 9;
  static final int EACCES = 13;
  static final int EBUSY = 16;
  static final int EEXIST = 17;
  static final int ENOTDIR = 20;
  static final int EISDIR = 21;
  static final int EINVAL = 22;
  static final int ENFILE = 23;
  static final int ENOSPC = 28;
  static final int EROFS = 30;
  static final int ENAMETOOLONG = 36;
  static final int EPROTO = 71;
  static final int EOPNOTSUPP = 95;
  static final int ESTALE = 116;

  private P9Layout() {}
}
