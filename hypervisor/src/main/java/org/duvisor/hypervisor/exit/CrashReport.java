package org.duvisor.hypervisor.exit;

import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.isa.Csr;
import org.duvisor.platform.HuHart;

/** The state of a vCPU as text for a person. */
final class CrashReport {
  private record Row(String name, int csr) {}

  private static final Row[] CSRS = {
    new Row("ucause", Csr.UCAUSE), new Row("uepc", Csr.UEPC), new Row("utval", Csr.UTVAL),
    new Row("hutval", Csr.HUTVAL), new Row("hutinst", Csr.HUTINST),
        new Row("hustatus", Csr.HUSTATUS),
    new Row("huvip", Csr.HUVIP), new Row("vsstatus", Csr.HUVSSTATUS), new Row("vsie", Csr.HUVSIE),
    new Row("vsip", Csr.HUVSIP), new Row("vstvec", Csr.HUVSTVEC), new Row("vsepc", Csr.HUVSEPC),
    new Row("vscause", Csr.HUVSCAUSE), new Row("vstval", Csr.HUVSTVAL),
        new Row("vsscratch", Csr.HUVSSCRATCH),
    new Row("vsatp", Csr.HUVSATP), new Row("hugatp", Csr.HUGATP)
  };

  private CrashReport() {}

  static String of(Vcpu vcpu, ExitStats stats, String why) {
    HuHart h = vcpu.hart();
    StringBuilder out = new StringBuilder("vCPU %d: %s%n".formatted(vcpu.index(), why));
    for (int i = 0; i < CSRS.length; i++) {
      out.append("  %-9s %016x%s".formatted(CSRS[i].name, h.csr(CSRS[i].csr), end(i, CSRS.length)));
    }
    for (int i = 1; i < 32; i++) {
      out.append("  x%-8d %016x%s".formatted(i, h.x(i), end(i - 1, 31)));
    }
    return out.append("last exits, the latest first:%n".formatted())
        .append(stats.history())
        .toString();
  }

  private static String end(int i, int count) {
    return i % 4 == 3 || i == count - 1 ? System.lineSeparator() : "";
  }
}
