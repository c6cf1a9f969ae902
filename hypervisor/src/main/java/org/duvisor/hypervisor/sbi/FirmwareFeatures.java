package org.duvisor.hypervisor.sbi;

import java.util.Arrays;
import java.util.List;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.CsrField;
import org.duvisor.platform.Delegation;
import org.duvisor.platform.HuHart;

/**
 * Firmware Features (SBI 3.0, chapter 18). Features are fields of the hart's henvcfg, which a reset
 * of the hart sets back; what is here besides is which of them are locked.
 */
final class FirmwareFeatures implements Extension {
  /** EID. */
  private static final int ID = 0x46574654;

  private static final long LOCK = 1;

  /** MISALIGNED_EXC_DELEG; its guests take these exceptions themselves, always. */
  private static final int MISALIGNED = 0;

  private static final boolean MISALIGNED_DELEGATED =
      (Delegation.RECOMMENDED.exceptionsToGuest() >>> Cause.LOAD_MISALIGNED & 1) != 0
          && (Delegation.RECOMMENDED.exceptionsToGuest() >>> Cause.STORE_MISALIGNED & 1) != 0;

  /**
   * A feature that is a field of henvcfg.
   *
   * @param extension what harts need for it
   * @param field ones where it is; 0 when the feature is not supported
   * @param values what the guest calls the values of the field, by what henvcfg has; -1 is none
   */
  private record Feature(String extension, long field, long... values) {}

  /** By the number of the feature, from 1 on. */
  private static final List<Feature> FEATURES =
      List.of(
          new Feature("zicfilp", 0), // LANDING_PAD
          new Feature("zicfiss", 0), // SHADOW_STACK
          new Feature("ssdbltrp", 0), // DOUBLE_TRAP
          new Feature("svadu", Csr.HENVCFG_ADUE, 0, 1), // PTE_AD_HW_UPDATING
          new Feature("ssnpm", Csr.HENVCFG_PMM, 0, -1, 7, 16)); // POINTER_MASKING_PMLEN

  private final Vcpu vcpu;
  private final List<String> isa;

  /** A bit for each feature. */
  private int locked;

  /** On harts with these ISA extensions, separated by spaces. */
  FirmwareFeatures(Vcpu vcpu, String isa) {
    this.vcpu = vcpu;
    this.isa = List.of(isa.split(" "));
  }

  @Override
  public int id() {
    return ID;
  }

  @Override
  public void reset() {
    locked = 0;
  }

  @Override
  public long call(long function, SbiCall call) {
    if (function != 0 && function != 1) {
      return SbiError.NOT_SUPPORTED;
    }
    int feature = (int) call.argument(0);
    if (feature < 0 || feature > FEATURES.size()) {
      return SbiError.DENIED; // reserved, or of a platform
    }
    if (!isSupported(feature)) {
      return SbiError.NOT_SUPPORTED;
    }
    return function == 0
        ? set(feature, call.argument(1), call.argument(2))
        : call.succeed(get(feature));
  }

  private boolean isSupported(int feature) {
    if (feature == MISALIGNED) {
      return true;
    }
    Feature f = FEATURES.get(feature - 1);
    return f.field != 0 && isa.contains(f.extension);
  }

  private long get(int feature) {
    if (feature == MISALIGNED) {
      return MISALIGNED_DELEGATED ? 1 : 0;
    }
    Feature f = FEATURES.get(feature - 1);
    return f.values[CsrField.get(vcpu.hart().csr(Csr.HUENVCFG), f.field)];
  }

  /** A value that is there already can be set even when it cannot be changed. */
  private long set(int feature, long value, long flags) {
    if ((flags & ~LOCK) != 0 || !isValue(feature, value)) {
      return SbiError.INVALID_PARAM;
    }
    if (value != get(feature)) {
      if ((locked >>> feature & 1) != 0) {
        return SbiError.DENIED_LOCKED;
      }
      if (feature == MISALIGNED) {
        return SbiError.DENIED;
      }
      change(FEATURES.get(feature - 1), value);
    }
    locked |= (int) flags << feature;
    return SbiError.SUCCESS;
  }

  private static boolean isValue(int feature, long value) {
    return feature == MISALIGNED
        ? (value & ~1) == 0
        : value >= 0 && Arrays.stream(FEATURES.get(feature - 1).values).anyMatch(v -> v == value);
  }

  private void change(Feature f, long value) {
    int bits = 0;
    while (f.values[bits] != value) {
      bits++;
    }
    HuHart h = vcpu.hart();
    h.csr(Csr.HUENVCFG, CsrField.set(h.csr(Csr.HUENVCFG), f.field, bits));
    h.fenceVvma(-1, -1); // what was translated under the old value
  }
}
