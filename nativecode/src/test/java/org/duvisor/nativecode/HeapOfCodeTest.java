package org.duvisor.nativecode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.InstructionSet;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.interp.HostCode;
import org.duvisor.machine.testing.Engines;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.api.Test;

/**
 * Adversary: a guest of branches alone. What is remembered of a block costs Java's heap many times
 * what its code is long.
 */
class HeapOfCodeTest {
  private static final int BRANCH = 0xc501; // c.beqz a0, 8: two jumps to blocks without code

  @Test
  void denseBranchesStartAnewBeforeTheHeapIsFull() {
    try (var m = new TestMachine(Engines.interpreter(), "nop", 1, HartConfig.STANDARD, true)) {
      Hart h = m.board().harts().getFirst();
      var code = new X64Code(h, 1, NativeCode.BYTES, new Statistics());
      Decoded d = InstructionSet.standard().decoder(h.config().extensions()).decode(BRANCH);
      int blocks = 0;
      while (code.compile(blocks / 300, blocks % 300 * 12, List.of(d)) != HostCode.FULL) {
        blocks++;
      }
      assertEquals(X64Code.MOST_PLACES / 3 + 1, blocks);
      code.clear();
      assertTrue(code.compile(0, 0, List.of(d)) > 0);
    }
  }
}
