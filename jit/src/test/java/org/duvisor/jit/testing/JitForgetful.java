package org.duvisor.jit.testing;

import java.util.function.Function;
import org.duvisor.jit.RegionTranslator;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.interp.CodeBudget;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.machine.testing.EngineUnderTest;

/**
 * Keeps the decoded code of a few pages only, so that blocks come and go under their translations.
 */
public final class JitForgetful implements EngineUnderTest {
  private static final long CODE_HEAP = 40 << 10;

  @Override
  public String name() {
    return "jit-forgetful";
  }

  @Override
  public boolean same() {
    return false;
  }

  @Override
  public Function<Hart, Engine> factory() {
    var translator = new RegionTranslator(8, true);
    var budget = new CodeBudget(CODE_HEAP);
    return hart -> new Interpreter(hart, translator, budget);
  }

  @Override
  public String toString() {
    return name();
  }
}
