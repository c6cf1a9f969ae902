package org.duvisor.hypervisor.vcpu;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.duvisor.isa.Csr;
import org.duvisor.isa.CsrField;
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

  /**
   * henvcfg: cbo.zero, cbo.clean and cbo.flush allowed, cbo.inval flushes so that no old memory
   * shows through.
   */
  private static final long CACHE_BLOCKS =
      Csr.HENVCFG_CBZE | Csr.HENVCFG_CBCFE | CsrField.set(0, Csr.HENVCFG_CBIE, 1);

  /** What user programs may read until the guest's kernel says: cycle, time, instret. */
  private static final long USER_COUNTERS = 7;

  private final long hugatp;
  private final long huenvcfg;
  private final boolean stateEnable;

  /** For harts with these capabilities and a stage 2. */
  public VcpuSetup(Capabilities capabilities, long hugatp) {
    Set<String> isa = new HashSet<>(Arrays.asList(capabilities.isaExtensions().split(" ")));
    this.hugatp = hugatp;
    this.huenvcfg =
        Csr.HENVCFG_STCE
            | CACHE_BLOCKS
            | (isa.contains("svpbmt") ? Csr.HENVCFG_PBMTE : 0)
            | (isa.contains("svadu") && !isa.contains("svade") ? Csr.HENVCFG_ADUE : 0);
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
    h.csr(Csr.HUCOUNTEREN, Csr.HCOUNTEREN_COUNTERS);
    // As firmware and KVM do: Linux expects rdtime to work.
    h.csr(Csr.HUVSCOUNTEREN, USER_COUNTERS);
    h.csr(Csr.HUTIMEDELTA, timeDelta);
    h.csr(Csr.HUIE, Csr.HUIE_USI);
    h.fenceGvma(-1);
    h.fenceVvma(-1, -1);
  }
}
