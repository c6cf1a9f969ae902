package org.duvisor.conformance.platform;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Optional;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.linux.LinuxPlatform;
import org.junit.jupiter.api.BeforeAll;

/** Guest interrupt files on riscv64 Linux with the driver; elsewhere not run. */
final class LinuxInterruptFileTest extends InterruptFileContract {
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
    return LinuxDriverContractTest.driverIsIdle();
  }
}
