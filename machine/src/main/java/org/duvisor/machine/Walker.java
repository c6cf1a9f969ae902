package org.duvisor.machine;

import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.CsrField;
import org.duvisor.isa.Extension;
import org.duvisor.machine.dv.Windows;
import org.duvisor.machine.mem.Raw;

/**
 * The page-table walker: stage 1 (Sv39, Sv48, Sv57), stage 2 (the x4 forms), A/D updates (Svadu,
 * Svade), Svnapot, Svpbmt; PMP and windows on every fetch it makes (privileged spec 12, 21.5;
 * docs/dv-ext.md 3.1). Faults are thrown with the cause of the access that needed the walk.
 */
final class Walker {
  private static final long V = 1;
  private static final long R = 1 << 1;
  private static final long W = 1 << 2;
  private static final long X = 1 << 3;
  private static final long PTE_U = 1 << 4;
  private static final long G = 1 << 5;
  private static final long A = 1 << 6;
  private static final long D = 1 << 7;
  private static final long PPN_MASK = (1L << 44) - 1;
  private static final long PBMT = 3L << 61;
  private static final long NAPOT = 1L << 63;
  private static final long RESERVED = 0x7fL << 54;

  private final Hart h;

  /**
   * Bits of an entry that have to be 0: what extensions would give a meaning, beside those of none.
   */
  private final long reserved;

  // The access the walk is made for.
  private int kind;
  private long va;
  private boolean virtual;
  private boolean mxr;

  /**
   * Distance of the page walked for from the address of a misaligned access; goes into the
   * transformed instruction.
   */
  int offset;

  /**
   * What physical memory (PMP, windows) must permit besides the access itself: READ for an AMO,
   * EXECUTE for HLVX, whose translation needs execute permission in place of read.
   */
  int also;

  /** Bytes that the stage-1 leaf of the last translation maps. */
  long leafBytes;

  /** Guest-physical address of the last translation with V=1. */
  private long guestAddress;

  /** Whether the last translation holds in every address space (G of the leaf or above it). */
  boolean leafGlobal;

  Walker(Hart h) {
    this.h = h;
    this.reserved = RESERVED | (h.config.extensions().has(Extension.SVNAPOT) ? 0 : NAPOT);
  }

  /**
   * Translates an address; throws the fault if there is one.
   *
   * @param sum supervisor may access user pages (data only)
   * @param mxrOn executable pages are readable
   */
  long translate(long address, int accessKind, boolean v, int priv, boolean sum, boolean mxrOn) {
    kind = accessKind;
    va = address;
    virtual = v;
    mxr = mxrOn;
    leafBytes = 4096;
    if (priv == Hart.M) {
      return address;
    }
    CsrFile c = h.csrs;
    if (!v) {
      if (c.state.satp() >>> 60 == 0) {
        return address;
      }
      h.counters.happens(CounterEvent.WALK);
      return stage1(c.state.satp(), priv, sum, (c.state.menvcfg() & Csr.MENVCFG_ADUE) != 0);
    }
    if ((c.state.vsatp() | c.state.hgatp()) >>> 60 != 0) {
      h.counters.happens(CounterEvent.WALK);
    }
    guestAddress =
        c.state.vsatp() >>> 60 == 0
            ? address
            : stage1(
                c.state.vsatp(),
                priv,
                sum,
                (c.state.henvcfg() & c.state.menvcfg() & Csr.MENVCFG_ADUE) != 0);
    long pa = stage2(guestAddress, kind, false);
    return inWindow(pa, Mmu.windowPermissions(kind | also), guestAddress);
  }

  /**
   * Whether one window lets a guest under DV-ext read and write what it has just been let write.
   */
  boolean isReadable(long pa) {
    return !virtual || !h.csrs.dvEnabled || isGranted(pa, Windows.READ | Windows.WRITE);
  }

  private long inWindow(long pa, long permission, long gpa) {
    if (h.csrs.dvEnabled && !isGranted(pa, permission)) {
      throw h.traps.exception(Cause.WINDOW_VIOLATION, va, gpa >>> 2, 0, true);
    }
    return pa;
  }

  /** For a store to a guest file whose walk is over: as the walk would look at it now. */
  void checkOwner(long pa) {
    inWindow(pa, Windows.WRITE, guestAddress);
  }

  /** Guest interrupt files belong to VMIDs, whatever the windows say (docs/dv-ext.md 3.4). */
  private boolean isGranted(long pa, long permission) {
    if (h.owners.isGuestFile(pa)) {
      return (permission & ~(Windows.READ | Windows.WRITE)) == 0
          && h.owners.isOwner(pa, h.csrs.state.hdvvmid());
    }
    return h.windows.allow(pa, permission);
  }

  // ---- stage 1

  private long stage1(long satp, int priv, boolean sum, boolean adue) {
    int levels = (int) (satp >>> 60) - 5;
    int bits = 12 + 9 * levels;
    if (va << (64 - bits) >> (64 - bits) != va) {
      throw pageFault();
    }
    boolean pbmte =
        ((virtual ? h.csrs.state.henvcfg() & h.csrs.state.menvcfg() : h.csrs.state.menvcfg())
                & Csr.MENVCFG_PBMTE)
            != 0;
    while (true) {
      long table = (satp & PPN_MASK) << 12;
      leafGlobal = false;
      for (int level = levels - 1; ; level--) {
        long pteAddress = table + ((va >>> (12 + 9 * level)) & 511) * 8;
        long host = pteHost(pteAddress, false);
        long pte = Raw.loadLong(host);
        if ((pte & V) == 0 || (pte & (R | W)) == W || !legal(pte, pbmte)) {
          throw pageFault();
        }
        leafGlobal |= (pte & G) != 0;
        if ((pte & (R | X)) == 0) {
          if (level == 0 || (pte & (A | D | PTE_U | PBMT | NAPOT)) != 0) {
            throw pageFault();
          }
          table = (pte >>> 10 & PPN_MASK) << 12;
          continue;
        }
        if (!permitted(pte, priv, sum) || misaligned(pte, level)) {
          throw pageFault();
        }
        long needed = kind == Mmu.WRITE ? A | D : A;
        if ((pte & needed) != needed) {
          if (!adue) {
            throw pageFault();
          }
          long writable = pteHost(pteAddress, true);
          if (!Raw.compareAndSetLong(writable, pte, pte | needed)) {
            break; // somebody changed the entry: walk again
          }
          h.memory.code().written(writable, 8);
        }
        return leaf(pte, level, va);
      }
    }
  }

  private boolean permitted(long pte, int priv, boolean sum) {
    boolean user = (pte & PTE_U) != 0;
    if (priv == Hart.U ? !user : user && (kind == Mmu.EXECUTE || !sum)) {
      return false;
    }
    return rights(pte, mxr);
  }

  private boolean rights(long pte, boolean executableIsReadable) {
    return switch (kind) {
      case Mmu.READ ->
          also == Mmu.EXECUTE
              ? (pte & X) != 0
              : (pte & R) != 0 || executableIsReadable && (pte & X) != 0;
      case Mmu.WRITE -> (pte & W) != 0;
      default -> (pte & X) != 0;
    };
  }

  private boolean legal(long pte, boolean pbmte) {
    long pbmt = pte & PBMT;
    return (pte & reserved) == 0 && (pbmt == 0 || pbmte && pbmt != PBMT);
  }

  private static boolean misaligned(long pte, int level) {
    long ppn = pte >>> 10 & PPN_MASK;
    if ((pte & NAPOT) != 0) {
      return level != 0 || (ppn & 15) != 8; // Svnapot: 64 KiB only
    }
    return (ppn & ((1L << (9 * level)) - 1)) != 0;
  }

  private long leaf(long pte, int level, long address) {
    long ppn = pte >>> 10 & PPN_MASK;
    int shift = 12 + 9 * level;
    if ((pte & NAPOT) != 0) {
      shift = 16;
      ppn &= ~15L;
    }
    leafBytes = 1L << shift;
    return (ppn << 12) & -leafBytes | address & (leafBytes - 1);
  }

  /**
   * Host address of a stage-1 PTE: translated by stage 2 when virtual, in guest memory by the
   * windows.
   */
  private long pteHost(long address, boolean write) {
    long pa = address;
    if (virtual) {
      pa = stage2(address, write ? Mmu.WRITE : Mmu.READ, true);
      inWindow(pa, write ? Windows.WRITE : Windows.READ, address);
    }
    return tableHost(pa, write);
  }

  private long tableHost(long pa, boolean write) {
    if (h.pmp.check(pa, 8, write ? Mmu.WRITE : Mmu.READ, Hart.S) == Pmp.Verdict.DENIED) {
      throw accessFault(va, kind, virtual);
    }
    long host = h.memory.isRam(pa, 8) ? h.memory.host(pa, 8, write) : 0;
    if (host == 0) {
      throw accessFault(va, kind, virtual);
    }
    return host;
  }

  // ---- stage 2

  /**
   * Translates a guest-physical address.
   *
   * @param need kind of access to check at the leaf
   * @param forPte the access is the walker's own, to a stage-1 PTE
   */
  private long stage2(long gpa, int need, boolean forPte) {
    long hgatp = h.csrs.state.hgatp();
    if (hgatp >>> 60 == 0) {
      return gpa;
    }
    int levels = (int) (hgatp >>> 60) - 5;
    if (gpa >>> (14 + 9 * levels) != 0) {
      throw guestPageFault(gpa, need, forPte);
    }
    boolean pbmte = (h.csrs.state.menvcfg() & Csr.MENVCFG_PBMTE) != 0;
    while (true) {
      long table = (hgatp & PPN_MASK) << 12;
      for (int level = levels - 1; ; level--) {
        long index = (gpa >>> (12 + 9 * level)) & (level == levels - 1 ? 2047 : 511);
        long pteAddress = table + index * 8;
        inWindow(pteAddress, Windows.TABLE, gpa);
        long host = tableHost(pteAddress, false);
        long pte = Raw.loadLong(host);
        if ((pte & V) == 0 || (pte & (R | W)) == W || !legal(pte, pbmte)) {
          throw guestPageFault(gpa, need, forPte);
        }
        if ((pte & (R | X)) == 0) {
          if (level == 0 || (pte & (A | D | PTE_U | PBMT | NAPOT)) != 0) {
            throw guestPageFault(gpa, need, forPte);
          }
          table = (pte >>> 10 & PPN_MASK) << 12;
          continue;
        }
        if ((pte & PTE_U) == 0 || !stage2Rights(pte, need, forPte) || misaligned(pte, level)) {
          throw guestPageFault(gpa, need, forPte);
        }
        long needed = need == Mmu.WRITE ? A | D : A;
        if ((pte & needed) != needed) {
          if ((h.csrs.state.menvcfg() & Csr.MENVCFG_ADUE) == 0) {
            throw guestPageFault(gpa, need, forPte);
          }
          tableHost(pteAddress, true);
          if (!Raw.compareAndSetLong(host, pte, pte | needed)) {
            break;
          }
          h.memory.code().written(host, 8);
        }
        long stage1Leaf = leafBytes;
        long pa = leaf(pte, level, gpa);
        leafBytes = stage1Leaf; // fences by guest-virtual address look at stage-1 leaves only
        return pa;
      }
    }
  }

  private boolean stage2Rights(long pte, int need, boolean forPte) {
    if (!forPte) {
      return rights(pte, CsrField.get(h.csrs.state.mstatus(), Csr.SSTATUS_MXR) != 0);
    }
    return (pte & (need == Mmu.WRITE ? W : R)) != 0;
  }

  // ---- faults

  private Trap pageFault() {
    int cause =
        kind == Mmu.READ
            ? Cause.LOAD_PAGE_FAULT
            : kind == Mmu.WRITE ? Cause.STORE_PAGE_FAULT : Cause.INSTRUCTION_PAGE_FAULT;
    return h.traps.exception(cause, va, 0, explicit(), virtual);
  }

  /** An access fault of the given kind of access at an address. */
  Trap accessFault(long address, int accessKind, boolean gva) {
    int cause =
        accessKind == Mmu.READ
            ? Cause.LOAD_ACCESS_FAULT
            : accessKind == Mmu.WRITE ? Cause.STORE_ACCESS_FAULT : Cause.INSTRUCTION_ACCESS_FAULT;
    return h.traps.exception(
        cause, address, 0, accessKind == Mmu.EXECUTE ? 0 : Trap.TRANSFORM - offset, gva);
  }

  private Trap guestPageFault(long gpa, int need, boolean forPte) {
    int cause =
        kind == Mmu.READ
            ? Cause.LOAD_GUEST_PAGE_FAULT
            : kind == Mmu.WRITE ? Cause.STORE_GUEST_PAGE_FAULT : Cause.INSTRUCTION_GUEST_PAGE_FAULT;
    long pseudo =
        need == Mmu.WRITE ? TransformedInstruction.PTE_WRITE : TransformedInstruction.PTE_READ;
    return h.traps.exception(cause, va, gpa >>> 2, forPte ? pseudo : explicit(), true);
  }

  private long explicit() {
    return kind == Mmu.EXECUTE ? 0 : Trap.TRANSFORM - offset;
  }
}
