package org.duvisor.nativecode;

import org.duvisor.isa.Decoded;

/** How an instruction becomes code. */
@FunctionalInterface
interface Template {
  /** Writes the code. */
  void emit(BlockCompiler c, Decoded d);
}
