package org.duvisor.isa;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/**
 * What a hart can have, by its name in ISA strings. Tables of instructions and CSRs say which one a
 * row belongs to; a hart has a set of them ({@link Extensions}). The order is that of device trees:
 * single letters, then Z, S and X.
 */
public enum Extension {
  /** RV64I. */
  I,
  /** Multiplication and division. */
  M,
  /** Atomic operations, and LR and SC. */
  A,
  /** Single precision. */
  F,
  /** Double precision. */
  D(F),
  /** Compressed instructions: Zca, and Zcd where there is D. */
  C,
  /** Bit manipulation: Zba, Zbb and Zbs. */
  B,
  /** Hypervisor. */
  H,
  /** Cache blocks are of 64 bytes. */
  ZIC64B,
  /** Cache-block management. */
  ZICBOM,
  /** Cache-block zero. */
  ZICBOZ,
  /** Cache-block prefetch. */
  ZICBOP,
  /** Memory supports all atomic operations. */
  ZICCAMOA,
  /** Aligned instructions are fetched whole. */
  ZICCIF,
  /** Misaligned loads and stores work. */
  ZICCLSM,
  /** LR and SC succeed in the end. */
  ZICCRSE,
  /** cycle, time and instret. */
  ZICNTR,
  /** Conditional zero. */
  ZICOND,
  /** Instructions that access CSRs. */
  ZICSR,
  /** FENCE.I. */
  ZIFENCEI,
  /** Hints: non-temporal locality. */
  ZIHINTNTL,
  /** Hint: PAUSE. */
  ZIHINTPAUSE,
  /** hpmcounter3 to 31. */
  ZIHPM,
  /** May-be operations. */
  ZIMOP,
  /** Reservation sets of at most 64 bytes. */
  ZA64RS,
  /** Atomic operations in memory. */
  ZAAMO,
  /** Atomic operations on bytes and halfwords. */
  ZABHA(ZAAMO),
  /** Compare and swap. */
  ZACAS(ZAAMO),
  /** LR and SC. */
  ZALRSC,
  /** Waiting on a reservation set. */
  ZAWRS(ZALRSC),
  /** Half precision, conversions and moves. */
  ZFHMIN(F),
  /** Half precision. */
  ZFH(ZFHMIN),
  /** More floating point. */
  ZFA(F),
  /** Compressed instructions but for those of floating point. */
  ZCA,
  /** Simple compressed instructions. */
  ZCB(ZCA),
  /** Compressed loads and stores of double precision. */
  ZCD(ZCA, D),
  /** Compressed may-be operations. */
  ZCMOP(ZCA),
  /** Addresses. */
  ZBA,
  /** Basic bit manipulation. */
  ZBB,
  /** Carry-less multiplication. */
  ZBC,
  /** Bit manipulation for cryptography. */
  ZBKB,
  /** Carry-less multiplication for cryptography. */
  ZBKC,
  /** Crossbar permutations. */
  ZBKX,
  /** Single bits. */
  ZBS,
  /** AES, decryption. */
  ZKND,
  /** AES, encryption. */
  ZKNE,
  /** SHA-2. */
  ZKNH,
  /** The entropy source. */
  ZKR,
  /** SM4. */
  ZKSED,
  /** SM3. */
  ZKSH,
  /** What takes as long whatever the data; as far as the host's instructions do. */
  ZKT,
  /** Machine level; every hart has it. */
  SM,
  /** Supervisor and user level; every hart has them. */
  SS,
  /** H, and what makes hypervisors simple. */
  SHA,
  /** hcounteren is writable for each counter. */
  SHCOUNTERENW(H),
  /** Stage 2 has the modes of stage 1. */
  SHGATPA(H),
  /** htval is written where it may be. */
  SHTVALA(H),
  /** vsatp has the modes of satp. */
  SHVSATPA(H),
  /** vstval is written where it may be. */
  SHVSTVALA(H),
  /** vstvec takes every address that is aligned to 4. */
  SHVSTVECD(H),
  /** Advanced Interrupt Architecture, machine level. */
  SMAIA,
  /** mcycle and minstret count in the modes that are wanted. */
  SMCNTRPMF,
  /** Pointer masking for the next lower level than M. */
  SMNPM,
  /** What lower levels may use of the state that extensions add. */
  SMSTATEEN,
  /** Advanced Interrupt Architecture, supervisor level. */
  SSAIA(SMAIA),
  /** Page tables are in memory. */
  SSCCPTR,
  /** Counters that overflow interrupt, and count in the modes that are wanted. */
  SSCOFPMF(ZIHPM),
  /** scounteren is writable for each counter. */
  SSCOUNTERENW,
  /** Pointer masking for user mode and for guests. */
  SSNPM,
  /** The supervisor's part of Smstateen. */
  SSSTATEEN(SMSTATEEN),
  /** stimecmp. */
  SSTC,
  /** stval is written where it may be. */
  SSTVALA,
  /** stvec takes every address that is aligned to 4. */
  SSTVECD,
  /** sstatus.UXL may be 64. */
  SSU64XL,
  /** User mode has pointer masking. */
  SUPM(SSNPM),
  /** satp may be Bare. */
  SVBARE,
  /** 39-bit virtual addresses; every hart has them. */
  SV39,
  /** 48-bit virtual addresses. */
  SV48(SV39),
  /** 57-bit virtual addresses. */
  SV57(SV48),
  /** A page whose A or D would have to be set faults, unless Svadu is there and on. */
  SVADE,
  /** Hardware sets A and D, where menvcfg and henvcfg say so. */
  SVADU,
  /** Fine-grained invalidation of translations. */
  SVINVAL,
  /** NAPOT translations of 64 KiB. */
  SVNAPOT,
  /** Page-based memory types. */
  SVPBMT,
  /** What was no valid translation is not remembered. */
  SVVPTC,
  /** Delegated virtualization (docs/dv-ext.md). */
  XDV(H);

  @SuppressWarnings("ImmutableEnumChecker") // List.of is
  private final List<Extension> needs;

  Extension(Extension... needs) {
    this.needs = List.of(needs);
  }

  /** What it cannot be without, and what a name that stands for several is made of. */
  public List<Extension> needs() {
    return switch (this) { // these come before their parts, in the order of ISA strings
      case A -> List.of(ZAAMO, ZALRSC);
      case B -> List.of(ZBA, ZBB, ZBS);
      case C -> List.of(ZCA);
      case F -> List.of(ZICSR);
      case SHA ->
          List.of(H, SSSTATEEN, SHCOUNTERENW, SHGATPA, SHTVALA, SHVSATPA, SHVSTVALA, SHVSTVECD);
      default -> needs;
    };
  }

  /** As in ISA strings: "i", "zba", "xdv". */
  public String isaName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * Whether every hart has it, whatever is asked for. C is among them: without it instructions are
   * aligned to 4 bytes, which no profile asks for.
   */
  public boolean mandatory() {
    return switch (this) {
      case I, C, ZICSR, ZCA, SM, SS, SV39 -> true;
      default -> false;
    };
  }

  /** Whether {@code riscv,isa-extensions} says it; modes of satp have a property of their own. */
  boolean inDeviceTree() {
    return switch (this) {
      case SM, SS, SV39, SV48, SV57 -> false;
      default -> true;
    };
  }

  /**
   * The extension of this name, in any case.
   *
   * @throws IllegalArgumentException with one line that names it, when there is none
   */
  public static Extension named(String name) {
    for (Extension e : values()) {
      if (e.name().equalsIgnoreCase(name)) {
        return e;
      }
    }
    throw new IllegalArgumentException("there is no extension '" + name + "'");
  }

  /**
   * The extensions that a table's head line names.
   *
   * @param text "Zba", or alternatives, "Zbb or Zbkb", or all that are needed, "H and Sstc"
   * @param word "or" or "and"
   */
  static List<Extension> list(String text, String word) {
    List<Extension> all = new ArrayList<>(2);
    for (String name : text.split(" " + word + " ", -1)) {
      all.add(named(name.trim()));
    }
    return Collections.unmodifiableList(all);
  }
}
