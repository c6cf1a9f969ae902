package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.ValueLayout;
import java.util.function.LongSupplier;
import org.duvisor.devices.MmioBus;
import org.duvisor.isa.Csr;
import org.duvisor.isa.Extension;
import org.duvisor.isa.Extensions;
import org.duvisor.machine.dv.Posts;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.machine.mem.PhysicalMemory;
import org.duvisor.machine.testing.PageTables;

/**
 * A hart that runs nothing: tests put it in a mode and ask its parts. PMP is open, mstateen and
 * hstateen allow all, and what menvcfg and henvcfg switch is off.
 */
final class HartFixture {
  static final long RAM = 0x8000_0000L;
  static final HartConfig PLAIN =
      new HartConfig(Extensions.max().without(Extension.H).without(Extension.SV48));
  static final HartConfig WITH_H = new HartConfig(Extensions.max().without(Extension.XDV));

  final PhysicalMemory memory = new PhysicalMemory(RAM, 8 << 20);
  final MmioBus bus = new MmioBus();
  final Hart hart;
  long now;

  HartFixture(HartConfig config) {
    hart = new Hart(0, config, memory, bus, () -> now, new Posts(), Interpreter::new);
    csr(Csr.MENVCFG, 0);
    if (config.hypervisor()) {
      csr(Csr.HENVCFG, 0);
    }
    if (config.extensions().has(Extension.SMSTATEEN)) {
      csr(Csr.MSTATEEN0, -1);
      if (config.hypervisor()) {
        csr(Csr.HSTATEEN0, -1);
      }
    }
    csr(Csr.PMPADDR0, -1);
    csr(Csr.PMPCFG0, 0x1f);
  }

  /** A fault, copied from the hart's only exception. */
  record Fault(int cause, long tval, long tval2, long tinst, boolean gva) {}

  static final Fault NONE = new Fault(-1, 0, 0, 0, false);

  HartFixture mode(int privilege, boolean virtual) {
    hart.setMode(privilege, virtual);
    return this;
  }

  /** Writes as M-mode software does, in any mode. */
  void csr(int csr, long value) {
    int privilege = hart.priv;
    boolean virtual = hart.v;
    hart.setMode(Hart.M, false);
    hart.csrs.writeChecked(csr, value);
    hart.setMode(privilege, virtual);
  }

  /** Reads as M-mode software does, in any mode. */
  long csr(int csr) {
    int privilege = hart.priv;
    boolean virtual = hart.v;
    hart.setMode(Hart.M, false);
    long value = hart.csrs.readChecked(csr);
    hart.setMode(privilege, virtual);
    return value;
  }

  Fault fault(Runnable action) {
    try {
      action.run();
      return NONE;
    } catch (Trap t) {
      return new Fault(t.cause, t.tval, t.tval2, t.tinst, t.gva);
    }
  }

  /** The cause of the trap, or -1. */
  int cause(Runnable action) {
    return fault(action).cause;
  }

  int readCause(int csr) {
    return cause(() -> hart.csrs.readChecked(csr));
  }

  int loadCause(long va) {
    return cause(() -> hart.mmu.load(va, 8));
  }

  int storeCause(long va) {
    return cause(() -> hart.mmu.store(va, 8, 1));
  }

  int fetchCause(long va) {
    return cause(() -> hart.mmu.fetch(va));
  }

  void assertMode(int privilege, boolean virtual) {
    assertEquals(privilege, hart.priv, "privilege");
    assertEquals(virtual, hart.v, "virtualization mode");
  }

  void assertHex(long expected, LongSupplier actual, String what) {
    long value = actual.getAsLong();
    assertEquals(expected, value, () -> what + " " + Long.toHexString(value));
  }

  long peek(long address) {
    return memory.peek(address);
  }

  void poke(long address, long value) {
    memory.ram().set(ValueLayout.JAVA_LONG, address - RAM, value);
  }

  PageTables tables(long root, boolean stage2) {
    return new PageTables(this::poke, this::peek, root, stage2);
  }
}
