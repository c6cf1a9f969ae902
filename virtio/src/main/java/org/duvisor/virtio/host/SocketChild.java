package org.duvisor.virtio.host;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/**
 * A program that has one end of a stream socket as its descriptor {@link #ITS_END}; this object is
 * the other end. Nothing of it has a name that others could find: no socket, folder or log in a
 * file system. The program gets no other descriptor of ours, no environment and no terminal; it is
 * meant to end with the connection, and is ended with {@link #close} at the latest.
 *
 * <p>What it prints goes to a pipe that no one empties: the first 64 KiB are kept for {@link
 * #lastLine}, what is more is lost.
 *
 * <p>One thread reads and one writes, buffers outside of the heap; any may close. The buffers of a
 * call must not be closed meanwhile.
 */
public final class SocketChild implements ByteChannel {
  /** The program's descriptor. */
  public static final int ITS_END = 3;

  private static final int AF_UNIX = 1;
  private static final int SOCK_STREAM = 1;
  private static final int SHUT_RDWR = 2;
  private static final int MSG_PEEK = 2;
  private static final int MSG_DONTWAIT = 0x40;
  private static final int MSG_NOSIGNAL = 0x4000;

  /** How many bytes the other end has not read yet. */
  private static final long SIOCOUTQ = 0x5411;

  private static final int EINTR = 4;
  private static final int EAGAIN = 11;
  private static final int WNOHANG = 1;
  private static final int SIGKILL = 9;
  private static final short SPAWN_SETSIGMASK_SETSID = 0x88;

  /** Room for posix_spawn_file_actions_t and posix_spawnattr_t, which are opaque. */
  private static final int OPAQUE = 1024;

  private static final int SAID_BYTES = 64 << 10;
  private static final long END_NANOS = 2_000_000_000L;
  private static final long POLL_NANOS = 2_000_000;

  /** Calls of one thread. */
  private static final class Calls extends Native {
    private static final MethodHandle SOCKETPAIR = find("socketpair", INT, INT, INT, INT, POINTER);
    private static final MethodHandle PIPE2 = find("pipe2", INT, POINTER, INT);
    private static final MethodHandle ACTIONS_INIT =
        find("posix_spawn_file_actions_init", INT, POINTER);
    private static final MethodHandle ADD_OPEN =
        find("posix_spawn_file_actions_addopen", INT, POINTER, INT, POINTER, INT, INT);
    private static final MethodHandle ADD_DUP2 =
        find("posix_spawn_file_actions_adddup2", INT, POINTER, INT, INT);
    private static final MethodHandle ATTRIBUTES_INIT = find("posix_spawnattr_init", INT, POINTER);
    private static final MethodHandle SET_FLAGS =
        find("posix_spawnattr_setflags", INT, POINTER, ValueLayout.JAVA_SHORT);
    private static final MethodHandle SPAWN =
        find("posix_spawnp", INT, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER);
    private static final MethodHandle WAITPID = find("waitpid", INT, INT, POINTER, INT);
    private static final MethodHandle KILL = find("kill", INT, INT, INT);
    private static final MethodHandle IOCTL = findVariadic(2, "ioctl", INT, INT, LONG, POINTER);
    private static final MethodHandle READ = find("read", LONG, INT, POINTER, LONG);
    private static final MethodHandle RECV = find("recv", LONG, INT, POINTER, LONG, INT);
    private static final MethodHandle SEND = find("send", LONG, INT, POINTER, LONG, INT);
    private static final MethodHandle SHUTDOWN = find("shutdown", INT, INT, INT);
    private static final MethodHandle CLOSE = find("close", INT, INT);

    /** In glibc since 2.34; the JVM's own files close by themselves where it is not. */
    private static final Optional<MethodHandle> ADD_CLOSE_FROM =
        has("posix_spawn_file_actions_addclosefrom_np")
            ? Optional.of(find("posix_spawn_file_actions_addclosefrom_np", INT, POINTER, INT))
            : Optional.empty();

    private final MemorySegment number = Arena.ofAuto().allocate(INT);

    private MemorySegment at() {
      return captured;
    }

    /** Calls, and again when a signal has cut it short. */
    private long repeat(Call call) throws Errno {
      while (true) {
        try {
          return check(call);
        } catch (Errno e) {
          if (e.number() != EINTR) {
            throw e;
          }
        }
      }
    }

    /** Two descriptors. */
    private int[] pair(Arena arena, boolean sockets) throws Errno {
      MemorySegment two = arena.allocate(INT, 2);
      check(
          () ->
              sockets
                  ? (int) SOCKETPAIR.invokeExact(captured, AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0, two)
                  : (int) PIPE2.invokeExact(captured, two, O_CLOEXEC | O_NONBLOCK));
      return new int[] {two.getAtIndex(INT, 0), two.getAtIndex(INT, 1)};
    }

    private int spawn(Arena arena, List<String> command, int socket, int output) throws Errno {
      MemorySegment actions = arena.allocate(OPAQUE, 16);
      MemorySegment attributes = arena.allocate(OPAQUE, 16);
      MemorySegment nothing = arena.allocateFrom("/dev/null");
      checkNumber(() -> (int) ACTIONS_INIT.invokeExact(captured, actions));
      checkNumber(() -> (int) ADD_OPEN.invokeExact(captured, actions, 0, nothing, O_RDONLY, 0));
      for (int[] copy : new int[][] {{output, 1}, {output, 2}, {socket, ITS_END}}) {
        checkNumber(() -> (int) ADD_DUP2.invokeExact(captured, actions, copy[0], copy[1]));
      }
      if (ADD_CLOSE_FROM.isPresent()) {
        checkNumber(() -> (int) ADD_CLOSE_FROM.get().invokeExact(captured, actions, ITS_END + 1));
      }
      checkNumber(() -> (int) ATTRIBUTES_INIT.invokeExact(captured, attributes));
      checkNumber(() -> (int) SET_FLAGS.invokeExact(captured, attributes, SPAWN_SETSIGMASK_SETSID));
      MemorySegment arguments = arena.allocate(POINTER, command.size() + 1L);
      for (int i = 0; i < command.size(); i++) {
        arguments.setAtIndex(POINTER, i, arena.allocateFrom(command.get(i)));
      }
      MemorySegment program = arguments.getAtIndex(POINTER, 0);
      MemorySegment environment = arena.allocate(POINTER);
      checkNumber(
          () ->
              (int)
                  SPAWN.invokeExact(
                      captured, number, program, actions, attributes, arguments, environment));
      return number.get(INT, 0);
    }

    /** Whether a child has ended; it is gone then. */
    private boolean ended(int child, boolean wait) {
      try {
        return check(() -> (int) WAITPID.invokeExact(captured, child, number, wait ? 0 : WNOHANG))
            != 0;
      } catch (Errno e) {
        return true; // it is no child of ours any more
      }
    }

    private void ignoreErrors(Call call) {
      try {
        check(call);
      } catch (Errno e) {
        // There is nothing more to do about it.
      }
    }

    private void close(int fd) {
      ignoreErrors(() -> (int) CLOSE.invokeExact(captured, fd));
    }
  }

  private final int socket;
  private final int output;
  private final int child;
  private final Calls reading = new Calls();
  private final Calls writing = new Calls();
  private final Calls control;

  /** Threads in a call, and one more until it is closed: the last one closes the socket. */
  private final AtomicInteger users = new AtomicInteger(1);

  private boolean childEnded;
  private volatile boolean closed;

  private SocketChild(Calls control, int socket, int output, int child) {
    this.control = control;
    this.socket = socket;
    this.output = output;
    this.child = child;
  }

  /**
   * Starts a program.
   *
   * @param command a name to be found in PATH, and arguments
   * @throws Errno with the number 2 (ENOENT) when there is no such program
   * @throws UnsupportedOperationException where the host is not Linux
   */
  public static SocketChild start(List<String> command) throws Errno {
    if (!Native.isLinux()) {
      throw new UnsupportedOperationException("not Linux");
    }
    Calls calls = new Calls();
    try (Arena arena = Arena.ofConfined()) {
      int[] sockets = calls.pair(arena, true);
      int[] pipe = {-1, -1};
      int child = 0;
      try {
        pipe = calls.pair(arena, false);
        child = calls.spawn(arena, command, sockets[1], pipe[1]);
        return new SocketChild(calls, sockets[0], pipe[0], child);
      } finally {
        calls.close(sockets[1]);
        calls.close(pipe[1]);
        if (child == 0) {
          calls.close(sockets[0]);
          calls.close(pipe[0]);
        }
      }
    }
  }

  /** Whether the program has read everything that was written, and still has its end. */
  public synchronized boolean hasReadAll() throws IOException {
    enter();
    try {
      control.check(
          () -> (int) Calls.IOCTL.invokeExact(control.at(), socket, SIOCOUTQ, control.number));
      return control.number.get(ValueLayout.JAVA_INT, 0) == 0 && connected();
    } catch (Errno e) {
      throw new IOException(e);
    } finally {
      leave();
    }
  }

  /** Looks whether there is something to read: the end of the stream is. */
  private boolean connected() {
    try {
      return control.check(
              () ->
                  (long)
                      Calls.RECV.invokeExact(
                          control.at(), socket, control.number, 1L, MSG_PEEK | MSG_DONTWAIT))
          > 0;
    } catch (Errno e) {
      return e.number() == EAGAIN;
    }
  }

  /** Whether the program has ended. */
  public synchronized boolean ended() {
    childEnded = childEnded || control.ended(child, false);
    return childEnded;
  }

  /** The last line that the program printed and {@code kept} accepts; what it printed is gone. */
  public synchronized Optional<String> lastLine(Predicate<String> kept) {
    if (closed) {
      return Optional.empty();
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment room = arena.allocate(SAID_BYTES);
      long bytes =
          control.check(
              () -> (long) Calls.READ.invokeExact(control.at(), output, room, (long) SAID_BYTES));
      byte[] said = room.asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE);
      return new String(said, StandardCharsets.UTF_8)
          .lines()
          .filter(kept)
          .reduce((_, last) -> last);
    } catch (Errno e) {
      return Optional.empty(); // it said nothing
    }
  }

  @Override
  public int read(ByteBuffer into) throws IOException {
    long bytes =
        transfer(
            reading,
            into,
            (calls, memory) ->
                (long) Calls.RECV.invokeExact(calls.at(), socket, memory, memory.byteSize(), 0));
    return bytes == 0 && into.hasRemaining() ? -1 : (int) bytes;
  }

  @Override
  public int write(ByteBuffer from) throws IOException {
    return (int)
        transfer(
            writing,
            from,
            (calls, memory) ->
                (long)
                    Calls.SEND.invokeExact(
                        calls.at(), socket, memory, memory.byteSize(), MSG_NOSIGNAL));
  }

  /** A call that moves bytes; how many. */
  @FunctionalInterface
  private interface Transfer {
    long run(Calls calls, MemorySegment memory) throws Throwable;
  }

  private long transfer(Calls calls, ByteBuffer buffer, Transfer transfer) throws IOException {
    enter();
    try {
      MemorySegment memory = MemorySegment.ofBuffer(buffer);
      long bytes = calls.repeat(() -> transfer.run(calls, memory));
      buffer.position(buffer.position() + (int) bytes);
      return bytes;
    } catch (Errno e) {
      throw closed ? new ClosedChannelException() : new IOException("the connection broke", e);
    } finally {
      leave();
    }
  }

  private void enter() throws ClosedChannelException {
    if (users.getAndUpdate(n -> n == 0 ? 0 : n + 1) == 0) {
      throw new ClosedChannelException();
    }
  }

  private void leave() {
    if (users.decrementAndGet() == 0) {
      new Calls().close(socket);
    }
  }

  @Override
  public boolean isOpen() {
    return !closed;
  }

  /**
   * Ends the connection, whoever waits for it, and the program: with some patience, and then
   * without. Idempotent.
   */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    control.ignoreErrors(() -> (int) Calls.SHUTDOWN.invokeExact(control.at(), socket, SHUT_RDWR));
    leave();
    long deadline = System.nanoTime() + END_NANOS;
    while (!ended() && System.nanoTime() - deadline < 0) {
      LockSupport.parkNanos(POLL_NANOS);
    }
    if (!ended()) {
      control.ignoreErrors(() -> (int) Calls.KILL.invokeExact(control.at(), child, SIGKILL));
      control.ended(child, true);
    }
    control.close(output);
  }
}
