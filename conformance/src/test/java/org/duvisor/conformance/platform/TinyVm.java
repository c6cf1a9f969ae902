package org.duvisor.conformance.platform;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.duvisor.isa.Assembler;
import org.duvisor.isa.Csr;
import org.duvisor.platform.Delegation;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.Grant;
import org.duvisor.platform.HuHart;

/**
 * The least a VM needs: one granule of guest memory at {@link #RAM}, mapped by one leaf, and
 * stage-2 tables.
 */
final class TinyVm {
  static final long RAM = 0x8000_0000L;

  private static final long RWXUAD = 0xdf;
  private static final long SV39X4 = 8L << 60;
  private static final long SPV_SPVP = 0x180;

  final DvDriver driver;
  final Grant ram;
  final Grant tables;

  TinyVm(DvDriver driver) {
    this.driver = driver;
    driver.delegate(Delegation.RECOMMENDED);
    long granule = driver.capabilities().grantGranule();
    this.ram = driver.grant(granule, Grant.Use.GUEST_MEMORY);
    this.tables = driver.grant(granule, Grant.Use.STAGE2_TABLES);
    table(0, RAM >>> 30, tables.hpa() + 0x4000 >>> 12 << 10 | 1);
    map(RAM, ram.hpa());
  }

  /** Maps 2 MiB of guest-physical addresses in [RAM, RAM + 1 GiB). */
  void map(long gpa, long hpa) {
    table(0x4000, gpa >>> 21 & 511, hpa >>> 12 << 10 | RWXUAD);
  }

  private void table(long offset, long index, long entry) {
    tables.memory().set(ValueLayout.JAVA_LONG, offset + index * 8, entry);
  }

  /** hugatp. */
  long root() {
    return SV39X4 | tables.hpa() >>> 12;
  }

  /** Assembles a program into guest memory. */
  void program(long offset, String text) {
    byte[] code = new Assembler(RAM + offset).asm(text).bytes();
    MemorySegment.copy(code, 0, ram.memory(), ValueLayout.JAVA_BYTE, offset, code.length);
  }

  long word(long offset) {
    return ram.memory().get(ValueLayout.JAVA_LONG, offset);
  }

  /** Prepares the calling thread's vCPU to enter at an offset of guest memory, in VS. */
  void prepare(HuHart hart, long offset) {
    hart.csr(Csr.HUGATP, root());
    hart.csr(Csr.HUIE, 1);
    hart.csr(Csr.HUSTATUS, SPV_SPVP);
    hart.csr(Csr.UEPC, RAM + offset);
    hart.fenceI();
  }
}
