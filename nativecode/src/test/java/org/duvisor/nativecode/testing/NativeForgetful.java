package org.duvisor.nativecode.testing;

import java.util.function.Function;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.interp.CodeBudget;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.nativecode.NativeCode;

/** Keeps the decoded code of a few pages only, and little room for code: both come and go. */
public final class NativeForgetful implements EngineUnderTest {
  @Override
  public String name() {
    return "native-forgetful";
  }

  @Override
  public Function<Hart, Engine> factory() {
    return new NativeCode(2, NativeCode.LEAST_BYTES, new CodeBudget(40 << 10));
  }

  @Override
  public String toString() {
    return name();
  }
}
