package org.duvisor.machine;

import java.util.concurrent.ConcurrentHashMap;
import org.duvisor.isa.Extension;
import org.duvisor.isa.Extensions;
import org.duvisor.machine.mem.Quadword;

/**
 * What harts of a machine implement ("supported"); what is switched on now is in CSRs ("enabled").
 *
 * @param extensions its extensions; Smaia and Ssaia are there exactly with an IMSIC, and Zacas only
 *     where this computer has what AMOCAS.Q needs
 * @param guestFiles {@link #NO_AIA}, or Smaia and Ssaia with an IMSIC that has so many guest
 *     interrupt files (GEILEN, 0 to 63; they need H)
 */
public record HartConfig(Extensions extensions, int guestFiles) {
  /** Harts without the Advanced Interrupt Architecture. */
  public static final int NO_AIA = -1;

  /** Guest interrupt files that will do for the vCPUs of a few VMs. */
  public static final int USUAL_GUEST_FILES = 7;

  /** All that there is, without AIA. */
  public static final HartConfig STANDARD = new HartConfig(Extensions.max(), NO_AIA);

  private static final ConcurrentHashMap<Extensions, byte[]> CSRS = new ConcurrentHashMap<>();

  /** Checks that the choices fit together. */
  public HartConfig {
    if (guestFiles < NO_AIA || guestFiles > 63 || guestFiles > 0 && !extensions.has(Extension.H)) {
      throw new IllegalArgumentException(
          "a hart has 0 to 63 guest interrupt files, and only with the H extension");
    }
    extensions =
        guestFiles == NO_AIA
            ? extensions.without(Extension.SMAIA)
            : extensions.with(Extension.SSAIA);
    if (!Quadword.isAvailable()) {
      extensions = extensions.without(Extension.ZACAS);
    }
  }

  /** Harts without AIA. */
  public HartConfig(Extensions extensions) {
    this(extensions, NO_AIA);
  }

  /** The same with so many guest interrupt files, or {@link #NO_AIA}. */
  public HartConfig withGuestFiles(int count) {
    return new HartConfig(extensions, count);
  }

  /** The H extension. */
  public boolean hypervisor() {
    return extensions.has(Extension.H);
  }

  /** Delegated virtualization. */
  public boolean dv() {
    return extensions.has(Extension.XDV);
  }

  /** Whether it has AIA's CSRs and an IMSIC. */
  public boolean aia() {
    return guestFiles != NO_AIA;
  }

  /** Guest interrupt files that will do for the vCPUs of a few VMs, if it has VMs. */
  public int usualGuestFiles() {
    return hypervisor() ? USUAL_GUEST_FILES : 0;
  }

  /** The highest interrupt identity of guest interrupt files; 0 without such files. */
  public int interruptIdentities() {
    return guestFiles > 0 ? Aia.IDENTITIES : 0;
  }

  /** mmu-type of the device tree: the largest stage-1 mode. */
  public String mmuType() {
    return "riscv,sv" + (hasMode(10) ? 57 : hasMode(9) ? 48 : 39);
  }

  /** Whether a MODE of satp, vsatp or hgatp is implemented; Bare always is. */
  boolean hasMode(long mode) {
    return mode == 0
        || mode == 8
        || mode == 9 && extensions.has(Extension.SV48)
        || mode == 10 && extensions.has(Extension.SV57);
  }

  /** What there is under each CSR number, as {@link CsrRegisters#presence} says it. */
  byte[] csrs() {
    return CSRS.computeIfAbsent(extensions, CsrRegisters::presence);
  }
}
