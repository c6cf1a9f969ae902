package org.duvisor.conformance.guest;

import java.util.function.Function;
import org.duvisor.jit.RegionTranslator;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.interp.CodeBudget;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.nativecode.NativeCode;

/** The engines that guests run on. */
public enum TestEngine {
  /** Nothing is translated. */
  interpreter,
  /** As users have it. */
  jit,
  /** Nearly everything is translated, which is more than a boot is worth. */
  jitSoon,
  /** Translated while the hart waits: the same run each time. */
  jitInTurns,
  /** Everything is translated, while the hart waits. */
  jitAtOnce,
  /** Code of this computer, as users have it. */
  nativeCode,
  /** Everything is compiled. */
  nativeAtOnce;

  /** Makes the engine of a hart; the harts of a machine share a translator. */
  public Function<Hart, Engine> factory() {
    return switch (this) {
      case interpreter -> Interpreter::new;
      case jit -> with(new RegionTranslator());
      case jitSoon -> with(new RegionTranslator(20, true));
      case jitInTurns -> with(new RegionTranslator(1000, false));
      case jitAtOnce -> with(new RegionTranslator(1, false));
      case nativeCode -> new NativeCode();
      case nativeAtOnce -> new NativeCode(1, NativeCode.BYTES, CodeBudget.PROCESS);
    };
  }

  private static Function<Hart, Engine> with(RegionTranslator translator) {
    return hart -> new Interpreter(hart, translator);
  }
}
