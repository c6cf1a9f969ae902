package org.duvisor.machine;

/** The modes of a hart with the hypervisor extension and DV-ext (docs/dv-ext.md, section 2). */
public enum Mode {
  /** Machine. */
  M,
  /** Supervisor, V=0. */
  HS,
  /** User, V=0, where DV-ext is enabled for the process. */
  HU,
  /** User, V=0. */
  U,
  /** Supervisor, V=1. */
  VS,
  /** User, V=1. */
  VU;

  /** Whether code of a guest runs in it: V=1. */
  public boolean guest() {
    return this == VS || this == VU;
  }
}
