package org.duvisor.virtio.blk;

/** Numbers of the block device (5.2): feature bits, configuration offsets, request types. */
final class BlkLayout {
  static final int F_SEG_MAX = 2;
  static final int F_RO = 5;
  static final int F_BLK_SIZE = 6;
  static final int F_FLUSH = 9;
  static final int F_MQ = 12;
  static final int F_DISCARD = 13;
  static final int F_WRITE_ZEROES = 14;

  static final int CONFIG_SIZE = 60;
  static final int CAPACITY = 0;
  static final int SEG_MAX = 12;
  static final int BLK_SIZE = 20;
  static final int NUM_QUEUES = 34;
  static final int MAX_DISCARD_SECTORS = 36;
  static final int MAX_DISCARD_SEG = 40;
  static final int DISCARD_ALIGNMENT = 44;
  static final int MAX_ZEROES_SECTORS = 48;
  static final int MAX_ZEROES_SEG = 52;
  static final int ZEROES_MAY_UNMAP = 56;

  static final int HEADER = 16;
  static final int T_IN = 0;
  static final int T_OUT = 1;
  static final int T_FLUSH = 4;
  static final int T_GET_ID = 8;
  static final int T_DISCARD = 11;
  static final int T_WRITE_ZEROES = 13;

  static final int ID_BYTES = 20;

  /** struct virtio_blk_discard_write_zeroes: sector, number of sectors, flags. */
  static final int RANGE = 16;

  static final int RANGE_UNMAP = 1;

  static final int S_OK = 0;
  static final int S_IOERR = 1;
  static final int S_UNSUPP = 2;

  private BlkLayout() {}
}
