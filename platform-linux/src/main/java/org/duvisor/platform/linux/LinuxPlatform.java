package org.duvisor.platform.linux;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.DvException;
import org.duvisor.platform.DvException.Reason;
import org.duvisor.platform.Platform;

/** The driver of the kernel that this process runs on. */
public final class LinuxPlatform implements Platform {
  static final String DEVICE = "/dev/duvisor";

  /** For the service loader. */
  public LinuxPlatform() {}

  @Override
  public String name() {
    return "linux";
  }

  @Override
  public Optional<String> missing() {
    if (!System.getProperty("os.arch").equals("riscv64")
        || !System.getProperty("os.name").equals("Linux")) {
      return Optional.of("this is not Linux on riscv64");
    }
    Path device = Path.of(DEVICE);
    if (!Files.exists(device)) {
      return Optional.of("there is no " + DEVICE + ": the module duvisor is not loaded");
    }
    if (!Files.isReadable(device) || !Files.isWritable(device)) {
      return Optional.of(DEVICE + " may not be used by this user");
    }
    return Optional.empty();
  }

  @Override
  public DvDriver open() {
    Optional<String> why = missing();
    if (why.isPresent()) {
      throw new DvException(Reason.INVALID, why.get());
    }
    return LinuxDriver.open(process());
  }

  private static Process process() {
    try {
      return Process.instance();
    } catch (ExceptionInInitializerError e) {
      if (e.getCause() instanceof DvException why) {
        throw why;
      }
      throw e;
    } catch (NoClassDefFoundError e) { // the same, the second time
      throw new DvException(Reason.INVALID, "the stub could not be loaded before");
    }
  }
}
