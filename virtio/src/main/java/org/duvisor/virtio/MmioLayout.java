package org.duvisor.virtio;

/** Byte offsets of the registers of virtio-mmio version 2 (4.2.2), each 32 bits wide. */
public final class MmioLayout {
  /** MagicValue, read-only, "virt". */
  public static final int MAGIC = 0x000;

  /** Version, read-only. */
  public static final int VERSION = 0x004;

  /** DeviceID, read-only. */
  public static final int DEVICE_ID = 0x008;

  /** VendorID, read-only. */
  public static final int VENDOR_ID = 0x00c;

  /** DeviceFeatures, read-only: the 32 bits chosen by {@link #DEVICE_FEATURES_SEL}. */
  public static final int DEVICE_FEATURES = 0x010;

  /** DeviceFeaturesSel, write-only. */
  public static final int DEVICE_FEATURES_SEL = 0x014;

  /** DriverFeatures, write-only: the 32 bits chosen by {@link #DRIVER_FEATURES_SEL}. */
  public static final int DRIVER_FEATURES = 0x020;

  /** DriverFeaturesSel, write-only. */
  public static final int DRIVER_FEATURES_SEL = 0x024;

  /** QueueSel, write-only: which queue the queue registers mean. */
  public static final int QUEUE_SEL = 0x030;

  /** QueueSizeMax, read-only, 0 for a queue that does not exist. */
  public static final int QUEUE_SIZE_MAX = 0x034;

  /** QueueSize, write-only. */
  public static final int QUEUE_SIZE = 0x038;

  /** QueueReady. */
  public static final int QUEUE_READY = 0x044;

  /** QueueNotify, write-only: the number of a queue with new buffers. */
  public static final int QUEUE_NOTIFY = 0x050;

  /** InterruptStatus, read-only. */
  public static final int INTERRUPT_STATUS = 0x060;

  /** InterruptACK, write-only. */
  public static final int INTERRUPT_ACK = 0x064;

  /** Status. */
  public static final int STATUS = 0x070;

  /** QueueDescLow, write-only. */
  public static final int QUEUE_DESC_LOW = 0x080;

  /** QueueDescHigh, write-only. */
  public static final int QUEUE_DESC_HIGH = 0x084;

  /** QueueDriverLow, write-only: the available ring. */
  public static final int QUEUE_DRIVER_LOW = 0x090;

  /** QueueDriverHigh, write-only. */
  public static final int QUEUE_DRIVER_HIGH = 0x094;

  /** QueueDeviceLow, write-only: the used ring. */
  public static final int QUEUE_DEVICE_LOW = 0x0a0;

  /** QueueDeviceHigh, write-only. */
  public static final int QUEUE_DEVICE_HIGH = 0x0a4;

  /** SHMLenLow, read-only. */
  public static final int SHM_LEN_LOW = 0x0b0;

  /** SHMLenHigh, read-only. */
  public static final int SHM_LEN_HIGH = 0x0b4;

  /** SHMBaseLow, read-only. */
  public static final int SHM_BASE_LOW = 0x0b8;

  /** SHMBaseHigh, read-only. */
  public static final int SHM_BASE_HIGH = 0x0bc;

  /** ConfigGeneration, read-only. */
  public static final int CONFIG_GENERATION = 0x0fc;

  /** The device-specific configuration begins here. */
  public static final int CONFIG = 0x100;

  private MmioLayout() {}
}
