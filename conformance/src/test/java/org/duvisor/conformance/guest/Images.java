package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.duvisor.devices.images.ElfImage;
import org.duvisor.devices.images.Initrd;
import org.duvisor.devices.images.KernelImage;

/** The images that come with the project, and firmware that may be installed. */
final class Images {
  private static final Path FIRMWARE =
      Path.of("/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.elf");

  private Images() {}

  static KernelImage kernel() {
    return KernelImage.openAny(images().resolve("Image.gz"));
  }

  static Initrd initrd() {
    return Initrd.open(images().resolve("initramfs.cpio.gz"));
  }

  /** Ends the test as not run when there is no firmware. */
  static ElfImage firmware() {
    assumeTrue(
        Files.isReadable(FIRMWARE), "needs OpenSBI, which is not installed (Debian: opensbi)");
    return ElfImage.open(FIRMWARE);
  }

  /** Tests run in their module's folder, or at the root. */
  private static Path images() {
    Path here = Path.of("guest/images");
    return Files.isDirectory(here) ? here : Path.of("..").resolve(here);
  }
}
