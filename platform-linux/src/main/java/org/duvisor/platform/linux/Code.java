package org.duvisor.platform.linux;

/** Addresses in the stub, once for all VMs. */
final class Code {
  static final long EXIT = Native.at("exit");
  static final long FENCE_GVMA = Native.at("fence_gvma");
  static final long FENCE_GVMA_ALL = Native.at("fence_gvma_all");
  static final long FENCE_VVMA = Native.at("fence_vvma");
  static final long FENCE_VVMA_ALL = Native.at("fence_vvma_all");
  static final long FENCE_VVMA_PAGE = Native.at("fence_vvma_page");
  static final long FENCE_VVMA_EVERYTHING = Native.at("fence_vvma_everything");
  static final long FENCE_I = Native.at("fence_i");

  static final long SET_HUVIP = Native.at("set_huvip");
  static final long CLEAR_HUVIP = Native.at("clear_huvip");

  private static final long CSRS = Native.at("csrs");

  private Code() {}

  /** The code that reads a user CSR. */
  static long read(int csr) {
    return CSRS + Stub.csrOffset(csr);
  }

  /** The code that writes a user CSR. */
  static long write(int csr) {
    return CSRS + Stub.csrOffset(csr) + Stub.WRITE_OFFSET;
  }
}
