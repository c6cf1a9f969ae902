package org.duvisor.cli;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.duvisor.devices.images.Initrd;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Decoder;
import org.duvisor.isa.InstructionSet;

/** Opens the user's images, and says what they are when they are not what is wanted. */
final class Programs {
  /** So many instructions of a flat binary are looked at. */
  private static final int INSTRUCTIONS = 64;

  /**
   * Where flat kernels are linked for: what firmware starts on QEMU's virt board, 2 MiB above the
   * start of RAM.
   */
  private static final long FLAT_KERNEL = 2 << 20;

  private Programs() {}

  /** Firmware, or a bare program, for M-mode on the board; a flat one for the start of RAM. */
  static KernelImage firmware(Path file) {
    KernelImage image = open(file, 0);
    if (image.format() == KernelImage.Format.IMAGE) {
      throw new UserError(
          file
              + ": is a Linux kernel, which needs firmware (--bios, Debian: package opensbi);"
              + " give it with --kernel");
    }
    return image;
  }

  /** What firmware starts on the board. */
  static KernelImage kernel(Path file) {
    return open(file, FLAT_KERNEL);
  }

  /** What a VM starts, in S-mode. */
  static KernelImage guestKernel(Path file) {
    KernelImage image = open(file, FLAT_KERNEL);
    if (image.format() == KernelImage.Format.ELF && image.elf().symbol("tohost").isPresent()) {
      throw new UserError(
          file
              + ": is a program that waits for HTIF (it has a symbol tohost), which VMs do not"
              + " have; 'duvisor machine' has");
    }
    return image;
  }

  /** A RAM disk; warns when Linux will not take it for one. */
  static Initrd initrd(Path file) {
    Initrd initrd = Initrd.open(file);
    initrd
        .doubt()
        .ifPresent(
            what ->
                System.err.println(
                    "duvisor: warning: " + file + ": is " + what + ", not a cpio archive"));
    return initrd;
  }

  private static KernelImage open(Path file, long flatOffset) {
    KernelImage image = KernelImage.openAny(file, flatOffset);
    if (image.format() == KernelImage.Format.FLAT
        && !beginsWithCode(image.content().asByteBuffer().order(ByteOrder.LITTLE_ENDIAN))) {
      throw new UserError(
          file
              + ": is data of no known form that does not begin with RISC-V instructions; it is not"
              + " a RISC-V kernel (a Linux Image, an ELF file or a flat binary)");
    }
    return image;
  }

  /**
   * Whether a program may begin like this: followed along its jumps, there are instructions that a
   * hart can execute after its reset. Of random bytes one file in some thousand passes.
   */
  private static boolean beginsWithCode(ByteBuffer content) {
    Decoder decoder = InstructionSet.standard().decoder();
    long written = 0;
    boolean csr = false;
    int at = 0;
    for (int i = 0; i < INSTRUCTIONS; i++) {
      if (at < 0 || at > content.limit() - 2) {
        return i > 0 && at == content.limit();
      }
      int bits = Short.toUnsignedInt(content.getShort(at));
      if ((bits & 3) == 3) {
        if (at > content.limit() - 4) {
          return false;
        }
        bits = content.getInt(at);
      }
      Decoded d = decoder.decode(bits);
      if (d == null || d.instruction().floating() && !csr) { // floating point is off
        return false;
      }
      String mnemonic = d.instruction().mnemonic();
      csr |= mnemonic.startsWith("csr");
      switch (mnemonic) {
        case "jal" -> at += (int) d.imm();
        case "jalr" -> {
          return (written >>> d.rs1() & 1) != 0;
        }
        case "mret", "sret" -> {
          return csr;
        }
        default -> at += d.length();
      }
      written |= 1L << d.rd();
    }
    return true;
  }
}
