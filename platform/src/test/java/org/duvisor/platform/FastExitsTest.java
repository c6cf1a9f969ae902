package org.duvisor.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class FastExitsTest {
  @Test
  @SuppressWarnings("restricted")
  void whoTakesTheTablesAwayWaitsForWhoIsAtThem() throws InterruptedException {
    FastExits exits = FastExits.none();
    MemorySegment block = MemorySegment.ofAddress(exits.address()).reinterpret(FastExits.BYTES);
    exits.tables(0x1000, 0);
    block.set(ValueLayout.JAVA_LONG, FastExits.BUSY, 1);
    Thread taker = new Thread(exits::withdrawTables);
    taker.start();
    assertFalse(taker.join(Duration.ofMillis(50)));
    assertEquals(0, block.get(ValueLayout.JAVA_LONG, FastExits.ROOT));
    block.set(ValueLayout.JAVA_LONG, FastExits.BUSY, 0);
    assertTrue(taker.join(Duration.ofSeconds(10)));
  }
}
