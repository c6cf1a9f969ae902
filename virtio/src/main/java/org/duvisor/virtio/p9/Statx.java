package org.duvisor.virtio.p9;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** What struct statx says (statx(2)). */
final class Statx {
  static final int BLKSIZE = 0x04;
  static final int NLINK = 0x10;
  static final int UID = 0x14;
  static final int GID = 0x18;
  static final int SIZE = 0x28;
  static final int BLOCKS = 0x30;
  static final int ATIME = 0x40;
  static final int CTIME = 0x60;
  static final int MTIME = 0x70;
  private static final int MODE = 0x1c;
  private static final int INO = 0x20;
  private static final int BTIME = 0x50;
  private static final int RDEV_MAJOR = 0x80;
  private static final int RDEV_MINOR = 0x84;
  private static final int DEV_MAJOR = 0x88;
  private static final int DEV_MINOR = 0x8c;

  private Statx() {}

  static int number(MemorySegment statx, int field) {
    return statx.get(ValueLayout.JAVA_INT, field);
  }

  static long wide(MemorySegment statx, int field) {
    return statx.get(ValueLayout.JAVA_LONG, field);
  }

  /** Type and permissions. */
  static int mode(MemorySegment statx) {
    return statx.get(ValueLayout.JAVA_SHORT, MODE) & 0xffff;
  }

  /** The type alone: S_IFREG and so on. */
  static int type(MemorySegment statx) {
    return mode(statx) & P9Layout.S_IFMT;
  }

  static long inode(MemorySegment statx) {
    return wide(statx, INO);
  }

  /** The file system's device, whole. */
  static long device(MemorySegment statx) {
    return (long) number(statx, DEV_MAJOR) << 32 | number(statx, DEV_MINOR) & 0xffff_ffffL;
  }

  /** The device that a node stands for, in Linux's encoding. */
  static long nodeDevice(MemorySegment statx) {
    long major = number(statx, RDEV_MAJOR) & 0xfff;
    long minor = number(statx, RDEV_MINOR) & 0xf_ffff;
    return minor & 0xff | major << 8 | (minor & ~0xffL) << 12;
  }

  /** Seconds of the time of birth, 0 where the host has none. */
  static long born(MemorySegment statx) {
    return wide(statx, BTIME);
  }

  static int bornNanos(MemorySegment statx) {
    return number(statx, BTIME + 8);
  }
}
