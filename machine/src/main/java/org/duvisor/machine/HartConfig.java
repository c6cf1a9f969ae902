package org.duvisor.machine;

/**
 * What harts of a machine implement ("supported"); what is switched on now is in CSRs ("enabled").
 *
 * @param satpModes bit m = satp, vsatp MODE m is implemented (8 Sv39, 9 Sv48, 10 Sv57)
 * @param hypervisor the H extension
 * @param dv the delegated-virtualization extension; needs H
 * @param guestFiles {@link #NO_AIA}, or Smaia and Ssaia with an IMSIC that has so many guest
 *     interrupt files (GEILEN, 0 to 63; they need H)
 */
public record HartConfig(int satpModes, boolean hypervisor, boolean dv, int guestFiles) {
  /** Harts without the Advanced Interrupt Architecture. */
  public static final int NO_AIA = -1;

  /** Guest interrupt files that will do for the vCPUs of a few VMs. */
  public static final int USUAL_GUEST_FILES = 7;

  /** Sv39 and Sv48, H and DV-ext. */
  public static final HartConfig STANDARD = new HartConfig(1 << 8 | 1 << 9, true, true);

  /** Checks that the choices fit together. */
  public HartConfig {
    if (guestFiles < NO_AIA || guestFiles > 63 || guestFiles > 0 && !hypervisor) {
      throw new IllegalArgumentException(
          "a hart has 0 to 63 guest interrupt files, and only with the H extension");
    }
    if (dv && !hypervisor) {
      throw new IllegalArgumentException("DV-ext needs the H extension");
    }
    if ((satpModes & 1 << 8) == 0 || (satpModes & ~(7 << 8)) != 0) {
      throw new IllegalArgumentException(
          "satp modes are Sv39, Sv48 and Sv57, and Sv39 is not optional");
    }
  }

  /** Harts without AIA. */
  public HartConfig(int satpModes, boolean hypervisor, boolean dv) {
    this(satpModes, hypervisor, dv, NO_AIA);
  }

  /** The same with so many guest interrupt files, or {@link #NO_AIA}. */
  public HartConfig withGuestFiles(int count) {
    return new HartConfig(satpModes, hypervisor, dv, count);
  }

  /** Whether it has AIA's CSRs and an IMSIC. */
  public boolean aia() {
    return guestFiles != NO_AIA;
  }

  /** The highest interrupt identity of guest interrupt files; 0 without such files. */
  public int interruptIdentities() {
    return guestFiles > 0 ? Aia.IDENTITIES : 0;
  }

  /** {@code riscv,isa-extensions} of the device tree, space separated. */
  public String extensions() {
    return "i m a f d c"
        + (hypervisor ? " h" : "")
        + " zicbom zicboz zicbop zicntr zicond zicsr zifencei zihintpause zihpm zimop zawrs"
        + " zca zcb zcd zcmop zba zbb zbc zbkb zbkc zbkx zbs zknd zkne zknh zksed zksh"
        + (aia() ? " smaia ssaia" : "")
        + " sstc svadu svinval svnapot svpbmt"
        + (dv ? " xdv" : "");
  }

  /** mmu-type of the device tree: the largest stage-1 mode. */
  public String mmuType() {
    return "riscv,sv" + ((satpModes & 1 << 10) != 0 ? 57 : (satpModes & 1 << 9) != 0 ? 48 : 39);
  }

  /** Whether a MODE of satp, vsatp or hgatp is implemented; Bare always is. */
  boolean hasMode(long mode) {
    return mode == 0 || mode < 32 && (satpModes & 1 << mode) != 0;
  }
}
