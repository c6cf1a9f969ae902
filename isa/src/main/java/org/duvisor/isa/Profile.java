package org.duvisor.isa;

import static org.duvisor.isa.Extension.*;

import java.util.Locale;

/** Sets of extensions that have a name (RISC-V profiles: mandatory ones, and what most have). */
public enum Profile {
  /** RVA20S64. */
  RVA20(
      Extensions.of(
          M, A, F, D, C, ZCD, ZICCAMOA, ZICCIF, ZICCLSM, ZICCRSE, ZICNTR, ZIFENCEI, ZA64RS, SSCCPTR,
          SSTVALA, SSTVECD, SVADE, SVBARE)),
  /** RVA22S64, with H and what goes with it, Sstc and Sv48. */
  RVA22(
      RVA20.extensions.with(
          B,
          ZCD,
          ZIC64B,
          ZICBOM,
          ZICBOP,
          ZICBOZ,
          ZIHINTPAUSE,
          ZIHPM,
          ZFHMIN,
          ZKT,
          H,
          SSCOUNTERENW,
          SSTC,
          SSU64XL,
          SV48,
          SVINVAL,
          SVNAPOT,
          SVPBMT)),
  /** RVA23S64, but for vectors. */
  RVA23(RVA22.extensions.with(ZICOND, ZIHINTNTL, ZIMOP, ZAWRS, ZFA, ZCB, ZCMOP, SHA, SSNPM, SUPM)),
  /** All that this machine has. */
  MAX(Extensions.max());

  private final Extensions extensions;

  Profile(Extensions extensions) {
    this.extensions = extensions;
  }

  /** Its extensions. */
  public Extensions extensions() {
    return extensions;
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
