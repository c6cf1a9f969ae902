package org.duvisor.isa;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A two-pass assembler for the instructions of the tables, in the syntax of the GNU assembler. It
 * knows labels (also numeric ones, {@code 1b}, {@code 1f}), the pseudo-instructions of the handbook
 * (li, la, call, tail and those of tables/pseudo.txt), expressions with {@code %hi %lo %pcrel_hi
 * %pcrel_lo}, and the directives .byte .half .word .dword .ascii .asciz .align .balign .zero .equ.
 * There are no sections, and nothing is compressed or relaxed: an instruction is 16 bits long when
 * it is written as c.something.
 */
public final class Assembler {
  private final long base;
  private final Map<String, Long> symbols = new HashMap<>();

  /** An assembler for code that will lie at this address. */
  public Assembler(long base) {
    this.base = base;
  }

  /** Predefines a symbol for all texts, for instance the address of something assembled before. */
  public Assembler define(String symbol, long value) {
    symbols.put(symbol, value);
    return this;
  }

  /**
   * Assembles a text.
   *
   * @throws AssemblyException on the first error, with its line
   */
  public Assembly asm(String text) {
    List<Statement> statements = Statement.read(text);
    Pass sizing = new Pass(base, new HashMap<>(symbols), true);
    sizing.run(statements);
    Pass emitting = new Pass(base, sizing.symbols(), false);
    emitting.run(statements);
    Map<String, Long> labels = new HashMap<>(emitting.symbols());
    labels
        .keySet()
        .removeIf(name -> symbols.containsKey(name) || Character.isDigit(name.charAt(0)));
    return new Assembly(base, emitting.bytes(), Map.copyOf(labels));
  }
}
