package org.duvisor.cli.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class EscapeKeysTest {
  /** What the keys became: the guest's bytes as they are, commands in angle brackets. */
  private static String typed(byte... bytes) {
    var seen = new StringBuilder();
    var keys =
        new EscapeKeys(
            new EscapeKeys.Keys() {
              @Override
              public void guest(byte value) {
                seen.append((char) (value & 0xff));
              }

              @Override
              public void quit() {
                seen.append("<quit>");
              }

              @Override
              public void help() {
                seen.append("<help>");
              }

              @Override
              public void statistics() {
                seen.append("<statistics>");
              }
            });
    for (byte b : bytes) {
      keys.type(b);
    }
    return seen.toString();
  }

  /** In both columns "^" stands for Ctrl-A. */
  @ParameterizedTest
  @CsvSource({
    "ls, ls",
    "^x, <quit>",
    "^X, <quit>",
    "^h, <help>",
    "^?, <help>",
    "^s, <statistics>",
    "^^, ^",
    "^^x, ^x",
    "^^^x, ^<quit>",
    "a^xb, a<quit>b",
    "a^zb, ab",
    "a^, a",
    "^c^s, <statistics>",
  })
  void keys(String keys, String expected) {
    assertEquals(
        expected.replace('^', '\001'),
        typed(keys.replace('^', '\001').getBytes(StandardCharsets.ISO_8859_1)));
  }

  @Property(tries = 300)
  void whateverIsTypedReachesTheGuestWhenEveryEscapeIsDoubled(@ForAll byte[] input) {
    String text = new String(input, StandardCharsets.ISO_8859_1);
    String doubled = text.replace("\001", "\001\001");
    assertEquals(text, typed(doubled.getBytes(StandardCharsets.ISO_8859_1)));
  }
}
