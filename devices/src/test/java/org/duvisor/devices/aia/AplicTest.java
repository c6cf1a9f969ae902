package org.duvisor.devices.aia;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.duvisor.devices.IrqLine;
import org.duvisor.devices.fdt.Node;
import org.junit.jupiter.api.Test;

/** APLIC domains by wire and by MSI (AIA chapter 4). */
final class AplicTest {
  private static final int SOURCES = 40;
  private static final int EDGE1 = 4;
  private static final int EDGE0 = 5;
  private static final int LEVEL1 = 6;
  private static final int LEVEL0 = 7;
  private static final int DELEGATE = 1 << 10;

  private record Msi(long address, int data) {}

  private final boolean[] outputs = new boolean[4]; // M of harts 0 and 1, S of harts 0 and 1
  private final List<Msi> messages = new ArrayList<>();
  private Aplic aplic = wired();

  private Aplic make(Optional<MsiBus> bus) {
    return new Aplic(
        SOURCES,
        1,
        new Aplic.Level(10, lines(0), 11, 12),
        new Aplic.Level(11, lines(2), 9, 13),
        bus);
  }

  private List<IrqLine> lines(int first) {
    return List.of(l -> outputs[first] = l, l -> outputs[first + 1] = l);
  }

  private Aplic wired() {
    return make(Optional.empty());
  }

  private void byMessage() {
    aplic = make(Optional.of((address, data) -> messages.add(new Msi(address, data))));
  }

  private static int sourcecfg(int source) {
    return 4 * source;
  }

  private static int target(int source) {
    return 0x3000 + 4 * source;
  }

  private static long read(AplicDomain d, int offset) {
    return d.read(offset, 4);
  }

  /** A source of the supervisor domain, enabled, to hart 1 at a priority. */
  private AplicDomain supervisorSource(int source, int mode, int priority) {
    AplicDomain s = aplic.supervisor();
    aplic.machine().write(sourcecfg(source), 4, DELEGATE);
    s.write(0, 4, 1 << 8);
    s.write(sourcecfg(source), 4, mode);
    s.write(target(source), 4, 1 << 18 | priority);
    s.write(0x1edc, 4, source);
    s.write(0x4020, 4, 1); // idelivery of hart 1
    return s;
  }

  @Test
  void levelSourceFollowsItsWire() {
    AplicDomain s = supervisorSource(3, LEVEL1, 5);
    aplic.source(3).set(true);
    assertTrue(outputs[3]);
    assertEquals(3 << 16 | 5, read(s, 0x4038)); // topi
    assertEquals(3 << 16 | 5, read(s, 0x403c)); // claimi
    assertTrue(outputs[3], "still high: the device has not been served");
    s.write(0x1ddc, 4, 3);
    assertEquals(8, read(s, 0x1c00));
    aplic.source(3).set(false);
    assertFalse(outputs[3]);
    s.write(0x1cdc, 4, 3);
    assertFalse(outputs[3], "software cannot make a level");
  }

  @Test
  void invertedLevel() {
    supervisorSource(3, LEVEL0, 5);
    assertTrue(outputs[3]);
    aplic.source(3).set(true);
    assertFalse(outputs[3]);
  }

  @Test
  void edgeStaysPendingUntilItIsClaimed() {
    AplicDomain s = supervisorSource(3, EDGE1, 5);
    aplic.source(3).set(true);
    aplic.source(3).set(false);
    assertTrue(outputs[3]);
    assertEquals(3 << 16 | 5, read(s, 0x403c));
    assertFalse(outputs[3]);
    assertEquals(0, read(s, 0x403c));
    supervisorSource(4, EDGE0, 5);
    aplic.source(4).set(true);
    assertFalse(outputs[3]);
    aplic.source(4).set(false);
    assertTrue(outputs[3]);
  }

  @Test
  void lowestPriorityNumberThenLowestSourceGoesFirst() {
    supervisorSource(9, EDGE1, 4);
    supervisorSource(7, EDGE1, 4);
    AplicDomain s = supervisorSource(8, EDGE1, 3);
    for (int i = 7; i <= 9; i++) {
      s.write(0x2000, 4, i); // setipnum_le
    }
    s.write(0x4028, 4, 4); // ithreshold: below 4 only
    assertEquals(8 << 16 | 3, read(s, 0x403c));
    assertFalse(outputs[3]);
    s.write(0x4028, 4, 0);
    assertEquals(7 << 16 | 4, read(s, 0x403c));
    assertEquals(9 << 16 | 4, read(s, 0x403c));
  }

  @Test
  void forcedInterruptIsSpurious() {
    AplicDomain s = supervisorSource(3, EDGE1, 5);
    s.write(0x4024, 4, 1);
    assertTrue(outputs[3]);
    assertEquals(0, read(s, 0x403c));
    assertFalse(outputs[3]);
  }

  @Test
  void domainAndDeliveryCanBeTurnedOff() {
    AplicDomain s = supervisorSource(3, LEVEL1, 5);
    aplic.source(3).set(true);
    s.write(0, 4, 0);
    assertFalse(outputs[3]);
    s.write(0, 4, 1 << 8);
    assertTrue(outputs[3]);
    s.write(0x4020, 4, 0);
    assertFalse(outputs[3]);
    s.write(0x4020, 4, 1);
    s.write(0x1fdc, 4, 3); // clrienum
    assertFalse(outputs[3]);
  }

  @Test
  void supervisorHasOnlyWhatTheMachineGaveIt() {
    AplicDomain m = aplic.machine();
    AplicDomain s = aplic.supervisor();
    for (AplicDomain d : List.of(m, s)) {
      d.write(0, 4, 1 << 8);
      d.write(0x4000, 4, 1);
    }
    s.write(sourcecfg(3), 4, LEVEL1);
    assertEquals(0, read(s, sourcecfg(3)));
    s.write(target(3), 4, 7);
    s.write(0x1e00, 4, -1);
    assertEquals(0, read(s, target(3)) | read(s, 0x1e00));
    m.write(sourcecfg(3), 4, DELEGATE);
    s.write(sourcecfg(3), 4, LEVEL1);
    s.write(0x1edc, 4, 3);
    m.write(0x1edc, 4, 3);
    aplic.source(3).set(true);
    assertTrue(outputs[2]);
    assertFalse(outputs[0]);
    assertEquals(0, read(m, 0x1c00) | read(m, 0x1e00) | read(m, target(3)));
    m.write(sourcecfg(3), 4, LEVEL1); // taken back
    assertFalse(outputs[2]);
    assertEquals(0, read(s, sourcecfg(3)) | read(s, 0x1c00) | read(s, 0x1e00));
    m.write(0x1edc, 4, 3);
    assertTrue(outputs[0]);
  }

  @Test
  void registersThatDoNotExistReadZero() {
    AplicDomain s = supervisorSource(3, LEVEL1, 5);
    assertEquals(0x8000_0100L, read(s, 0));
    s.write(sourcecfg(3), 4, 2);
    assertEquals(0, read(s, sourcecfg(3))); // reserved mode: inactive
    s.write(sourcecfg(3), 4, DELEGATE); // no child
    assertEquals(0, read(s, sourcecfg(3)));
    s.write(0x1bc0, 4, 1);
    assertEquals(0, read(s, 0x1bc0)); // MSI addresses are the root's
    assertEquals(0, s.read(0, 8) | s.read(0, 1) | read(s, 0x3000) | read(s, 0x7ffc));
    assertThrows(IllegalArgumentException.class, () -> aplic.source(0));
    assertThrows(IllegalArgumentException.class, () -> aplic.source(SOURCES + 1));
  }

  // ---- by message

  private void addresses() {
    AplicDomain m = aplic.machine();
    m.write(0x1bc0, 4, 0x24000);
    m.write(0x1bc4, 4, 1 << 12); // one bit of hart index, no groups
    m.write(0x1bc8, 4, 0x28000);
    m.write(0x1bcc, 4, 3 << 20); // 8 pages a hart
  }

  private AplicDomain messageSource(int source, int mode, int guest, int identity) {
    AplicDomain s = aplic.supervisor();
    aplic.machine().write(sourcecfg(source), 4, DELEGATE);
    s.write(0, 4, 1 << 8 | 1 << 2);
    s.write(sourcecfg(source), 4, mode);
    s.write(target(source), 4, 1 << 18 | guest << 12 | identity);
    s.write(0x1edc, 4, source);
    return s;
  }

  @Test
  void msiGoesToTheFileOfHartAndGuest() {
    byMessage();
    addresses();
    AplicDomain s = messageSource(3, EDGE1, 2, 99);
    assertEquals(0x8000_0104L, read(s, 0));
    aplic.source(3).set(true);
    assertEquals(List.of(new Msi(0x2800_a000L, 99)), messages);
    assertEquals(0, read(s, 0x1c00), "forwarded, so not pending");
    s.write(0x3000, 4, 1 << 18 | 77); // genmsi
    assertEquals(new Msi(0x2800_8000L, 77), messages.getLast());
    aplic.machine().write(0x3000, 4, 1 << 18 | 76);
    assertEquals(new Msi(0x2400_1000L, 76), messages.getLast());
  }

  @Test
  void levelSendsOneMessageARiseAndOneWhenAskedAgain() {
    byMessage();
    addresses();
    AplicDomain s = messageSource(3, LEVEL1, 0, 99);
    aplic.source(3).set(true);
    aplic.source(3).set(true);
    assertEquals(1, messages.size());
    s.write(0x2000, 4, 3); // what Linux does at the end of an interrupt
    assertEquals(2, messages.size());
    aplic.source(3).set(false);
    s.write(0x2000, 4, 3);
    assertEquals(2, messages.size());
    s.write(0x1fdc, 4, 3);
    aplic.source(3).set(true);
    assertEquals(8, read(s, 0x1c00));
    aplic.source(3).set(false);
    assertEquals(0, read(s, 0x1c00), "a level that has gone sends nothing");
    aplic.source(3).set(true);
    s.write(0x1edc, 4, 3);
    assertEquals(3, messages.size());
  }

  @Test
  void addressesCanBeLocked() {
    byMessage();
    addresses();
    aplic.machine().write(0x1bc4, 4, 1 << 31 | 1 << 12);
    aplic.machine().write(0x1bc0, 4, 0x80000);
    aplic.machine().write(0x1bc4, 4, 0);
    aplic.machine().write(0x1bc8, 4, 0x80000);
    messageSource(3, EDGE1, 0, 5);
    aplic.source(3).set(true);
    assertEquals(List.of(new Msi(0x2800_8000L, 5)), messages);
  }

  @Test
  void garbageBreaksNothing() {
    SplittableRandom random = new SplittableRandom(5);
    for (int round = 0; round < 2; round++) {
      for (int i = 0; i < 200_000; i++) {
        AplicDomain d = random.nextBoolean() ? aplic.machine() : aplic.supervisor();
        int offset = random.nextInt((int) d.size() / 4) * 4;
        int value = random.nextBoolean() ? random.nextInt(SOURCES + 2) : random.nextInt();
        d.write(offset, 4, value);
        d.read(offset, 4);
        aplic.source(1 + random.nextInt(SOURCES)).set(random.nextBoolean());
      }
      aplic.machine().reset();
      aplic.supervisor().reset();
      assertFalse(outputs[0] || outputs[1] || outputs[2] || outputs[3]);
      byMessage();
    }
  }

  @Test
  void nodesNameEachOther() {
    byMessage();
    Node soc = new Node("soc");
    aplic.machine().describe(soc, 0xc000000L, 0, 0);
    aplic.supervisor().describe(soc, 0xd000000L, 0, 0);
    Node m = soc.find("aplic@c000000").orElseThrow();
    assertEquals(11, m.property("riscv,children").orElseThrow()[3]);
    assertEquals(12, m.property("msi-parent").orElseThrow()[3]);
    assertEquals(40, m.property("riscv,delegation").orElseThrow()[11]);
    Node s = soc.find("aplic@d000000").orElseThrow();
    assertTrue(s.property("riscv,children").isEmpty());
    assertTrue(s.property("interrupts-extended").isEmpty());
    aplic = wired();
    aplic.supervisor().describe(soc, 0xd000000L, 0, 0);
    byte[] outputs = s.property("interrupts-extended").orElseThrow();
    assertEquals(16, outputs.length);
    assertEquals(9, outputs[15]);
  }
}
