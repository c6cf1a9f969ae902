package org.duvisor.cli.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.duvisor.devices.chardev.CharBackend;
import org.junit.jupiter.api.Test;

/** The port without a guest: what it sends, and what a hostile guest can make of it. */
final class CommandPortTest {
  private static final GuestCommand LS =
      new GuestCommand(List.of("ls", "-l"), List.of("A=b c"), Optional.empty(), false);

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private CommandPort port(OutputStream output, byte[] input) {
    return new CommandPort(LS, List.of("src"), new ByteArrayInputStream(input), output, err);
  }

  private static void say(CommandPort port, char kind, String payload) {
    byte[] bytes = payload.getBytes(StandardCharsets.ISO_8859_1);
    for (byte b : new byte[] {(byte) kind, (byte) bytes.length, (byte) (bytes.length >> 8), 0}) {
      port.transmit(b);
    }
    port.transmit(bytes, 0, bytes.length);
  }

  /** What the port says next, waiting for it: its kind in front. */
  private static String heard(CommandPort port) throws InterruptedException {
    byte[] head = take(port, 4);
    int length = head[1] & 0xff | (head[2] & 0xff) << 8 | (head[3] & 0xff) << 16;
    return (char) head[0] + new String(take(port, length), StandardCharsets.ISO_8859_1);
  }

  private static byte[] take(CommandPort port, int length) throws InterruptedException {
    byte[] bytes = new byte[length];
    for (int done = 0; done < length; ) {
      int n = port.receive(bytes, done, Math.min(1000, length - done));
      assertTrue(n >= 0);
      done += n;
      Thread.sleep(n == 0 ? 1 : 0);
    }
    return bytes;
  }

  @Test
  void aCommandAndItsStreams() throws InterruptedException {
    byte[] input = new byte[100_000];
    new Random(1).nextBytes(input);
    CommandPort port = port(out, input);
    assertEquals("Cmsrc\0d/mnt/src\0eA=b c\0als\0a-l\0", heard(port));
    assertEquals(0, port.receive(new byte[10], 0, 10)); // nothing is read before it is wanted
    var taken = new ByteArrayOutputStream();
    for (String frame = ""; !frame.equals("I"); ) {
      say(port, 'R', "");
      frame = heard(port);
      assertEquals('I', frame.charAt(0));
      taken.writeBytes(frame.substring(1).getBytes(StandardCharsets.ISO_8859_1));
    }
    assertArrayEquals(input, taken.toByteArray());
    say(port, 'O', "out");
    say(port, 'P', "err");
    say(port, 'O', "put");
    port.resize(300, 20);
    assertEquals("W\24\0\54\1", heard(port));
    assertEquals(OptionalInt.empty(), port.exitCode());
    say(port, 'E', "\u00fe");
    assertEquals(OptionalInt.of(254), port.exitCode());
    assertEquals("output", out.toString(StandardCharsets.US_ASCII));
    assertEquals("err", err.toString(StandardCharsets.US_ASCII));
    assertFalse(port.isBroken());
    port.end();
    assertEquals(CharBackend.END, port.receive(new byte[1], 0, 1));
  }

  /** {@code duvisor run -- yes | head}: the command learns that nobody reads. */
  @Test
  void aStreamThatTheHostDoesNotTakeIsClosed() throws InterruptedException {
    var broken =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("Broken pipe");
          }
        };
    CommandPort port = port(broken, new byte[0]);
    heard(port);
    say(port, 'O', "y");
    say(port, 'O', "y");
    assertEquals("X\1", heard(port));
    assertEquals(0, port.receive(new byte[1], 0, 1));
  }

  @Test
  void aCommandThatIsTooLong() {
    var words = List.of("echo", "x".repeat(CommandPort.MOST_COMMAND_BYTES));
    var command = new GuestCommand(words, List.of(), Optional.empty(), false);
    assertThrows(
        IllegalArgumentException.class,
        () -> new CommandPort(command, List.of(), new ByteArrayInputStream(new byte[0]), out, err));
  }

  /** Adversary: a guest that asks for input without end, and takes none. */
  @Test
  void inputIsNotReadAheadOfAGuestThatOnlyAsks() throws InterruptedException {
    var read = new AtomicInteger();
    var endless =
        new ByteArrayInputStream(new byte[0]) {
          @Override
          public synchronized int read(byte[] into, int offset, int length) {
            read.addAndGet(length);
            return length;
          }
        };
    var port = new CommandPort(LS, List.of(), endless, out, err);
    heard(port);
    for (int i = 0; i < 1000; i++) {
      say(port, 'R', "");
      port.resize(i, i);
    }
    Thread.sleep(20);
    assertTrue(read.get() <= 64 << 10, "read " + read);
    port.end();
  }

  /** Adversary: a guest that says anything. */
  @Test
  void garbageEndsTheTalkOnce() {
    for (int seed = 0; seed < 200; seed++) {
      var calls = new ArrayList<Integer>();
      CommandPort port = port(out, new byte[0]);
      port.onBroken(() -> calls.add(1));
      byte[] bytes = new byte[2000];
      new Random(seed).nextBytes(bytes);
      if (seed % 2 == 0) {
        bytes = Arrays.copyOf(new byte[] {'E', 2, 0, 0, 7, 7}, 2000); // an exit code of two bytes
      }
      for (int at = 0; at < bytes.length; at += 100) {
        port.transmit(bytes, at, 100);
      }
      assertTrue(port.isBroken() || "OPRE".indexOf(bytes[0]) >= 0, "seed " + seed);
      assertEquals(port.isBroken() ? 1 : 0, calls.size(), "seed " + seed);
      port.end();
    }
  }
}
