package org.duvisor.jit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.duvisor.isa.Decoded;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.machine.interp.Source;
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
}
