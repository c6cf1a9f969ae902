package org.duvisor.hypervisor.vcpu;

/**
 * Fields of CSRs and numbers of causes, named as in the privileged specification and
 * docs/dv-ext.md.
 */
public final class Bits {
  /** hustatus.SPV: huret goes to V=1. */
  public static final long SPV = 1L << 7;

  /** hustatus.SPVP: privilege in V=1, 1 = VS, 0 = VU. */
  public static final long SPVP = 1L << 8;

  /** hustatus.VGEIN: where the number of a guest interrupt file begins. */
  public static final int VGEIN_SHIFT = 12;

  /** hustatus.VTW: WFI in VS is a virtual-instruction exception. */
  public static final long VTW = 1L << 21;

  /** vsstatus.SIE. */
  public static final long SIE = 1L << 1;

  /** vsstatus.SPIE. */
  public static final long SPIE = 1L << 5;

  /** vsstatus.SPP. */
  public static final long SPP = 1L << 8;

  /** USIP in huie and huip. */
  public static final long USIP = 1L;

  /** VSSIP in huvip. */
  public static final long VSSIP = 1L << 2;

  /** VSEIP in huvip. */
  public static final long VSEIP = 1L << 10;

  /** STIE in huvsie, STIP in huvsip. */
  public static final long STIP = 1L << 5;

  /** huenvcfg.STCE: the guest has stimecmp. */
  public static final long STCE = 1L << 63;

  /** huenvcfg.PBMTE: page-based memory types. */
  public static final long PBMTE = 1L << 62;

  /** huenvcfg.ADUE: hardware sets A and D in stage 1. */
  public static final long ADUE = 1L << 61;

  /**
   * huenvcfg: cbo.zero, cbo.clean and cbo.flush allowed, cbo.inval flushes so that no old memory
   * shows through.
   */
  public static final long CACHE_BLOCKS = 1L << 7 | 1L << 6 | 1L << 4;

  /** hucounteren: cycle, time, instret, and hpmcounter3 to 31. */
  public static final long COUNTERS = 0xffff_ffffL;

  /**
   * huvscounteren, what user programs may read until the guest's kernel says: cycle, time, instret.
   */
  public static final long USER_COUNTERS = 7;

  private Bits() {}
}
