package org.duvisor.virtio.net;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** A cable bent back: the device receives what it sends. Frames without room are lost. */
public final class LoopbackNet implements NetBackend {
  private volatile @Nullable Port port;

  /** A cable. */
  public LoopbackNet() {}

  @Override
  public void plug(Port newPort) {
    port = newPort;
  }

  @Override
  public void send(ByteBuffer frame) {
    Port to = port;
    if (to != null) {
      to.receive(frame);
    }
  }

  @Override
  public void close() {
    port = null;
  }
}
