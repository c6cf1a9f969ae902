package org.duvisor.machine.semantics;

import org.duvisor.machine.Hart;

/**
 * Privileged instructions; what they do to the hart is in {@link org.duvisor.machine.Privileged}.
 */
public final class System {
  private System() {}

  /** ECALL; returns the handler's address, as do all that change the pc. */
  public static long ecall(Hart h, long pc) {
    return h.privileged().ecall(pc);
  }

  /** EBREAK. */
  public static long ebreak(Hart h, long pc) {
    return h.privileged().ebreak(pc);
  }

  /** MRET. */
  public static long mret(Hart h) {
    return h.privileged().mret();
  }

  /** SRET. */
  public static long sret(Hart h) {
    return h.privileged().sret();
  }

  /** HURET (docs/dv-ext.md, section 4). */
  public static long huret(Hart h) {
    return h.privileged().huret();
  }

  /** WFI. */
  public static void wfi(Hart h) {
    h.privileged().wfi();
  }

  /** PAUSE. */
  public static void pause(Hart h) {
    h.pause();
  }

  /** WRS.NTO: may end at any time, and does after a moment. */
  public static void wrsNto(Hart h) {
    if (InMemory.isReserved(h)) {
      h.privileged().stall();
      h.pause();
    }
  }

  /** WRS.STO: ends before anything could trap it. */
  public static void wrsSto(Hart h) {
    if (InMemory.isReserved(h)) {
      h.pause();
    }
  }

  /** FENCE.I. */
  public static void fenceI(Hart h) {
    h.fenceI();
  }

  /** SFENCE.VMA. */
  public static void sfenceVma(Hart h, long va, long asid, int rs1, int rs2) {
    h.privileged().sfenceVma(rs1 == 0, va, rs2 == 0 ? -1 : asid & 0xffff);
  }

  /** SINVAL.VMA. */
  public static void sinvalVma(Hart h, long va, long asid, int rs1, int rs2) {
    sfenceVma(h, va, asid, rs1, rs2);
  }

  /** SFENCE.W.INVAL: fences take effect at once, so nothing is left to order. */
  public static void sfenceWInval(Hart h) {
    h.privileged().checkSupervisor();
  }

  /** SFENCE.INVAL.IR. */
  public static void sfenceInvalIr(Hart h) {
    h.privileged().checkSupervisor();
  }

  /** HFENCE.VVMA. */
  public static void hfenceVvma(Hart h, long va, long asid, int rs1, int rs2) {
    h.privileged().hfenceVvma(rs1 == 0, va, rs2 == 0 ? -1 : asid & 0xffff);
  }

  /**
   * HFENCE.GVMA; entries are not indexed by guest-physical address, so the address operand does not
   * narrow it.
   */
  public static void hfenceGvma(Hart h, long gpa, long vmid, int rs1, int rs2) {
    h.privileged().hfenceGvma(rs2 == 0 ? -1 : vmid & 0x3fff);
  }

  /** HINVAL.VVMA. */
  public static void hinvalVvma(Hart h, long va, long asid, int rs1, int rs2) {
    hfenceVvma(h, va, asid, rs1, rs2);
  }

  /** HINVAL.GVMA. */
  public static void hinvalGvma(Hart h, long gpa, long vmid, int rs1, int rs2) {
    hfenceGvma(h, gpa, vmid, rs1, rs2);
  }
}
