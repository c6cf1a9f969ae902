package org.duvisor.devices.chardev;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class StreamBackendTest {
  /** Counts writes, which are system calls on a real stream. */
  private static final class Counting extends OutputStream {
    final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    final CountDownLatch first = new CountDownLatch(1);
    int writes;

    @Override
    public synchronized void write(int b) {
      throw new AssertionError("one byte at a time");
    }

    @Override
    public synchronized void write(byte[] b, int offset, int length) {
      writes++;
      bytes.write(b, offset, length);
      first.countDown();
    }
  }

  private static void print(CharBackend to, String text) {
    for (byte b : text.getBytes(StandardCharsets.ISO_8859_1)) {
      to.transmit(b);
    }
  }

  @Test
  void pipedInputOfAnySizeArrivesWholeAndEnds() throws InterruptedException {
    byte[] sent = new byte[1_000_000];
    new Random(1).nextBytes(sent);
    StreamBackend backend =
        new StreamBackend(new ByteArrayInputStream(sent), OutputStream.nullOutputStream());
    Semaphore arrived = new Semaphore(0);
    backend.onInput(arrived::release);
    ByteArrayOutputStream got = new ByteArrayOutputStream();
    byte[] buffer = new byte[16];
    while (true) {
      int n = backend.receive(buffer, 0, buffer.length);
      if (n == CharBackend.END) {
        break;
      }
      if (n == 0) {
        assertTrue(arrived.tryAcquire(20, TimeUnit.SECONDS), "told of every arrival");
        arrived.drainPermits();
      }
      got.write(buffer, 0, n);
    }
    assertArrayEquals(sent, got.toByteArray());
    backend.close();
  }

  @Test
  void nothingIsReadBeforeADeviceListens() {
    InputStream in =
        new InputStream() {
          @Override
          public int read() {
            throw new AssertionError("read too early");
          }

          @Override
          public int read(byte[] into, int offset, int length) {
            return read();
          }
        };
    try (StreamBackend backend = new StreamBackend(in, OutputStream.nullOutputStream())) {
      assertEquals(0, backend.receive(new byte[1], 0, 1));
    }
  }

  @Test
  void aLineIsOneWrite() {
    Counting out = new Counting();
    try (StreamBackend backend = new StreamBackend(InputStream.nullInputStream(), out)) {
      byte[] line = ("x".repeat(200) + "\n").getBytes(StandardCharsets.ISO_8859_1);
      for (int i = 0; i < 10; i++) {
        backend.transmit(line, 0, line.length);
      }
      assertEquals(10, out.writes);
    }
    assertEquals(2010, out.bytes.size());
  }

  @Test
  void aPromptAppearsWithoutALineEnd() throws InterruptedException {
    Counting out = new Counting();
    StreamBackend backend = new StreamBackend(InputStream.nullInputStream(), out);
    print(backend, "login: ");
    assertTrue(out.first.await(20, TimeUnit.SECONDS));
    backend.close();
    assertEquals("login: ", out.bytes.toString(StandardCharsets.ISO_8859_1));
  }

  @Test
  void moreThanABufferWithoutALineEndIsNotLost() {
    Counting out = new Counting();
    StreamBackend backend = new StreamBackend(InputStream.nullInputStream(), out);
    print(backend, "y".repeat(100_000));
    backend.close();
    assertEquals(100_000, out.bytes.size());
  }

  @Test
  void aClosedPipeIsToldAndHarmless() {
    OutputStream broken =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("Broken pipe");
          }
        };
    StreamBackend backend = new StreamBackend(InputStream.nullInputStream(), broken);
    print(backend, "a\nb\n");
    assertEquals("Broken pipe", backend.failure().orElseThrow().getMessage());
    backend.close();
  }
}
