package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.function.Consumer;
import org.duvisor.devices.Device;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.fdt.Node;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.semantics.Amo;
import org.duvisor.machine.semantics.Hypervisor;
import org.duvisor.machine.semantics.Memory;
import org.duvisor.machine.testing.PageTables;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every kind of access against everything that may deny it: PMP, DV-ext's windows, what kind of
 * memory it is, and, for the walker's own accesses, the memory of the tables. Each is tried twice,
 * for the second one may find the first one's TLB entry.
 */
class AccessPermissionTest {
  private static final int R = 1;
  private static final int W = 2;
  private static final int X = 4;
  private static final long PAGE = HartFixture.RAM + 0x10_0000;
  private static final long DEVICE = 0x1000_0000L;
  private static final long ROM = 0x1000;
  private static final long VACANT = 0x2000_0000L;
  private static final long WINDOW_R = 1L << 60;

  /** Who makes the access. */
  private enum From {
    SUPERVISOR,
    GUEST,
    OUTSIDE
  }

  @SuppressWarnings("ImmutableEnumChecker") // the actions have no state
  private enum Access {
    LOAD(From.GUEST, R, true, Cause.LOAD_ACCESS_FAULT, h -> Memory.ld(h, at, 0)),
    STORE(From.GUEST, W, true, Cause.STORE_ACCESS_FAULT, h -> Memory.sd(h, at, 0, value)),
    FETCH(From.GUEST, X, false, Cause.INSTRUCTION_ACCESS_FAULT, h -> h.mmu.fetch(at)),
    LR(From.GUEST, R, false, Cause.LOAD_ACCESS_FAULT, h -> Amo.lr_d(h, at)),
    SC(From.GUEST, R | W, false, Cause.STORE_ACCESS_FAULT, h -> Amo.sc_d(h, at, value)),
    AMO(From.GUEST, R | W, false, Cause.STORE_ACCESS_FAULT, h -> Amo.amoor_d(h, at, 0)),
    CBO_ZERO(From.GUEST, W, false, Cause.STORE_ACCESS_FAULT, h -> Memory.cboZero(h, at)),
    HLV(From.OUTSIDE, R, true, Cause.LOAD_ACCESS_FAULT, h -> Hypervisor.hlv_d(h, at)),
    HLVX(From.OUTSIDE, R | X, false, Cause.LOAD_ACCESS_FAULT, h -> Hypervisor.hlvx_wu(h, at)),
    HSV(From.OUTSIDE, W, true, Cause.STORE_ACCESS_FAULT, h -> Hypervisor.hsv_d(h, at, value)),
    HULV(From.OUTSIDE, R, true, Cause.LOAD_ACCESS_FAULT, h -> Hypervisor.hulv_d(h, at)),
    HULVX(From.OUTSIDE, R | X, false, Cause.LOAD_ACCESS_FAULT, h -> Hypervisor.hulvx_hu(h, at)),
    HUSV(From.OUTSIDE, W, true, Cause.STORE_ACCESS_FAULT, h -> Hypervisor.husv_d(h, at, value)),
    S_LOAD(From.SUPERVISOR, R, true, Cause.LOAD_ACCESS_FAULT, h -> Memory.ld(h, at, 0)),
    S_STORE(From.SUPERVISOR, W, true, Cause.STORE_ACCESS_FAULT, h -> Memory.sd(h, at, 0, value)),
    S_FETCH(From.SUPERVISOR, X, false, Cause.INSTRUCTION_ACCESS_FAULT, h -> h.mmu.fetch(at)),
    S_AMO(From.SUPERVISOR, R | W, false, Cause.STORE_ACCESS_FAULT, h -> Amo.amoor_d(h, at, 0));

    final From from;
    final int needs;
    final boolean device;
    final int cause;
    final Consumer<Hart> action;

    Access(From from, int needs, boolean device, int cause, Consumer<Hart> action) {
      this.from = from;
      this.needs = needs;
      this.device = device;
      this.cause = cause;
      this.action = action;
    }
  }

  private static long at;
  private static long value;

  private final HartFixture f = new HartFixture(HartConfig.STANDARD);

  AccessPermissionTest() {
    f.bus.add(DEVICE, new Register(), 0);
    f.memory.writeRom(ROM, new byte[4096]);
    f.csr(Csr.MENVCFG, -1);
    f.csr(Csr.HENVCFG, -1);
    f.csr(Csr.HSTATUS, 1 << 8); // SPVP
    f.csr(Csr.HUSTATUS, 1 << 8);
    f.csr(Csr.HUVSENVCFG, -1);
    f.csr(Csr.PMPADDR0 + 1, -1);
    f.csr(Csr.PMPCFG0, 0x1f << 8); // entry 1 lets everything pass that entry 0 has no word on
  }

  private static final class Register extends Device {
    @Override
    public long size() {
      return 4096;
    }

    @Override
    public long read(long offset, int width) {
      return 0;
    }

    @Override
    public void write(long offset, int width, long value) {}

    @Override
    public void reset() {}

    @Override
    public void snapshot(Snapshot s) {}

    @Override
    public void describe(Node soc, long base, int irq, int plic) {}
  }

  private int cause(Access a, long address) {
    at = address;
    value = 0;
    boolean guest = a.from == From.GUEST;
    f.mode(a.from == From.OUTSIDE ? Hart.M : Hart.S, guest);
    if (a == Access.SC) {
      f.hart.reservedHost(0);
    }
    return f.cause(() -> a.action.accept(f.hart));
  }

  private void expect(Access a, long address, boolean allowed, int denied, String what) {
    for (int time = 1; time <= 2; time++) {
      assertEquals(allowed ? -1 : denied, cause(a, address), a + ", " + what + ", time " + time);
    }
  }

  /** Windows that hold everything, and DV-ext on. */
  private void windows(long page, int permissions) {
    window(0, 0, 1L << 43, 0);
    window(1, 0, page >>> 12, 15);
    window(2, page >>> 12, (page >>> 12) + 1, permissions);
    window(3, (page >>> 12) + 1, 1L << 43, 15);
    f.csr(Csr.HDVVMID, 1);
    f.csr(Csr.HDVCTL, 1);
    f.hart.mmu.flushAll();
  }

  private void window(int i, long base, long limit, long permissions) {
    f.csr(Csr.HDVWINSEL, i);
    f.csr(Csr.HDVWINBASE, base);
    f.csr(Csr.HDVWINLIMIT, limit | permissions * WINDOW_R);
  }

  @ParameterizedTest
  @EnumSource
  void pmp(Access a) {
    for (int permissions : new int[] {0, R, R | W, X, R | X, R | W | X}) {
      f.csr(Csr.PMPADDR0, PAGE >>> 2 | 0x1ff);
      f.csr(Csr.PMPCFG0, 0x1f << 8 | 0x18 | permissions);
      f.hart.mmu.flushAll();
      boolean allowed = (permissions & a.needs) == a.needs;
      expect(a, PAGE, allowed, a.cause, "PMP " + permissions);
      expect(a, PAGE + 4096, true, a.cause, "the page after it");
    }
  }

  @ParameterizedTest
  @EnumSource
  void windows(Access a) {
    if (a.from == From.SUPERVISOR) {
      return; // the host is not under windows
    }
    for (int permissions = 0; permissions < 16; permissions++) {
      windows(PAGE, permissions);
      boolean allowed = (permissions & a.needs) == a.needs;
      expect(a, PAGE, allowed, Cause.WINDOW_VIOLATION, "window " + permissions);
      expect(a, PAGE + 4096, true, Cause.WINDOW_VIOLATION, "the page after it");
    }
  }

  /** An AMO must not find the TLB entry of a store, nor a store that of an AMO that was refused. */
  @Test
  void accessesWithDifferentNeedsShareNoEntry() {
    windows(PAGE, W);
    for (int time = 0; time < 2; time++) {
      expect(Access.STORE, PAGE, true, Cause.WINDOW_VIOLATION, "W");
      expect(Access.AMO, PAGE, false, Cause.WINDOW_VIOLATION, "W");
      expect(Access.LOAD, PAGE, false, Cause.WINDOW_VIOLATION, "W");
      expect(Access.FETCH, PAGE, false, Cause.WINDOW_VIOLATION, "W");
    }
  }

  @ParameterizedTest
  @EnumSource
  void kindsOfMemory(Access a) {
    expect(a, DEVICE, a.device, a.cause, "device");
    expect(a, VACANT, false, a.cause, "nothing there");
    expect(a, ROM, (a.needs & W) == 0, a.cause, "ROM");
    expect(a, PAGE, true, a.cause, "RAM");
  }

  @ParameterizedTest
  @EnumSource
  void kindsOfMemoryUnderWindows(Access a) {
    windows(PAGE, 15);
    kindsOfMemory(a);
  }

  /** Zicbom: either load or store permission will do; faults are those of stores. */
  @Test
  void managementOfBlocks() {
    Consumer<Hart> flush = h -> Memory.cboFlush(h, at);
    for (int permissions : new int[] {0, R, R | W, R | X, R | W | X}) {
      f.csr(Csr.PMPADDR0, PAGE >>> 2 | 0x1ff);
      f.csr(Csr.PMPCFG0, 0x1f << 8 | 0x18 | permissions);
      f.mode(Hart.S, false);
      at = PAGE;
      f.csr(Csr.SENVCFG, -1);
      int expected = permissions == 0 ? Cause.STORE_ACCESS_FAULT : -1;
      assertEquals(expected, f.cause(() -> flush.accept(f.hart)), "PMP " + permissions);
    }
    at = DEVICE;
    assertEquals(-1, f.cause(() -> flush.accept(f.hart)), "device");
    at = VACANT;
    assertEquals(Cause.STORE_ACCESS_FAULT, f.cause(() -> flush.accept(f.hart)), "nothing there");
  }

  /** A walk reads its tables and writes A and D: with the rights of a supervisor's data access. */
  @ParameterizedTest
  @EnumSource(names = {"S_LOAD", "S_STORE", "S_FETCH", "S_AMO"})
  void tablesUnderPmp(Access a) {
    long va = 0x4000;
    long root = HartFixture.RAM + 0x20_0000;
    PageTables tables = f.tables(root, false);
    long entry = tables.map(va, PAGE, PageTables.RWX, 0);
    f.csr(Csr.SATP, tables.atp(1));
    long leaf = entry & -4096;
    for (int permissions : new int[] {0, R, R | W, X, R | X, R | W | X}) {
      f.csr(Csr.PMPADDR0, leaf >>> 2 | 0x1ff);
      f.csr(Csr.PMPCFG0, 0x1f << 8 | 0x18 | permissions);
      f.hart.mmu.flushAll();
      f.poke(entry, PAGE >>> 12 << 10 | PageTables.RWX);
      boolean read = (permissions & R) != 0;
      expect(a, va, read, a.cause, "tables " + permissions);
      f.hart.mmu.flushAll();
      f.poke(entry, PAGE >>> 12 << 10 | PageTables.RWX & ~0xc0);
      expect(a, va, (permissions & W) != 0, a.cause, "A and D in tables " + permissions);
    }
    f.csr(Csr.PMPCFG0, 0x1f << 8);
    f.poke(entry, PAGE >>> 12 << 10 | PageTables.RWX);
    for (long bad : new long[] {DEVICE, ROM, VACANT}) {
      f.csr(Csr.SATP, 8L << 60 | bad >>> 12);
      f.hart.mmu.flushAll();
      expect(a, va, false, a.cause, "tables at " + Long.toHexString(bad));
    }
  }
}
