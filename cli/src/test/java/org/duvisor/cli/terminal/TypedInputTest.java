package org.duvisor.cli.terminal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class TypedInputTest {
  @Test
  void keepsTheOrderAroundTheEndOfItsBuffer() throws IOException {
    var input = new TypedInput(5, () -> {});
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
   * Adversary: a guest that never reads. Whoever types must not wait for ever, or the escape key
   * would die; what is dropped is said once, and after the guest has read there is room again.
   */
  @Test
  void dropsWhatNobodyReads() throws IOException {
    var said = new AtomicInteger();
    var input = new TypedInput(4, said::incrementAndGet);
    for (int i = 0; i < 1000; i++) {
      input.type((byte) i);
    }
    byte[] taken = new byte[10];
    assertEquals(4, input.read(taken, 0, 10));
    assertArrayEquals(new byte[] {0, 1, 2, 3}, Arrays.copyOf(taken, 4));
    assertEquals(1, said.get());
    input.type((byte) 'k');
    input.end();
    assertEquals('k', input.read());
    assertEquals(-1, input.read(taken, 0, 10));
    assertEquals(-1, input.read());
  }

  /** What is pasted is there at once, before anyone reads. */
  @Test
  void growsToItsBound() throws IOException {
    var input = new TypedInput(1 << 20, () -> fail("nothing is to be dropped"));
    byte[] pasted = new byte[1 << 20];
    new Random(1).nextBytes(pasted);
    byte[] first = new byte[1000];
    for (int i = 0; i < pasted.length; i++) {
      input.type(pasted[i]);
      if (i == 1999) {
        assertEquals(1000, input.read(first, 0, 1000)); // so that it grows around its end
      }
    }
    input.end();
    byte[] rest = input.readAllBytes();
    assertArrayEquals(Arrays.copyOf(pasted, 1000), first);
    assertArrayEquals(Arrays.copyOfRange(pasted, 1000, pasted.length), rest);
  }

  /** A full one makes whoever types wait for a reader, and loses nothing. */
  @Test
  void whoeverTypesWaitsForAReader() throws Exception {
    var input = new TypedInput(16, () -> fail("nothing is to be dropped"));
    byte[] pasted = new byte[100_000];
    new Random(2).nextBytes(pasted);
    var read =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return input.readAllBytes();
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    for (byte key : pasted) {
      input.type(key);
    }
    input.end();
    assertArrayEquals(pasted, read.get());
  }

  @Test
  void bytesAreUnsigned() throws IOException {
    var input = new TypedInput(4, () -> {});
    input.type((byte) 0xff);
    assertEquals(0xff, input.read());
  }

  @Test
  void aWaitingReaderGetsTheNextKey() throws Exception {
    var input = new TypedInput(4, () -> {});
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
    var input = new TypedInput(4, () -> {});
    Thread.currentThread().interrupt();
    assertThrows(IOException.class, input::read);
    assertEquals(true, Thread.interrupted());
  }
}
