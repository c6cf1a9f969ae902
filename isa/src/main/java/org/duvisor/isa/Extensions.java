package org.duvisor.isa;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.StringJoiner;

/** The extensions that a hart has: a closed set, in which each has what it needs. Immutable. */
public final class Extensions {
  private final EnumSet<Extension> set;

  private Extensions(EnumSet<Extension> set) {
    this.set = set;
  }

  /** These, with what they need and what every hart has. */
  public static Extensions of(Extension... extensions) {
    EnumSet<Extension> set = EnumSet.noneOf(Extension.class);
    for (Extension e : Extension.values()) {
      if (e.mandatory()) {
        add(set, e);
      }
    }
    for (Extension e : extensions) {
      add(set, e);
    }
    return new Extensions(set);
  }

  /**
   * Everything but Sv57, which costs every walk a level, AIA, which needs interrupt files, Svade,
   * for A and D are set from the first instruction on, and Zkr: a kernel that reads of it uses it,
   * and faults unless its firmware has allowed that, which older ones do not know (mseccfg.SSEED).
   */
  public static Extensions max() {
    return of(Extension.values())
        .without(Extension.SV57)
        .without(Extension.SMAIA)
        .without(Extension.SVADE)
        .without(Extension.ZKR);
  }

  private static void add(Set<Extension> set, Extension e) {
    set.add(e);
    for (Extension needed : e.needs()) {
      if (!set.contains(needed)) {
        add(set, needed);
      }
    }
  }

  /** Whether it is one of them. */
  public boolean has(Extension e) {
    return set.contains(e);
  }

  /** Whether one of these is among them. */
  public boolean hasAny(List<Extension> alternatives) {
    for (int i = 0; i < alternatives.size(); i++) { // at every start of a JVM
      if (set.contains(alternatives.get(i))) {
        return true;
      }
    }
    return false;
  }

  /** This set with more, and what they need. */
  public Extensions with(Extension... extensions) {
    EnumSet<Extension> more = EnumSet.copyOf(set);
    for (Extension e : extensions) {
      add(more, e);
    }
    return new Extensions(more);
  }

  /**
   * This set without one and without what needs it.
   *
   * @throws IllegalArgumentException with one line, when every hart has it
   */
  public Extensions without(Extension e) {
    if (e.mandatory()) {
      throw new IllegalArgumentException("every hart has " + e.isaName());
    }
    EnumSet<Extension> less = EnumSet.copyOf(set);
    less.remove(e);
    for (boolean changed = true; changed; ) {
      changed = less.removeIf(other -> !less.containsAll(other.needs()));
    }
    return new Extensions(less);
  }

  /**
   * A processor by its name, and changes to it: {@code NAME[,+ext][,-ext]}, as QEMU has them, who
   * says {@code ext=on} and {@code ext=off} as well.
   *
   * @throws IllegalArgumentException with one line that says what is wrong
   */
  public static Extensions parse(String cpu) {
    String[] parts = cpu.trim().split(",", -1);
    Extensions result = Profile.named(parts[0]).extensions();
    List<Extension> asked = new ArrayList<>();
    for (String part : Arrays.asList(parts).subList(1, parts.length)) {
      String change = part.trim().toLowerCase(Locale.ROOT);
      boolean off = change.startsWith("-") || change.endsWith("=off") || change.endsWith("=false");
      boolean on = change.startsWith("+") || change.endsWith("=on") || change.endsWith("=true");
      if (on == off) {
        throw new IllegalArgumentException("'" + part + "' is neither +extension nor -extension");
      }
      Extension e = Extension.named(change.replaceFirst("^[+-]", "").replaceFirst("=.*", ""));
      result = off ? result.without(e) : result.with(e);
      if (on) {
        asked.add(e);
      }
    }
    for (Extension e : asked) {
      if (!result.has(e)) {
        throw new IllegalArgumentException(
            e.isaName() + " is asked for, and something that it needs is taken away");
      }
    }
    return result;
  }

  /**
   * Whether a guest on harts that have an extension has it too: not H and what belongs to it, nor
   * what is M-mode's, the counters' overflow, which is an interrupt of HS, nor the entropy source.
   * Interrupt files are given to guests one by one.
   *
   * @param isaName also of an extension that is none of {@link Extension}
   */
  public static boolean isForGuests(String isaName) {
    return !isaName.startsWith("sm")
        && !isaName.startsWith("sh")
        && !List.of("h", "xdv", "ssaia", "sscofpmf", "zkr").contains(isaName);
  }

  /** The names of those that a guest on such harts has, as {@link #names}. */
  public String guestNames() {
    StringJoiner names = new StringJoiner(" ");
    for (String name : names().split(" ")) {
      if (isForGuests(name)) {
        names.add(name);
      }
    }
    return names.toString();
  }

  /** {@code riscv,isa-extensions} of the device tree, space separated. */
  public String names() {
    StringJoiner names = new StringJoiner(" ");
    for (Extension e : set) {
      if (e.inDeviceTree()) {
        names.add(e.isaName());
      }
    }
    return names.toString();
  }

  /** misa, but for MXL: a bit for each single letter (privileged spec 3.1.1). */
  public long misa() {
    long misa = 1L << 'S' - 'A' | 1L << 'U' - 'A';
    for (Extension e : set) {
      misa |= e.name().length() == 1 ? 1L << e.name().charAt(0) - 'A' : 0;
    }
    return misa;
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Extensions other && other.set.equals(set);
  }

  @Override
  public int hashCode() {
    return set.hashCode();
  }

  @Override
  public String toString() {
    return names();
  }
}
