package org.duvisor.nativecode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Memory for code is never writable and executable at one address. */
class CodeMemoryTest {
  private static final long BYTES = 1 << 20;

  @BeforeEach
  void onlyWhereThereAreTemplates() {
    assumeTrue(NativeCode.isAvailable());
  }

  private static List<String> mappings() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/maps")).stream()
        .filter(line -> line.contains("/memfd:translated code"))
        .toList();
  }

  @Test
  void whatIsWrittenAtOneAddressIsExecutedAtAnother() throws IOException {
    var memory = new CodeMemory(BYTES);
    List<String> mappings = mappings();
    assertTrue(mappings.stream().anyMatch(m -> m.contains(" rw-s ")), mappings::toString);
    assertTrue(mappings.stream().anyMatch(m -> m.contains(" r-xs ")), mappings::toString);
    assertFalse(mappings.stream().anyMatch(m -> m.contains(" rwx")), mappings::toString);
    memory.write(BYTES - 4, new byte[] {1, 2, 3, 4}, 4);
    memory.patch(BYTES - 4, 0x04030201);
    assertEquals(0x04030201, memory.executable().get(ValueLayout.JAVA_INT_UNALIGNED, BYTES - 4));
  }

  @Test
  void itIsBounded() {
    var memory = new CodeMemory(BYTES);
    assertEquals(BYTES, memory.size());
    assertThrows(IndexOutOfBoundsException.class, () -> memory.write(BYTES - 1, new byte[2], 2));
    assertThrows(IndexOutOfBoundsException.class, () -> memory.patch(BYTES - 3, 0));
  }
}
