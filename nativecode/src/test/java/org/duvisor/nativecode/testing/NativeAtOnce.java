package org.duvisor.nativecode.testing;

import java.util.function.Function;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.interp.CodeBudget;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.nativecode.NativeCode;

/** Compiles every block the first time it runs, before it runs. */
public final class NativeAtOnce implements EngineUnderTest {
  @Override
  public String name() {
    return "native-at-once";
  }

  @Override
  public Function<Hart, Engine> factory() {
    return new NativeCode(1, NativeCode.BYTES, CodeBudget.PROCESS);
  }

  @Override
  public String toString() {
    return name();
  }
}
