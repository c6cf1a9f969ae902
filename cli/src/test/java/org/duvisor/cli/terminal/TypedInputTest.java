package org.duvisor.cli.terminal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

final class TypedInputTest {
  @Test
  void keepsTheOrderAroundTheEndOfItsBuffer() throws IOException {
    var input = new TypedInput(5);
    byte[] taken = new byte[3];
    for (int i = 0; i < 100; i += 3) {
      for (int j = 0; j < 3; j++) {
        input.type((byte) (i + j));
      }
      assertEquals(3, input.read(taken, 0, 3));
      assertArrayEquals(new byte[] {(byte) i, (byte) (i + 1), (byte) (i + 2)}, taken);
    }
  }

  /**
   * Adversary: a guest that never reads. Whoever types must not wait, or the escape key would die.
   */
  @Test
  void dropsWhatNobodyReads() throws IOException {
    var input = new TypedInput(4);
    for (int i = 0; i < 1000; i++) {
      input.type((byte) i);
    }
    input.end();
    byte[] taken = new byte[10];
    assertEquals(4, input.read(taken, 0, 10));
    assertArrayEquals(new byte[] {0, 1, 2, 3}, Arrays.copyOf(taken, 4));
    assertEquals(-1, input.read(taken, 0, 10));
    assertEquals(-1, input.read());
  }

  @Test
  void bytesAreUnsigned() throws IOException {
    var input = new TypedInput(4);
    input.type((byte) 0xff);
    assertEquals(0xff, input.read());
  }

  @Test
  void aWaitingReaderGetsTheNextKey() throws Exception {
    var input = new TypedInput(4);
    var read =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return input.read();
              } catch (IOException e) {
                return -2;
              }
            });
    input.type((byte) 'k');
    assertEquals('k', read.get());
  }

  @Test
  void anInterruptEndsTheWait() {
    var input = new TypedInput(4);
    Thread.currentThread().interrupt();
    assertThrows(IOException.class, input::read);
    assertEquals(true, Thread.interrupted());
  }
}
