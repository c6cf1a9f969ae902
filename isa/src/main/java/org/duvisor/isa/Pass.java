package org.duvisor.isa;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One pass over the statements: the sizing pass finds the addresses of labels, the emitting pass
 * the bytes.
 */
final class Pass implements Reader.Scope {
  private static final int MAX_SIZE = 64 << 20;

  private final long base;
  private final boolean sizing;
  private final Map<String, Long> symbols;

  /**
   * How often each numeric label was defined so far; its k-th definition is the symbol "number k".
   */
  private final Map<String, Integer> locals = new HashMap<>();

  private final Map<Long, Long> pcrelTargets = new HashMap<>();
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  /** Undefined symbols count as 0, where only the size matters. */
  private boolean lenient;

  private final InstructionSet set = InstructionSet.standard();

  Pass(long base, Map<String, Long> symbols, boolean sizing) {
    this.base = base;
    this.symbols = symbols;
    this.sizing = sizing;
  }

  /** Symbols after the pass; numeric labels are among them as "number k". */
  Map<String, Long> symbols() {
    return symbols;
  }

  byte[] bytes() {
    return out.toByteArray();
  }

  void run(List<Statement> statements) {
    for (Statement s : statements) {
      try {
        for (String label : s.labels()) {
          label(label);
        }
        if (s.mnemonic().startsWith(".")) {
          directive(s.mnemonic(), s.operands());
        } else if (!s.mnemonic().isEmpty()) {
          instruction(s.mnemonic(), s.operands());
        }
      } catch (IllegalArgumentException e) {
        throw new AssemblyException(s.line(), String.valueOf(e.getMessage()));
      }
    }
  }

  private void label(String name) {
    if (Character.isDigit(name.charAt(0))) {
      if (name.chars().anyMatch(c -> !Character.isDigit(c))) {
        throw new IllegalArgumentException("a label does not start with a digit: " + name);
      }
      int count = locals.merge(name, 1, Integer::sum);
      symbols.put(name + " " + count, pc());
    } else {
      Long old = symbols.put(name, pc());
      if (sizing && old != null) {
        throw new IllegalArgumentException("label " + name + " is already defined");
      }
    }
  }

  @Override
  public long symbol(String name) {
    if (name.equals(".")) {
      return pc();
    }
    String key = name;
    if (Character.isDigit(name.charAt(0))) {
      String number = name.substring(0, name.length() - 1);
      key = number + " " + (locals.getOrDefault(number, 0) + (name.endsWith("f") ? 1 : 0));
    }
    Long value = symbols.get(key);
    if (value == null) {
      if (lenient) {
        return 0;
      }
      String when = sizing ? " (needed before its definition)" : "";
      throw new IllegalArgumentException("undefined symbol " + name + when);
    }
    return value;
  }

  @Override
  public long pc() {
    return base + out.size();
  }

  @Override
  public void pcrelHi(long target) {
    pcrelTargets.put(pc(), target);
  }

  @Override
  public long pcrelTarget(long address) {
    Long target = pcrelTargets.get(address);
    if (target == null) {
      throw new IllegalArgumentException(
          "%pcrel_lo needs the label of an earlier instruction with %pcrel_hi");
    }
    return target;
  }

  private void instruction(String mnemonic, String operands) {
    Reader reader = new Reader(operands, this);
    switch (mnemonic) {
      case "li" -> {
        int rd = reader.register(false);
        reader.expect(',');
        long value = reader.expression();
        reader.expectEnd();
        loadImmediate(rd, value);
      }
      case "la", "lla" -> {
        int rd = reader.register(false);
        reader.expect(',');
        far("addi", rd, rd, reader);
      }
      case "call" -> far("jalr", RA, RA, reader);
      case "tail" -> far("jalr", T1, 0, reader);
      default -> single(mnemonic, operands);
    }
  }

  private static final int RA = 1;
  private static final int T1 = 6;

  /** auipc into {@code through}, then {@code second rd, through, low part}. */
  private void far(String second, int through, int rd, Reader reader) {
    if (sizing) {
      fill(8);
      return;
    }
    long offset = reader.expression() - pc();
    reader.expectEnd();
    code("auipc", through, 0, Reader.high(offset) << 12);
    code(second, rd, through, Reader.low(offset));
  }

  /**
   * The shortest usual sequence: lui and addi(w) for 32 bits, else the upper part, a shift and an
   * addi.
   */
  private void loadImmediate(int rd, long value) {
    long low = Reader.low(value);
    if (value == low) {
      code("addi", rd, 0, value);
    } else if (value == (int) value) {
      int upper = (int) (value - low); // 0x80000000 wraps, and addiw wraps it back
      code("lui", rd, 0, upper);
      if (low != 0) {
        code("addiw", rd, rd, low);
      }
    } else {
      long upper = value - low;
      int shift = Long.numberOfTrailingZeros(upper);
      loadImmediate(rd, upper >> shift);
      code("slli", rd, rd, shift);
      if (low != 0) {
        code("addi", rd, rd, low);
      }
    }
  }

  private void code(String mnemonic, int rd, int rs1, long imm) {
    Instruction instruction = set.named(mnemonic);
    if (instruction == null) {
      throw new IllegalStateException("the tables lack " + mnemonic);
    }
    emit(instruction.encode(rd, rs1, 0, 0, imm, 0), 4);
  }

  private void single(String mnemonic, String operands) {
    Instruction row = row(mnemonic);
    List<Aliases.Alias> aliases = Aliases.standard().named(mnemonic);
    if (row == null && aliases.isEmpty()) {
      throw new IllegalArgumentException("unknown instruction '" + mnemonic + "'");
    }
    if (sizing) {
      fill((row == null ? aliases.getFirst().mapping().base() : row).length());
      return;
    }
    Attempt attempt = new Attempt(operands);
    if (row != null && attempt.succeeds(row.operands())) {
      long[] slots = attempt.slots;
      if (row.ordered()) {
        slots[Slot.IMM.index()] = ordering(mnemonic);
      }
      emit(row.encode(slots), row.length());
      return;
    }
    for (Aliases.Alias alias : aliases) {
      if (attempt.succeeds(alias.operands())) {
        Instruction base = alias.mapping().base();
        emit(base.encode(alias.mapping().apply(attempt.slots)), base.length());
        return;
      }
    }
    throw new IllegalArgumentException(attempt.reason);
  }

  /**
   * Tries forms of an instruction and keeps the reason of the failure that came latest in the text.
   */
  private final class Attempt {
    private final String operands;
    private int furthest = -1;
    private String reason = "";
    private long[] slots = {};

    Attempt(String operands) {
      this.operands = operands;
    }

    boolean succeeds(List<Operand> form) {
      Reader reader = new Reader(operands, Pass.this);
      try {
        slots = reader.operands(form);
        return true;
      } catch (IllegalArgumentException e) {
        if (reader.position() > furthest) {
          furthest = reader.position();
          reason = String.valueOf(e.getMessage());
        }
        return false;
      }
    }
  }

  private @Nullable Instruction row(String mnemonic) {
    Instruction row = set.named(mnemonic);
    if (row != null || ordering(mnemonic) == 0) {
      return row;
    }
    Instruction plain = set.named(mnemonic.substring(0, mnemonic.lastIndexOf('.')));
    return plain != null && plain.ordered() ? plain : null;
  }

  private static int ordering(String mnemonic) {
    return mnemonic.endsWith(".aqrl")
        ? 3
        : mnemonic.endsWith(".aq") ? 2 : mnemonic.endsWith(".rl") ? 1 : 0;
  }

  private void directive(String name, String operands) {
    Reader reader = new Reader(operands, this);
    switch (name) {
      case ".byte" -> data(reader, 1);
      case ".half", ".2byte", ".short" -> data(reader, 2);
      case ".word", ".4byte", ".long" -> data(reader, 4);
      case ".dword", ".8byte", ".quad" -> data(reader, 8);
      case ".ascii" -> string(reader, false);
      case ".asciz", ".string" -> string(reader, true);
      case ".align", ".p2align" -> {
        long power = reader.expression();
        if (power < 0 || power > 20) {
          throw new IllegalArgumentException("an alignment of 2^0 to 2^20 expected");
        }
        align(1L << power);
      }
      case ".balign" -> align(reader.expression());
      case ".zero", ".skip", ".space" -> fill(reader.expression());
      case ".equ", ".set" -> {
        equ(reader);
      }
      case ".option", ".globl", ".global", ".text" -> {
        return; // nothing is compressed or relaxed, and there is one section
      }
      default -> throw new IllegalArgumentException("unknown directive " + name);
    }
    reader.expectEnd();
  }

  private void equ(Reader reader) {
    String name = reader.word();
    if (name.isEmpty() || Character.isDigit(name.charAt(0))) {
      throw new IllegalArgumentException("a symbol expected");
    }
    reader.expect(',');
    symbols.put(name, reader.expression());
  }

  private void data(Reader reader, int size) {
    do {
      lenient = sizing;
      long value = reader.expression();
      lenient = false;
      boolean unsigned = size == 8 || value >>> (8 * size) == 0;
      boolean signed = size == 8 || value >> (8 * size - 1) == -1;
      if (!sizing && !unsigned && !signed) {
        throw new IllegalArgumentException(value + " does not fit into " + size + " bytes");
      }
      emit(value, size);
    } while (reader.accept(','));
  }

  private void string(Reader reader, boolean terminated) {
    do {
      for (byte b : reader.string().getBytes(StandardCharsets.UTF_8)) {
        emit(b, 1);
      }
      if (terminated) {
        emit(0, 1);
      }
    } while (reader.accept(','));
  }

  private void align(long alignment) {
    if (Long.bitCount(alignment) != 1 || alignment < 0 || alignment > 1 << 20) {
      throw new IllegalArgumentException("an alignment that is a power of two up to 2^20 expected");
    }
    long padding = -pc() & alignment - 1;
    if ((padding & 1) != 0) {
      emit(0, 1);
      padding--;
    }
    if ((padding & 2) != 0) {
      emit(C_NOP, 2);
      padding -= 2;
    }
    for (; padding > 0; padding -= 4) {
      emit(NOP, 4);
    }
  }

  private static final int NOP = 0x13;
  private static final int C_NOP = 1;

  private void fill(long count) {
    if (count < 0 || count > MAX_SIZE - out.size()) {
      throw new IllegalArgumentException("cannot add " + count + " bytes");
    }
    out.writeBytes(new byte[(int) count]);
  }

  private void emit(long value, int size) {
    if (out.size() > MAX_SIZE - size) {
      throw new IllegalArgumentException("the output is larger than " + MAX_SIZE + " bytes");
    }
    for (int i = 0; i < size; i++) {
      out.write((int) (value >>> (8 * i)));
    }
  }
}
