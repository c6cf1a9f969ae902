package org.duvisor.devices;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.duvisor.devices.chardev.ScriptedBackend;
import org.duvisor.devices.fdt.Node;
import org.junit.jupiter.api.Test;

/** The UART as the drivers of Linux (8250) and OpenSBI see it. */
class Ns16550Test {
  private final ScriptedBackend host = new ScriptedBackend();
  private final TestLine irq = new TestLine();
  private final Ns16550 uart = new Ns16550(host, irq, 3_686_400);

  private int in(int register) {
    return (int) uart.read(register, 1);
  }

  private void out(int register, int value) {
    uart.write(register, 1, value);
  }

  /** What a driver does to open the port, including reads whose results it throws away. */
  private void openAsLinux() {
    out(2, 1);
    out(2, 7);
    out(2, 0);
    in(5);
    in(0);
    in(2);
    in(6);
    out(3, 3);
    out(4, 0x0b);
    out(1, 2);
    in(5);
    in(2);
    out(1, 0);
    in(5);
    in(0);
    in(2);
    in(6);
    out(2, 0x81);
    out(1, 5);
  }

  @Test
  void probeFindsA16550A() {
    out(1, 0);
    assertEquals(0, in(1) & 0x0f);
    out(1, 0x0f);
    assertEquals(0x0f, in(1));
    out(1, 0);
    out(4, 0x1a);
    assertEquals(0x90, in(6) & 0xf0, "loopback: RTS and OUT2 come back as CTS and DCD");
    out(4, 0);
    out(3, 0xbf);
    out(2, 0);
    out(3, 0);
    out(2, 1);
    assertEquals(3, in(2) >> 6, "FIFOs work");
    out(3, 0x80);
    assertTrue(in(2) != 0, "no EFR as on a 16650");
    out(3, 0xbf);
    assertTrue(in(2) != 0, "no EFR as on a 16850");
    out(3, 0);
    out(2, 0x21);
    assertEquals(6, in(2) >> 5, "no 64-byte FIFO");
    out(1, 0x40);
    assertEquals(0, in(1), "no XScale UUE bit");
    for (int v : new int[] {0x55, 0xaa}) {
      out(7, v);
      assertEquals(v, in(7));
    }
  }

  @Test
  void divisorLatchIsReachedThroughDlabOnly() {
    out(3, 0x83);
    out(0, 0x34);
    out(1, 0x12);
    assertEquals(0x34, in(0));
    assertEquals(0x12, in(1));
    out(3, 3);
    assertEquals(0, in(1));
    assertEquals("", host.output());
  }

  @Test
  void transmitInterruptIsRaisedByEnablingAndByWritingAndClearedByIir() {
    out(2, 1);
    assertEquals(0xc1, in(2));
    out(1, 2);
    assertTrue(irq.high);
    assertEquals(0xc2, in(2));
    assertFalse(irq.high);
    assertEquals(0xc1, in(2));
    out(1, 0);
    out(1, 2);
    assertTrue(
        irq.high,
        "enabling again with an empty transmitter raises it again (the driver tests that)");
    in(2);
    out(0, 'x');
    assertTrue(irq.high);
    assertEquals(0x60, in(5) & 0x60);
    assertEquals("x", host.output());
    out(1, 0);
    assertFalse(irq.high);
  }

  @Test
  void openingThePortLosesNoInput() {
    host.type("hello");
    assertFalse(irq.high);
    openAsLinux();
    assertTrue(irq.high);
    StringBuilder got = new StringBuilder();
    while ((in(5) & 1) != 0) {
      got.append((char) in(0));
    }
    assertEquals("hello", got.toString());
    assertFalse(irq.high);
  }

  @Test
  void pollingWithoutAnyInitialisationReceives() {
    host.type("ab");
    StringBuilder got = new StringBuilder();
    for (int i = 0; i < 20; i++) {
      if ((in(5) & 1) != 0) {
        got.append((char) in(0));
      }
    }
    assertEquals("ab", got.toString());
  }

  @Test
  void receiveInterruptTellsTriggerLevelOrTimeout() {
    out(2, 0x81); // trigger at 8
    out(1, 1);
    host.type("1234567");
    assertTrue(irq.high);
    assertEquals(0xcc, in(2));
    host.type("8");
    in(0);
    host.type("9");
    assertEquals(0xc4, in(2));
    for (char c = '2'; c <= '9'; c++) {
      assertEquals(c, in(0));
    }
    assertFalse(irq.high);
    assertEquals(0, in(0));
  }

  @Test
  void inputOfAnySizePassesThroughUnchanged() {
    openAsLinux();
    String text = "0123456789abcdef!".repeat(1000);
    host.type(text);
    StringBuilder got = new StringBuilder();
    while (irq.high) {
      got.append((char) in(0));
    }
    assertEquals(text, got.toString());
  }

  @Test
  void droppingRtsHoldsInputBack() {
    openAsLinux();
    out(4, 0x09);
    host.type("x");
    assertFalse(irq.high);
    out(4, 0x0b);
    assertTrue(irq.high);
    assertEquals('x', in(0));
  }

  @Test
  void loopbackReturnsBytesAndOverrunsWhenFull() {
    out(2, 1);
    out(4, 0x10);
    host.type("not seen");
    out(1, 4);
    for (int i = 0; i < 17; i++) {
      out(0, 'A' + i);
    }
    assertTrue(irq.high);
    assertEquals(0xc6, in(2));
    assertEquals(0x63, in(5));
    assertEquals(0x61, in(5), "reading LSR clears the overrun");
    assertFalse(irq.high);
    for (int i = 0; i < 16; i++) {
      assertEquals('A' + i, in(0));
    }
    assertEquals(0x60, in(5));
    assertEquals("", host.output());
  }

  @Test
  void modemLinesAreReadyAndTellChanges() {
    assertEquals(0xb0, in(6));
    out(1, 8);
    out(4, 0x14);
    assertTrue(irq.high);
    assertEquals(0x40 | 0xb, in(6), "CTS, DSR and DCD fell");
    assertFalse(irq.high);
    out(4, 0x10);
    assertEquals(0x04, in(6), "trailing edge of RI");
  }

  @Test
  void resetForgetsEverything() {
    openAsLinux();
    host.type("x");
    assertTrue(irq.high);
    uart.reset();
    assertFalse(irq.high);
    assertEquals(0, in(1));
    assertEquals(0, in(3));
    assertEquals(1, in(2));
    assertEquals(1, host.flushes());
  }

  @Test
  void describesItselfAsQemuDoes() {
    Node soc = new Node("soc");
    uart.describe(soc, 0x1000_0000L, 10, 5);
    Node node = soc.find("serial@10000000").orElseThrow();
    assertEquals(
        "ns16550a\0",
        new String(node.property("compatible").orElseThrow(), StandardCharsets.US_ASCII));
    assertEquals(16, node.property("reg").orElseThrow().length);
    assertEquals(10, node.property("interrupts").orElseThrow()[3]);
    assertEquals(5, node.property("interrupt-parent").orElseThrow()[3]);
  }

  /** MIT's xv6 of 2022 looks at LSR in its handler and never at IIR. */
  @Test
  void aDriverThatNeverReadsIirIsInterruptedOnceForEachNews() {
    var supervisor = new TestLine();
    var plic = new Plic(95, List.of(new Plic.Context(supervisor, 1, 9)));
    var port = new Ns16550(host, plic.source(10), 3_686_400);
    plic.write(4 * 10, 4, 1);
    plic.write(0x2000, 4, 1 << 10);
    port.write(2, 1, 7);
    port.write(1, 1, 3);
    assertServed(plic, supervisor, port, "the transmitter is empty");
    port.write(0, 1, 'x');
    port.write(0, 1, 'y');
    assertServed(plic, supervisor, port, "it is again");
    host.type("ab");
    assertTrue(supervisor.high, "input");
    assertEquals(10, plic.read(0x20_0004, 4));
    assertEquals('a', port.read(0, 1));
    plic.write(0x20_0004, 4, 10);
    assertTrue(supervisor.high, "more input");
    assertEquals(10, plic.read(0x20_0004, 4));
    assertEquals('b', port.read(0, 1));
    plic.write(0x20_0004, 4, 10);
    assertServed(plic, supervisor, port, "only the transmitter is left: told at the last read");
    assertEquals(0xc2, port.read(2, 1), "which IIR still says");
  }

  private static void assertServed(Plic plic, TestLine supervisor, Ns16550 port, String why) {
    assertTrue(supervisor.high, why);
    assertEquals(10, plic.read(0x20_0004, 4));
    port.read(5, 1);
    plic.write(0x20_0004, 4, 10);
    assertFalse(supervisor.high, "nothing since");
    port.read(5, 1);
    assertFalse(supervisor.high, "nothing since");
  }
}
