package org.duvisor.machine.semantics;

import org.duvisor.machine.Hart;

/**
 * Loads and stores of guest memory from outside the guest, for HS (hlv, hsv) and HU (hulv, husv),
 * and the fences of HU.
 */
public final class Hypervisor {
  private Hypervisor() {}

  /** HLV.B. */
  public static long hlv_b(Hart h, long va) {
    return (byte) h.mmu().loadGuest(va, 1, h.privileged().guestPrivilege(), false);
  }

  /** HLV.BU. */
  public static long hlv_bu(Hart h, long va) {
    return h.mmu().loadGuest(va, 1, h.privileged().guestPrivilege(), false);
  }

  /** HLV.H. */
  public static long hlv_h(Hart h, long va) {
    return (short) h.mmu().loadGuest(va, 2, h.privileged().guestPrivilege(), false);
  }

  /** HLV.HU. */
  public static long hlv_hu(Hart h, long va) {
    return h.mmu().loadGuest(va, 2, h.privileged().guestPrivilege(), false);
  }

  /** HLV.W. */
  public static long hlv_w(Hart h, long va) {
    return (int) h.mmu().loadGuest(va, 4, h.privileged().guestPrivilege(), false);
  }

  /** HLV.WU. */
  public static long hlv_wu(Hart h, long va) {
    return h.mmu().loadGuest(va, 4, h.privileged().guestPrivilege(), false);
  }

  /** HLV.D. */
  public static long hlv_d(Hart h, long va) {
    return h.mmu().loadGuest(va, 8, h.privileged().guestPrivilege(), false);
  }

  /** HLVX.HU: execute permission stands in for read. */
  public static long hlvx_hu(Hart h, long va) {
    return h.mmu().loadGuest(va, 2, h.privileged().guestPrivilege(), true);
  }

  /** HLVX.WU: execute permission stands in for read. */
  public static long hlvx_wu(Hart h, long va) {
    return h.mmu().loadGuest(va, 4, h.privileged().guestPrivilege(), true);
  }

  /** HULV.B. */
  public static long hulv_b(Hart h, long va) {
    return (byte) h.mmu().loadGuest(va, 1, h.privileged().huGuestPrivilege(), false);
  }

  /** HULV.BU. */
  public static long hulv_bu(Hart h, long va) {
    return h.mmu().loadGuest(va, 1, h.privileged().huGuestPrivilege(), false);
  }

  /** HULV.H. */
  public static long hulv_h(Hart h, long va) {
    return (short) h.mmu().loadGuest(va, 2, h.privileged().huGuestPrivilege(), false);
  }

  /** HULV.HU. */
  public static long hulv_hu(Hart h, long va) {
    return h.mmu().loadGuest(va, 2, h.privileged().huGuestPrivilege(), false);
  }

  /** HULV.W. */
  public static long hulv_w(Hart h, long va) {
    return (int) h.mmu().loadGuest(va, 4, h.privileged().huGuestPrivilege(), false);
  }

  /** HULV.WU. */
  public static long hulv_wu(Hart h, long va) {
    return h.mmu().loadGuest(va, 4, h.privileged().huGuestPrivilege(), false);
  }

  /** HULV.D. */
  public static long hulv_d(Hart h, long va) {
    return h.mmu().loadGuest(va, 8, h.privileged().huGuestPrivilege(), false);
  }

  /** HULVX.HU: execute permission stands in for read. */
  public static long hulvx_hu(Hart h, long va) {
    return h.mmu().loadGuest(va, 2, h.privileged().huGuestPrivilege(), true);
  }

  /** HULVX.WU: execute permission stands in for read. */
  public static long hulvx_wu(Hart h, long va) {
    return h.mmu().loadGuest(va, 4, h.privileged().huGuestPrivilege(), true);
  }

  /** HSV.B. */
  public static void hsv_b(Hart h, long va, long value) {
    h.mmu().storeGuest(va, 1, h.privileged().guestPrivilege(), value);
  }

  /** HSV.H. */
  public static void hsv_h(Hart h, long va, long value) {
    h.mmu().storeGuest(va, 2, h.privileged().guestPrivilege(), value);
  }

  /** HSV.W. */
  public static void hsv_w(Hart h, long va, long value) {
    h.mmu().storeGuest(va, 4, h.privileged().guestPrivilege(), value);
  }

  /** HSV.D. */
  public static void hsv_d(Hart h, long va, long value) {
    h.mmu().storeGuest(va, 8, h.privileged().guestPrivilege(), value);
  }

  /** HUSV.B. */
  public static void husv_b(Hart h, long va, long value) {
    h.mmu().storeGuest(va, 1, h.privileged().huGuestPrivilege(), value);
  }

  /** HUSV.H. */
  public static void husv_h(Hart h, long va, long value) {
    h.mmu().storeGuest(va, 2, h.privileged().huGuestPrivilege(), value);
  }

  /** HUSV.W. */
  public static void husv_w(Hart h, long va, long value) {
    h.mmu().storeGuest(va, 4, h.privileged().huGuestPrivilege(), value);
  }

  /** HUSV.D. */
  public static void husv_d(Hart h, long va, long value) {
    h.mmu().storeGuest(va, 8, h.privileged().huGuestPrivilege(), value);
  }

  /** HUFENCE.VVMA: this VM's stage-1 translations on this hart. */
  public static void hufence_vvma(Hart h, long va, long asid, int rs1, int rs2) {
    h.privileged().hufenceVvma(rs1 == 0, va, rs2 == 0 ? -1 : asid & 0xffff);
  }

  /**
   * HUFENCE.GVMA: this VM's stage-2 translations on this hart; the VMID operand is not the caller's
   * to choose.
   */
  public static void hufence_gvma(Hart h, long gpa, long vmid, int rs1, int rs2) {
    h.privileged().hufenceGvma();
  }
}
