package org.duvisor.nativecode;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.duvisor.machine.mem.Raw;
import org.junit.jupiter.api.Test;

/** Links against a model: one is only found where it was put, and no more once it was dropped. */
class LinksTest {
  private record Place(long pc, long context) {}

  private final Links links = new Links();

  /** What the code does: {@link Runtime#follow}. */
  private long find(Place at) {
    long index = at.pc << Links.IN_PAGE_SHIFT & Links.IN_PAGE | at.pc & Links.GROUP;
    long link = links.address + index;
    boolean known = Raw.word(link) == at.pc && Raw.word(link + Links.TAG) == links.tag(at.context);
    return known ? Raw.word(link + Links.CODE) : 0;
  }

  @Test
  void aLinkIsFoundWhereItWasPutUntilItIsDropped() {
    Random r = new Random(1);
    Map<Place, Long> model = new HashMap<>();
    for (int i = 0; i < 300_000; i++) {
      long page = (r.nextInt(300) << 12) | (r.nextInt(8) == 0 ? -1L << 47 : 0);
      Place place = new Place(page | r.nextInt(2048) << 1, r.nextInt(4) << 3);
      switch (r.nextInt(200)) {
        case 0 -> {
          links.drop(page | (long) r.nextInt(1 << 16) << 48);
          model.keySet().removeIf(p -> (p.pc ^ page) << 16 >>> 28 == 0);
        }
        case 1 -> {
          if (r.nextInt(50) == 0) {
            links.clear();
            model.clear();
          }
        }
        default -> {
          links.put(place.pc, place.context, i + 1);
          model.put(place, i + 1L);
          assertEquals(i + 1, find(place));
        }
      }
      Place other = new Place(place.pc, r.nextInt(4) << 3);
      long found = find(other);
      if (found != 0) { // it may have been replaced, but what is found is right
        assertEquals(model.get(other), found);
      }
    }
  }
}
