package org.duvisor.virtio.net;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * An Ethernet hub in this process: each frame goes to all other sockets, on the sender's thread, in
 * the order they were made. Frames a receiver has no room for are lost to it.
 */
public final class HubNet {
  private final List<Socket> sockets = new CopyOnWriteArrayList<>();

  /** A hub without sockets. */
  public HubNet() {}

  /** A new socket to plug a device into. */
  public NetBackend socket() {
    Socket socket = new Socket();
    sockets.add(socket);
    return socket;
  }

  private final class Socket implements NetBackend {
    private volatile @Nullable Port port;

    @Override
    public void plug(Port newPort) {
      port = newPort;
    }

    @Override
    public void send(ByteBuffer frame) {
      for (Socket other : sockets) {
        Port to = other.port;
        if (other != this && to != null) {
          to.receive(frame.duplicate());
        }
      }
    }

    @Override
    public void close() {
      port = null;
      sockets.remove(this);
    }
  }
}
