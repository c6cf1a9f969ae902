package org.duvisor.isa;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The instructions of the tables, by id and by mnemonic, and the decoder made from them. Immutable.
 */
public final class InstructionSet {
  /** The tables; compressed ones last, because their rows name base instructions. */
  private static final String[] TABLES = {
    "rv64i.isa",
    "rv64m.isa",
    "rv64a.isa",
    "zacas.isa",
    "zabha.isa",
    "rv64f.isa",
    "rv64d.isa",
    "zfhmin.isa",
    "zfh.isa",
    "zfa.isa",
    "zicsr.isa",
    "zifencei.isa",
    "zba.isa",
    "zbkb.isa",
    "zbb.isa",
    "zbs.isa",
    "zbc.isa",
    "zbkx.isa",
    "zkn.isa",
    "zks.isa",
    "zicond.isa",
    "zimop.isa",
    "zicbo.isa",
    "zihintpause.isa",
    "zawrs.isa",
    "privileged.isa",
    "svinval.isa",
    "h.isa",
    "xdv.isa",
    "rv64c.isa",
    "zcb.isa",
    "zcmop.isa",
  };

  private final List<Instruction> instructions;
  private final Map<String, Instruction> byMnemonic;
  private final List<Instruction> specialFirst;
  private final Decoder decoder;
  private final Map<Extensions, Decoder> decoders = new ConcurrentHashMap<>();

  private InstructionSet(TableReader reader) {
    instructions = reader.instructions();
    byMnemonic = HashMap.newHashMap(instructions.size());
    for (Instruction i : instructions) {
      byMnemonic.put(i.mnemonic(), i);
    }
    specialFirst = reader.specialFirst();
    decoder = new Decoder(specialFirst);
  }

  private static final class Standard {
    static final InstructionSet SET = load();

    private static InstructionSet load() {
      TableReader reader = new TableReader();
      for (String table : TABLES) {
        reader.read(table, resource(table));
      }
      return new InstructionSet(reader);
    }
  }

  /** The set of all tables of this module, loaded on first use. */
  public static InstructionSet standard() {
    return Standard.SET;
  }

  /**
   * A set from one table's text, for tests of tables and for other tools.
   *
   * @throws IsaException when a row is malformed or overlaps another
   */
  public static InstructionSet of(String file, String text) {
    TableReader reader = new TableReader();
    reader.read(file, text);
    return new InstructionSet(reader);
  }

  static String resource(String file) {
    try (InputStream in = InstructionSet.class.getResourceAsStream("tables/".concat(file))) {
      if (in == null) {
        throw new IllegalStateException("the table " + file + " is missing from the isa module");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** All instructions in the order of their ids, base instructions before compressed ones. */
  public List<Instruction> instructions() {
    return instructions;
  }

  /** The instruction with this mnemonic (lower case, no ordering suffix), or null. */
  public @Nullable Instruction named(String mnemonic) {
    return byMnemonic.get(mnemonic);
  }

  /** The decoder for all of this set. */
  public Decoder decoder() {
    return decoder;
  }

  /** The decoder of harts with these extensions: other words are no instructions there. */
  public Decoder decoder(Extensions hart) {
    return decoders.computeIfAbsent(hart, this::only);
  }

  private Decoder only(Extensions hart) {
    List<Instruction> some = new ArrayList<>(specialFirst.size());
    for (Instruction i : specialFirst) {
      if (i.isIn(hart)) {
        some.add(i);
      }
    }
    return some.size() == specialFirst.size() ? decoder : new Decoder(some);
  }
}
