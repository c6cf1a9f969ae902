package org.duvisor.hypervisor.exit;

import org.duvisor.hypervisor.stage2.GuestRam;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.InstructionSet;
import org.duvisor.platform.HuHart;

/**
 * Fetches the instruction at the guest's pc by a walk of its own tables in software (privileged
 * specification, "Supervisor Memory-Management"). Used only when the hart did not say in hutinst
 * what trapped. A guest that changes its tables or its code meanwhile gets what another hart could
 * get as well: a page fault, or the new instruction.
 */
final class GuestWalk {
  private static final long PPN = (1L << 44) - 1;
  private static final long NAPOT = 1L << 63;
  private static final int V = 1;
  private static final int R = 2;
  private static final int W = 4;
  private static final int X = 8;
  private static final int U = 16;

  private final Vcpu vcpu;
  private final GuestRam ram;
  private int instruction;
  private long faultAddress;

  GuestWalk(Vcpu vcpu, GuestRam ram) {
    this.vcpu = vcpu;
    this.ram = ram;
  }

  /**
   * Fetches; 0 when {@link #instruction} is good, otherwise the exception that fetching it raises.
   */
  int fetch() {
    long pc = vcpu.hart().csr(Csr.UEPC);
    int fault = parcel(pc, 0);
    if (fault == 0 && (instruction & 3) == 3) {
      fault = parcel(pc + 2, 16);
    }
    return fault;
  }

  /** What was fetched; a compressed one has zeros above. */
  int instruction() {
    return instruction;
  }

  /**
   * What was fetched, with the instruction that it stands for in place of a compressed one; 0 when
   * it is none.
   */
  int expanded() {
    if ((instruction & 3) == 3) {
      return instruction;
    }
    // Not kept in a field: most guests never come here, and reading the tables takes long.
    Decoded decoded = InstructionSet.standard().decoder().decode(instruction);
    return decoded == null ? 0 : decoded.expanded();
  }

  /** Its length in bytes. */
  int length() {
    return (instruction & 3) == 3 ? 4 : 2;
  }

  /** Where the fetch faulted, for stval. */
  long faultAddress() {
    return faultAddress;
  }

  private int parcel(long address, int shift) {
    faultAddress = address;
    HuHart h = vcpu.hart();
    long satp = h.csr(Csr.HUVSATP);
    long gpa = translate(address, (int) (satp >>> 60), satp & PPN);
    if (gpa < 0) {
      return Cause.INSTRUCTION_PAGE_FAULT;
    }
    GuestRam.Piece piece = ram.find(gpa);
    if (piece == null) {
      return Cause.INSTRUCTION_ACCESS_FAULT;
    }
    int half = (int) ram.load(piece, gpa, 2);
    instruction = shift == 0 ? half : instruction | half << shift;
    return 0;
  }

  /** The guest-physical address to fetch from, or -1 for a page fault. */
  private long translate(long address, int mode, long root) {
    if (mode == 0) {
      return address < 0 ? -1 : address;
    }
    int levels = mode - 5; // Sv39, Sv48 and Sv57 are 8, 9 and 10
    int unused = 64 - (12 + 9 * levels);
    if (levels < 3 || levels > 5 || address << unused >> unused != address) {
      return -1;
    }
    long table = root << 12;
    for (int level = levels - 1; level >= 0; level--) {
      int shift = 12 + 9 * level;
      long at = table + (address >>> shift & 511) * 8;
      GuestRam.Piece piece = ram.find(at);
      if (piece == null) {
        return -1;
      }
      long entry = ram.load(piece, at, 8);
      if ((entry & V) == 0 || (entry & (R | W)) == W) {
        return -1;
      }
      if ((entry & (R | X)) != 0) {
        return leaf(address, entry, level);
      }
      table = (entry >>> 10 & PPN) << 12;
    }
    return -1;
  }

  private long leaf(long address, long entry, int level) {
    boolean user = (entry & U) != 0;
    long page = entry >>> 10 & PPN;
    long below = (1L << 9 * level) - 1;
    if ((entry & NAPOT) != 0 && level == 0) { // 64 KiB, the only size there is
      below = 15;
      page &= ~below;
    }
    if ((entry & X) == 0 || user == vcpu.inSupervisor() || (page & below) != 0) {
      return -1;
    }
    return (page | address >>> 12 & below) << 12 | address & 0xFFF;
  }
}
