package org.duvisor.platform.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The library as the GNU tools see it; the full stack's tests load it. */
final class SharedObjectTest {
  private static final String READELF = "riscv64-linux-gnu-readelf";

  @TempDir private Path folder;

  private List<String> read() throws IOException, InterruptedException {
    assumeTrue(
        Stream.of(System.getenv("PATH").split(":"))
            .anyMatch(p -> Files.isExecutable(Path.of(p, READELF))),
        READELF + " is not here");
    Path file = Files.write(folder.resolve("stub.so"), StubImage.load().library());
    java.lang.Process process =
        new ProcessBuilder(READELF, "-W", "-h", "-l", "-d", "-s", "-D", file.toString())
            .redirectErrorStream(true)
            .start();
    var text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), text);
    assertFalse(text.toLowerCase(java.util.Locale.ROOT).contains("warning"), text);
    return text.lines().map(String::strip).toList();
  }

  @Test
  void everyNativeMethodIsASymbol() throws IOException, InterruptedException {
    List<String> lines = read();
    List<String> methods =
        Arrays.stream(Native.class.getDeclaredMethods())
            .filter(m -> Modifier.isNative(m.getModifiers()))
            .map(Method::getName)
            .toList();
    assertTrue(methods.contains("enter"));
    for (String method : methods) {
      String symbol = "Java_org_duvisor_platform_linux_Native_" + method;
      assertTrue(lines.stream().anyMatch(l -> l.endsWith(" " + symbol)), lines::toString);
    }
  }

  @Test
  void nothingIsWritableAndExecutable() throws IOException, InterruptedException {
    List<String> segments = read().stream().filter(l -> l.matches("(LOAD|GNU_STACK) .*")).toList();
    assertEquals(4, segments.size(), segments::toString);
    for (String segment : segments) {
      assertFalse(segment.matches(".* (RWE|R?WE) +0x.*"), segment);
    }
    assertEquals(1, segments.stream().filter(l -> l.matches(".* R E +0x.*")).count());
  }
}
