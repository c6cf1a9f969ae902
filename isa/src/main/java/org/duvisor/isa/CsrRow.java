package org.duvisor.isa;

import java.util.List;

/**
 * A row of a CSR table: a CSR, a family of them, or state that is no CSR.
 *
 * @param name the name of the specification, of a family without index
 * @param number 0 to 0xfff, of a family that of the first; {@link #HIDDEN} for what is no CSR
 * @param first the index of the first of a family, or {@link #SINGLE}
 * @param count how many there are
 * @param step from one index, and number, to the next
 * @param extensions all of which have to be there; empty for a name without a register
 * @param reset the value of its word after reset, empty when it has none of its own
 * @param read where a value comes from
 * @param write what becomes of a written value
 * @param target the other CSR that {@link Read#AS} and {@link Read#VIEW} name, or empty
 * @param then what follows a write, by names of methods
 * @param guest what the number means to V=1, or empty
 * @param stateen the field of mstateen0 that levels below M need to have it, or empty (Smstateen)
 * @param switched whether it belongs to a vCPU: the driver exchanges it when the vCPU comes and
 *     goes
 * @param fields its fields
 * @param place file and line
 */
public record CsrRow(
    String name,
    int number,
    int first,
    int count,
    int step,
    List<Extension> extensions,
    String reset,
    Read read,
    Write write,
    String target,
    List<String> then,
    String guest,
    String stateen,
    boolean switched,
    List<CsrField> fields,
    String place) {
  /** {@link #number} of what is no CSR. */
  public static final int HIDDEN = -1;

  /** {@link #first} of what is no family. */
  public static final int SINGLE = -1;

  /** Where the value of a read comes from. */
  public enum Read {
    /** Its own word. */
    WORD,
    /** A method of the hart. */
    CALL,
    /** It is 0. */
    ZERO,
    /** It is another register under a second number. */
    AS,
    /** The fields of another register that it names. */
    VIEW,
    /** There is no register. */
    ABSENT
  }

  /** What becomes of a written value. */
  public enum Write {
    /** What becomes of it in the register that {@link Read#AS} names. */
    AS,
    /** It is the value. */
    WORD,
    /** Its fields take it, each as it may. */
    FIELDS,
    /** A method of the hart takes it. */
    CALL,
    /** The fields of another register that it names take it. */
    VIEW,
    /** Nothing. */
    NONE
  }

  /** Whether it is a CSR. */
  public boolean isCsr() {
    return number != HIDDEN;
  }

  /** Whether there is a register behind it. */
  public boolean exists() {
    return read != Read.ABSENT || !isCsr();
  }

  /** Whether it has a word, or words, of its own. */
  public boolean hasWord() {
    return !reset.isEmpty();
  }

  /** Whether it is one of a family. */
  public boolean isFamily() {
    return first != SINGLE;
  }

  /** The name of a member. */
  public String name(int member) {
    return isFamily() ? name + (first + member * step) : name;
  }

  /** The number of a member. */
  public int number(int member) {
    return number + member * step;
  }

  /** Its fields together; with those that cannot be written, or without. */
  public long mask(boolean readOnly) {
    long mask = 0;
    for (CsrField f : fields) {
      mask |= readOnly || !f.readOnly() ? f.mask() : 0;
    }
    return mask;
  }
}
