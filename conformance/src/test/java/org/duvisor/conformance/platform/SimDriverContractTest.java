package org.duvisor.conformance.platform;

import org.duvisor.platform.DvDriver;
import org.duvisor.platform.sim.SimHost;
import org.junit.jupiter.api.Test;

/** The contract on simulated harts. */
final class SimDriverContractTest extends DvDriverContract {
  private final SimHost host = new SimHost(128 << 20);

  @Override
  DvDriver openDriver() {
    return host.open();
  }

  @Override
  boolean isIdle() {
    return host.isIdle();
  }

  /** Adversary: one process that opens and closes the driver until numbers run out. */
  @Test
  void D6_vmidsComeBack() {
    for (int i = 0; i < 40_000; i++) {
      host.open().close();
    }
  }
}
