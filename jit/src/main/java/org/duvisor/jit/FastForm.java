package org.duvisor.jit;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Semantics;
import org.duvisor.machine.fp.FastFloat;

/** Which floating-point instructions have a form in {@link FastFloat}, by the method's name. */
final class FastForm {
  /** The rounding mode that frm holds. */
  static final int DYNAMIC = 7;

  /** Whether the method takes the rounding mode. */
  private static final Map<String, Boolean> FORMS =
      Arrays.stream(FastFloat.class.getDeclaredMethods())
          .filter(m -> m.accessFlags().contains(java.lang.reflect.AccessFlag.PUBLIC))
          .collect(
              Collectors.toMap(
                  Method::getName,
                  m -> m.getParameterTypes()[m.getParameterCount() - 1] == int.class));

  private FastForm() {}

  /** Whether there is one that does the instruction with its rounding mode. */
  static boolean has(Decoded d) {
    Semantics s = d.instruction().semantics();
    if (!s.owner().equals("Fp")) {
      return false;
    }
    Boolean mode = FORMS.get(s.method());
    boolean rounds = s.arguments().contains(Semantics.Argument.RM);
    return mode != null && (mode || !rounds || mode(d) == 0);
  }

  /** The rounding mode of an instruction where the dynamic one is known to be to nearest even. */
  static int mode(Decoded d) {
    return d.rm() == DYNAMIC ? 0 : d.rm();
  }

  /** Whether that form takes the rounding mode. */
  static boolean takesMode(Decoded d) {
    return FORMS.getOrDefault(d.instruction().semantics().method(), false);
  }
}
