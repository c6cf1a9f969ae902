package org.duvisor.hypervisor.vcpu;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.duvisor.isa.Csr;
import org.duvisor.platform.Capabilities;
import org.duvisor.platform.HuHart;

/** What the CSRs of a vCPU hold when it starts; the same for all vCPUs of a VM. */
public final class VcpuSetup {
  /** The guest's own CSRs that start as 0. */
  private static final int[] ZERO = {
    Csr.HUVSSTATUS,
    Csr.HUVSIE,
    Csr.HUVSTVEC,
    Csr.HUVSSCRATCH,
    Csr.HUVSEPC,
    Csr.HUVSCAUSE,
    Csr.HUVSTVAL,
    Csr.HUVSATP,
    Csr.HUVSENVCFG,
    Csr.HUVIP
  };

  private final long hugatp;
  private final long huenvcfg;
  private final boolean stateEnable;

  /** For harts with these capabilities and a stage 2. */
  public VcpuSetup(Capabilities capabilities, long hugatp) {
    Set<String> isa = new HashSet<>(Arrays.asList(capabilities.isaExtensions().split(" ")));
    this.hugatp = hugatp;
    this.huenvcfg =
        Bits.STCE
            | Bits.CACHE_BLOCKS
            | (isa.contains("svpbmt") ? Bits.PBMTE : 0)
            | (isa.contains("svadu") && !isa.contains("svade") ? Bits.ADUE : 0);
    this.stateEnable = isa.contains("ssstateen") || isa.contains("smstateen");
  }

  void apply(HuHart h, long timeDelta) {
    for (int csr : ZERO) {
      h.csr(csr, 0);
    }
    if (stateEnable) {
      h.csr(Csr.HUVSSTATEEN0, 0);
    }
    h.csr(Csr.HUVSTIMECMP, -1);
    h.csr(Csr.HUGATP, hugatp);
    h.csr(Csr.HUENVCFG, huenvcfg);
    h.csr(Csr.HUCOUNTEREN, Bits.COUNTERS);
    h.csr(
        Csr.HUVSCOUNTEREN,
        Bits.USER_COUNTERS); // as firmware and KVM do: Linux expects rdtime to work
    h.csr(Csr.HUTIMEDELTA, timeDelta);
    h.csr(Csr.HUIE, Bits.USIP);
    h.fenceGvma(-1);
    h.fenceVvma(-1, -1);
  }
}
