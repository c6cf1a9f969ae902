package org.duvisor.isa;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.duvisor.isa.codegen.HartStateGenerator;
import org.junit.jupiter.api.Test;

/** What the Linux module knows of CSRs, printed from the tables. */
final class DriverHeaderTest {
  private static String header() throws IOException {
    List<String> switched = new ArrayList<>();
    StringBuilder out = new StringBuilder();
    out.append("/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0) */\n");
    out.append(
        "/* Printed from isa's csrs/*.csr; change those instead. Meaning: docs/dv-ext.md. */\n");
    out.append("#ifndef DUVISOR_CSR_H\n#define DUVISOR_CSR_H\n\n");
    for (CsrRow row : HartStateGenerator.standard().rows()) {
      if (row.isCsr() && row.exists() && row.extensions().contains(Extension.XDV)) {
        out.append("#define CSR_%s 0x%03x\n".formatted(upper(row.name()), row.number()));
        for (CsrField f : row.fields()) {
          String name = upper(row.name() + "_" + f.name());
          out.append("#define %s GENMASK_ULL(%d, %d)\n".formatted(name, f.high(), f.low()));
        }
      }
      if (row.switched()) {
        switched.add(row.name());
      }
    }
    out.append("\n/* What a vCPU brings and takes with it: csrrw by csrrw, in this order. */\n");
    out.append("#define DV_SWITCHED");
    for (int i = 0; i < switched.size(); i++) {
      out.append(i % 4 == 0 ? (i == 0 ? " " : ", \\\n\t") : ", ");
      out.append("0x%03x".formatted(Csr.number(switched.get(i))));
    }
    out.append("\n#define DV_SWITCHED_COUNT ").append(switched.size());
    out.append("\n#define DV_SWITCHED_VSTIMECMP ").append(switched.indexOf("vstimecmp"));
    return out.append("\n\n#endif\n").toString();
  }

  private static String upper(String name) {
    return name.toUpperCase(Locale.ROOT).replace('-', '_');
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
