package org.duvisor.devices.chardev;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** A host whose input is what a test types. */
public final class ScriptedBackend extends QueuedBackend {
  private final ByteArrayOutputStream output = new ByteArrayOutputStream();
  private int flushes;

  public ScriptedBackend() {
    super(1 << 16);
  }

  public void type(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    try {
      input.put(bytes, 0, bytes.length);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  public String output() {
    return output.toString(StandardCharsets.ISO_8859_1);
  }

  public int flushes() {
    return flushes;
  }

  @Override
  public void transmit(byte value) {
    output.write(value);
  }

  @Override
  public void flush() {
    flushes++;
  }
}
