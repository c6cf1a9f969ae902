package org.duvisor.devices;

import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.devices.fdt.Node;

/**
 * The National Semiconductor 16550A UART (data sheet PC16550D), registers one byte apart.
 * Transmission takes no time, so the transmitter is always empty; a receive timeout is due as soon
 * as a byte waits below the trigger level.
 *
 * <p>Received bytes stay with the backend until the guest asks, which makes input lossless:
 *
 * <ul>
 *   <li>The line is idle after reset, after the receiver was cleared, and after the receive
 *       interrupt was disabled, until the guest shows that it listens: it enables the receive
 *       interrupt, or reads LSR several times in a row. A driver that clears the FIFOs and reads
 *       RBR to discard what is there, as drivers do when they open the port, so loses nothing.
 *   <li>Once the guest has asserted RTS, deasserting it holds input back.
 * </ul>
 */
public final class Ns16550 extends Device {
  private static final int WINDOW_BYTES = 0x100;
  private static final int FIFO_BYTES = 16;
  private static final int POLLS_THAT_LISTEN = 4;

  // Register offsets (data sheet table II). With LCR.DLAB, 0 and 1 are the divisor latch.
  private static final int RBR_THR = 0;
  private static final int IER = 1;
  private static final int IIR_FCR = 2;
  private static final int LCR = 3;
  private static final int MCR = 4;
  private static final int LSR = 5;
  private static final int SCR = 7;

  private static final int IER_RECEIVE = 1;
  private static final int IER_TRANSMIT = 2;
  private static final int IER_LINE = 4;
  private static final int IER_MODEM = 8;

  private static final int IIR_NONE = 1;
  private static final int IIR_MODEM = 0;
  private static final int IIR_TRANSMIT = 2;
  private static final int IIR_RECEIVE = 4;
  private static final int IIR_LINE = 6;
  private static final int IIR_TIMEOUT = 12;
  private static final int IIR_FIFOS = 0xc0;

  private static final int FCR_ENABLE = 1;
  private static final int FCR_CLEAR_RECEIVER = 2;
  private static final int LCR_DLAB = 0x80;

  private static final int MCR_DTR = 1;
  private static final int MCR_RTS = 2;
  private static final int MCR_OUT1 = 4;
  private static final int MCR_OUT2 = 8;
  private static final int MCR_LOOP = 16;

  private static final int LSR_DATA = 1;
  private static final int LSR_OVERRUN = 2;
  private static final int LSR_TRANSMITTER_EMPTY = 0x60;

  private static final int MSR_CTS = 0x10;
  private static final int MSR_DSR = 0x20;
  private static final int MSR_RI = 0x40;
  private static final int MSR_DCD = 0x80;

  /** IER, LCR, MCR and SCR, a bit for each. */
  private static final int HOLDING = 1 << IER | 1 << LCR | 1 << MCR | 1 << SCR;

  private static final int[] TRIGGER = {1, 4, 8, 14};

  private final CharBackend backend;
  private final IrqLine irq;
  private final int clockHz;

  private final byte[] fifo = new byte[FIFO_BYTES];
  private int head;
  private int count;
  private volatile int ier;
  private int fcr;
  private volatile int lcr;
  private volatile int mcr;
  private volatile int scr;
  private volatile int divisor;
  private int modemDeltas;
  private boolean overrun;
  private boolean transmitDue;
  private boolean listening;
  private boolean rtsUsed;
  private int polls;
  private boolean level;

  /** Something has happened that may be a reason for an interrupt, or the end of one. */
  private boolean news;

  /**
   * A UART.
   *
   * @param backend where output goes and input comes from; this device becomes its listener
   * @param irq the interrupt output
   * @param clockHz the input clock the device tree tells, 16 times the highest baud rate; it
   *     changes no timing
   */
  public Ns16550(CharBackend backend, IrqLine irq, int clockHz) {
    this.backend = backend;
    this.irq = irq;
    this.clockHz = clockHz;
    backend.onInput(this::inputArrived);
  }

  @Override
  public long size() {
    return WINDOW_BYTES;
  }

  /**
   * Reads a register, whatever the width: like the bus of the part, only the low byte is there.
   * Those that only hold what was written need no lock.
   */
  @Override
  public long read(long offset, int width) {
    if (offset < 0 || offset > SCR) {
      return 0;
    }
    int register = (int) offset;
    if ((1 << register & HOLDING) == 0) {
      return status(register);
    }
    polls = 0;
    return switch (register) {
      case IER -> dlab() ? divisor >>> 8 : ier;
      case LCR -> lcr;
      case MCR -> mcr;
      default -> scr;
    };
  }

  private synchronized int status(int register) {
    if (register != LSR) {
      polls = 0;
    }
    int value =
        switch (register) {
          case RBR_THR -> dlab() ? divisor & 0xff : receive();
          case IIR_FCR -> identify();
          case LSR -> lineStatus();
          default -> modemStatus(); // MSR
        };
    if (news) {
      update();
    }
    return value;
  }

  /**
   * Writes a register, whatever the width: like the bus of the part, only the low byte is there.
   */
  @Override
  public void write(long offset, int width, long value) {
    polls = 0;
    int v = (int) value & 0xff;
    if (offset == SCR) {
      scr = v;
    } else if (offset >= 0 && offset < SCR) {
      command((int) offset, v);
    }
  }

  private synchronized void command(int register, int v) {
    switch (register) {
      case RBR_THR -> {
        if (dlab()) {
          divisor = divisor & 0xff00 | v;
        } else {
          transmit(v);
        }
      }
      case IER -> {
        if (dlab()) {
          divisor = divisor & 0xff | v << 8;
        } else {
          enable(v & 0xf);
        }
      }
      case IIR_FCR -> control(v);
      case LCR -> lcr = v;
      case MCR -> modemControl(v & 0x1f);
      default -> {} // LSR and MSR are read-only.
    }
    news = register != LCR;
    update();
  }

  @Override
  public synchronized void reset() {
    head = 0;
    count = 0;
    ier = 0;
    fcr = 0;
    lcr = 0;
    mcr = 0;
    scr = 0;
    divisor = 0;
    modemDeltas = 0;
    overrun = false;
    transmitDue = false;
    listening = false;
    rtsUsed = false;
    polls = 0;
    backend.flush();
    update();
  }

  @Override
  public synchronized void snapshot(Snapshot s) {
    s.section("the UART");
    s.bytes(fifo);
    head = s.number(head, 0, FIFO_BYTES - 1);
    count = s.number(count, 0, FIFO_BYTES);
    ier = s.number(ier, 0, 0xf);
    fcr = s.number(fcr, 0, 0xff);
    lcr = s.number(lcr, 0, 0xff);
    mcr = s.number(mcr, 0, 0x1f);
    scr = s.number(scr, 0, 0xff);
    divisor = s.number(divisor, 0, 0xffff);
    modemDeltas = s.number(modemDeltas, 0, 0xf);
    overrun = s.flag(overrun);
    transmitDue = s.flag(transmitDue);
    listening = s.flag(listening);
    rtsUsed = s.flag(rtsUsed);
    polls = s.bits(polls);
    level = s.flag(level);
    news = s.flag(news);
  }

  @Override
  public void describe(Node soc, long base, int interrupt, int plic) {
    Node node = soc.child("serial@" + Long.toHexString(base));
    node.strings("compatible", "ns16550a")
        .longs("reg", base, WINDOW_BYTES)
        .cells("clock-frequency", clockHz);
    if (interrupt != 0) {
      node.cells("interrupt-parent", plic).cells("interrupts", interrupt);
    }
  }

  private synchronized void inputArrived() {
    update();
  }

  private boolean dlab() {
    return (lcr & LCR_DLAB) != 0;
  }

  private boolean fifosOn() {
    return (fcr & FCR_ENABLE) != 0;
  }

  private boolean loopback() {
    return (mcr & MCR_LOOP) != 0;
  }

  /** RBR: the oldest byte received, 0 when there is none. */
  private int receive() {
    if (available() == 0) {
      return 0;
    }
    int value = fifo[head] & 0xff;
    head = (head + 1) % FIFO_BYTES;
    count--;
    news = true;
    return value;
  }

  /** Bytes the guest can see: what came in before it cleared the receiver waits with the line. */
  private int available() {
    return listening || loopback() ? count : 0;
  }

  /** Fills the FIFO from the backend as far as it and the flow control allow. */
  private void fill() {
    int capacity = fifosOn() ? FIFO_BYTES : 1;
    boolean held = !listening || loopback() || rtsUsed && (mcr & MCR_RTS) == 0;
    while (!held && count < capacity) {
      int tail = (head + count) % FIFO_BYTES;
      int n = backend.receive(fifo, tail, Math.min(capacity - count, FIFO_BYTES - tail));
      if (n <= 0) {
        break;
      }
      count += n;
      news = true;
    }
  }

  private void transmit(int value) {
    transmitDue = true;
    if (!loopback()) {
      backend.transmit((byte) value);
    } else if (count < (fifosOn() ? FIFO_BYTES : 1)) {
      fifo[(head + count) % FIFO_BYTES] = (byte) value;
      count++;
    } else {
      overrun = true;
    }
  }

  /** IER: enabling the transmit interrupt while the transmitter is empty raises it again. */
  private void enable(int value) {
    if ((value & ~ier & IER_TRANSMIT) != 0) {
      transmitDue = true;
    }
    if (((value ^ ier) & IER_RECEIVE) != 0) {
      listening = (value & IER_RECEIVE) != 0; // off again: a driver that only tried the register
    }
    ier = value;
  }

  private int pendingInterrupt() {
    if ((ier & IER_LINE) != 0 && overrun) {
      return IIR_LINE;
    }
    if ((ier & IER_RECEIVE) != 0 && available() > 0) {
      return !fifosOn() || count >= TRIGGER[fcr >>> 6] ? IIR_RECEIVE : IIR_TIMEOUT;
    }
    if ((ier & IER_TRANSMIT) != 0 && transmitDue) {
      return IIR_TRANSMIT;
    }
    if ((ier & IER_MODEM) != 0 && modemDeltas != 0) {
      return IIR_MODEM;
    }
    return IIR_NONE;
  }

  /** IIR: reading it clears the transmit interrupt when that is the one it tells. */
  private int identify() {
    int pending = pendingInterrupt();
    if (pending == IIR_TRANSMIT) {
      transmitDue = false;
      news = true;
    }
    return pending | (fifosOn() ? IIR_FIFOS : 0);
  }

  /** FCR: its other bits count only with the enable bit, and changing that clears the FIFOs. */
  private void control(int value) {
    boolean on = (value & FCR_ENABLE) != 0;
    if (on != fifosOn() || on && (value & FCR_CLEAR_RECEIVER) != 0) {
      if (loopback()) {
        head = 0;
        count = 0;
      }
      listening = (ier & IER_RECEIVE) != 0;
    }
    fcr = on ? value & (FCR_ENABLE | 0xc0) : 0;
  }

  private int lineStatus() {
    if (!listening && ++polls >= POLLS_THAT_LISTEN) {
      listening = true;
      fill();
    }
    int value =
        LSR_TRANSMITTER_EMPTY | (available() > 0 ? LSR_DATA : 0) | (overrun ? LSR_OVERRUN : 0);
    news |= overrun;
    overrun = false;
    return value;
  }

  /** The modem inputs: in loopback the modem outputs, else a modem that is always ready. */
  private int modemInputs() {
    if (!loopback()) {
      return MSR_CTS | MSR_DSR | MSR_DCD;
    }
    return ((mcr & MCR_RTS) != 0 ? MSR_CTS : 0)
        | ((mcr & MCR_DTR) != 0 ? MSR_DSR : 0)
        | ((mcr & MCR_OUT1) != 0 ? MSR_RI : 0)
        | ((mcr & MCR_OUT2) != 0 ? MSR_DCD : 0);
  }

  private void modemControl(int value) {
    int before = modemInputs();
    mcr = value;
    rtsUsed |= (value & (MCR_RTS | MCR_LOOP)) == MCR_RTS;
    int after = modemInputs();
    int changed = before ^ after;
    // The ring indicator's delta is its trailing edge; the others tell any change.
    modemDeltas |= (changed & (MSR_CTS | MSR_DSR | MSR_DCD) | changed & before & MSR_RI) >>> 4;
  }

  private int modemStatus() {
    int value = modemInputs() | modemDeltas;
    news = modemDeltas != 0;
    modemDeltas = 0;
    return value;
  }

  /**
   * Takes waiting input and drives the interrupt line after any change; high again with every news,
   * for a driver need not have ended what it was told before.
   */
  private void update() {
    fill();
    boolean now = pendingInterrupt() != IIR_NONE;
    if (now != level || now && news) {
      level = now;
      irq.set(now);
    }
    news = false;
  }
}
