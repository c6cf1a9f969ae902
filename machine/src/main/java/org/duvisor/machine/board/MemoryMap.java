package org.duvisor.machine.board;

/** Addresses and interrupt numbers of QEMU's virt board. */
final class MemoryMap {
  static final long RESET_ROM = 0x1000;
  static final long FINISHER = 0x10_0000;
  static final long RTC = 0x10_1000;
  static final int RTC_IRQ = 11;
  static final long CLINT = 0x200_0000;
  static final long PLIC = 0xc00_0000;
  static final long APLIC_M = 0xc00_0000;
  static final long APLIC_S = 0xd00_0000;
  static final long IMSIC_M = 0x2400_0000;
  static final long IMSIC_S = 0x2800_0000;

  /** The highest number of an external interrupt. */
  static final int SOURCES = 95;

  static final long UART = 0x1000_0000;
  static final int UART_IRQ = 10;
  static final int UART_CLOCK = 3_686_400;
  static final long VIRTIO = 0x1000_1000;
  static final long VIRTIO_STRIDE = 0x1000;
  static final int VIRTIO_FIRST_IRQ = 1;
  static final long RAM = 0x8000_0000L;

  /** Where firmware expects the next stage. */
  static final long KERNEL_OFFSET = 0x20_0000;

  private MemoryMap() {}
}
