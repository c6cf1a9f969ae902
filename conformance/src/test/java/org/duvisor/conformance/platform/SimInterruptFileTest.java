package org.duvisor.conformance.platform;

import org.duvisor.conformance.guest.TestEngine;
import org.duvisor.machine.Clock;
import org.duvisor.machine.HartConfig;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.DvException.Reason;
import org.duvisor.platform.HuHart;
import org.duvisor.platform.sim.SimHost;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.CsvSource;

/** Guest interrupt files of simulated harts. */
@ParameterizedClass
@CsvSource({"interpreter, 3", "jitAtOnce, 1"})
final class SimInterruptFileTest extends InterruptFileContract {
  private static final long MEMORY = 128 << 20;

  private final TestEngine engine;
  private final SimHost host;

  SimInterruptFileTest(TestEngine engine, int files) {
    this.engine = engine;
    host = host(files);
  }

  private SimHost host(int files) {
    HartConfig config = HartConfig.STANDARD.withGuestFiles(files);
    return new SimHost(MEMORY, Clock.realTime(), engine.factory(), config);
  }

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
      try (DvDriver d = host(files).open();
          HuHart h = d.register(0)) {
        refused(Reason.INVALID, h::claimFile);
        h.returnFile();
        d.message(0, 1);
      }
    }
  }
}
