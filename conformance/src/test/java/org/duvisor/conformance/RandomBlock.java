package org.duvisor.conformance;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Disassembler;
import org.duvisor.isa.Extension;
import org.duvisor.isa.Instruction;
import org.duvisor.isa.InstructionSet;

/**
 * A random block for {@link DifferentialRuntime}: valid encodings with random operands. Accesses to
 * memory stay in the scratch area around gp, which is never written; control only goes forward, to
 * the beginning of a unit; a reservation is used up by the unit that makes it. Each of these keeps
 * the result defined by the specification alone.
 */
final class RandomBlock {
  private static final int GP = 3;
  private static final int FARTHEST = 8;
  private static final Set<String> BRANCHES =
      Set.of("beq", "bne", "blt", "bge", "bltu", "bgeu", "jal");
  private static final Set<String> LOADS =
      Set.of("lb", "lh", "lw", "ld", "lbu", "lhu", "lwu", "flh", "flw", "fld");
  private static final Set<String> STORES = Set.of("sb", "sh", "sw", "sd", "fsh", "fsw", "fsd");
  private static final Set<Extension> ATOMICS =
      Set.of(Extension.ZAAMO, Extension.ZALRSC, Extension.ZABHA);
  private static final InstructionSet SET = InstructionSet.standard();

  /** Words that are kept together; the transfers among them lack their offset. */
  private record Unit(List<Word> words) {
    int bytes() {
      return words.stream().mapToInt(w -> w.row.length()).sum();
    }
  }

  /**
   * One instruction.
   *
   * @param forward 0, or how many units ahead it goes
   * @param bias what is added to the offset
   */
  private record Word(Instruction row, Decoded operands, int forward, int bias) {
    int bits(int distance) {
      return forward == 0
          ? operands.bits()
          : row.encode(operands.rd(), operands.rs1(), operands.rs2(), 0, distance + bias, 0);
    }
  }

  private final Random random;

  /** For the record's data: a shorter block of the same seed is a prefix of a longer one. */
  private final Random values;

  private final List<Unit> units = new ArrayList<>();
  private final List<Instruction> choice;
  private final List<Instruction> moreLoads;

  private RandomBlock(long seed, Set<Extension> extensions) {
    random = new Random(seed);
    values = new Random(~seed);
    choice =
        SET.instructions().stream()
            .filter(i -> !Collections.disjoint(extensions, i.extensions()))
            .filter(i -> !Set.of("ecall", "ebreak").contains(i.expansion().mnemonic()))
            .toList();
    moreLoads = choice.stream().filter(i -> LOADS.contains(i.expansion().mnemonic())).toList();
  }

  /** A record of so many units of instructions of some extensions. */
  static byte[] record(long seed, int length, Set<Extension> extensions) {
    RandomBlock block = new RandomBlock(seed, extensions);
    while (block.units.size() < length) {
      block.units.add(block.unit());
    }
    return block.bytes();
  }

  /** The code of a record as text, a line per instruction. */
  static String disassembly(byte[] record, long address) {
    ByteBuffer in = ByteBuffer.wrap(record).order(ByteOrder.LITTLE_ENDIAN);
    StringBuilder out = new StringBuilder();
    for (int at = DifferentialRuntime.HEADER; at + 4 <= record.length; ) {
      int bits = in.getInt(at);
      out.append("%x  %s%n".formatted(address + at, Disassembler.exact(bits, address + at)));
      at += (bits & 3) == 3 ? 4 : 2;
    }
    return out.toString();
  }

  private byte[] bytes() {
    int[] starts = new int[units.size() + 1];
    for (int i = 0; i < units.size(); i++) {
      starts[i + 1] = starts[i] + units.get(i).bytes();
    }
    int size = DifferentialRuntime.HEADER + starts[units.size()] + 4;
    ByteBuffer out = ByteBuffer.allocate((size + 7) & -8).order(ByteOrder.LITTLE_ENDIAN);
    for (int x = 0; x < 32; x++) {
      out.putLong(x == 0 ? 0 : x == GP ? DifferentialRuntime.SCRATCH_MIDDLE : Specials.any(values));
    }
    for (int f = 0; f < 32; f++) {
      out.putLong(Specials.any(values));
    }
    out.putLong(values.nextInt(5) << 5);
    for (int i = 0; i < DifferentialRuntime.POOL; i++) {
      out.putLong(Specials.any(values));
    }
    for (int i = 0; i < units.size(); i++) {
      for (Word w : units.get(i).words()) {
        int here = out.position() - DifferentialRuntime.HEADER;
        int bits = w.bits(starts[Math.min(i + w.forward, units.size())] - here);
        if (w.row.length() == 2) {
          out.putShort((short) bits);
        } else {
          out.putInt(bits);
        }
      }
    }
    return out.putInt(word("ecall", 0, 0, 0).operands.bits()).array();
  }

  private Unit unit() {
    while (true) {
      List<Instruction> from = random.nextInt(8) == 0 ? moreLoads : choice;
      Instruction row = from.get(random.nextInt(from.size()));
      int bits = row.match() | random.nextInt() & ~row.mask() & (row.length() == 2 ? 0xffff : -1);
      Decoded d = SET.decoder().decode(bits);
      if (row.matches(bits) && d != null && d.instruction() == row.expansion() && d.rd() != GP) {
        List<Word> words = words(row, d);
        if (!words.isEmpty()) {
          return new Unit(words);
        }
      }
    }
  }

  /** Nothing when the operands do not suit. */
  private List<Word> words(Instruction row, Decoded d) {
    String name = row.expansion().mnemonic();
    Word plain = new Word(row, d, 0, 0);
    if (BRANCHES.contains(name)) {
      return List.of(new Word(row, d, 1 + random.nextInt(FARTHEST), 0));
    }
    if (name.equals("jalr")) {
      return jump(row, d);
    }
    if (name.startsWith("amocas.")) {
      return compareAndSwap(plain, name);
    }
    if (LOADS.contains(name)
        || STORES.contains(name)
        || !Collections.disjoint(ATOMICS, row.extensions())) {
      return access(plain, name);
    }
    if (row.extensions().contains(Extension.ZICSR)) {
      return control(row, d);
    }
    if (name.equals("ctzw")) { // QEMU 7.2 counts on into the upper half when the lower one is 0
      return d.rs1() == GP ? List.of() : List.of(word("addiw", d.rs1(), d.rs1(), 0), plain);
    }
    boolean invalidRounding = row.floating() && (d.rm() == 5 || d.rm() == 6);
    return invalidRounding && random.nextInt(4) != 0 ? List.of() : List.of(plain);
  }

  private List<Word> jump(Instruction row, Decoded d) {
    if (d.rs1() == 0 || d.rs1() == GP) {
      return List.of();
    }
    int imm = row.length() == 2 ? 0 : random.nextInt(-64, 64);
    int ahead = 1 + random.nextInt(FARTHEST);
    Word here = word("auipc", d.rs1(), 0, 0);
    Instruction addi = named("addi");
    Word target =
        new Word(addi, decoded(addi.encode(d.rs1(), d.rs1(), 0, 0, 0, 0)), ahead, 4 - imm);
    int bits = row.encode(d.rd(), d.rs1(), 0, 0, imm, 0);
    return List.of(here, target, new Word(row, decoded(bits), 0, 0));
  }

  private List<Word> access(Word word, String name) {
    int base = word.operands.rs1();
    boolean reserving = name.startsWith("lr.") || name.startsWith("sc.");
    if (base == 0) {
      return List.of();
    }
    int offset = random.nextInt(-128, 128) * 8;
    if (!reserving && random.nextInt(8) == 0) {
      offset += random.nextInt(8);
    }
    List<Word> words = new ArrayList<>();
    Word setBase = word("addi", base, GP, offset);
    if (base != GP) {
      words.add(setBase);
    }
    words.add(word);
    if (name.startsWith("lr.")) {
      if (base != GP) {
        words.add(setBase); // the result may have gone there
      }
      Instruction sc = named("sc" + name.substring(2));
      int rd = random.nextInt(4, 32);
      words.add(new Word(sc, decoded(sc.encode(rd, base, random.nextInt(32), 0, 3, 0)), 0, 0));
    }
    return words;
  }

  /** Mostly aligned, and often with what memory holds as the operand that is compared. */
  private List<Word> compareAndSwap(Word word, String name) {
    int base = word.operands.rs1();
    int rd = word.operands.rd();
    boolean pair = name.equals("amocas.q");
    boolean overwritesBase = rd == base || pair && rd + 1 == base;
    if (base == 0 || base == GP || pair && rd + 1 == GP) {
      return List.of();
    }
    int offset = random.nextInt(-64, 64) * 16 + (random.nextInt(4) == 0 ? random.nextInt(16) : 0);
    List<Word> words = new ArrayList<>(List.of(word("addi", base, GP, offset)));
    if (random.nextBoolean() && !overwritesBase && rd != 0) {
      words.add(word("ld", rd, base, 0));
      if (pair) {
        words.add(word("ld", rd + 1, base, 8));
      }
    }
    words.add(word);
    return words;
  }

  /** An access to fcsr or a part of it, mostly with a valid rounding mode in the end. */
  private List<Word> control(Instruction row, Decoded d) {
    int bits = row.encode(d.rd(), d.rs1(), 0, 0, random.nextInt(1, 4), 0);
    Word access = new Word(row, decoded(bits), 0, 0);
    if (random.nextInt(8) == 0) {
      return List.of(access);
    }
    return List.of(access, word("csrrwi", 0, random.nextInt(5), 2));
  }

  private static Word word(String name, int rd, int rs1, int imm) {
    Instruction row = named(name);
    return new Word(row, decoded(row.encode(rd, rs1, 0, 0, imm, 0)), 0, 0);
  }

  private static Instruction named(String name) {
    Instruction row = SET.named(name);
    if (row == null) {
      throw new IllegalArgumentException("no instruction " + name);
    }
    return row;
  }

  private static Decoded decoded(int bits) {
    Decoded d = SET.decoder().decode(bits);
    if (d == null) {
      throw new IllegalArgumentException("not an instruction: " + Integer.toHexString(bits));
    }
    return d;
  }
}
