package org.duvisor.machine.testing;

import java.util.ServiceLoader;
import java.util.function.Function;
import java.util.stream.Stream;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.interp.Interpreter;

/** The engines that every program of the tests runs on. */
public final class Engines {
  private Engines() {}

  private record Named(String name, Function<Hart, Engine> factory) implements EngineUnderTest {
    @Override
    public String toString() {
      return name;
    }
  }

  /**
   * The interpreter and those that are provided as services; a method source of parametrised tests.
   */
  public static Stream<EngineUnderTest> all() {
    return Stream.concat(
        Stream.of(interpreter()),
        ServiceLoader.load(EngineUnderTest.class).stream().map(ServiceLoader.Provider::get));
  }

  /** Those that deterministic boards may have. */
  public static Stream<EngineUnderTest> same() {
    return all().filter(EngineUnderTest::same);
  }

  /** The interpreter alone. */
  public static EngineUnderTest interpreter() {
    return new Named("interpreter", Interpreter::new);
  }
}
