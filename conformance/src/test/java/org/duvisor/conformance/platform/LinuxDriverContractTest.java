package org.duvisor.conformance.platform;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.linux.LinuxPlatform;
import org.junit.jupiter.api.BeforeAll;

/** The contract on riscv64 Linux with the driver; elsewhere not run. */
final class LinuxDriverContractTest extends DvDriverContract {
  private static final Path STATISTICS = Path.of("/sys/class/misc/duvisor/stats");

  private final LinuxPlatform platform = new LinuxPlatform();

  @BeforeAll
  static void platformIsHere() {
    Optional<String> missing = new LinuxPlatform().missing();
    assumeTrue(missing.isEmpty(), () -> missing.orElse(""));
  }

  @Override
  DvDriver openDriver() {
    return platform.open();
  }

  @Override
  boolean isIdle() {
    return driverIsIdle();
  }

  /** Whether the driver's counters are 0. */
  static boolean driverIsIdle() {
    try {
      for (String inUse : List.of("vms", "vcpus", "grants", "granted_bytes")) {
        if (!Files.readString(STATISTICS.resolve(inUse)).strip().equals("0")) {
          return false;
        }
      }
      return true;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
