package org.duvisor.hypervisor.sbi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.duvisor.hypervisor.fake.FakeDriver.Guest;
import org.duvisor.hypervisor.fake.Rig;
import org.duvisor.platform.HuHart;
import org.junit.jupiter.api.Test;

/** Steal-time accounting (SBI 3.0, chapter 16). */
class StealTimeTest {
  private static final long STA = 0x535441;
  private static final long AT = Rig.RAM + 0x1040;

  private final Rig rig = new Rig(1);
  private final Calls calls = new Calls(rig, STA);

  private MemorySegment shared() {
    return rig.ram.slice(AT - 64, 192);
  }

  /** What the host takes, and how the vCPU comes back. */
  private Calls steal(long nanos) {
    return calls.leave(
        h -> {
          h.stolen += nanos;
          h.exit(HuHart.HOST_EVENT, 0, 0, 0);
        });
  }

  private Guest sees(int sequence, long steal) {
    return h -> {
      assertEquals(sequence, shared().get(ValueLayout.JAVA_INT, 64));
      assertEquals(0, shared().get(ValueLayout.JAVA_INT, 68), "flags");
      assertEquals(steal, shared().get(ValueLayout.JAVA_LONG, 72));
      for (long i = 80; i < 128; i++) {
        assertEquals(0, shared().get(ValueLayout.JAVA_BYTE, i), "preempted and padding");
      }
      for (long i = 0; i < 64; i++) {
        assertEquals(-1, shared().get(ValueLayout.JAVA_BYTE, i), "before it");
        assertEquals(-1, shared().get(ValueLayout.JAVA_BYTE, 128 + i), "behind it");
      }
    };
  }

  @Test
  void whatTheHostTakesIsTold() {
    shared().fill((byte) -1);
    steal(500);
    calls.call(0, 0, 0, AT, 0, 0).then(sees(0, 0));
    steal(0);
    calls.then(sees(0, 0));
    steal(1_000_000_007);
    calls.then(sees(2, 1_000_000_007));
    steal(3);
    calls.then(sees(4, 1_000_000_010)).call(0, 0, 0, -1, -1, 0);
    steal(9);
    calls.then(sees(4, 1_000_000_010)).call(0, 0, 0, AT, 0, 0).then(sees(0, 0)).run();
  }

  /** Nobody asks the host for a guest that does not want to know. */
  @Test
  void aHartThatStartsAgainIsNotWrittenFor() {
    shared().fill((byte) -1);
    calls.call(0, 0, 0, AT, 0, 0).run();
    rig.endings.clear();
    rig.vcpus.all().forEach(v -> v.reset());
    steal(77);
    calls.then(sees(0, 0)).run();
  }

  /** Adversary: a guest that writes to the structure gets what the hypervisor knows. */
  @Test
  void theGuestsOwnWritesChangeNothing() {
    shared().fill((byte) -1);
    calls
        .call(0, 0, 0, AT, 0, 0)
        .then(h -> shared().set(ValueLayout.JAVA_INT, 64, 1))
        .then(h -> shared().set(ValueLayout.JAVA_LONG, 72, -1));
    steal(5);
    calls.then(sees(2, 5)).run();
  }

  @Test
  void hostileAddressesAreRefused() {
    long end = Rig.RAM + (4 << 20);
    long[][] invalid = {
      {AT, 0, 1}, {AT, 0, -1}, {AT + 1, 0, 0}, {AT + 32, 0, 0}, {-1, 0, 0}, {-1, -1, 1}
    };
    for (long[] i : invalid) {
      calls.call(-3, 0, 0, i);
    }
    long[][] outside = {
      {0, 0, 0},
      {end, 0, 0},
      {Rig.RAM - 64, 0, 0},
      {Rig.DEVICE, 0, 0},
      {-64, 0, 0},
      {-64, -1, 0},
      {AT, 1, 0},
      {AT, -1, 0},
      {Long.MIN_VALUE, 0, 0},
      {1L << 56, 0, 0}
    };
    for (long[] o : outside) {
      calls.call(-5, 0, 0, o);
    }
    calls.call(0, 0, 0, end - 64, 0, 0).run();
  }
}
