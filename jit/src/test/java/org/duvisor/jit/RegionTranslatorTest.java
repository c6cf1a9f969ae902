package org.duvisor.jit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.duvisor.isa.Decoded;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.machine.interp.Source;
import org.duvisor.machine.interp.Translation;
import org.duvisor.machine.interp.Translator;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RegionTranslatorTest {
  private static final String LOOP =
      """
        li a0, 0
        li a1, 6000000
        li a2, DATA
      1:
        sd a0, 0(a2)
        ld a3, 0(a2)
        addi a0, a3, 1
        call 2f
        bne a0, a1, 1b
        j exit
      2:
        csrr a5, mscratch
        ret
      """;

  private static EngineUnderTest engine(Function<Hart, Engine> factory) {
    return new EngineUnderTest() {
      @Override
      public String name() {
        return "translator under test";
      }

      @Override
      public Function<Hart, Engine> factory() {
        return factory;
      }
    };
  }

  @Test
  void whatIsDumpedCanBeTranslatedAgain(@TempDir Path folder) throws IOException {
    var translator = new RegionTranslator(1, false);
    translator.dumpTo(folder);
    String program = LOOP.replace("6000000", "60");
    new TestMachine(engine(h -> new Interpreter(h, translator)), program).run().close();
    List<Path> texts;
    try (var files = Files.list(folder)) {
      texts = files.filter(f -> f.toString().endsWith(".txt")).toList();
    }
    assertFalse(texts.isEmpty());
    for (Path text : texts) {
      Path classFile = Path.of(text.toString().replace(".txt", ".class"));
      Source again = RegionText.read(Files.readString(text));
      assertArrayEquals(
          Files.readAllBytes(classFile), new RegionCompiler(again).compile(), text.toString());
    }
  }

  @Test
  void aFolderThatCannotBeWrittenIsToldInTheStatistics(@TempDir Path folder) throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    var translator = new RegionTranslator(1, false);
    translator.dumpTo(file);
    String program = LOOP.replace("6000000", "60");
    new TestMachine(engine(h -> new Interpreter(h, translator)), program).run().close();
    assertTrue(translator.statistics().contains("dumps ended"), translator.statistics());
  }

  @Test
  void textThatIsNoRegionIsRefused() {
    for (String text :
        new String[] {"", "block 0\n0 ffffffff", "block x", "entry 4\nblock 0\n0 0001"}) {
      assertThrows(IllegalArgumentException.class, () -> RegionText.read(text), text);
    }
  }

  /** Everything is forgotten again and again, as when the limit of regions is reached. */
  @Test
  void codeIsForgottenWhileItRuns() {
    var real = new RegionTranslator(1, false);
    var forgetful =
        new Translator() {
          private int generation;
          private int offers;

          @Override
          public int threshold() {
            return 1;
          }

          @Override
          public int generation() {
            return generation++;
          }

          @Override
          public List<Source> known(int offset, Decoded first) {
            return real.known(offset, first);
          }

          @Override
          public void offer(Source source, Sink sink) {
            offers++;
            real.offer(source, sink);
          }
        };
    try (TestMachine m =
        new TestMachine(
            engine(h -> new Interpreter(h, forgetful)), LOOP.replace("6000000", "1500000"))) {
      m.run();
      assertEquals(1_500_000, m.a(0));
    }
    assertTrue(forgetful.offers > 6, "translated anew: " + forgetful.offers);
  }

  @Test
  void hartsShareWhatIsTranslated() {
    String program =
        """
          call work
        wait:
          li t0, DATA
          ld t1, 0(t0)
          beqz t1, wait
          j exit
        others:
          call work
          li t0, DATA
          li t1, 1
          sd t1, 0(t0)
        sleep:
          wfi
          j sleep
        work:
          li a0, 0
          li a1, 500
        1:
          addi a0, a0, 1
          bne a0, a1, 1b
          ret
        """;
    var translator = new RegionTranslator(50, false);
    EngineUnderTest engine = engine(h -> new Interpreter(h, translator));
    try (TestMachine m = new TestMachine(engine, program, 2, HartConfig.STANDARD, true)) {
      m.run();
      assertEquals(500, m.a(0));
    }
    assertTrue(
        translator.statistics().matches("translated [12] regions.* 1 used by more than one hart.*"),
        translator.statistics());
  }

  /** A translator that keeps what it makes, or makes something else. */
  private static final class Observer implements Translator {
    private final RegionTranslator real = new RegionTranslator(1, false);
    private final UnaryOperator<Translation> change;

    Observer(UnaryOperator<Translation> change) {
      this.change = change;
    }

    @Override
    public int threshold() {
      return 1;
    }

    @Override
    public int generation() {
      return 0;
    }

    @Override
    public List<Source> known(int offset, Decoded first) {
      return List.of();
    }

    @Override
    public void offer(Source source, Sink sink) {
      real.offer(
          source,
          new Sink() {
            @Override
            public void install(Translation translation) {
              Translation t = change.apply(translation);
              t.made(source, Long.MAX_VALUE);
              sink.install(t);
            }

            @Override
            public void refuse() {
              sink.refuse();
            }
          });
    }
  }

  /**
   * What bounds the time until a hart notices an interrupt, docs/memory-model.md: the engine's
   * half.
   */
  @Test
  void translatedCodeGetsFuelFor8192Instructions() {
    int[] most = {0};
    var observer =
        new Observer(
            _ ->
                new Translation() {
                  @Override
                  public int run(Hart hart, long base, int entry, int fuel) {
                    most[0] = Math.max(most[0], fuel);
                    hart.sideExit = Hart.SIDE_EXIT;
                    return fuel;
                  }
                });
    EngineUnderTest engine = engine(h -> new Interpreter(h, observer));
    String program = LOOP.replace("6000000", "2000");
    // in parallel: there a hart may run for longer than that at a time
    try (TestMachine m = new TestMachine(engine, program, 1, HartConfig.STANDARD, false)) {
      assertEquals(2000, m.run().a(0), "a translation may leave everything to the interpreter");
    }
    assertEquals(8192, most[0]);
  }

  /** The other half: code that loops for ever stops within a block of its fuel. */
  @Test
  void translatedCodeStopsWithinABlockOfItsFuel() {
    List<Translation> made = new ArrayList<>();
    var observer =
        new Observer(
            t -> {
              made.add(t);
              return t;
            });
    String program =
        """
          li a0, 3
        loop:
          addi a0, a0, -1
          addi a1, a1, 1
          addi a2, a2, 1
          bnez a0, loop
        """;
    EngineUnderTest engine = engine(h -> new Interpreter(h, observer));
    try (TestMachine m = new TestMachine(engine, program)) {
      m.run();
      Hart hart = m.board().harts().getFirst();
      long loop = m.label("loop");
      int tried = 0;
      for (Translation t : made) {
        hart.x(10, -1);
        hart.pc = loop;
        int used = 1000 - t.run(hart, loop & -4096L, 0, 1000);
        assertTrue(used <= 1000 + Engine.MAX_BLOCK, "used " + used);
        tried += used >= 1000 ? 1 : 0;
      }
      assertTrue(tried > 0, "one of them is the loop");
    }
  }
}
