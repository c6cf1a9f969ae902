package org.duvisor.hypervisor.interrupts;

import org.duvisor.hypervisor.vcpu.FirmwareEvent;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.hypervisor.vcpu.Vcpus;
import org.duvisor.isa.Csr;
import org.duvisor.platform.HuHart;

/**
 * Software interrupts between the vCPUs of a VM: a post (docs/dv-ext.md, section 3.2) makes the
 * target leave the guest with USIP, and the target then shows its guest VSSIP. The control plane is
 * asked only for a target that sleeps.
 */
public final class Ipi {
  private final Vcpu vcpu;
  private final Vcpus vcpus;

  /** The IPIs from and to one vCPU. */
  public Ipi(Vcpu vcpu, Vcpus vcpus) {
    this.vcpu = vcpu;
    this.vcpus = vcpus;
  }

  /**
   * Interrupts vCPUs.
   *
   * @param posted those among them that have their post already
   */
  public void send(long targets, long posted) {
    HuHart h = vcpu.hart();
    long self = 1L << vcpu.index();
    if ((targets & self) != 0) {
      show(h);
    }
    long others = targets & ~self;
    if (others != 0) {
      vcpu.count(FirmwareEvent.IPI_SENT, Long.bitCount(others));
      h.csr(Csr.VIPI0, others & ~posted);
      for (long left = others; left != 0; left &= left - 1) {
        vcpus.get(Long.numberOfTrailingZeros(left)).wake();
      }
    }
  }

  /** Takes a post. It is taken back first: one that comes in between is another interrupt. */
  public void receive() {
    HuHart h = vcpu.hart();
    h.csr(Csr.VIPICLR, 1L << vcpu.index());
    vcpu.count(FirmwareEvent.IPI_RECEIVED, 1);
    show(h);
  }

  private static void show(HuHart h) {
    h.huvip(Csr.HUVIP_VSSI, true);
  }
}
