package org.duvisor.platform;

/** A request that the control plane or the hart refused, or a VM that is gone. */
public final class DvException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Why; each stands for one errno of the Linux driver. */
  public enum Reason {
    /** EINVAL: malformed arguments. */
    INVALID,
    /** EPERM: what dv-ext forbids. */
    PERMISSION,
    /** EBUSY: already registered, or in use. */
    BUSY,
    /** ENOMEM: no physical memory left to grant. */
    NO_MEMORY,
    /** ENOSPC: windows, VMIDs, harts or the quota are used up. */
    LIMIT,
    /** ENODEV: the VM was closed or killed. */
    GONE
  }

  private final Reason reason;

  /** A refusal with its reason and one line for a person. */
  public DvException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  /** Why it was refused. */
  public Reason reason() {
    return reason;
  }
}
