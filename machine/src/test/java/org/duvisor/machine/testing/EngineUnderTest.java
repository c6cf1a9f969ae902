package org.duvisor.machine.testing;

import java.util.function.Function;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;

/** An engine as a parameter of tests; modules with further engines provide them as services. */
public interface EngineUnderTest {
  /** Short, for the names of tests; the same as {@link Object#toString}. */
  String name();

  /**
   * Whether two runs in virtual time are the same: not with a translator on a thread of its own,
   * which deterministic boards do without.
   */
  default boolean same() {
    return true;
  }

  /** Makes the engine of a hart. */
  Function<Hart, Engine> factory();
}
