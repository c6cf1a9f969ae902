package org.duvisor.nativecode.testing;

import java.util.function.Function;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.interp.CodeBudget;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.nativecode.NativeCode;

/** Compiles blocks that run a few times: mixes both ways to execute. */
public final class NativeSoon implements EngineUnderTest {
  @Override
  public String name() {
    return "native-soon";
  }

  @Override
  public Function<Hart, Engine> factory() {
    return new NativeCode(8, NativeCode.BYTES, CodeBudget.PROCESS);
  }

  @Override
  public String toString() {
    return name();
  }
}
