package org.duvisor.conformance.platform;

import org.duvisor.jit.RegionTranslator;
import org.duvisor.machine.Clock;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.sim.SimHost;
import org.junit.jupiter.api.AfterEach;

/** Guest interrupt files of simulated harts whose code is translated at once. */
final class SimInterruptFileJitTest extends InterruptFileContract {
  private final RegionTranslator translator = new RegionTranslator(1, false);
  private final SimHost host =
      new SimHost(
          128 << 20,
          Clock.realTime(),
          hart -> new Interpreter(hart, translator),
          HartConfig.STANDARD.withGuestFiles(1));

  @Override
  DvDriver openDriver() {
    return host.open();
  }

  @Override
  boolean isIdle() {
    return host.isIdle();
  }

  @AfterEach
  void endTranslator() {
    translator.close();
  }
}
