package org.duvisor.hypervisor.boot;

/**
 * Guest-physical addresses and interrupt numbers: those of QEMU's "virt" board, which guests know.
 */
public final class MemoryMap {
  public static final long FINISHER = 0x10_0000;
  public static final long RTC = 0x10_1000;
  public static final int RTC_IRQ = 11;
  public static final long PLIC = 0xC00_0000;

  /** Highest interrupt number of PLIC and APLIC. */
  public static final int SOURCES = 95;

  public static final long APLIC = 0xD00_0000;
  public static final long UART = 0x1000_0000;
  public static final int UART_IRQ = 10;
  public static final int UART_CLOCK = 3_686_400;
  public static final long IMSIC = 0x2800_0000;
  public static final long RAM = 0x8000_0000L;

  /** How many virtio devices there can be; the first 8 are where QEMU has them. */
  public static final int VIRTIO_SLOTS = 32;

  private static final long VIRTIO = 0x1000_1000;

  private MemoryMap() {}

  /** Address of a virtio slot, 0..31. */
  public static long virtio(int slot) {
    return VIRTIO + 0x1000L * slot;
  }

  /** Interrupt of a virtio slot: 1..8, then 12 and up, past those of UART and RTC. */
  public static int virtioIrq(int slot) {
    return slot < 8 ? 1 + slot : 4 + slot;
  }
}
