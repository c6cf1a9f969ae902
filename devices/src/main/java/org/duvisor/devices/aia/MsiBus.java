package org.duvisor.devices.aia;

/** Where message-signalled interrupts go: a write of 32 bits to a physical address. */
@FunctionalInterface
public interface MsiBus {
  /** Writes {@code data}, little-endian; what nothing answers is lost. From any thread. */
  void send(long address, int data);
}
