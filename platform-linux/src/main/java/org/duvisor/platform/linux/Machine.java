package org.duvisor.platform.linux;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.duvisor.isa.Extensions;
import org.duvisor.platform.DvException;
import org.duvisor.platform.DvException.Reason;

/**
 * What the host's device tree says of its harts.
 *
 * @param isaBase riscv,isa-base
 * @param isaExtensions those of riscv,isa-extensions that a guest may use
 * @param mmuType mmu-type
 */
record Machine(String isaBase, String isaExtensions, String mmuType) {
  /** Reads the node of the first hart. */
  static Machine of(Path cpu) {
    String extensions =
        Arrays.stream(text(cpu, "riscv,isa-extensions").split(" "))
            .filter(Extensions::isForGuests)
            .collect(Collectors.joining(" "));
    return new Machine(text(cpu, "riscv,isa-base"), extensions, text(cpu, "mmu-type"));
  }

  /** A list of strings, with blanks between. */
  private static String text(Path node, String property) {
    try {
      byte[] bytes = Files.readAllBytes(node.resolve(property));
      return new String(bytes, StandardCharsets.US_ASCII).replace('\0', ' ').strip();
    } catch (IOException e) {
      throw new DvException(
          Reason.INVALID, "the host's device tree says nothing of " + property + ": " + node);
    }
  }
}
