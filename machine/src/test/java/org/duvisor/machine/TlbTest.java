package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/**
 * The TLB against a model: an access hits when its page was entered for its context, in this bank,
 * and nothing has dropped it; and then it gets the addend that was entered.
 */
class TlbTest {
  private static final int CONTEXTS = Spaces.LIMIT << 2;
  private static final long WAY = Tlb.ENTRIES * 4096L;

  /** The offsets that differ in what a comparison sees, and the ends of a page. */
  private static final long[] OFFSETS = {0, 1, 2, 3, 4, 5, 6, 7, 8, 0x7ff, 4088, 4093, 4094, 4095};

  /** Page 0, the last one, the edges of the address spaces, and others of the same entries. */
  private static final long[] PAGES = {
    0,
    4096,
    WAY,
    -WAY,
    WAY - 4096,
    -4096,
    1L << 38,
    -(1L << 38),
    1L << 47,
    1L << 56,
    1L << 62,
    1L << 63
  };

  private sealed interface Change {
    record Fill(long va, int space, int permission) implements Change {}

    record Drop(long va) implements Change {}

    record Clear() implements Change {}

    record Select(int space) implements Change {}
  }

  private record Key(int bank, long page, long context) {}

  /** What an entry holds; the TLB is direct-mapped. */
  private static final class Model {
    private final Map<Long, Key> owners = new HashMap<>(); // by bank and entry
    private final Map<Key, Long> addends = new HashMap<>();
    private int bank;

    private long entry(int inBank, long va) {
      return (Tlb.entry(0, va) << 1) + inBank;
    }

    void apply(Tlb tlb, Change change) {
      switch (change) {
        case Change.Fill f -> {
          long context = Tlb.context(f.space, f.permission);
          long addend = f.va * 31 + context;
          tlb.fill(f.va, context, addend);
          Key key = new Key(bank, f.va & Tlb.PAGE_MASK, context);
          forget(owners.put(entry(bank, f.va), key));
          addends.put(key, addend);
        }
        case Change.Drop d -> {
          tlb.dropPage(d.va);
          // The highest 16 bits may be a program's own: its page goes whatever they are.
          addends.keySet().removeIf(k -> ((k.page ^ d.va) & Tlb.PAGE_MASK) << 16 == 0);
        }
        case Change.Clear c -> {
          tlb.clear();
          addends.clear();
        }
        case Change.Select s -> {
          tlb.select(s.space);
          bank = s.space % 2;
        }
      }
    }

    private void forget(Key key) {
      if (key != null) {
        addends.remove(key);
      }
    }

    Long addend(long va, long context) {
      Key owner = owners.get(entry(bank, va));
      Key key = new Key(bank, va & Tlb.PAGE_MASK, context);
      return key.equals(owner) ? addends.get(key) : null;
    }
  }

  @Provide
  Arbitrary<List<Change>> changes() {
    Arbitrary<Long> vas =
        Combinators.combine(Arbitraries.of(box(PAGES)), Arbitraries.of(box(OFFSETS))).as(Long::sum);
    Arbitrary<Integer> spaces = Arbitraries.integers().between(Spaces.FIRST, Spaces.LIMIT - 1);
    Arbitrary<Change> fills =
        Combinators.combine(vas, spaces, Arbitraries.integers().between(0, 3)).as(Change.Fill::new);
    Arbitrary<Change> others =
        Arbitraries.oneOf(
            vas.map(Change.Drop::new),
            Arbitraries.of(new Change.Clear()),
            spaces.map(Change.Select::new));
    return Arbitraries.oneOf(fills, fills, fills, others).list().ofMaxSize(40);
  }

  private static Long[] box(long[] values) {
    return java.util.Arrays.stream(values).boxed().toArray(Long[]::new);
  }

  @Property(tries = 60)
  void anAccessHitsExactlyWhatWasEnteredForIt(
      @ForAll("changes") @Size(max = 40) List<Change> changes) {
    Tlb tlb = new Tlb();
    Model model = new Model();
    for (Change change : changes) {
      model.apply(tlb, change);
    }
    for (long page : PAGES) {
      for (long offset : OFFSETS) {
        for (int context = 1 << 2; context < CONTEXTS; context++) {
          for (int low = 0; low < 8; low = 2 * low + 1) {
            look(tlb, model, page + offset, low, (long) context << 3);
          }
        }
      }
    }
  }

  /** An access of low + 1 bytes, as Memory and translated code look it up. */
  private void look(Tlb tlb, Model model, long va, int low, long context) {
    long entry = tlb.entry(va);
    boolean hit = Tlb.tag(entry) == (va & (Tlb.PAGE_MASK | low) | context);
    Long expected = (va & low) == 0 ? model.addend(va, context) : null;
    if (hit != (expected != null) || hit && Tlb.addend(entry) != expected) {
      throw new AssertionError(
          "%x, %d bytes, context %x: %s instead of %s"
              .formatted(va, low + 1, context, hit ? Tlb.addend(entry) : "a miss", expected));
    }
  }

  @Test
  void nothingIsEnteredForAContextThatNoRegimeHas() {
    Tlb tlb = new Tlb();
    for (int space : new int[] {Spaces.NOBODY, Spaces.UNCACHED}) {
      for (int permission = 0; permission < 4; permission++) {
        long context = Tlb.context(space, permission);
        assertThrows(IllegalArgumentException.class, () -> tlb.fill(0, context, 0));
      }
    }
  }

  @Test
  void anEmptyEntryKeepsNoHostAddress() {
    Tlb tlb = new Tlb();
    long never = Tlb.addend(tlb.entry(0));
    tlb.fill(0, Tlb.context(Spaces.FIRST, 0), 0x7000);
    tlb.dropPage(0);
    assertEquals(never, Tlb.addend(tlb.entry(0)));
    tlb.fill(0, Tlb.context(Spaces.FIRST, 0), 0x7000);
    tlb.clear();
    assertEquals(never, Tlb.addend(tlb.entry(0)));
  }

  /**
   * Each mode and status, also before the first change of any: the hart never looks up nobody's.
   */
  @Test
  void everyRegimeOfAHartHasAContextOfItsOwnKind() {
    HartFixture f = new HartFixture(HartFixture.WITH_H);
    for (int status = 0; status < 32; status++) {
      f.csr(org.duvisor.isa.Csr.MSTATUS, mstatus(status));
      f.csr(org.duvisor.isa.Csr.VSSTATUS, (long) (status & 3) << 18);
      for (int mode = 0; mode < 5; mode++) {
        f.mode(mode == 4 ? Hart.M : mode & 1, mode == 2 || mode == 3);
        int data = Tlb.spaceOf(f.hart.dataContext);
        boolean mxr = (status & 2) != 0;
        assertEquals(mxr, data == Spaces.UNCACHED, "data " + status + " " + mode);
        assertEquals(
            true, data >= Spaces.UNCACHED && Tlb.spaceOf(f.hart.fetchContext) >= Spaces.FIRST);
      }
    }
  }

  /** Bits: SUM, MXR, MPRV, MPP.S, MPV. */
  private static long mstatus(int bits) {
    return (long) (bits & 3) << 18
        | (long) (bits >> 2 & 1) << 17
        | (long) (bits >> 3 & 1) << 11
        | (long) (bits >> 4 & 1) << 39;
  }
}
