package org.duvisor.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Reading along a console. */
final class StagesTest {
  private final ByteArrayOutputStream console = new ByteArrayOutputStream();
  private final ByteArrayOutputStream report = new ByteArrayOutputStream();
  private final Stages stages =
      new Stages(
          console,
          new PrintStream(report, true, StandardCharsets.UTF_8),
          List.of(new Stages.Stage("first", "up"), new Stages.Stage("second", "ready")));
  private long instructions;

  private void print(String text) throws IOException {
    stages.write(text.getBytes(StandardCharsets.US_ASCII));
  }

  private String reported() {
    return report.toString(StandardCharsets.UTF_8).replaceAll("[0-9.]+ s", "T s").strip();
  }

  @Test
  void everythingIsPassedOnAndStagesEndInTheirOrder() throws IOException {
    stages.count(() -> instructions);
    print("ready or not\nu");
    assertEquals("", reported());
    instructions = 5_000_000;
    stages.write('p');
    assertEquals("duvisor: first: 5 million instructions, T s", reported());
    assertFalse(stages.over());
    instructions = 12_000_000;
    print("\nand ready\nready up");
    assertTrue(stages.over());
    assertEquals(
        "duvisor: second: 7 million instructions, T s; 12 million in all",
        reported().lines().toList().getLast());
    assertEquals(
        "ready or not\nup\nand ready\nready up", console.toString(StandardCharsets.US_ASCII));
  }

  /** Adversary: a console that never prints a line's end. */
  @Test
  void aLongLineIsNoBurden() throws IOException {
    byte[] noise = new byte[1 << 20];
    stages.write(noise, 0, noise.length);
    print("up");
    assertTrue(reported().startsWith("duvisor: first"));
  }
}
