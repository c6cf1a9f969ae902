package org.duvisor.conformance.platform;

import org.duvisor.platform.DvDriver;
import org.duvisor.platform.linux.LinuxPlatform;
import org.junit.jupiter.api.BeforeAll;

/** Guest interrupt files on riscv64 Linux with the driver; elsewhere not run. */
final class LinuxInterruptFileTest extends InterruptFileContract {
  private final LinuxPlatform platform = new LinuxPlatform();

  @BeforeAll
  static void platformIsHere() {
    LinuxDriverContractTest.platformIsHere();
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
