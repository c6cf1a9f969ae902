package org.duvisor.devices.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class BootLayoutTest {
  private static final long RAM = 0x8000_0000L;
  private static final long MIB = 1 << 20;

  @Property
  void partsLieInRamInOrder(
      @ForAll @LongRange(max = 6L << 30) long ram,
      @ForAll @LongRange(max = 64 << 20) long kernel,
      @ForAll @LongRange(max = 1 << 30) long initrd,
      @ForAll @LongRange(max = 1 << 20) long dtb) {
    BootLayout b;
    try {
      b = BootLayout.place(RAM, ram, 2 * MIB, kernel, initrd, dtb);
    } catch (ImageException e) {
      assertTrue(e.getMessage().startsWith("RAM of "));
      assertFalse(e.getMessage().contains("\n"));
      assertTrue(ram < 2 * MIB + kernel + initrd + dtb + MIB, "refused although there is room");
      return;
    }
    assertEquals(RAM + 2 * MIB, b.kernel());
    assertTrue(b.kernelEnd() >= b.kernel() + kernel);
    assertTrue(b.initrd() >= b.kernelEnd());
    assertEquals(initrd, b.initrdEnd() - b.initrd());
    assertTrue(b.dtb() >= b.initrdEnd());
    assertTrue(dtb == 0 || b.dtbEnd() - b.dtb() >= dtb + 4096, "firmware can grow the tree");
    assertTrue(b.dtbEnd() <= RAM + ram);
    assertEquals(0, b.initrd() % 4096);
    assertEquals(0, b.dtb() % 8);
  }

  @Test
  void theUsualCase() {
    BootLayout b = BootLayout.place(RAM, 256 * MIB, 2 * MIB, 5 * MIB, 3 * MIB, 4000);
    assertEquals(
        new BootLayout(
            RAM + 2 * MIB,
            RAM + 7 * MIB,
            RAM + 251 * MIB,
            RAM + 254 * MIB,
            RAM + 254 * MIB,
            RAM + 254 * MIB + 69632),
        b);
  }

  @Test
  void highRamIsLeftAloneWhileThereIsLowRam() {
    BootLayout b = BootLayout.place(RAM, 8L << 30, 2 * MIB, 5 * MIB, 3 * MIB, 4000);
    assertTrue(b.dtbEnd() <= 1L << 32);
    assertTrue(BootLayout.place(1L << 32, 64 * MIB, 0, 5 * MIB, 0, 4000).dtb() > 1L << 32);
  }

  @Test
  void tooLittleRamIsOneLineWithTheSizeNeeded() {
    ImageException e =
        assertThrows(
            ImageException.class,
            () -> BootLayout.place(RAM, 8 * MIB, 2 * MIB, 5 * MIB, 3 * MIB, 4000));
    assertEquals(
        "RAM of 8 MiB is too small: kernel 5 MiB, RAM disk 3 MiB and device tree need 11 MiB",
        e.getMessage());
  }
}
