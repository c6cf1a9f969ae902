package org.duvisor.platform;

import java.lang.foreign.MemorySegment;

/**
 * The control plane of one virtual machine: one instance is one open of {@code /dev/duvisor}, owns
 * one VMID (its protection domain) and everything granted to it, and gives all of it back on {@link
 * #close()}.
 *
 * <p>All methods may be called from any thread except where noted. A refusal is a {@link
 * DvException} with the reason; it changes nothing.
 */
public interface DvDriver extends AutoCloseable {
  /**
   * The most vCPUs a VM may have: posts of a domain are one 64-bit word (docs/dv-ext.md, section
   * 3.2).
   */
  int MAX_VCPUS = 64;

  /** What the harts offer. */
  Capabilities capabilities();

  /**
   * Grants zeroed, physically contiguous memory and opens a window of the VM on it (docs/dv-ext.md,
   * section 3.1).
   *
   * @param bytes a positive multiple of {@link Capabilities#grantGranule()}
   * @param use what the window lets the VM do there; tables are never reachable as guest memory
   * @throws DvException {@code NO_MEMORY}, {@code LIMIT} (windows or quota exhausted), {@code
   *     INVALID}
   */
  Grant grant(long bytes, Grant.Use use);

  /**
   * Takes a grant back, at once, whatever the VM is doing: closes the window on every hart, removes
   * the translations made through it and zeroes the memory before anyone else gets it. The segment
   * of the grant is dead afterwards.
   *
   * @throws DvException {@code INVALID} when the grant is not one of this VM
   */
  void revoke(Grant grant);

  /**
   * Chooses what traps from the VM to its hypervisor (sedeleg, sideleg) and what to the guest
   * itself (hedeleg, hideleg). Everything outside the legal masks of docs/dv-ext.md is refused as a
   * whole.
   *
   * @throws DvException {@code PERMISSION} for a bit that may not be delegated
   */
  void delegate(Delegation delegation);

  /**
   * Makes the calling thread vCPU {@code vcpu} of this VM. The thread must be a platform thread,
   * and must be the one that uses the result. The CSRs and registers of a vCPU start as zero,
   * hustatus.VSXL apart; posts to it raise USIP (hdvctl.IPIV is 0): the guest cannot take a post
   * back, its hypervisor does.
   *
   * @param vcpu 0..63, not registered now
   * @throws DvException {@code BUSY} when that vCPU or this thread is registered, {@code
   *     PERMISSION} in another process than the one that opened the VM, {@code INVALID}, {@code
   *     LIMIT}
   */
  HuHart register(int vcpu);

  /**
   * Makes a vCPU that is in the guest leave it with a host event ({@link HuHart#HOST_EVENT}); one
   * that is not in the guest leaves it at once on its next entry, and one in {@link HuHart#idle}
   * returns. Cheap, asynchronous, never blocks; a vCPU that is not registered is ignored.
   */
  void kick(int vcpu);

  /**
   * Posts a message-signalled interrupt to the file that a vCPU has ({@link HuHart#claimFile}), as
   * a store of the VM's to its page does: a guest that runs takes it without an exit, and a vCPU in
   * {@link HuHart#idle} wakes up when its file delivers it. Cheap, asynchronous, never blocks. What
   * nobody can take is lost: a vCPU without a file, an identity that does not exist.
   */
  void message(int vcpu, int identity);

  /**
   * Fences translations or code on the harts of other vCPUs of this VM; returns when all have done
   * it, after a bounded time: {@link Fence#pages} says when a range is everything.
   *
   * @param vcpus bit i = vCPU i; bits of vCPUs that are not registered are ignored
   * @param start first guest address of the range, bytes (virtual for VVMA, physical for GVMA)
   * @param size length in bytes; 0, all-ones or round the end = everything
   * @param asid used by {@link Fence#VVMA_ASID} only
   */
  void fence(Fence kind, long vcpus, long start, long size, int asid);

  /**
   * Whether this process runs on the harts that it gives to its guests: then what it has not made
   * fast yet is slow for them.
   */
  default boolean sharesHarts() {
    return false;
  }

  /**
   * This process has written to memory of a grant, and is going to tell the guest: what harts have
   * fetched from there is fetched anew. Nothing to do where the process runs on the same harts,
   * which keep fetches coherent with stores (Ziccid). Any thread; cheap.
   */
  default void written(MemorySegment part) {}

  /**
   * Ends the VM: kicks its vCPUs, revokes every grant at once, unregisters the calling thread's own
   * vCPU. Does not wait for other threads: their vCPUs stay registered, and cannot enter, until
   * they close them or end, and the VMID is free when the last is gone. Idempotent.
   */
  @Override
  void close();
}
