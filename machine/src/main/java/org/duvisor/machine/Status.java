package org.duvisor.machine;

/**
 * Fields of mstatus, vsstatus, hstatus and hustatus as shift | width &lt;&lt; 8, and how to read
 * and write one.
 */
final class Status {
  static final int SIE = field(1, 1);
  static final int MIE = field(3, 1);
  static final int SPIE = field(5, 1);
  static final int MPIE = field(7, 1);
  static final int SPP = field(8, 1);
  static final int MPP = field(11, 2);
  static final int FS = field(13, 2);
  static final int MPRV = field(17, 1);
  static final int SUM = field(18, 1);
  static final int MXR = field(19, 1);
  static final int TVM = field(20, 1);
  static final int TW = field(21, 1);
  static final int TSR = field(22, 1);
  static final int GVA = field(38, 1);
  static final int MPV = field(39, 1);

  // hstatus and hustatus
  static final int UIE = field(0, 1);
  static final int UPIE = field(4, 1);
  static final int H_GVA = field(6, 1);
  static final int SPV = field(7, 1);
  static final int SPVP = field(8, 1);
  static final int HU = field(9, 1);
  static final int VGEIN = field(12, 6);
  static final int VTVM = field(20, 1);
  static final int VTW = field(21, 1);
  static final int VTSR = field(22, 1);
  static final int HU_FS = field(25, 2);

  private Status() {}

  private static int field(int shift, int width) {
    return shift | width << 8;
  }

  static int get(long status, int field) {
    return (int) (status >>> (field & 0xff)) & ((1 << (field >> 8)) - 1);
  }

  static long set(long status, int field, int value) {
    long mask = ((1L << (field >> 8)) - 1) << (field & 0xff);
    return status & ~mask | ((long) value << (field & 0xff)) & mask;
  }
}
