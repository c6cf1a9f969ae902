package org.duvisor.hypervisor.vm;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.duvisor.hypervisor.boot.MemoryMap;
import org.duvisor.hypervisor.stage2.GuestRam;
import org.duvisor.isa.Assembler;

/**
 * A small guest that runs before the first boot, on the VM's own hart, memory and devices: it makes
 * the exits that a guest makes, as often as the JVM needs to compile what handles them, and powers
 * off. The first exit of each kind would else cost the guest a hundred times what the others do.
 */
final class WarmUp {
  private static final String RESOURCE = "warmup.bin";

  /** Of each exit: what jvm.options on the host of the full stack asks for, and some more. */
  private static final int ROUNDS = 48;

  /** Pages that are touched lie so far from each other that each takes a leaf of 2 MiB. */
  private static final long STEP = 2 << 20;

  private static final long CODE_BYTES = 4096;

  private WarmUp() {}

  /** Writes the assembled guest into a folder: a step of the build. */
  public static void main(String[] arguments) throws IOException {
    String folder = WarmUp.class.getPackageName().replace('.', '/');
    Files.write(Path.of(arguments[0]).resolve(folder).resolve(RESOURCE), assemble());
  }

  /**
   * The text. It starts with the parameters' address in a1: rounds, how many pages it may touch,
   * where the first is, whether there is a PLIC, and whether there is a virtio device.
   */
  static byte[] assemble() {
    return new Assembler(MemoryMap.RAM)
        .define("UART", MemoryMap.UART)
        .define("PRIORITY", 4 * MemoryMap.UART_IRQ)
        .define("LINE", 1 << MemoryMap.UART_IRQ)
        .define("ENABLE", 0x2000)
        .define("CONTEXT", 0x20_0000)
        .define("STEP", STEP)
        .asm(
            """
              ld s0, 0(a1)      # rounds
              ld s1, 8(a1)      # pages
              ld s2, 16(a1)     # the next page
              ld s3, 24(a1)     # PLIC or 0
              ld s4, 32(a1)     # virtio device or 0
              li s5, UART
              li s6, STEP
              beqz s3, round
              li t0, 1
              sw t0, PRIORITY(s3)
              li s7, ENABLE
              add s7, s7, s3
              li t0, LINE
              sw t0, 0(s7)
              li s7, CONTEXT
              add s7, s7, s3
              sw x0, 0(s7)      # threshold
            round:
              lbu t0, 7(s5)     # scratch register
              sb t0, 7(s5)
              lbu t0, 5(s5)     # line status
              beqz s4, 1f
              lw t0, 0(s4)      # magic value
              lw t0, 0x60(s4)   # interrupts
              sw t0, 0x64(s4)
              sw x0, 0x50(s4)   # notification of a queue that is not set up
            1:
              beqz s3, 2f
              li t0, 2
              sb t0, 1(s5)      # the transmitter's interrupt, which is due at once
              lw t1, 4(s7)      # claim
              lbu t0, 2(s5)     # identification
              sb x0, 1(s5)
              sw t1, 4(s7)      # complete
            2:
              beqz s1, 3f
              ld t0, 0(s2)
              add s2, s2, s6
              addi s1, s1, -1
            3:
              li a7, 0x0A000000 # an extension that there is not
              ecall
              addi s0, s0, -1
              bnez s0, round
              li a7, 0x53525354 # system reset: shutdown
              li a6, 0
              li a0, 0
              li a1, 0
              ecall
            """)
        .bytes();
  }

  /**
   * Puts it into memory.
   *
   * @param plic whether the VM has one
   * @param virtio whether it has a device
   * @return the address of its parameters; it starts at the RAM's first byte
   */
  static long load(GuestRam ram, boolean plic, boolean virtio) {
    byte[] code = code();
    GuestRam.Piece first = ram.pieces().getFirst();
    long parameters = first.gpa() + code.length + 7 & -8;
    MemorySegment memory = ram.slice(first.gpa(), CODE_BYTES);
    MemorySegment.copy(code, 0, memory, ValueLayout.JAVA_BYTE, 0, code.length);
    long[] values = {
      ROUNDS,
      Math.min(ROUNDS, first.bytes() / STEP - 1),
      first.gpa() + STEP,
      plic ? MemoryMap.PLIC : 0,
      virtio ? MemoryMap.virtio(0) : 0
    };
    MemorySegment.copy(
        values, 0, memory, ValueLayout.JAVA_LONG, parameters - first.gpa(), values.length);
    ram.written(memory);
    return parameters;
  }

  /** Leaves memory as it was. */
  static void unload(GuestRam ram) {
    MemorySegment memory = ram.slice(ram.pieces().getFirst().gpa(), CODE_BYTES);
    memory.fill((byte) 0);
    ram.written(memory);
  }

  private static byte[] code() {
    try (InputStream from = WarmUp.class.getResourceAsStream(RESOURCE)) {
      if (from == null) {
        throw new LinkageError(RESOURCE + " is missing: the build was incomplete");
      }
      return from.readAllBytes();
    } catch (IOException e) {
      throw new LinkageError(RESOURCE + " cannot be read", e);
    }
  }
}
