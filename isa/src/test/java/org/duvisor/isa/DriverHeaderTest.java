package org.duvisor.isa;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** The numbers of the CSRs of DV-ext in C, printed from {@link Csr}. */
final class DriverHeaderTest {
  /** The ones that the Linux module uses; Linux has names for all others. */
  private static final List<String> USED =
      List.of(
          "sedeleg",
          "sideleg",
          "hdvctl",
          "hdvvmid",
          "hdvvcpu",
          "hdvgein",
          "hdvwinsel",
          "hdvwinbase",
          "hdvwinlimit",
          "hdvroot",
          "hdvgowner",
          "utvec",
          "uscratch",
          "uepc",
          "ucause",
          "utval",
          "vtimecmp",
          "vtimectl",
          "huvscounteren",
          "huvsenvcfg",
          "vipi0",
          "vipiclr",
          "hustatus",
          "huie",
          "hutval",
          "huip",
          "hutinst");

  private static String header() {
    StringBuilder out = new StringBuilder();
    out.append("/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0) */\n");
    out.append("/* Printed from Csr.java; change that instead. Meaning: docs/dv-ext.md. */\n");
    out.append("#ifndef DUVISOR_CSR_H\n#define DUVISOR_CSR_H\n\n");
    for (String name : USED) {
      int number = Csr.number(name);
      out.append("#define CSR_%s 0x%03x\n".formatted(name.toUpperCase(Locale.ROOT), number));
    }
    return out.append("\n#endif\n").toString();
  }

  /** {@code -Dduvisor.write.abi=true} writes it. */
  @Test
  void theHeaderOfTheModuleIsCurrent() throws IOException {
    Path committed = Path.of("..", "driver", "duvisor_csr.h");
    if (Boolean.getBoolean("duvisor.write.abi")) {
      Files.writeString(committed, header());
    }
    assertEquals(header(), Files.readString(committed));
  }
}
