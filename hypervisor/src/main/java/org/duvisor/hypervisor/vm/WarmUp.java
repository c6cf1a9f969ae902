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
 * Requests to the entropy device, and waiting for them, do the same for the threads of devices.
 */
final class WarmUp {
  private static final String RESOURCE = "warmup.bin";

  /** Of each exit: what jvm.options on the host of the full stack asks for, and some more. */
  private static final int ROUNDS = 64;

  private static final long CODE_BYTES = 4096;

  /** Of these, where the queue of requests begins. */
  private static final int QUEUE = 0x800;

  /** How long the guest waits for a device, which may be slow at first or never answer. */
  private static final long PATIENCE_TICKS = 2_000_000;

  private WarmUp() {}

  /** Writes the assembled guest into a folder: a step of the build. */
  public static void main(String[] arguments) throws IOException {
    String folder = WarmUp.class.getPackageName().replace('.', '/');
    Files.write(Path.of(arguments[0]).resolve(folder).resolve(RESOURCE), assemble());
  }

  /**
   * The text. It starts with the parameters' address in a1: rounds, where there is a PLIC, or 0 and
   * there are APLIC and IMSIC, where there is an entropy device or 0, and that device's interrupt.
   *
   * <p>Interrupts are enabled and not taken: WFI ends with them, and the guest looks.
   */
  static byte[] assemble() {
    return new Assembler(MemoryMap.RAM)
        .define("UART", MemoryMap.UART)
        .define("UART_IRQ", MemoryMap.UART_IRQ)
        .define("PRIORITY", 4 * MemoryMap.UART_IRQ)
        .define("ENABLE", 0x2000)
        .define("CONTEXT", 0x20_0000)
        .define("APLIC", MemoryMap.APLIC)
        .define("QUEUE", MemoryMap.RAM + QUEUE)
        .define("PATIENCE", PATIENCE_TICKS)
        .asm(SET_UP + ROUND)
        .bytes();
  }

  private static final String SET_UP =
      """
        ld s0, 0(a1)      # rounds
        ld s3, 8(a1)      # PLIC or 0
        ld s4, 16(a1)     # entropy device or 0
        ld s8, 24(a1)     # its interrupt
        li s5, UART
        li t0, 0x220      # external and timer
        csrw sie, t0
        slli t2, s8, 2
        beqz s3, 1f
        li t0, 1
        sw t0, PRIORITY(s3)
        add t2, t2, s3
        sw t0, 0(t2)      # of 0: none
        li s7, ENABLE
        add s7, s7, s3
        li t0, -1
        sw t0, 0(s7)
        sw t0, 4(s7)
        li s7, CONTEXT
        add s7, s7, s3
        sw x0, 0(s7)      # threshold
        j 2f
      1:
        li t1, APLIC
        li t0, 0x104      # messages, enabled
        sw t0, 0(t1)
        li t0, 0x70       # eidelivery
        csrw siselect, t0
        csrwi sireg, 1
        li t0, 0x72       # eithreshold
        csrw siselect, t0
        csrw sireg, x0
        li t0, 0xc0       # eie0: identities 1 and 2
        csrw siselect, t0
        csrwi sireg, 6
        li t3, UART_IRQ
        li t4, 1
        la t6, 3f
        j source
      3:
        beqz s4, 2f
        mv t3, s8
        li t4, 2
        la t6, 2f
      source:             # t3 becomes a message with identity t4
        slli t2, t3, 2
        add t2, t2, t1
        li t0, 4          # rising edge: a level would need the driver's care
        sw t0, 0(t2)
        li t0, 0x3000
        add t2, t2, t0
        sw t4, 0(t2)      # to hart 0
        li t0, 0x1edc     # setienum
        add t0, t0, t1
        sw t3, 0(t0)
        jr t6
      2:
        beqz s4, round
        sw x0, 0x70(s4)   # status
        li t0, 3          # ACKNOWLEDGE, DRIVER
        sw t0, 0x70(s4)
        li t0, 1
        sw t0, 0x24(s4)   # the upper half of features: VIRTIO_F_VERSION_1
        sw t0, 0x20(s4)
        li t0, 11         # FEATURES_OK
        sw t0, 0x70(s4)
        sw x0, 0x30(s4)
        li t0, 8
        sw t0, 0x38(s4)   # size
        li s9, QUEUE
        sw s9, 0x80(s4)
        sw x0, 0x84(s4)
        addi t0, s9, 0x100
        sw t0, 0x90(s4)
        sw x0, 0x94(s4)
        addi t0, s9, 0x200
        sw t0, 0xa0(s4)
        sw x0, 0xa4(s4)
        li t0, 1
        sw t0, 0x44(s4)   # ready
        li t0, 15         # DRIVER_OK
        sw t0, 0x70(s4)
        addi t0, s9, 0x300
        sd t0, 0(s9)      # the only request: a byte, written by the device
        li t0, 1
        sw t0, 8(s9)
        li t0, 2
        sh t0, 12(s9)
        li s10, 0         # how many there were
      """;

  private static final String ROUND =
      """
      round:
        lbu t0, 7(s5)     # scratch register
        sb t0, 7(s5)
        lbu t0, 5(s5)     # line status
        li t0, 2
        sb t0, 1(s5)      # the transmitter's interrupt, which is due at once
        la t6, 1f
        j claim
      1:
        lbu t0, 2(s5)     # identification
        sb x0, 1(s5)
        la t6, 2f
        j complete
      2:
        beqz s4, 5f
        andi t0, s0, 7    # a request takes long, until its code is compiled
        bnez t0, 5f
        addi s10, s10, 1
        sh s10, 0x102(s9) # available
        rdtime t0
        li t1, PATIENCE
        add t0, t0, t1
        csrw stimecmp, t0
        fence rw, rw
        sw x0, 0x50(s4)   # notification
        wfi
        csrr s11, sip
        li t0, -1
        csrw stimecmp, t0
        la t6, 3f
        j claim
      3:
        lw t0, 0x60(s4)   # interrupts
        sw t0, 0x64(s4)
        la t6, 4f
        j complete
      4:
        andi s11, s11, 0x20
        beqz s11, 5f
        li s4, 0          # no answer: on without the device
      5:
        li a7, 0x0A000000 # an extension that there is not
        ecall
        addi s0, s0, -1
        bnez s0, round
        li a7, 0x53525354 # system reset: shutdown
        li a6, 0
        li a0, 0
        li a1, 0
        ecall

      claim:
        beqz s3, 1f
        lw s1, 4(s7)
        jr t6
      1:
        csrrw x0, stopei, x0
        jr t6
      complete:
        beqz s3, 1f
        sw s1, 4(s7)
      1:
        jr t6
      """;

  /**
   * Puts it into memory.
   *
   * @param plic whether the VM has one
   * @param entropy the slot of an entropy device, -1 without
   * @return the address of its parameters; it starts at the RAM's first byte
   */
  static long load(GuestRam ram, boolean plic, int entropy) {
    byte[] code = code();
    long start = ram.pieces().getFirst().gpa();
    long parameters = start + code.length + 7 & -8;
    MemorySegment memory = ram.slice(start, CODE_BYTES);
    MemorySegment.copy(code, 0, memory, ValueLayout.JAVA_BYTE, 0, code.length);
    long[] values = {
      ROUNDS,
      plic ? MemoryMap.PLIC : 0,
      entropy < 0 ? 0 : MemoryMap.virtio(entropy),
      entropy < 0 ? 0 : MemoryMap.virtioIrq(entropy)
    };
    MemorySegment.copy(values, 0, memory, ValueLayout.JAVA_LONG, parameters - start, values.length);
    ram.written(memory);
    return parameters;
  }

  /** Leaves memory as it was; no device may be at it any more. */
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
