package org.duvisor.hypervisor.sbi;

import org.duvisor.hypervisor.vcpu.Vcpu;

/** Arguments and value of the call that a vCPU is making. */
final class SbiCall {
  private final Vcpu vcpu;
  private long value;

  SbiCall(Vcpu vcpu) {
    this.vcpu = vcpu;
  }

  Vcpu vcpu() {
    return vcpu;
  }

  /** Argument i, a0..a5. */
  long argument(int i) {
    return vcpu.hart().x(10 + i);
  }

  /** Sets the value that a successful call returns in a1. */
  long succeed(long result) {
    value = result;
    return SbiError.SUCCESS;
  }

  void begin() {
    value = 0;
  }

  long value() {
    return value;
  }
}
