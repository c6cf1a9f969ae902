package org.duvisor.virtio.p9;

import java.lang.foreign.MemorySegment;
import org.duvisor.virtio.host.Errno;

/**
 * What a fid of an extended attribute is for: a value to be read (Txattrwalk), or one that is
 * written piece by piece and set when the fid is clunked (Txattrcreate).
 *
 * @param name of one to be set; no bytes for one to be read
 * @param value all of it, of the length that was announced
 * @param flags of setxattr(2)
 * @param filled how many bytes of the value are there
 */
record Attribute(byte[] name, byte[] value, int flags, int filled) {
  /** Longest value, in bytes, as Linux has it; a list of names is no longer either. */
  static final int MAX_BYTES = 64 << 10;

  /** All values that the fids of a guest hold, in bytes. */
  static final int MAX_HELD = 1 << 20;

  /** A value to be read. */
  static Attribute read(byte[] value) {
    return new Attribute(new byte[0], value, 0, value.length);
  }

  boolean isNew() {
    return name.length > 0;
  }

  /** Copies bytes from a place on; returns how many. */
  int copy(long offset, int most, MemorySegment into) throws Errno {
    if (offset < 0 || isNew()) {
      throw new Errno(P9Layout.EINVAL);
    }
    int bytes = (int) Math.max(0, Math.min(most, value.length - offset));
    if (bytes > 0) {
      MemorySegment.copy(MemorySegment.ofArray(value), offset, into, 0, bytes);
    }
    return bytes;
  }

  /** The same with more of the value, which comes in order. */
  Attribute with(MemorySegment bytes, long offset) throws Errno {
    if (!isNew() || offset != filled || bytes.byteSize() > value.length - filled) {
      throw new Errno(P9Layout.EINVAL);
    }
    MemorySegment.ofArray(value).asSlice(filled).copyFrom(bytes);
    return new Attribute(name, value, flags, filled + (int) bytes.byteSize());
  }
}
