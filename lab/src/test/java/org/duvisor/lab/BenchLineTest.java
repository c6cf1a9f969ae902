package org.duvisor.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import java.util.OptionalLong;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class BenchLineTest {
  @Test
  void everyForm() {
    assertEquals(
        Optional.of(new BenchLine.Ready(OptionalLong.of(42))), BenchLine.parse("bench: ready 42"));
    assertEquals(
        Optional.of(new BenchLine.Start("core", "00034e974706463d", OptionalLong.empty())),
        BenchLine.parse("bench: core start 00034e974706463d -"));
    assertEquals(
        Optional.of(
            new BenchLine.Progress("memcpy-far", 24, 121410100, OptionalLong.of(315212545))),
        BenchLine.parse("bench: memcpy-far 24 121410100 315212545\r"));
    assertEquals(Optional.of(new BenchLine.Done("core")), BenchLine.parse("bench: core done"));
  }

  @Test
  void kernelLinesAreNone() {
    assertTrue(BenchLine.parse("[    0.446868] Run /bench as init process").isEmpty());
    assertTrue(BenchLine.parse("").isEmpty());
  }

  @Test
  void anythingElseOfTheProgramIsAFailure() {
    assertEquals(
        Optional.of(new BenchLine.Failed("fork: Out of memory")),
        BenchLine.parse("bench: fork: Out of memory"));
    // adversary: a guest that prints numbers no long can hold
    assertInstanceOf(
        BenchLine.Failed.class,
        BenchLine.parse("bench: core 99999999999999999999 1 1").orElseThrow());
  }

  @Property
  void progressIsReadBack(
      @ForAll @LongRange(max = 999_999_999_999_999_999L) long n,
      @ForAll @LongRange(max = 1L << 50) long nanos) {
    assertEquals(
        Optional.of(new BenchLine.Progress("x", n, nanos, OptionalLong.of(n))),
        BenchLine.parse("[  1.0] bench: x " + n + " " + nanos + " " + n));
  }
}
