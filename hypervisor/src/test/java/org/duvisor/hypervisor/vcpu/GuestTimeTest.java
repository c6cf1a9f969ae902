package org.duvisor.hypervisor.vcpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

final class GuestTimeTest {
  private final GuestTime time = new GuestTime();

  @Test
  void startsWithTheFirstVcpuAndStandsStillInPauses() {
    assertEquals(-100, time.delta(100));
    assertEquals(-100, time.delta(150));
    time.pause(200);
    assertEquals(-150, time.resume(250));
    assertEquals(-150, time.delta(300));
  }

  /** What ran before the guest is not in its time. */
  @Test
  void startsAnew() {
    time.delta(100);
    time.restart();
    assertEquals(-900, time.delta(900));
    assertEquals(-900, time.delta(950));
  }
}
