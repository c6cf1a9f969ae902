package org.duvisor.platform.linux;

/**
 * Layout of the block of memory that belongs to one vCPU and through which Java and the stub speak:
 * offsets in bytes from its start, all fields 64 bits wide. The stub reaches it with immediate
 * offsets.
 */
final class Context {
  /** Guest x0 to x31; x0 stays 0. */
  static final int X = 0;

  /** Guest f0 to f31. */
  static final int F = 32 * 8;

  /** Guest fcsr. */
  static final int FCSR = F + 32 * 8;

  /** uepc: where the guest goes on; loaded on entry, stored on exit. */
  static final int UEPC = FCSR + 8;

  /** ucause, utval, hutval, hutinst and hustatus of the last exit. */
  static final int UCAUSE = UEPC + 8;

  static final int UTVAL = UCAUSE + 8;
  static final int HUTVAL = UTVAL + 8;
  static final int HUTINST = HUTVAL + 8;
  static final int HUSTATUS = HUTINST + 8;

  /** Why the kernel raised SIGILL for the vCPU: {@link #VIOLATED}, {@link #ILLEGAL}, or 0. */
  static final int REFUSED = HUSTATUS + 8;

  /** A trap from the guest that nobody takes: a foreign page, or a cause that is not delegated. */
  static final int VIOLATED = 1;

  /** huret itself was illegal: hugatp.MODE is 0. */
  static final int ILLEGAL = 2;

  /** Result of a CSR read, operand of a CSR write. */
  static final int VALUE = REFUSED + 8;

  /** The caller's ra, sp, gp, tp, s0 to s11, then fs0 to fs11, then fcsr. */
  static final int CALLER = VALUE + 8;

  static final int CALLER_F = CALLER + 16 * 8;
  static final int CALLER_FCSR = CALLER_F + 12 * 8;

  /** Address of the block of {@link org.duvisor.platform.FastExits}. */
  static final int FAST = CALLER_FCSR + 8;

  /** Size of the block. */
  static final int BYTES = FAST + 8;

  /** hustatus.FS: which of the guest's f registers are in the hart (docs/dv-ext.md, 3.5). */
  static final int FS_SHIFT = 25;

  /** None: they are here. The others are Java's. */
  static final int FS_OFF = 1;

  /** All, and they are the same here. */
  static final int FS_CLEAN = 2;

  /** All, and those here are old. */
  static final int FS_DIRTY = 3;

  private Context() {}
}
