package org.duvisor.machine.interp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.duvisor.devices.MmioBus;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.dv.Posts;
import org.duvisor.machine.mem.PhysicalMemory;
import org.duvisor.machine.mem.Raw;
import org.junit.jupiter.api.Test;

/** What a hart keeps of the code that it has seen. */
final class DecodedCodeTest {
  private static final long RAM = 0x8000_0000L;
  private static final int PAGES = 512;
  private static final long MAX_HEAP = 1 << 20;

  private final PhysicalMemory memory = new PhysicalMemory(RAM, (long) PAGES << 12);
  private final Hart hart;
  private final DecodedCode code;

  DecodedCodeTest() {
    hart =
        new Hart(
            0, HartConfig.STANDARD, memory, new MmioBus(), () -> 0, new Posts(), Interpreter::new);
    code = new DecodedCode(hart, Integer.MAX_VALUE, new CodeBudget(MAX_HEAP));
    long host = memory.host(RAM, PAGES << 12, true);
    for (int at = 0; at < PAGES << 12; at += 2) {
      Raw.storeShort(host + at, 1); // c.nop
    }
  }

  /**
   * The adversary is a guest that jumps to every parcel of its memory: 512 pages of 2,048 blocks.
   */
  @Test
  void guestThatExecutesEverythingDoesNotFillTheHeap() {
    for (long at = 0; at < (long) PAGES << 12; at += 2) {
      code.block(RAM + at);
      assertTrue(code.heap() < MAX_HEAP + (8 << 20), "bytes at " + at + ": " + code.heap());
    }
  }

  @Test
  void pagesThatAreEnteredAllTheTimeStay() {
    Block often = code.block(RAM);
    Block once = code.block(RAM + 4096);
    for (int page = 2; page < PAGES; page++) {
      code.block(RAM + ((long) page << 12));
      assertSame(often, code.block(RAM), "page " + page);
      assertTrue(code.heap() < MAX_HEAP + (16 << 10));
    }
    assertNotSame(once, code.block(RAM + 4096));
  }

  /**
   * The adversary is a guest that stores to a page and executes it in turns: soon its code is not
   * kept any more, so that a drop costs it a thousand slow instructions.
   */
  @Test
  void codeThatIsStoredToAllTheTimeIsNotKept() {
    int kept = 0;
    int rounds = 100_000;
    for (int i = 0; i < rounds; i++) {
      memory.code().written(memory.host(RAM, 4, true), 4);
      code.changed(0);
      code.block(RAM);
      kept += code.heap() > 0 ? 1 : 0;
    }
    assertTrue(kept >= 16, "kept " + kept);
    assertTrue(kept < 16 + rounds / 1000, "kept " + kept);
  }

  /** And may be kept again when it is left alone. */
  @Test
  void codeThatIsLeftAloneIsKeptAgain() {
    codeThatIsStoredToAllTheTimeIsNotKept();
    for (int i = 0; i < 40_000; i++) {
      code.block(RAM);
    }
    assertSame(code.block(RAM), code.block(RAM));
    assertTrue(code.heap() > 0);
  }

  @Test
  void countsWhatItHolds() {
    long empty = code.heap();
    assertEquals(0, empty);
    code.block(RAM);
    assertTrue(code.heap() > CodePage.BYTES);
    code.forget();
    assertEquals(0, code.heap());
  }
}
