package org.duvisor.platform;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The ABI of {@code /dev/duvisor}, written once: the C header of the Linux module is {@link
 * #header()}, and the Java side takes its numbers and layouts from here. Little-endian, every field
 * naturally aligned, no padding.
 */
public final class DvAbi {
  /** Bumped on every incompatible change; a program refuses a module of another version. */
  public static final int VERSION = 2;

  /**
   * The letter of the requests: number n is {@code _IO('D', n)} or one of its kin; the kernel's own
   * numbers have no letter.
   */
  public static final char LETTER = 'D';

  /** Alignment and unit of the module's grants in bytes: a 2 MiB leaf. */
  public static final long GRANULE = 2 << 20;

  /** A field: its C type, name and what it says. {@code type} is __u32 or __u64. */
  public record Field(String type, String name, String comment) {
    /** Size and alignment in bytes. */
    public int bytes() {
      return type.equals("__u64") ? 8 : 4;
    }

    private ValueLayout layout() {
      return (bytes() == 8 ? ValueLayout.JAVA_LONG : ValueLayout.JAVA_INT).withName(name);
    }
  }

  /** What a request's argument points at. */
  public enum Struct {
    /** Answer of {@link Request#CAPABILITIES}. */
    CAPABILITIES(
        u32("version", "DV_VERSION of the module"),
        u32("windows", "grants a VM can hold"),
        u64("grant_granule", "alignment and unit of grants, bytes"),
        u64("timebase_hertz", "ticks of time per second"),
        u32("stage2_modes", "bit m: hugatp.MODE m is implemented"),
        u32("cache_block_bytes", "block size of cbo.zero"),
        u32("interrupt_identities", "of guest interrupt files; 0: there are none"),
        u32("reserved", "0")),
    /** Argument and answer of {@link Request#GRANT}. */
    GRANT(
        u64("bytes", "in: a multiple of the granule"),
        u32("use", "in: DV_GUEST_MEMORY or DV_STAGE2_TABLES"),
        u32("reserved", "in: 0"),
        u64("hpa", "out: host-physical address"),
        u64("offset", "out: where mmap of the file finds it")),
    /** Argument of {@link Request#REVOKE}. */
    REVOKE(u64("hpa", "as answered by DV_GRANT")),
    /** Argument of {@link Request#DELEGATE}; all in the numbering of the CSRs. */
    DELEGATE(
        u64("sedeleg", "exceptions to HU, of DV_SEDELEG; the others alike"),
        u64("sideleg", "interrupts to HU"),
        u64("hedeleg", "exceptions to the guest"),
        u64("hideleg", "interrupts to the guest")),
    /** Argument of {@link Request#FENCE}. */
    FENCE(
        u64("vcpus", "bit i: vCPU i"),
        u64("start", "first guest address"),
        u64("size", "bytes; 0 or ~0: everything"),
        u32("kind", "a DV_FENCE_ number"),
        u32("asid", "used by DV_FENCE_VVMA_ASID")),
    /** Answer of {@link Request#CLAIM_FILE}. */
    FILE(
        u64("hpa", "host-physical address of its page"),
        u32("number", "what hustatus.VGEIN selects it by"),
        u32("reserved", "0"));

    @SuppressWarnings("ImmutableEnumChecker") // made by List.of
    private final List<Field> fields;

    Struct(Field... fields) {
      this.fields = List.of(fields);
    }

    /** The fields in order. */
    public List<Field> fields() {
      return fields;
    }

    /** The C name. */
    public String cName() {
      return "dv_" + name().toLowerCase(Locale.ROOT);
    }

    /** The same in Java; elements are named as the fields. */
    public StructLayout layout() {
      MemoryLayout[] members = fields.stream().map(Field::layout).toArray(MemoryLayout[]::new);
      return MemoryLayout.structLayout(members).withName(cName());
    }

    /** Offset of a field in bytes. */
    public long offset(String field) {
      return layout().byteOffset(MemoryLayout.PathElement.groupElement(field));
    }
  }

  /** What the module does with what an argument points at. */
  private enum Way {
    READS("W", 1),
    WRITES("R", 2),
    BOTH("WR", 3);

    private final String letters;
    private final int bits;

    Way(String letters, int bits) {
      this.letters = letters;
      this.bits = bits;
    }
  }

  /** A request and its ioctl number. Numbers are never used again. */
  public enum Request {
    /** Asks for a {@link Struct#CAPABILITIES}. */
    CAPABILITIES(1, Way.WRITES, Struct.CAPABILITIES),
    /** {@link DvDriver#grant}. */
    GRANT(2, Way.BOTH, Struct.GRANT),
    /** {@link DvDriver#revoke}. */
    REVOKE(3, Way.READS, Struct.REVOKE),
    /** {@link DvDriver#delegate}. */
    DELEGATE(4, Way.READS, Struct.DELEGATE),
    /** {@link DvDriver#register}: the calling thread becomes the vCPU. */
    REGISTER(5, "vCPU index"),
    /** {@link HuHart#close}. */
    UNREGISTER(6, "none"),
    /** {@link DvDriver#kick}. */
    KICK(7, "vCPU index"),
    /** {@link DvDriver#fence}. */
    FENCE(8, Way.READS, Struct.FENCE),
    /** {@link HuHart#idle}. */
    IDLE(9, "deadline"),
    /** {@link DvDriver#close}: the file itself may stay open. */
    END(10, "none"),
    /** {@link HuHart#claimFile}. */
    CLAIM_FILE(11, Way.WRITES, Struct.FILE),
    /** {@link HuHart#returnFile}. */
    RETURN_FILE(12, "none"),
    /** {@link DvDriver#message}. */
    MESSAGE(13, "vCPU index << 16 | identity");

    private final int number;
    private final int code;
    private final String text;

    Request(int number, Way way, Struct argument) {
      this.number = number;
      code = way.bits << 30 | (int) argument.layout().byteSize() << 16 | LETTER << 8 | number;
      text = "_IO%s('%c', %d, struct %s)".formatted(way.letters, LETTER, number, argument.cName());
    }

    Request(int number, String value) {
      this.number = number;
      code = LETTER << 8 | number;
      text = "_IO('%c', %d) /* by value: %s */".formatted(LETTER, number, value);
    }

    /** The request code, as the kernel's macros make it: way, size, letter, number. */
    public int code() {
      return code;
    }

    int number() {
      return number;
    }
  }

  private DvAbi() {}

  private static Field u32(String name, String comment) {
    return new Field("__u32", name, comment);
  }

  private static Field u64(String name, String comment) {
    return new Field("__u64", name, comment);
  }

  /** The number of a grant's use in the ABI. */
  public static int code(Grant.Use use) {
    return switch (use) {
      case GUEST_MEMORY -> 0;
      case STAGE2_TABLES -> 1;
    };
  }

  /** The number of a fence's kind in the ABI. */
  public static int code(Fence kind) {
    return switch (kind) {
      case FENCE_I -> 0;
      case VVMA -> 1;
      case VVMA_ASID -> 2;
      case GVMA -> 3;
    };
  }

  /** The C header of the Linux module and of C programs. */
  public static String header() {
    List<String> out = new ArrayList<>();
    out.add("/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0 WITH Linux-syscall-note) */");
    out.add("/* Printed from DvAbi.java; change that instead. */");
    out.add("#ifndef DUVISOR_ABI_H");
    out.add("#define DUVISOR_ABI_H");
    out.add("");
    out.add("#include <linux/ioctl.h>");
    out.add("#include <linux/types.h>");
    out.add("");
    out.add("#define DV_VERSION " + VERSION);
    out.add("#define DV_MAX_VCPUS " + DvDriver.MAX_VCPUS);
    out.add("#define DV_GRANULE 0x%xUL".formatted(GRANULE));
    for (Grant.Use use : Grant.Use.values()) {
      out.add("#define DV_" + use + " " + code(use));
    }
    for (Fence kind : Fence.values()) {
      String name = kind == Fence.FENCE_I ? "I" : kind.name();
      out.add("#define DV_FENCE_" + name + " " + code(kind));
    }
    Delegation legal = Delegation.LEGAL;
    out.add("#define DV_SEDELEG 0x%xUL".formatted(legal.exceptionsToHu()));
    out.add("#define DV_SIDELEG 0x%xUL".formatted(legal.interruptsToHu()));
    out.add("#define DV_HEDELEG 0x%xUL".formatted(legal.exceptionsToGuest()));
    out.add("#define DV_HIDELEG 0x%xUL".formatted(legal.interruptsToGuest()));
    for (Struct struct : Struct.values()) {
      out.add("");
      out.add("struct " + struct.cName() + " {");
      struct
          .fields()
          .forEach(f -> out.add("\t%s %s; /* %s */".formatted(f.type(), f.name(), f.comment())));
      out.add("};");
      out.add(
          "_Static_assert(sizeof(struct %s) == %d, \"layout\");"
              .formatted(struct.cName(), struct.layout().byteSize()));
    }
    out.add("");
    for (Request r : Request.values()) {
      out.add("#define DV_" + r + " " + r.text);
    }
    out.add("");
    out.add("#endif");
    return String.join("\n", out) + "\n";
  }
}
