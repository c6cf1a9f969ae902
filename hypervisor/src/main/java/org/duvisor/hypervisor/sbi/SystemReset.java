package org.duvisor.hypervisor.sbi;

import org.duvisor.hypervisor.vcpu.Power;

/** System Reset (SBI 3.0, chapter 10). */
final class SystemReset implements Extension {
  /** EID. */
  private static final int ID = 0x53525354;

  private static final int WARM = 2;

  private final Power power;

  SystemReset(Power power) {
    this.power = power;
  }

  @Override
  public int id() {
    return ID;
  }

  @Override
  public long call(long function, SbiCall call) {
    if (function != 0) {
      return SbiError.NOT_SUPPORTED;
    }
    int type = (int) call.argument(0);
    int reason = (int) call.argument(1);
    if (type < 0 || type > 2 || reason < 0 || reason > 1) {
      return SbiError.INVALID_PARAM;
    }
    if (type != 0) {
      power.reboot(type == WARM);
    } else if (reason == 1) {
      power.fail(1);
    } else {
      power.poweroff();
    }
    return SbiError.NO_RETURN;
  }
}
