package org.duvisor.devices.images;

/**
 * Where the parts of a Linux boot go in RAM: the kernel low, the device tree at the top of RAM, the
 * initial RAM disk below it. Parts never overlap. All addresses are guest-physical.
 *
 * @param kernel first byte of the kernel
 * @param kernelEnd first byte after what the kernel occupies
 * @param initrd first byte of the RAM disk, a multiple of 4 KiB; equal to {@code initrdEnd} when
 *     there is none
 * @param initrdEnd first byte after the RAM disk
 * @param dtb first byte of the device tree, a multiple of 4 KiB
 * @param dtbEnd first byte after the room for it
 */
public record BootLayout(
    long kernel, long kernelEnd, long initrd, long initrdEnd, long dtb, long dtbEnd) {
  private static final long MIB = 1 << 20;
  private static final long KERNEL_ALIGN = 2 * MIB;
  private static final long PAGE = 4096;

  /** Firmware grows the tree in place (reserved memory, disabled harts): the room left for that. */
  private static final long DTB_SLACK = 64 << 10;

  /**
   * Tree and RAM disk stay below this address where there is RAM: early boot code may be limited to
   * 32 bits.
   */
  private static final long HIGH_LIMIT = 1L << 32;

  /**
   * Finds places.
   *
   * @param ramBase first byte of RAM, a multiple of 2 MiB
   * @param ramBytes its length, at least 0
   * @param textOffset bytes from {@code ramBase} to the kernel at least; what lies below it is left
   *     to firmware
   * @param kernelBytes memory the kernel occupies, at least 0
   * @param initrdBytes length of the RAM disk, 0 for none
   * @param dtbBytes length of the device tree, 0 for none
   * @throws ImageException when RAM is too small, with the size needed
   */
  public static BootLayout place(
      long ramBase,
      long ramBytes,
      long textOffset,
      long kernelBytes,
      long initrdBytes,
      long dtbBytes) {
    long top = down(ramBase + ramBytes, PAGE);
    long kernel = ramBase + textOffset;
    long kernelEnd = up(kernel + kernelBytes, PAGE);
    long dtbRoom = dtbBytes == 0 ? 0 : up(dtbBytes + DTB_SLACK, PAGE);
    long initrdRoom = up(initrdBytes, PAGE);
    long neededEnd = kernelEnd + initrdRoom + dtbRoom;
    if (neededEnd > top) {
      throw new ImageException(tooSmall(ramBytes, neededEnd - ramBase, kernelBytes, initrdBytes));
    }
    if (neededEnd <= HIGH_LIMIT) {
      top = Math.min(top, HIGH_LIMIT);
    }
    long dtb = top - dtbRoom;
    long initrd = dtb - initrdRoom;
    // Aligned to 2 MiB where there is room for it: fewer, larger mappings while the kernel starts.
    if (down(dtb, KERNEL_ALIGN) - initrdRoom >= kernelEnd) {
      dtb = down(dtb, KERNEL_ALIGN);
      initrd = dtb - initrdRoom;
    }
    return new BootLayout(kernel, kernelEnd, initrd, initrd + initrdBytes, dtb, dtb + dtbRoom);
  }

  private static String tooSmall(long ramBytes, long needed, long kernelBytes, long initrdBytes) {
    return "RAM of "
        + ImageFile.mebibytes(ramBytes)
        + " is too small: kernel "
        + ImageFile.mebibytes(kernelBytes)
        + ", RAM disk "
        + ImageFile.mebibytes(initrdBytes)
        + " and device tree need "
        + ImageFile.mebibytes(needed);
  }

  private static long up(long value, long align) {
    return value + align - 1 & -align;
  }

  private static long down(long value, long align) {
    return value & -align;
  }
}
