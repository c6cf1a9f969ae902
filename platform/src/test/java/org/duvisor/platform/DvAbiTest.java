package org.duvisor.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The driver ABI: what C and Java must agree on. */
class DvAbiTest {
  @Test
  void requestNumbersAreFixedAndDistinct() {
    assertEquals(0xc0204402, DvAbi.Request.GRANT.code());
    assertEquals(0x40204408, DvAbi.Request.FENCE.code());
    assertEquals(0x8010440b, DvAbi.Request.CLAIM_FILE.code());
    assertEquals(0x4409, DvAbi.Request.IDLE.code());
    Set<Integer> codes =
        Arrays.stream(DvAbi.Request.values())
            .map(DvAbi.Request::number)
            .collect(Collectors.toSet());
    assertEquals(DvAbi.Request.values().length, codes.size());
  }

  @Test
  void everyFieldIsNaturallyAlignedWithoutPadding() {
    for (DvAbi.Struct struct : DvAbi.Struct.values()) {
      long offset = 0;
      Set<String> names = new HashSet<>();
      for (DvAbi.Field f : struct.fields()) {
        assertEquals(offset, struct.offset(f.name()), struct + "." + f.name());
        assertEquals(0, offset % f.bytes(), struct + "." + f.name());
        assertTrue(names.add(f.name()));
        offset += f.bytes();
      }
      assertEquals(offset, struct.layout().byteSize());
      assertEquals(0, offset % 8, "a 32-bit and a 64-bit compiler agree on the size of " + struct);
    }
  }

  @Test
  void sizesAreTheOnesOfVersionTwo() {
    assertEquals(40, DvAbi.Struct.CAPABILITIES.layout().byteSize());
    assertEquals(32, DvAbi.Struct.GRANT.layout().byteSize());
    assertEquals(8, DvAbi.Struct.REVOKE.layout().byteSize());
    assertEquals(32, DvAbi.Struct.DELEGATE.layout().byteSize());
    assertEquals(32, DvAbi.Struct.FENCE.layout().byteSize());
    assertEquals(16, DvAbi.Struct.FILE.layout().byteSize());
    assertEquals(24, DvAbi.Struct.GRANT.offset("offset"));
  }

  @Test
  void headerDefinesEverything() {
    String header = DvAbi.header();
    for (DvAbi.Request r : DvAbi.Request.values()) {
      assertTrue(header.contains("#define DV_" + r + " _IO"), r::name);
    }
    for (DvAbi.Struct s : DvAbi.Struct.values()) {
      assertTrue(header.contains("struct " + s.cName() + " {"), s::name);
      for (DvAbi.Field f : s.fields()) {
        assertTrue(header.contains("\t" + f.type() + " " + f.name() + "; "), f::name);
      }
    }
    assertTrue(header.contains("#define DV_FENCE_I 0"));
    assertTrue(header.lines().noneMatch(l -> l.endsWith(" ")));
  }

  /** {@code -Dduvisor.write.abi=true} writes it. */
  @Test
  void theHeaderOfTheModuleIsCurrent() throws IOException {
    Path committed = Path.of("..", "driver", "duvisor_abi.h");
    if (Boolean.getBoolean("duvisor.write.abi")) {
      Files.writeString(committed, DvAbi.header());
    }
    assertEquals(DvAbi.header(), Files.readString(committed));
  }

  @Test
  void delegationRefusesEveryBitOutsideTheMasks() {
    assertTrue(Delegation.RECOMMENDED.isLegal());
    assertTrue(new Delegation(0, 0, 0, 0).isLegal());
    for (int bit = 0; bit < 64; bit++) {
      long b = 1L << bit;
      assertEquals((0xF00400 & b) != 0, new Delegation(b, 0, 0, 0).isLegal());
      assertEquals((0x111 & b) != 0, new Delegation(0, b, 0, 0).isLegal());
      assertEquals((0x444 & b) != 0, new Delegation(0, 0, 0, b).isLegal());
    }
    assertFalse(new Delegation(1L << 9, 0, 0, 0).isLegal());
  }
}
