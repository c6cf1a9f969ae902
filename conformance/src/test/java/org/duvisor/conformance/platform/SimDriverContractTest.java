package org.duvisor.conformance.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import org.duvisor.conformance.guest.TestEngine;
import org.duvisor.machine.Clock;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.Grant;
import org.duvisor.platform.sim.SimHost;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** The contract on simulated harts. */
@ParameterizedClass
@EnumSource(names = {"interpreter", "jitAtOnce", "nativeAtOnce"})
final class SimDriverContractTest extends DvDriverContract {
  private static final long GRANULE = 2 << 20;

  private final SimHost host;

  SimDriverContractTest(TestEngine engine) {
    host = new SimHost(128 << 20, Clock.realTime(), engine.factory());
  }

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
    for (int i = 0; i < 20_000; i++) {
      host.open().close();
    }
  }

  /**
   * Adversary: a device back end that is blocked in a read into guest memory when the VM is closed.
   */
  @Test
  void D3_memoryIsNotReusedWhileInputIntoItIsUnderWay() throws IOException, InterruptedException {
    DvDriver d = open();
    Grant g = d.grant(GRANULE, Grant.Use.GUEST_MEMORY);
    Pipe pipe = Pipe.open();
    Thread reader =
        start(
            () -> {
              try {
                assertEquals(1, pipe.source().read(g.memory().asSlice(0, 8).asByteBuffer()));
              } catch (IOException e) {
                throw new IllegalStateException(e);
              }
            });
    until(() -> reader.getState() != Thread.State.NEW && isReading(reader));
    d.close();
    long other = open().grant(GRANULE, Grant.Use.GUEST_MEMORY).hpa();
    assertNotEquals(g.hpa(), other);
    pipe.sink().write(ByteBuffer.wrap(new byte[] {0x5a}));
    reader.join();
    until(() -> host.freeBytes() == (128 << 20) - GRANULE);
    Grant again = open().grant(2 * GRANULE, Grant.Use.GUEST_MEMORY);
    assertEquals(0, again.memory().get(ValueLayout.JAVA_LONG, 0));
    pipe.source().close();
    pipe.sink().close();
  }

  private static boolean isReading(Thread t) {
    for (StackTraceElement e : t.getStackTrace()) {
      if (e.getMethodName().startsWith("readFromNative")
          || e.getMethodName().equals("readIntoNativeBuffer")
          || e.getMethodName().equals("read0")) {
        return true;
      }
    }
    return false;
  }
}
