package org.duvisor.isa;

import java.util.List;

/**
 * Reads operands and expressions from the text of one statement. Reasons of errors are
 * IllegalArgumentExceptions.
 */
final class Reader {
  /** What expressions refer to; errors are IllegalArgumentExceptions. */
  interface Scope {
    /** The value of a symbol, of "." and of numeric labels ("1b"). */
    long symbol(String name);

    /** The address of the current instruction. */
    long pc();

    /** Notes that the current instruction has the upper part of this pc-relative target. */
    void pcrelHi(long target);

    /** The target noted at the instruction with this label. */
    long pcrelTarget(long address);
  }

  private static final int MAX_DEPTH = 100;

  private final String text;
  private final Scope scope;
  private int at;
  private int depth;

  Reader(String text, Scope scope) {
    this.text = text;
    this.scope = scope;
  }

  static boolean symbolPart(char c) {
    boolean letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '$';
  }

  private void blanks() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
  }

  /** Whether nothing is left. */
  boolean atEnd() {
    blanks();
    return at == text.length();
  }

  private char peek() {
    blanks();
    return at < text.length() ? text.charAt(at) : '\0';
  }

  /** How far it has read; tells which of several errors is the most to the point. */
  int position() {
    return at;
  }

  boolean accept(char c) {
    if (peek() == c) {
      at++;
      return true;
    }
    return false;
  }

  void expect(char c) {
    if (!accept(c)) {
      throw new IllegalArgumentException("'" + c + "' expected " + where());
    }
  }

  void expectEnd() {
    if (!atEnd()) {
      throw new IllegalArgumentException("unexpected text " + where());
    }
  }

  private String where() {
    return atEnd() ? "at the end" : "before '" + text.substring(at) + "'";
  }

  /** A string in double quotes with the escapes of C. */
  String string() {
    expect('"');
    StringBuilder value = new StringBuilder();
    while (at < text.length() && text.charAt(at) != '"') {
      char c = text.charAt(at++);
      value.append(c == '\\' && at < text.length() ? escape(text.charAt(at++)) : c);
    }
    expect('"');
    return value.toString();
  }

  private static char escape(char c) {
    return switch (c) {
      case 'n' -> '\n';
      case 't' -> '\t';
      case 'r' -> '\r';
      case '0' -> '\0';
      case '\\', '"' -> c;
      default -> throw new IllegalArgumentException("unknown escape \\" + c);
    };
  }

  /** A symbol, mnemonic or register name; empty when there is none. */
  String word() {
    blanks();
    int start = at;
    while (at < text.length() && symbolPart(text.charAt(at))) {
      at++;
    }
    return text.substring(start, at);
  }

  /** All operands of an instruction, into their slots. */
  long[] operands(List<Operand> operands) {
    long[] slots = new long[Slot.COUNT];
    for (int i = 0; i < operands.size(); i++) {
      Operand operand = operands.get(i);
      Operand next = i + 1 < operands.size() ? operands.get(i + 1) : Operand.CLOSE;
      if (next.slot() == Slot.RM && atEnd()) {
        slots[Slot.RM.index()] = Operand.defaultRounding(next);
        break;
      }
      Slot slot = operand.slot();
      if (slot != null) {
        slots[slot.index()] = operand(operand, next);
      } else {
        punctuation(operand);
      }
    }
    expectEnd();
    return slots;
  }

  private void punctuation(Operand operand) {
    switch (operand) {
      case COMMA -> expect(',');
      case CLOSE -> expect(')');
      case OPEN -> {
        if (peek() == '0') {
          at++; // an address without offset may be written 0(rs1)
        }
        expect('(');
      }
      default -> {
        int start = at;
        if (operand == Operand.SP ? register(false) != 2 : !word().equals(operand.text())) {
          at = start;
          throw new IllegalArgumentException(operand.text() + " expected " + where());
        }
      }
    }
  }

  private long operand(Operand operand, Operand next) {
    return switch (operand) {
      case RD, RS1, RS2 -> register(false);
      case FRD, FRS1, FRS2, FRS3 -> register(true);
      case IMM, UIMM -> next == Operand.OPEN && baseOnly() ? 0 : expression();
      case ZIMM -> expression();
      case IMM20 -> upper(expression());
      case TARGET -> expression() - scope.pc();
      case CSR -> csr();
      case FENCE -> fence();
      case RM, RM_RNE -> rounding();
      case FLI -> floatConstant();
      case SP, RTZ, COMMA, OPEN, CLOSE -> throw new AssertionError(operand);
    };
  }

  /** A register of the integer or the floating-point file. */
  int register(boolean floating) {
    int start = at;
    String name = word();
    int number = Registers.number(name, floating);
    if (number < 0) {
      at = start;
      throw new IllegalArgumentException(
          (floating ? "f register" : "x register") + " expected " + where());
    }
    return number;
  }

  /** Whether "(reg)" follows, an address without offset. */
  private boolean baseOnly() {
    if (peek() != '(') {
      return false;
    }
    int start = at++;
    boolean register = Registers.number(word(), false) >= 0;
    at = start;
    return register;
  }

  private static long upper(long value) {
    if (value < -0x80000 || value > 0xfffff) {
      throw new IllegalArgumentException("not a 20-bit value: " + value);
    }
    return (int) (value << 12);
  }

  private long csr() {
    int start = at;
    int number = Csr.number(word());
    if (number >= 0) {
      return number;
    }
    at = start;
    return expression();
  }

  private long fence() {
    long predecessors = set();
    expect(',');
    return predecessors << 4 | set();
  }

  private long set() {
    String word = word();
    int set = 0;
    for (int i = 0; i < word.length(); i++) {
      int bit = "wroi".indexOf(word.charAt(i));
      if (bit < 0 && !word.equals("0")) {
        throw new IllegalArgumentException("not a set of i, o, r and w: " + word);
      }
      set |= bit < 0 ? 0 : 1 << bit;
    }
    if (word.isEmpty()) {
      throw new IllegalArgumentException("a set of i, o, r and w expected " + where());
    }
    return set;
  }

  private long rounding() {
    String word = word();
    for (int i = 0; i < 8; i++) {
      if (Disassembler.ROUNDING[i].equals(word)) {
        return i;
      }
    }
    throw new IllegalArgumentException("not a rounding mode: " + word);
  }

  private long floatConstant() {
    blanks();
    int start = at;
    while (at < text.length() && text.charAt(at) != ',' && text.charAt(at) != ' ') {
      at++;
    }
    return FloatConstant.index(text.substring(start, at));
  }

  /** An expression: C operators + - * / % << >> & ^ | ~ on 64-bit values. */
  long expression() {
    return binary(0);
  }

  private static final String[][] LEVELS = {
    {"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}
  };

  private long binary(int level) {
    if (level == LEVELS.length) {
      return unary();
    }
    long value = binary(level + 1);
    while (true) {
      String operator = operator(LEVELS[level]);
      if (operator.isEmpty()) {
        return value;
      }
      long right = binary(level + 1);
      value = apply(operator, value, right);
    }
  }

  private String operator(String[] operators) {
    blanks();
    for (String operator : operators) {
      if (text.startsWith(operator, at)) {
        at += operator.length();
        return operator;
      }
    }
    return "";
  }

  private static long apply(String operator, long a, long b) {
    if (b == 0 && (operator.equals("/") || operator.equals("%"))) {
      throw new IllegalArgumentException("division by zero");
    }
    return switch (operator) {
      case "|" -> a | b;
      case "^" -> a ^ b;
      case "&" -> a & b;
      case "<<" -> a << b;
      case ">>" -> a >>> b;
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      default -> a % b;
    };
  }

  private long unary() {
    if (depth == MAX_DEPTH) {
      throw new IllegalArgumentException("the expression is nested too deeply");
    }
    depth++;
    long value = primary();
    depth--;
    return value;
  }

  private long primary() {
    char c = peek();
    if (c == '-' || c == '~' || c == '+') {
      at++;
      long value = unary();
      return c == '-' ? -value : c == '~' ? ~value : value;
    }
    if (c == '(') {
      at++;
      long value = expression();
      expect(')');
      return value;
    }
    if (c == '%') {
      at++;
      return relocation();
    }
    if (c == '\'' && at + 2 < text.length() && text.charAt(at + 2) == '\'') {
      at += 3;
      return text.charAt(at - 2);
    }
    int start = at;
    String word = word();
    if (word.isEmpty()) {
      throw new IllegalArgumentException("an expression expected " + where());
    }
    boolean digit = c >= '0' && c <= '9';
    char last = word.charAt(word.length() - 1);
    boolean local = digit && (last == 'b' || last == 'f') && decimal(word, word.length() - 1);
    if (digit && !local) {
      return number(word);
    }
    if (Registers.number(word, false) >= 0 || Registers.number(word, true) >= 0) {
      at = start;
      throw new IllegalArgumentException("an expression expected " + where());
    }
    return scope.symbol(word);
  }

  private static boolean decimal(String word, int length) {
    for (int i = 0; i < length; i++) {
      if (!Character.isDigit(word.charAt(i))) {
        return false;
      }
    }
    return true;
  }

  private static long number(String word) {
    try {
      if (word.startsWith("0x") || word.startsWith("0X")) {
        return Long.parseUnsignedLong(word.substring(2), 16);
      }
      if (word.startsWith("0b") || word.startsWith("0B")) {
        return Long.parseUnsignedLong(word.substring(2), 2);
      }
      return Long.parseUnsignedLong(word, word.length() > 1 && word.charAt(0) == '0' ? 8 : 10);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("not a 64-bit number: " + word, e);
    }
  }

  private long relocation() {
    String name = word();
    expect('(');
    long value = expression();
    expect(')');
    switch (name) {
      case "hi" -> {
        return high(value);
      }
      case "lo" -> {
        return low(value);
      }
      case "pcrel_hi" -> {
        scope.pcrelHi(value);
        return high(value - scope.pc());
      }
      case "pcrel_lo" -> {
        return low(scope.pcrelTarget(value) - value);
      }
      default -> throw new IllegalArgumentException("unknown relocation %" + name);
    }
  }

  /**
   * The upper 20 bits of a 32-bit value, rounded so that adding {@link #low} gives the value; for
   * lui and auipc.
   */
  static long high(long value) {
    long high = (value + 0x800) >> 12;
    if (high != high << 44 >> 44) {
      throw new IllegalArgumentException("not within 32 bits: " + value);
    }
    return high;
  }

  /** The lower 12 bits, signed. */
  static long low(long value) {
    return value << 52 >> 52;
  }
}
