package org.duvisor.conformance.platform;

import org.duvisor.machine.Clock;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.DvException.Reason;
import org.duvisor.platform.HuHart;
import org.duvisor.platform.sim.SimHost;
import org.junit.jupiter.api.Test;

/** Guest interrupt files of simulated harts. */
final class SimInterruptFileTest extends InterruptFileContract {
  private static final long MEMORY = 128 << 20;

  private final SimHost host =
      new SimHost(
          MEMORY, Clock.realTime(), Interpreter::new, HartConfig.STANDARD.withGuestFiles(3));

  @Override
  DvDriver openDriver() {
    return host.open();
  }

  @Override
  boolean isIdle() {
    return host.isIdle();
  }

  @Test
  void hartsWithoutFilesRefuse() {
    for (int files : new int[] {HartConfig.NO_AIA, 0}) {
      HartConfig config = HartConfig.STANDARD.withGuestFiles(files);
      var without = new SimHost(MEMORY, Clock.realTime(), Interpreter::new, config);
      try (DvDriver d = without.open();
          HuHart h = d.register(0)) {
        refused(Reason.INVALID, h::claimFile);
        h.returnFile();
        d.message(0, 1);
      }
    }
  }
}
