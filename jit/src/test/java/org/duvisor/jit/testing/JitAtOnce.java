package org.duvisor.jit.testing;

import java.util.function.Function;
import org.duvisor.jit.RegionTranslator;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.machine.testing.EngineUnderTest;

/** Translates every block the first time it runs, before it runs. */
public final class JitAtOnce implements EngineUnderTest {
  @Override
  public String name() {
    return "jit-at-once";
  }

  @Override
  public Function<Hart, Engine> factory() {
    var translator = new RegionTranslator(1, false);
    return hart -> new Interpreter(hart, translator);
  }

  @Override
  public String toString() {
    return name();
  }
}
