package org.duvisor.devices.aia;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.duvisor.devices.fdt.Node;
import org.junit.jupiter.api.Test;

/** Interrupt files and their pages (AIA chapter 3). */
final class ImsicTest {
  private final AtomicBoolean line = new AtomicBoolean();
  private final ImsicFile file = new ImsicFile(255, line::set);

  private void set(int select, long value) {
    file.access(select, -1, value);
  }

  private long get(int select) {
    return file.access(select, 0, 0);
  }

  private void open() {
    set(ImsicFile.EIDELIVERY, 1);
    for (int i = 0; i < 8; i += 2) {
      set(ImsicFile.EIE0 + i, -1);
    }
  }

  @Test
  void lowestIdentityIsTheMostUrgentAndAClaimTakesIt() {
    open();
    file.post(200);
    file.post(3);
    file.post(64);
    assertEquals(3 << 16 | 3, file.top());
    assertEquals(3 << 16 | 3, file.claim());
    assertEquals(64 << 16 | 64, file.claim());
    assertTrue(line.get());
    assertEquals(200 << 16 | 200, file.claim());
    assertFalse(line.get());
    assertEquals(0, file.claim());
  }

  @Test
  void thresholdKeepsItselfAndWhatIsAboveIt() {
    open();
    set(ImsicFile.EITHRESHOLD, 64);
    file.post(64);
    file.post(65);
    assertFalse(line.get());
    file.post(63);
    assertEquals(63 << 16 | 63, file.claim());
    assertEquals(0, file.top());
    set(ImsicFile.EITHRESHOLD, 0);
    assertTrue(line.get());
  }

  @Test
  void topeiDoesNotAskWhetherInterruptsAreDelivered() {
    open();
    set(ImsicFile.EIDELIVERY, 0);
    file.post(7);
    assertFalse(line.get());
    assertEquals(7 << 16 | 7, file.top());
    set(ImsicFile.EIDELIVERY, 1);
    assertTrue(line.get());
  }

  @Test
  void onlyWhatIsEnabledCounts() {
    open();
    set(ImsicFile.EIE0, ~(1L << 7));
    file.post(7);
    assertFalse(line.get());
    set(ImsicFile.EIE0, 1L << 7);
    assertTrue(line.get());
  }

  @Test
  void identitiesThatDoNotExistAreIgnored() {
    open();
    for (int identity : new int[] {0, 256, 2047, 2048, -1, Integer.MIN_VALUE, 1 << 16 | 7}) {
      file.post(identity);
    }
    assertFalse(line.get());
    set(ImsicFile.EIP0, -1);
    assertEquals(~1L, get(ImsicFile.EIP0)); // there is no identity 0
    set(ImsicFile.EIP0 + 8, -1);
    assertEquals(0, get(ImsicFile.EIP0 + 8)); // 256 and up
    assertEquals(0, get(ImsicFile.EIE0 + 62));
    assertThrows(IllegalArgumentException.class, () -> new ImsicFile(64, l -> {}));
  }

  @Test
  void registersOfOneFile() {
    set(ImsicFile.EIDELIVERY, 0x4000_0000); // no controller bypasses the file
    assertEquals(0, get(ImsicFile.EIDELIVERY));
    set(ImsicFile.EIDELIVERY, 1);
    set(ImsicFile.EIDELIVERY, 2);
    assertEquals(1, get(ImsicFile.EIDELIVERY));
    set(ImsicFile.EITHRESHOLD, 0x1234);
    assertEquals(0x34, get(ImsicFile.EITHRESHOLD));
    int count = 0;
    for (int select = 0; select < 0x200; select++) {
      count += ImsicFile.exists(select) ? 1 : 0;
    }
    assertEquals(16 + 32 + 32, count);
    for (int select = ImsicFile.EIDELIVERY; select < ImsicFile.EIP0; select++) {
      if (select != ImsicFile.EIDELIVERY && select != ImsicFile.EITHRESHOLD) {
        set(select, -1);
        assertEquals(0, get(select)); // reserved
      }
    }
  }

  @Test
  void aMaskedAccessKeepsTheOtherBits() {
    open();
    file.post(5);
    file.post(70);
    assertEquals(1L << 5, file.access(ImsicFile.EIP0, 1L << 9, 1L << 9));
    assertEquals(1L << 5 | 1L << 9, get(ImsicFile.EIP0));
    assertEquals(1L << 6, file.access(ImsicFile.EIP0 + 2, 1L << 6, 0));
    assertEquals(0, get(ImsicFile.EIP0 + 2));
  }

  @Test
  void resetClosesTheFile() {
    open();
    file.post(9);
    file.reset();
    assertFalse(line.get());
    assertEquals(0, file.top() | get(ImsicFile.EIE0) | get(ImsicFile.EIDELIVERY));
  }

  // ---- pages

  private static ImsicFile openFile() {
    ImsicFile f = new ImsicFile(63, l -> {});
    f.access(ImsicFile.EIE0, -1, -1);
    return f;
  }

  @Test
  void everyFileHasAPageAndNothingElseAnswers() {
    List<List<ImsicFile>> files = new ArrayList<>();
    for (int hart = 0; hart < 3; hart++) {
      List<ImsicFile> pages = new ArrayList<>();
      for (int guest = 0; guest < 6; guest++) {
        pages.add(openFile());
      }
      files.add(pages);
    }
    Imsic imsic = new Imsic(files, 1, 9, 77);
    assertEquals(8 * 4096, imsic.hartStride());
    assertEquals(4 * 8 * 4096, imsic.size());
    for (long offset = 0; offset < imsic.size(); offset += 4) {
      int where = (int) offset & 0xfff;
      imsic.write(offset, 4, where == 4 ? Integer.reverseBytes(9) : where == 0 ? 5 : 6);
      assertEquals(0, imsic.read(offset, 4));
    }
    for (List<ImsicFile> pages : files) {
      for (ImsicFile f : pages) {
        assertEquals(1L << 5 | 1L << 9, f.access(ImsicFile.EIP0, 0, 0));
      }
    }
    for (int width : new int[] {1, 2, 8}) {
      imsic.write(0, width, 33);
    }
    assertEquals(1L << 5 | 1L << 9, files.getFirst().getFirst().access(ImsicFile.EIP0, 0, 0));
  }

  @Test
  void nodeIsWhatDriversLookFor() {
    Node soc = new Node("soc");
    new Imsic(List.of(List.of(openFile(), openFile(), openFile())), 1, 9, 77)
        .describe(soc, 0x28000000L, 0, 0);
    Node node = soc.find("imsics@28000000").orElseThrow();
    assertEquals(2, node.property("riscv,guest-index-bits").orElseThrow()[3]);
    assertEquals(63, node.property("riscv,num-ids").orElseThrow()[3]);
    assertEquals(0x40, node.property("reg").orElseThrow()[14]); // 4 pages
  }
}
