package org.duvisor.isa;

import static org.duvisor.isa.Extension.*;

import java.util.Locale;

/** Sets of extensions that have a name. */
public enum Profile {
  /** RVA20S64. */
  RVA20(M, A, F, D, C, ZICNTR, ZIFENCEI, SVADE),
  /**
   * RVA22S64, with what it makes optional and most have: H, Sstc, Sv48, the scalar cryptography.
   */
  RVA22(
      M,
      A,
      F,
      D,
      C,
      B,
      ZCD,
      H,
      ZICNTR,
      ZIHPM,
      ZIFENCEI,
      ZIHINTPAUSE,
      ZICBOM,
      ZICBOP,
      ZICBOZ,
      ZFHMIN,
      SSTC,
      SV48,
      SVADE,
      SVINVAL,
      SVNAPOT,
      SVPBMT),
  /** RVA23S64, but for vectors. */
  RVA23(
      M,
      A,
      F,
      D,
      C,
      B,
      ZCD,
      H,
      ZICNTR,
      ZIHPM,
      ZIFENCEI,
      ZIHINTPAUSE,
      ZICBOM,
      ZICBOP,
      ZICBOZ,
      ZFHMIN,
      SSTC,
      SV48,
      SVADE,
      SVINVAL,
      SVNAPOT,
      SVPBMT,
      ZIHINTNTL,
      ZICOND,
      ZIMOP,
      ZCMOP,
      ZCB,
      ZFA,
      ZAWRS),
  /** All that this machine has. */
  MAX();

  private final Extension[] extensions;

  Profile(Extension... extensions) {
    this.extensions = extensions;
  }

  /** Its extensions. */
  public Extensions extensions() {
    return this == MAX ? Extensions.max() : Extensions.of(extensions);
  }

  /**
   * The profile of this name, in any case; QEMU's "rva23s64" is another name of "rva23".
   *
   * @throws IllegalArgumentException with one line that lists them, when there is none
   */
  public static Profile named(String name) {
    String wanted = name.trim().toLowerCase(Locale.ROOT).replaceFirst("s64$", "");
    StringBuilder all = new StringBuilder();
    for (Profile p : values()) {
      String known = p.name().toLowerCase(Locale.ROOT);
      if (known.equals(wanted)) {
        return p;
      }
      all.append(all.isEmpty() ? "" : ", ").append(known);
    }
    throw new IllegalArgumentException("there is no processor '" + name + "': there are " + all);
  }
}
