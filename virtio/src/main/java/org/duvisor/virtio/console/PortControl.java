package org.duvisor.virtio.console;

import java.lang.foreign.MemorySegment;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;
import org.duvisor.devices.Snapshot;
import org.duvisor.virtio.Buffers;
import org.duvisor.virtio.Chain;
import org.duvisor.virtio.Virtqueue;

/**
 * The control queues (5.3.6.2) of a console with one port, which is there from the start. What they
 * are for: the driver says when it has opened the port, and so when input is not lost any more.
 *
 * <p>What is to be said to the driver is a set of flags, so a driver that asks again and again, and
 * never makes room, costs nothing.
 */
final class PortControl {
  private static final int MESSAGE = 8;

  /** Columns and rows behind the message. */
  private static final int SIZE = 4;

  private static final int DEVICE_READY = 0;
  private static final int PORT_ADD = 1;
  private static final int PORT_READY = 3;
  private static final int CONSOLE_PORT = 4;
  private static final int RESIZE = 5;
  private static final int PORT_OPEN = 6;
  private static final int PORT_NAME = 7;

  /** The device's messages in the order they are sent. */
  private static final int[] SENT = {PORT_ADD, CONSOLE_PORT, RESIZE, PORT_NAME, PORT_OPEN};

  private final Virtqueue toDriver;
  private final Virtqueue fromDriver;
  private final Chain out;
  private final Chain in;
  private final BooleanSupplier live;
  private final IntSupplier size;
  private final byte[] name;
  private final int whenReady;
  private int owed;
  private volatile boolean ready;
  private volatile boolean open;

  /**
   * The control of one session.
   *
   * @param name of the port; empty for a console's
   * @param sized whether the driver wants to know the size
   * @param size of the console: columns, and rows &lt;&lt; 16
   * @param live whether this is still the session; asked under a queue's monitor, for a thread may
   *     come late
   */
  PortControl(
      Virtqueue toDriver,
      Virtqueue fromDriver,
      byte[] name,
      boolean sized,
      IntSupplier size,
      BooleanSupplier live) {
    this.name = name;
    int kind = name.length == 0 ? 1 << CONSOLE_PORT : 1 << PORT_NAME;
    this.whenReady = kind | 1 << PORT_OPEN | (sized ? 1 << RESIZE : 0);
    this.size = size;
    this.live = live;
    this.toDriver = toDriver;
    this.fromDriver = fromDriver;
    this.out = toDriver.newChain();
    this.in = fromDriver.newChain();
  }

  /** Whether the driver has the port open. */
  boolean open() {
    return open;
  }

  /** Saves or restores what was said. */
  void snapshot(Snapshot s) {
    synchronized (toDriver) {
      owed = s.number(owed, 0, (1 << PORT_NAME + 1) - 1);
    }
    ready = s.flag(ready);
    open = s.flag(open);
  }

  /** Takes the driver's messages. */
  void listen() {
    synchronized (fromDriver) {
      while (live.getAsBoolean() && fromDriver.next(in)) {
        Buffers message = in.readable();
        if (message.size() < MESSAGE) {
          fromDriver.violated("a control message that is cut short");
          return;
        }
        hear((int) message.readNumber(4), (int) message.readNumber(2), (int) message.readNumber(2));
        fromDriver.used(in.head(), 0);
      }
      fromDriver.publish();
    }
    speak();
  }

  private void hear(int port, int event, int value) {
    switch (event) {
      case DEVICE_READY -> owe(value == 1 ? 1 << PORT_ADD : 0);
      case PORT_READY -> {
        if (port == 0 && value == 1) {
          ready = true; // before the size is said: a change is either in it or owed
          owe(whenReady);
        }
      }
      case PORT_OPEN -> open = port == 0 ? value == 1 : open;
      default -> {}
    }
  }

  private void owe(int events) {
    synchronized (toDriver) {
      owed |= events;
    }
  }

  /**
   * Says the size again, which has changed. Linux does not look for it in the configuration of a
   * console with ports.
   */
  void resized() {
    if (ready) {
      owe(1 << RESIZE);
      speak();
    }
  }

  /** Sends what is owed, as far as there is room. */
  void speak() {
    synchronized (toDriver) {
      for (int event : SENT) {
        if ((owed >>> event & 1) != 0) {
          if (!live.getAsBoolean() || !toDriver.next(out)) {
            break;
          }
          Buffers message = out.writable();
          if (message.size() < MESSAGE) {
            toDriver.violated("a control buffer without room");
            return;
          }
          owed &= ~(1 << event);
          int length =
              switch (event) {
                case RESIZE -> MESSAGE + SIZE;
                case PORT_NAME -> MESSAGE + name.length;
                default -> MESSAGE;
              };
          if (message.size() < length) {
            toDriver.giveBack(1); // a driver that does not expect the size, or the name
            continue;
          }
          message.writeNumber(4, 0);
          message.writeNumber(2, event);
          message.writeNumber(2, 1);
          if (event == RESIZE) {
            message.writeNumber(SIZE, size.getAsInt());
          } else if (event == PORT_NAME) {
            message.write(MemorySegment.ofArray(name), 0, name.length);
          }
          toDriver.used(out.head(), length);
        }
      }
      toDriver.publish();
    }
  }
}
