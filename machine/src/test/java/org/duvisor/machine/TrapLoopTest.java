package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Optional;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.isa.Assembler;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.machine.testing.EngineUnderTest;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A limit of instructions ends programs that retire none: what they try counts. */
@Timeout(60)
class TrapLoopTest {
  private static final String[] LOOPS = {
    "la t0, trap\n csrw mtvec, t0\n.balign 4\ntrap: .word 0\n",
    "li t0, 0x40000000\n csrw mtvec, t0\n ecall\n",
    "la t0, trap\n csrw mtvec, t0\n.balign 4\ntrap: ecall\n",
    "la t0, trap\n csrw mtvec, t0\n.balign 4\ntrap: ld t0, (zero)\n",
  };

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void endAtTheLimit(EngineUnderTest engine) {
    for (String loop : LOOPS) {
      for (boolean inTurns : new boolean[] {true, false}) {
        var config =
            BoardConfig.of(2, 8 << 20, CharBackend.none())
                .engine(engine.factory())
                .deterministic(inTurns)
                .build();
        var boot =
            new BoardBoot(
                Optional.empty(),
                new Assembler(0x8000_0000L).asm(loop).bytes(),
                Optional.empty(),
                Optional.empty(),
                "",
                Optional.empty());
        try (var board = new Board(config)) {
          board.limit(100_000);
          assertEquals(new BoardOutcome.LimitReached(), board.run(boot));
        }
      }
    }
  }
}
