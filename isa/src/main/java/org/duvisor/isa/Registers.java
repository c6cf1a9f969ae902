package org.duvisor.isa;

import java.util.HashMap;
import java.util.Map;

/** Register names of the ABI (psABI, register conventions) and the plain numbers. */
public final class Registers {
  private static final String[] INTEGER = {
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4",
        "a5",
    "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5",
        "t6",
  };
  private static final String[] FLOATING = {
    "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2",
        "fa3", "fa4", "fa5",
    "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8",
        "ft9", "ft10", "ft11",
  };
  private static final Map<String, Integer> INTEGER_NUMBERS = numbers(INTEGER, 'x');
  private static final Map<String, Integer> FLOATING_NUMBERS = numbers(FLOATING, 'f');

  private Registers() {}

  private static Map<String, Integer> numbers(String[] names, char letter) {
    Map<String, Integer> map = HashMap.newHashMap(70);
    for (int i = 0; i < 32; i++) {
      map.put(names[i], i);
      map.put(String.valueOf(letter).concat(Integer.toString(i)), i);
    }
    if (letter == 'x') {
      map.put("fp", 8);
    }
    return map;
  }

  /** The ABI name of integer register 0..31. */
  public static String integer(int number) {
    return INTEGER[number];
  }

  /** The ABI name of floating-point register 0..31. */
  public static String floating(int number) {
    return FLOATING[number];
  }

  /**
   * The number of a register of the integer or the floating-point file, by either name; -1 when
   * there is none.
   */
  public static int number(String name, boolean floating) {
    return (floating ? FLOATING_NUMBERS : INTEGER_NUMBERS).getOrDefault(name, -1);
  }
}
