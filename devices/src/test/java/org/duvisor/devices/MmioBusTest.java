package org.duvisor.devices;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.duvisor.devices.fdt.Node;
import org.junit.jupiter.api.Test;

class MmioBusTest {
  /** A device of some length without registers. */
  private static final class Blank extends Device {
    private final long size;

    Blank(long size) {
      this.size = size;
    }

    @Override
    public long size() {
      return size;
    }

    @Override
    public long read(long offset, int width) {
      return 0;
    }

    @Override
    public void write(long offset, int width, long value) {}

    @Override
    public void reset() {}

    @Override
    public void snapshot(Snapshot s) {}

    @Override
    public void describe(Node soc, long base, int irq, int plic) {}
  }

  @Test
  void findsTheWindowThatHoldsTheWholeAccess() {
    MmioBus bus = new MmioBus();
    Device device = new Blank(0x100);
    bus.add(0x1000, device, 3);
    MmioBus.Window window = bus.find(0x10ff, 1);
    assertNotNull(window);
    assertEquals(device, window.device());
    assertNotNull(bus.find(0x10f8, 8));
    assertNull(bus.find(0x10fc, 8));
    assertNull(bus.find(0xfff, 1));
    assertNull(bus.find(0x1100, 1));
    assertNull(bus.find(-1, 1));
  }

  @Test
  void anObserverSeesAccessesAfterTheDevice() {
    MmioBus bus = new MmioBus();
    bus.add(0x1000, new Blank(0x100), 3);
    MmioBus.Window window = bus.find(0x1010, 4);
    assertNotNull(window);
    StringBuilder seen = new StringBuilder();
    bus.observer(
        (w, offset, width, write, value) ->
            seen.append(write ? " w " : " r ").append(offset).append(' ').append(value));
    bus.write(window, 0x1010, 4, 7);
    assertEquals(0, bus.read(window, 0x1020, 4));
    bus.observer(null);
    bus.write(window, 0x1010, 4, 8);
    assertEquals(" w 16 7 r 32 0", seen.toString());
  }

  /** As a board has it: the controller first, for the others need its lines. */
  @Test
  void anInterruptDoesNotSurviveTheResetOfItsDevice() {
    Plic plic = new Plic(40, List.of(new Plic.Context(new TestLine(), 1, 9)));
    IrqLine line = plic.source(9);
    Device device =
        new Device() {
          @Override
          public long size() {
            return 8;
          }

          @Override
          public long read(long offset, int width) {
            return 0;
          }

          @Override
          public void write(long offset, int width, long value) {
            line.set(true);
          }

          @Override
          public void reset() {
            line.set(false);
          }

          @Override
          public void snapshot(Snapshot s) {}

          @Override
          public void describe(Node soc, long base, int irq, int controller) {}
        };
    MmioBus bus = new MmioBus();
    bus.add(0, plic, 0);
    bus.add(plic.size(), device, 9);
    device.write(0, 1, 0);
    assertEquals(1 << 9, plic.read(0x1000, 4));
    bus.reset();
    assertEquals(0, plic.read(0x1000, 4));
  }

  @Test
  void refusesOverlappingAndShortWindows() {
    MmioBus bus = new MmioBus();
    bus.add(0x1000, new Blank(0x1000), 0);
    assertThrows(IllegalArgumentException.class, () -> bus.add(0x1800, new Blank(0x1000), 0));
    assertThrows(IllegalArgumentException.class, () -> bus.add(0x800, new Blank(0x1000), 0));
    assertThrows(IllegalArgumentException.class, () -> bus.add(0x8000, new Blank(4), 0));
    bus.add(0x2000, new Blank(0x1000), 0);
    assertEquals(2, bus.windows().length);
  }

  /**
   * Adversary: a guest that hands devices addresses at the edges of RAM and of the address space.
   */
  @Test
  void guestMemoryRefusesWhatIsNotRam() {
    MemorySegment ram = Arena.ofAuto().allocate(0x1000);
    GuestMemory memory = new GuestMemory(List.of(new GuestMemory.Region(0x8000_0000L, ram)));
    assertNotNull(memory.slice(0x8000_0000L, 0x1000));
    assertNotNull(memory.slice(0x8000_1000L, 0));
    assertNull(memory.slice(0x8000_0001L, 0x1000));
    assertNull(memory.slice(0x7fff_ffffL, 2));
    assertNull(memory.slice(0x8000_0000L, -1));
    assertNull(memory.slice(0x8000_0000L, Long.MAX_VALUE));
    assertNull(memory.slice(-1, 2));
    assertNull(memory.slice(Long.MIN_VALUE, Long.MAX_VALUE));
  }
}
