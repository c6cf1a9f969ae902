package org.duvisor.jit.testing;

import java.util.function.Function;
import org.duvisor.jit.RegionTranslator;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.machine.testing.EngineUnderTest;

/** Translates blocks that run a few times, while the harts go on: mixes both ways to execute. */
public final class JitSoon implements EngineUnderTest {
  @Override
  public String name() {
    return "jit-soon";
  }

  @Override
  public Function<Hart, Engine> factory() {
    var translator = new RegionTranslator(8, true);
    return hart -> new Interpreter(hart, translator);
  }

  @Override
  public String toString() {
    return name();
  }
}
