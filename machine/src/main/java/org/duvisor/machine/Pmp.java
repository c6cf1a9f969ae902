package org.duvisor.machine;

import org.duvisor.devices.Snapshot;

/**
 * Physical memory protection: 16 entries, 4-byte granularity (privileged spec 3.7). Ranges are
 * decoded once per change; checks happen on TLB fills only.
 */
final class Pmp {
  static final int ENTRIES = 16;

  /** pmpcfg2, the second and last configuration register of RV64 with 16 entries. */
  private static final int LOCKED = 0x80;

  /** Outcome of a check. */
  enum Verdict {
    DENIED,
    /** Allowed, but some of the page is treated otherwise: not to be cached. */
    ALLOWED_HERE,
    /** The whole page is treated alike. */
    ALLOWED_PAGE
  }

  private final int[] cfg = new int[ENTRIES];
  private final long[] addr = new long[ENTRIES];
  private final long[] low = new long[ENTRIES];
  private final long[] high = new long[ENTRIES]; // exclusive
  private int used;

  void reset() {
    java.util.Arrays.fill(cfg, 0);
    java.util.Arrays.fill(addr, 0);
    decode();
  }

  void snapshot(Snapshot s) {
    s.numbers(cfg, 0, 0x9f);
    s.words(addr);
    if (s.restores()) {
      for (int i = 0; i < ENTRIES; i++) {
        cfg[i] &= 0x9f;
        addr[i] &= -1L >>> 10;
      }
      decode();
    }
  }

  long readConfig(int first) {
    long value = 0;
    for (int i = 7; i >= 0; i--) {
      value = value << 8 | cfg[first + i];
    }
    return value;
  }

  void writeConfig(int first, long value) {
    for (int i = 0; i < 8; i++) {
      int c = (int) (value >>> (8 * i)) & 0x9f;
      boolean reserved = (c & 3) == 2; // W without R keeps the old value (WARL)
      if ((cfg[first + i] & LOCKED) == 0 && !reserved) {
        cfg[first + i] = c;
      }
    }
    decode();
  }

  long readAddress(int i) {
    return addr[i];
  }

  void writeAddress(int i, long value) {
    boolean nextIsLockedTor =
        i + 1 < ENTRIES && (cfg[i + 1] & LOCKED) != 0 && (cfg[i + 1] >> 3 & 3) == 1;
    if ((cfg[i] & LOCKED) == 0 && !nextIsLockedTor) {
      addr[i] = value & (-1L >>> 10);
      decode();
    }
  }

  private void decode() {
    used = 0;
    for (int i = 0; i < ENTRIES; i++) {
      switch (cfg[i] >> 3 & 3) {
        case 0 -> low[i] = high[i] = 0;
        case 1 -> {
          low[i] = i == 0 ? 0 : addr[i - 1] << 2;
          high[i] = Math.max(low[i], addr[i] << 2);
        }
        case 2 -> {
          low[i] = addr[i] << 2;
          high[i] = low[i] + 4;
        }
        default -> {
          long size = 8L << Long.numberOfTrailingZeros(~addr[i]);
          low[i] = (addr[i] << 2) & -size;
          high[i] = low[i] + size;
        }
      }
      if ((cfg[i] >> 3 & 3) != 0) {
        used = i + 1;
      }
    }
  }

  /** Checks an access of {@code size} bytes, kind 1 = read, 2 = write, 4 = execute. */
  Verdict check(long pa, int size, int kind, int priv) {
    long page = pa & -4096L;
    boolean whole = true;
    for (int i = 0; i < used; i++) {
      if (high[i] <= page || low[i] >= page + 4096) {
        continue;
      }
      whole &= low[i] <= page && high[i] >= page + 4096;
      if (high[i] <= pa || low[i] >= pa + size) {
        continue;
      }
      boolean inside = low[i] <= pa && high[i] >= pa + size;
      boolean bypass = priv == Hart.M && (cfg[i] & LOCKED) == 0;
      if (!inside || (!bypass && (cfg[i] & kind) != kind)) {
        return Verdict.DENIED;
      }
      return whole ? Verdict.ALLOWED_PAGE : Verdict.ALLOWED_HERE;
    }
    if (priv != Hart.M) {
      return Verdict.DENIED;
    }
    return whole ? Verdict.ALLOWED_PAGE : Verdict.ALLOWED_HERE;
  }
}
