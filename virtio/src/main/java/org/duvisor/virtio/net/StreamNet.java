package org.duvisor.virtio.net;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A network behind a stream socket, each frame after its length as 4 big-endian bytes: what QEMU's
 * stream netdev speaks and {@code passt --socket} expects. A thread reads; while the guest has no
 * room it does not, so that the peer waits.
 *
 * <p>The peer is not trusted: a frame shorter or longer than a frame can be is passed over without
 * being stored. Nor is the guest: {@link Martians} are lost. When it hangs up, the link goes down
 * for good and the log has a line.
 */
public final class StreamNet implements NetBackend {
  private static final int PREFIX = 4;
  private static final int READ_BUFFER = 1 << 18;

  private static final System.Logger LOG = System.getLogger("org.duvisor.virtio.net");

  private final String name;
  private final ByteChannel channel;
  private final ByteBuffer output = ByteBuffer.allocateDirect(PREFIX + MAX_FRAME);
  private final ByteBuffer input = ByteBuffer.allocateDirect(READ_BUFFER).flip();
  private volatile @Nullable Thread reader;
  private volatile boolean down;
  private volatile boolean closed;

  /**
   * A network behind a connected, blocking channel, which it closes.
   *
   * @param name for the log
   */
  public StreamNet(String name, ByteChannel channel) {
    this.name = name;
    this.channel = channel;
  }

  /**
   * Connects to a {@link java.net.UnixDomainSocketAddress} or {@link InetSocketAddress}.
   *
   * @throws IOException with one line for the user when nobody listens there
   */
  public static StreamNet connect(SocketAddress address) throws IOException {
    boolean tcp = address instanceof InetSocketAddress;
    if (address instanceof InetSocketAddress inet && inet.isUnresolved()) {
      throw new IOException("network: unknown host " + inet.getHostString());
    }
    try {
      SocketChannel channel = SocketChannel.open(address);
      if (tcp) {
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      }
      return new StreamNet(address.toString(), channel);
    } catch (IOException e) {
      throw new IOException("network: cannot connect to " + address + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void plug(Port port) {
    reader = Thread.ofPlatform().daemon().name("net " + name).start(() -> read(port));
  }

  @Override
  public boolean up() {
    return !down;
  }

  @Override
  public void send(ByteBuffer frame) {
    if (down || Martians.isOne(frame)) {
      return;
    }
    output.clear();
    output.putInt(frame.remaining()).put(frame).flip();
    try {
      while (output.hasRemaining()) {
        channel.write(output);
      }
    } catch (IOException e) {
      hangUp(e); // the reader finds the closed channel and takes the link down
    }
  }

  @Override
  public void room() {
    LockSupport.unpark(reader);
  }

  private void read(Port port) {
    try {
      while (!closed) {
        frame(port, Integer.toUnsignedLong(number()));
      }
    } catch (IOException e) {
      hangUp(e);
    } finally {
      port.link(false);
    }
  }

  private int number() throws IOException {
    need(PREFIX);
    return input.getInt();
  }

  private void frame(Port port, long length) throws IOException {
    if (length < MIN_FRAME || length > MAX_FRAME) {
      for (long left = length; left > 0; ) {
        need(1);
        int n = (int) Math.min(left, input.remaining());
        input.position(input.position() + n);
        left -= n;
      }
      return;
    }
    need((int) length);
    ByteBuffer frame = input.slice(input.position(), (int) length);
    while (!port.receive(frame) && !closed) {
      LockSupport.park(this);
      frame.rewind();
    }
    input.position(input.position() + (int) length);
  }

  /** Reads until {@code bytes} are there; they fit, being a prefix or a frame. */
  private void need(int bytes) throws IOException {
    if (input.remaining() >= bytes) {
      return;
    }
    input.compact();
    try {
      while (input.position() < bytes) {
        if (channel.read(input) < 0) {
          throw new EOFException("the peer hung up");
        }
      }
    } finally {
      input.flip();
    }
  }

  private synchronized void hangUp(IOException e) {
    if (down) {
      return;
    }
    down = true;
    if (!closed) {
      String why = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
      LOG.log(System.Logger.Level.WARNING, "network {0} is gone, the link is down: {1}", name, why);
    }
    closeChannel();
  }

  private void closeChannel() {
    try {
      channel.close();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "closing " + name, e);
    }
  }

  @Override
  public void close() {
    closed = true;
    closeChannel();
    LockSupport.unpark(reader);
  }
}
