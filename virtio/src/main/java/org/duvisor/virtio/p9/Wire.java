package org.duvisor.virtio.p9;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.duvisor.virtio.host.Errno;

/**
 * One message in memory of our own, with a position: a copy, so that the guest cannot change it
 * between a check and its use. Numbers are little-endian.
 */
final class Wire {
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MemorySegment memory;
  private int end;
  private int at;

  Wire(MemorySegment memory) {
    this.memory = memory;
  }

  MemorySegment memory() {
    return memory;
  }

  /** Says where the message ends, and goes to {@code from}. */
  void window(int from, int to) {
    at = from;
    end = to;
  }

  int position() {
    return at;
  }

  int remaining() {
    return end - at;
  }

  private int step(int bytes) throws Errno {
    if (bytes < 0 || bytes > end - at) {
      throw new Errno(P9Layout.EPROTO);
    }
    int start = at;
    at += bytes;
    return start;
  }

  int get8() throws Errno {
    return memory.get(ValueLayout.JAVA_BYTE, step(1)) & 0xff;
  }

  int get16() throws Errno {
    return memory.get(U16, step(2)) & 0xffff;
  }

  int get32() throws Errno {
    return memory.get(U32, step(4));
  }

  long get64() throws Errno {
    return memory.get(U64, step(8));
  }

  /** The next {@code bytes} bytes, in place. */
  MemorySegment bytes(int bytes) throws Errno {
    return memory.asSlice(step(bytes), bytes);
  }

  /** A string, in place: a length and bytes without an end mark. */
  MemorySegment string() throws Errno {
    return bytes(get16());
  }

  Wire put8(int value) throws Errno {
    memory.set(ValueLayout.JAVA_BYTE, step(1), (byte) value);
    return this;
  }

  Wire put16(int value) throws Errno {
    memory.set(U16, step(2), (short) value);
    return this;
  }

  Wire put32(int value) throws Errno {
    memory.set(U32, step(4), value);
    return this;
  }

  Wire put64(long value) throws Errno {
    memory.set(U64, step(8), value);
    return this;
  }

  Wire string(MemorySegment text) throws Errno {
    put16((int) text.byteSize());
    bytes((int) text.byteSize()).copyFrom(text);
    return this;
  }

  /** Writes a number where a message has left room for it. */
  void patch32(int where, int value) {
    memory.set(U32, where, value);
  }
}
