package org.duvisor.hypervisor.sbi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicReference;
import org.duvisor.hypervisor.fake.FakeDriver.Guest;
import org.duvisor.hypervisor.fake.Rig;

/** SBI calls of one guest one after the other, with what each has to return. */
final class Calls {
  private static final long SHUTDOWN = 8;
  private static final long NULL = 0x0A000000;

  private final Rig rig;
  private final long extension;
  private final Queue<Guest> steps = new ArrayDeque<>();

  /** Calls of an extension. */
  Calls(Rig rig, long extension) {
    this.rig = rig;
    this.extension = extension;
  }

  /** A call of the extension, and what it returns in a0 and a1. */
  Calls call(long error, long value, long function, long... arguments) {
    return other(error, value, extension, function, arguments);
  }

  /** A call of another extension. */
  Calls other(long error, long value, long id, long function, long... arguments) {
    String what = "call %d, %x.%d".formatted(steps.size() / 2, id, function);
    steps.add(h -> h.ecall(id, function, arguments));
    steps.add(
        h -> {
          assertEquals(error, h.x(10), what + ": a0");
          assertEquals(value, h.x(11), what + ": a1");
        });
    return this;
  }

  /** Something the guest does, or that is looked at, between calls. */
  Calls then(Guest act) {
    return leave(act.andThen(h -> h.ecall(NULL, 0)));
  }

  /** Something with an exit of its own. */
  Calls leave(Guest act) {
    steps.add(act);
    steps.add(h -> {});
    return this;
  }

  /** Does all of it; every second step follows what the one before returned, and leads on. */
  void run() {
    AtomicReference<Guest> look = new AtomicReference<>(h -> {});
    rig.run(
        h -> {
          look.get().run(h);
          if (steps.isEmpty()) {
            h.ecall(SHUTDOWN, 0);
            return;
          }
          steps.remove().run(h);
          look.set(steps.remove());
        });
    assertEquals(List.of("poweroff"), rig.endings);
  }
}
