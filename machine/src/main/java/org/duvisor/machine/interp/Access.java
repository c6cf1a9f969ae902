package org.duvisor.machine.interp;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Semantics;
import org.duvisor.isa.Semantics.Result;
import org.jspecify.annotations.Nullable;

/**
 * A memory access of one instruction, whose translated form tests the TLB inline.
 *
 * @param bytes 1, 2, 4 or 8
 * @param store whether it needs the write TLB
 */
public record Access(int bytes, boolean store) {
  private static final Map<String, Integer> BYTES =
      Map.ofEntries(
          Map.entry("lb", 1),
          Map.entry("lbu", 1),
          Map.entry("sb", 1),
          Map.entry("lh", 2),
          Map.entry("lhu", 2),
          Map.entry("sh", 2),
          Map.entry("flh", 2),
          Map.entry("fsh", 2),
          Map.entry("lw", 4),
          Map.entry("lwu", 4),
          Map.entry("sw", 4),
          Map.entry("flw", 4),
          Map.entry("fsw", 4),
          Map.entry("ld", 8),
          Map.entry("sd", 8),
          Map.entry("fld", 8),
          Map.entry("fsd", 8));

  /** What an instruction accesses; null when it is no load or store at a register and an offset. */
  public static @Nullable Access of(Decoded d) {
    Semantics s = d.instruction().semantics();
    Integer bytes = s.owner().equals("Memory") ? BYTES.get(s.method()) : null;
    return bytes == null ? null : new Access(bytes, s.result() == Result.NONE);
  }

  /** What an atomic instruction accesses; null for others. */
  public static @Nullable Access ofAtomic(Decoded d) {
    Semantics s = d.instruction().semantics();
    if (!s.owner().equals("Amo") || s.terminator()) {
      return null;
    }
    int bytes = 1 << "bhwd".indexOf(s.method().charAt(s.method().length() - 1));
    return new Access(bytes, !s.method().startsWith("lr_"));
  }

  /**
   * Accesses of a block at one base register that one test serves: all lie on the page of one
   * naturally aligned unit, and their alignment follows from the unit's.
   */
  public static final class Group {
    /** Bytes from the first access to the last; more of them are more often on two pages. */
    private static final int SPAN = 128;

    /** The base register. */
    public final int base;

    /** Whether the accesses are stores. */
    public final boolean store;

    private long least;
    private long most;
    private int unit;
    private long phase; // an offset at which an access as wide as the unit is

    /**
     * Where translated code has the host address that corresponds to the base register; 0 = not
     * yet.
     */
    public int place;

    private Group(int base, Access access, long offset) {
      this.base = base;
      this.store = access.store;
      this.least = offset;
      this.most = offset;
      this.unit = access.bytes;
      this.phase = offset;
    }

    /** Offset of the lowest access from the base register. */
    public long least() {
      return least;
    }

    /** Offset of the aligned unit that holds the highest one. */
    public long highestUnit() {
      return phase + Math.floorDiv(most - phase, (long) unit) * unit;
    }

    /** Bits that have to be 0 in the address of that unit. */
    public int alignment() {
      return unit - 1;
    }

    private boolean admits(Access access, long offset) {
      int wider = Math.max(unit, access.bytes);
      int narrower = Math.min(unit, access.bytes);
      long low = Math.min(least, offset);
      long high = Math.max(most, offset);
      if ((offset - phase) % narrower != 0 || high - low > SPAN) {
        return false;
      }
      if (wider == unit) {
        least = low;
        most = high;
        return true;
      }
      return false;
    }
  }

  /**
   * The group of each instruction of a block; null where there is no access. The first member of a
   * group makes the test.
   *
   * @param apart whether every access shall be alone
   */
  public static @Nullable Group[] groups(List<Decoded> code, boolean apart) {
    Group[] groups = new Group[code.size()];
    Map<Integer, List<Group>> open = new HashMap<>();
    for (int i = 0; i < code.size(); i++) {
      Decoded d = code.get(i);
      Semantics s = d.instruction().semantics();
      Access access = of(d);
      if (access != null) {
        groups[i] = join(open, d, access, apart);
      }
      if (s.terminator() || s.owner().equals("Hypervisor")) {
        open.clear(); // translations may change
      }
      if (s.result() == Result.RD) {
        open.remove(d.rd());
      }
    }
    return groups;
  }

  private static Group join(
      Map<Integer, List<Group>> open, Decoded d, Access access, boolean apart) {
    List<Group> atBase = open.computeIfAbsent(d.rs1(), r -> new ArrayList<>());
    for (Group g : atBase) {
      if (!apart && g.store == access.store && g.admits(access, d.imm())) {
        return g;
      }
    }
    Group g = new Group(d.rs1(), access, d.imm());
    atBase.add(g);
    return g;
  }
}
