package org.duvisor.machine.board;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.IntConsumer;
import org.duvisor.devices.GuestMemory;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.devices.fdt.Fdt;
import org.duvisor.devices.fdt.Node;
import org.duvisor.devices.images.BootLayout;
import org.duvisor.devices.images.ElfImage;
import org.duvisor.devices.images.ImageException;
import org.duvisor.devices.images.Initrd;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.isa.Assembler;
import org.duvisor.machine.mem.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * What a board starts: firmware or a bare program, and what firmware starts next. Loaded again
 * after every reset.
 *
 * @param bios an ELF file; else {@code biosFlat}
 * @param biosFlat a flat binary for the start of RAM, empty when {@code bios} is given
 * @param kernel for the firmware to start, at RAM + 2 MiB
 * @param initrd the kernel's
 * @param append the kernel's command line
 * @param deviceTree a blob to use instead of the board's own
 */
public record BoardBoot(
    Optional<ElfImage> bios,
    byte[] biosFlat,
    Optional<KernelImage> kernel,
    Optional<Initrd> initrd,
    String append,
    Optional<byte[]> deviceTree) {
  /**
   * Magic number of OpenSBI's fw_dynamic information, its version, and the mode of the next stage.
   */
  private static final long[] DYNAMIC_INFO = {0x4942534fL, 2};

  private static final long SUPERVISOR = 1;

  /** A bare program. */
  public static BoardBoot of(ElfImage program) {
    return new BoardBoot(
        Optional.of(program),
        new byte[0],
        Optional.empty(),
        Optional.empty(),
        "",
        Optional.empty());
  }

  /** The host that a program with a symbol {@code tohost} expects; none for others. */
  @Nullable Htif htif(PhysicalMemory memory, CharBackend console, IntConsumer exit) {
    OptionalLong to = symbol("tohost");
    return to.isPresent()
        ? new Htif(memory, to.getAsLong(), symbol("fromhost"), console, exit)
        : null;
  }

  private OptionalLong symbol(String name) {
    return bios.isPresent() ? bios.get().symbol(name) : OptionalLong.empty();
  }

  /**
   * Fills memory and the reset ROM.
   *
   * @throws ImageException with one line when something does not fit
   */
  void load(Board board) {
    GuestMemory memory = board.memory().forDevices();
    long entry = loadBios(memory);
    byte[] seed = board.seedBytes();
    BootLayout at = layout(board, seed);
    long next =
        kernel.isPresent()
            ? kernel.get().load(memory, at.kernel())
            : MemoryMap.RAM + MemoryMap.KERNEL_OFFSET;
    initrd.ifPresent(i -> i.load(memory, at.initrd()));
    copy(memory, at.dtb(), blob(board, seed, at));
    board.memory().writeRom(MemoryMap.RESET_ROM, resetVector(entry, at.dtb(), next));
  }

  /**
   * The device tree that software finds after the board's next reset, which it must not have
   * before.
   *
   * @throws ImageException with one line when something does not fit
   */
  public byte[] deviceTree(Board board) {
    byte[] seed = board.seedBytes();
    return blob(board, seed, layout(board, seed));
  }

  private BootLayout layout(Board board, byte[] seed) {
    long initrdBytes = initrd.map(Initrd::bytes).orElse(0L);
    int blobBytes =
        deviceTree.map(b -> b.length).orElseGet(() -> tree(board, seed, 0, initrdBytes).length);
    return BootLayout.place(
        MemoryMap.RAM,
        board.memory().ramSize(),
        MemoryMap.KERNEL_OFFSET,
        kernel.map(KernelImage::memoryBytes).orElse(0L),
        initrdBytes,
        blobBytes);
  }

  private byte[] blob(Board board, byte[] seed, BootLayout at) {
    return deviceTree.orElseGet(() -> tree(board, seed, at.initrd(), at.initrdEnd()));
  }

  private long loadBios(GuestMemory memory) {
    if (bios.isPresent()) {
      ElfImage elf = bios.get(); // position-independent firmware goes to the start of RAM
      return elf.load(memory, elf.relocatable() ? MemoryMap.RAM - elf.lowest() : 0);
    }
    copy(memory, MemoryMap.RAM, biosFlat);
    return MemoryMap.RAM;
  }

  private static void copy(GuestMemory memory, long address, byte[] bytes) {
    MemorySegment target = memory.slice(address, bytes.length);
    if (target == null) {
      throw new ImageException(
          "%d bytes do not fit into RAM at 0x%x".formatted(bytes.length, address));
    }
    MemorySegment.copy(bytes, 0, target, ValueLayout.JAVA_BYTE, 0, bytes.length);
  }

  private byte[] tree(Board board, byte[] seed, long initrdAt, long initrdEnd) {
    Node root = board.deviceTree();
    Node chosen = root.child("chosen").strings("bootargs", append);
    if (seed.length > 0) {
      chosen.bytes("rng-seed", seed);
    }
    if (initrdAt != initrdEnd) {
      chosen.longs("linux,initrd-start", initrdAt).longs("linux,initrd-end", initrdEnd);
    }
    return Fdt.of(root).blob();
  }

  /**
   * Every hart starts here: a0 = hart, a1 = device tree, a2 = what OpenSBI's fw_dynamic wants to
   * know.
   */
  private static byte[] resetVector(long entry, long dtb, long next) {
    return new Assembler(MemoryMap.RESET_ROM)
        .define("entry", entry)
        .define("dtb", dtb)
        .define("next", next)
        .asm(
            """
            csrr a0, mhartid
            la   t0, where
            ld   a1, 8(t0)
            la   a2, info
            ld   t0, 0(t0)
            jr   t0
            .balign 8
            where: .dword entry, dtb
            info:  .dword %d, %d, next, %d, 0, 0
            """
                .formatted(DYNAMIC_INFO[0], DYNAMIC_INFO[1], SUPERVISOR))
        .bytes();
  }
}
