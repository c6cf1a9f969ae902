package org.duvisor.hypervisor.exit;

import org.duvisor.devices.MmioBus;
import org.duvisor.hypervisor.stage2.GuestRam;
import org.duvisor.hypervisor.stage2.Stage2;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.isa.Cause;
import org.duvisor.platform.HuHart;

/**
 * Causes 20, 21 and 23: RAM is mapped, loads and stores elsewhere go to the device there, and
 * everything that no device answers is an access fault of the guest, as on a board.
 */
final class GuestPageFault {
  /** As many faults on a leaf that is there, at the same place, are no coincidence. */
  private static final int HOPELESS = 1000;

  private final GuestRam ram;
  private final Stage2 stage2;
  private final MmioBus bus;
  private final GuestWalk walk;
  private final Trouble trouble;
  private long lastPc;
  private long lastAddress;
  private int repeats;

  GuestPageFault(Vcpu vcpu, GuestRam ram, Stage2 stage2, MmioBus bus, Trouble trouble) {
    this.ram = ram;
    this.stage2 = stage2;
    this.bus = bus;
    this.walk = new GuestWalk(vcpu, ram);
    this.trouble = trouble;
  }

  ExitKind handle(HuHart h, int cause) {
    long utval = h.utval();
    long inst = h.hutinst();
    // A pseudoinstruction: not the access itself faulted, but the hart's look at a stage-1 table
    // for it.
    boolean implicit = inst != 0 && (inst & 1) == 0;
    long gpa = h.hutval() << 2 | (implicit ? 0 : utval & 3);
    GuestRam.Piece piece = ram.find(gpa);
    if (piece != null) {
      return fill(h, piece, gpa);
    }
    return implicit || cause == Cause.INSTRUCTION_GUEST_PAGE_FAULT
        ? refuse(cause, utval)
        : mmio(h, cause, gpa, utval, (int) inst);
  }

  /**
   * A hart that remembers that there was no leaf faults once more, and is told then: a fence for
   * each fill would be dearer than those that need it.
   */
  private ExitKind fill(HuHart h, GuestRam.Piece piece, long gpa) {
    if (stage2.map(piece, gpa)) {
      return ExitKind.STAGE2_FILL;
    }
    h.fenceGvma(gpa);
    return spurious(h.uepc(), gpa);
  }

  private ExitKind spurious(long pc, long gpa) {
    repeats = pc == lastPc && gpa == lastAddress ? repeats + 1 : 0;
    lastPc = pc;
    lastAddress = gpa;
    if (repeats == HOPELESS) {
      trouble.crash(
          "guest-physical address 0x%x is mapped, but faults again and again".formatted(gpa));
    }
    return ExitKind.STAGE2_SPURIOUS;
  }

  /** The instruction is the transformed one, or 0 and has to be fetched. */
  private ExitKind mmio(HuHart h, int cause, long gpa, long utval, int inst) {
    if (inst != 0) {
      // In the place of the base: how far into the access the fault is. Bit 1 tells the length.
      return MemoryInstruction.base(inst) == 0
          ? access(h, cause, gpa, utval, inst, 2 + (inst & 2))
          : refuse(cause, utval);
    }
    int fault = walk.fetch();
    if (fault != 0) {
      return trouble.inject(fault, walk.faultAddress());
    }
    int fetched = walk.expanded();
    long address =
        h.x(MemoryInstruction.base(fetched))
            + (cause == Cause.LOAD_GUEST_PAGE_FAULT
                ? MemoryInstruction.loadOffset(fetched)
                : MemoryInstruction.storeOffset(fetched));
    return address == utval
        ? access(h, cause, gpa, utval, fetched, walk.length())
        : refuse(cause, utval);
  }

  private ExitKind access(HuHart h, int cause, long gpa, long utval, int inst, int length) {
    int width = MemoryInstruction.width(inst);
    MmioBus.Window window = (gpa & width - 1) == 0 ? bus.find(gpa, width) : null;
    if (window == null) {
      return refuse(cause, utval);
    }
    if (cause == Cause.LOAD_GUEST_PAGE_FAULT && MemoryInstruction.isLoad(inst)) {
      long value = bus.read(window, gpa, width);
      h.x(MemoryInstruction.loaded(inst), MemoryInstruction.extend(inst, value));
      h.advance(length);
      return ExitKind.MMIO_READ;
    }
    if (cause == Cause.STORE_GUEST_PAGE_FAULT && MemoryInstruction.isStore(inst)) {
      bus.write(window, gpa, width, h.x(MemoryInstruction.stored(inst)));
      h.advance(length);
      return ExitKind.MMIO_WRITE;
    }
    return refuse(cause, utval);
  }

  private ExitKind refuse(int cause, long utval) {
    return trouble.inject(
        switch (cause) {
          case Cause.INSTRUCTION_GUEST_PAGE_FAULT -> Cause.INSTRUCTION_ACCESS_FAULT;
          case Cause.LOAD_GUEST_PAGE_FAULT -> Cause.LOAD_ACCESS_FAULT;
          default -> Cause.STORE_ACCESS_FAULT;
        },
        utval);
  }
}
