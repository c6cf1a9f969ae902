package org.duvisor.isa;

import java.util.Locale;

/** Sets of extensions that have a name (RISC-V profiles: mandatory ones, and what most have). */
public enum Profile {
  /** RVA20S64. */
  RVA20(
      "m a f d c zcd ziccamoa ziccif zicclsm ziccrse zicntr zifencei za64rs"
          + " ssccptr sstvala sstvecd svade svbare"),
  /** RVA22S64, with H and what goes with it, Sstc and Sv48. */
  RVA22(
      RVA20.names
          + " b h zic64b zicbom zicbop zicboz zihintpause zihpm zfhmin zkt"
          + " sscounterenw sstc ssu64xl sv48 svinval svnapot svpbmt"),
  /** RVA23S64, but for vectors. */
  RVA23(RVA22.names + " zicond zihintntl zimop zawrs zfa zcb zcmop sha sscofpmf ssnpm supm"),
  /** All that this machine has. */
  MAX("");

  private final String names;

  Profile(String names) {
    this.names = names;
  }

  /** Its extensions. */
  public Extensions extensions() {
    if (this == MAX) {
      return Extensions.max();
    }
    Extensions all = Extensions.of();
    for (String name : names.split(" ")) {
      all = all.with(Extension.named(name));
    }
    return all;
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
