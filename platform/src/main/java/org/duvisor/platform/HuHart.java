package org.duvisor.platform;

import org.duvisor.isa.Csr;

/**
 * The calling vCPU thread's view of the hart it runs on, in HU-mode. Confined to the thread that
 * registered it. All state of the guest is here: general registers by {@link #x}, everything else
 * as CSRs; floating-point registers are the thread's own and are kept by the platform.
 *
 * <p>Every method throws a {@link DvException} with {@code GONE} after {@link #close}, and for any
 * thread but the one that registered; {@link #close} by another thread is {@code INVALID}.
 */
public interface HuHart extends AutoCloseable {
  /**
   * The ucause of an exit that the guest did not cause: a kick or a host interrupt (docs/dv-ext.md,
   * section 6).
   */
  long HOST_EVENT = 1L << 63 | 63;

  /** Index of this vCPU in its VM, 0..63. */
  int vcpu();

  /**
   * Lets the platform answer exits itself, from the next {@link #enter} on. One that has nothing to
   * gain, since its exits are cheap, does not.
   */
  void fastExits(FastExits exits);

  /**
   * Executes huret with the state set up in the CSRs and registers, and returns after the next trap
   * to HU; ucause, uepc, utval, hutval and hutinst then say why.
   *
   * @throws DvException {@code GONE} when the VM was closed, or was killed for a violation of its
   *     windows
   */
  void enter();

  /**
   * Reads a CSR as a csrr in HU-mode would.
   *
   * @param number the CSR's address, 12 bits
   * @throws DvException {@code PERMISSION} where hardware raises an illegal-instruction exception
   */
  long csr(int number);

  /** Writes a CSR as a csrw in HU-mode would; WARL fields take a legal value. */
  void csr(int number, long value);

  /** What every exit needs has a method of its own: ucause, as by {@link #csr(int)}. */
  default long ucause() {
    return csr(Csr.UCAUSE);
  }

  /** uepc: the guest's pc. */
  default long uepc() {
    return csr(Csr.UEPC);
  }

  /** Sets uepc. */
  default void uepc(long value) {
    csr(Csr.UEPC, value);
  }

  /** Moves uepc over the instruction that made the guest leave. */
  default void advance(int bytes) {
    uepc(uepc() + bytes);
  }

  /** Sets bits of huvip, or clears them: interrupts of the guest. */
  default void huvip(long bits, boolean pending) {
    long huvip = csr(Csr.HUVIP);
    csr(Csr.HUVIP, pending ? huvip | bits : huvip & ~bits);
  }

  /** utval: the guest-virtual address of a fault, or the instruction. */
  default long utval() {
    return csr(Csr.UTVAL);
  }

  /** hutval: the guest-physical address of a fault, shifted right by 2. */
  default long hutval() {
    return csr(Csr.HUTVAL);
  }

  /** hutinst: the transformed instruction of a fault, a pseudoinstruction, or 0. */
  default long hutinst() {
    return csr(Csr.HUTINST);
  }

  /** General register {@code i} of the guest, 0..31. */
  long x(int i);

  /** Sets general register {@code i} of the guest; writes to 0 are ignored. */
  void x(int i, long value);

  /**
   * hufence.gvma: drops this hart's stage-2 translations of a guest-physical address, or all when
   * it is -1.
   */
  void fenceGvma(long gpa);

  /**
   * hufence.vvma: drops this hart's stage-1 translations; -1 stands for "all" in either operand.
   */
  void fenceVvma(long gva, long asid);

  /** fence.i on this hart. */
  void fenceI();

  /**
   * Gives this vCPU a guest interrupt file of the hart it runs on (docs/dv-ext.md, section 3.4),
   * with all its registers 0. hustatus.VGEIN may select it, stores of the VM's vCPUs to its page
   * and {@link DvDriver#message} reach it, and nobody else does. From now on the vCPU stays on that
   * hart. The file goes back with {@link #returnFile}, with {@link #close} and when the thread
   * ends: who stores to its page afterwards violates the windows.
   *
   * @throws DvException {@code BUSY} when the vCPU has one, or when the host's own hypervisor has
   *     them all, {@code LIMIT} when the files of the harts it may run on are in use, {@code
   *     INVALID} when there are none
   */
  InterruptFile claimFile();

  /**
   * Gives the file back; harmless without one. Before, every vCPU has to have left off storing to
   * its page.
   */
  void returnFile();

  /**
   * Gives the hart up while the guest has nothing to do (a WFI): blocks the calling thread until a
   * {@link DvDriver#kick} of this vCPU, one that came since the last entry or idle included, until
   * its interrupt file has an interrupt to deliver, or until the time CSR reaches {@code deadline}.
   * May return early for no reason. A post to the vCPU alone does not end it: whoever posts kicks.
   *
   * @param deadline a value of the time CSR, unsigned; -1 = none
   * @throws DvException {@code GONE} when the VM was closed
   */
  void idle(long deadline);

  /**
   * How long the vCPU's thread has waited for a processor though it could have run, in nanoseconds
   * from a moment before the first call; always 0 on a host that does not tell. Not for every exit:
   * it may be a system call.
   */
  default long stolenNanos() {
    return 0;
  }

  /** Unregisters the vCPU. Idempotent. */
  @Override
  void close();
}
