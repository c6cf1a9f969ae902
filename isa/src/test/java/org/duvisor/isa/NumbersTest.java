package org.duvisor.isa;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Field;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** CSR and cause numbers and their names. */
class NumbersTest {
  @Test
  void csrNamesAndNumbersAreOneToOne() throws IllegalAccessException {
    Set<Integer> seen = new HashSet<>();
    for (Field field : Csr.class.getFields()) {
      String name = field.getName().toLowerCase(Locale.ROOT);
      if (field.getType() == long.class) { // a field
        assertTrue(Csr.number(name.substring(0, name.indexOf('_'))) >= 0, name);
        continue;
      }
      int number = field.getInt(null);
      assertTrue(number >= 0 && number < 4096 && seen.add(number), name);
      assertEquals(name, Csr.name(number));
      assertEquals(number, Csr.number(name));
    }
  }

  @Test
  void indexedFamilies() {
    assertEquals("hpmcounter31", Csr.name(0xc1f));
    assertEquals(0xb1f, Csr.number("mhpmcounter31"));
    assertEquals(0x33f, Csr.number("mhpmevent31"));
    assertEquals(0x3ef, Csr.number("pmpaddr63"));
    assertEquals(0x3ae, Csr.number("pmpcfg14"));
    assertEquals(-1, Csr.number("pmpcfg1"));
    assertEquals(-1, Csr.number("pmpaddr64"));
    assertEquals("0x3a1", Csr.name(0x3a1));
  }

  /** Bits 9:8 are the lowest privilege with access: what is HU-visible must be a user number. */
  @Test
  void hypervisorUserCsrsHaveUserNumbers() {
    for (String name :
        new String[] {"hustatus", "hugatp", "utvec", "huvsatp", "vipi0", "vtimecmp", "huvstopi"}) {
      assertEquals(0, Csr.number(name) >> 8 & 3, name);
    }
  }

  @Test
  void causeNames() {
    assertEquals("illegal instruction", Cause.name(Cause.ILLEGAL_INSTRUCTION));
    assertEquals("store page fault", Cause.name(Cause.STORE_PAGE_FAULT));
    assertEquals("store guest page fault", Cause.name(Cause.STORE_GUEST_PAGE_FAULT));
    assertEquals("window violation", Cause.name(Cause.WINDOW_VIOLATION));
    assertEquals("exception 14", Cause.name(14));
    assertEquals("host event", Cause.name(Cause.INTERRUPT | Cause.HOST_EVENT));
    assertEquals("user timer interrupt", Cause.name(Cause.INTERRUPT | Cause.USER_TIMER));
    assertEquals(
        "counter overflow interrupt", Cause.name(Cause.INTERRUPT | Cause.COUNTER_OVERFLOW));
    assertEquals("interrupt 40", Cause.name(Cause.INTERRUPT | 40));
    assertEquals("exception 9223372036854775807", Cause.name(Long.MAX_VALUE));
  }
}
