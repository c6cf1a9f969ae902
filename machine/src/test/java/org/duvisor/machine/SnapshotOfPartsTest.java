package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.isa.Csr;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.InterruptController;
import org.duvisor.machine.interp.Interpreter;
import org.junit.jupiter.api.Test;

/** Parts of a board that {@link SnapshotTest}'s program does not have. */
class SnapshotOfPartsTest {
  private static Board board(boolean deterministic) {
    return new Board(
        BoardConfig.of(1, 8 << 20, CharBackend.none())
            .hart(HartConfig.STANDARD.withGuestFiles(3))
            .interrupts(InterruptController.APLIC_IMSIC)
            .engine(Interpreter::new)
            .deterministic(deterministic)
            .build());
  }

  private static byte[] saved(Board b) {
    var bytes = new ByteArrayOutputStream();
    b.snapshot(Snapshot.saving(bytes));
    return bytes.toByteArray();
  }

  private static void restore(Board b, byte[] bytes) {
    b.snapshot(Snapshot.restoring(new ByteArrayInputStream(bytes)));
  }

  /** vipi0 of DV-ext: a post to a vCPU that is not resident. */
  @Test
  void postsAreSaved() {
    try (Board a = board(true);
        Board b = board(true)) {
      a.harts().getFirst().posts.post(5, 6);
      restore(b, saved(a));
      assertEquals(6, b.harts().getFirst().posts.word(5));
    }
  }

  /** hdvgowner of DV-ext. */
  @Test
  void ownersAreSaved() {
    try (Board a = board(true);
        Board b = board(true)) {
      Hart h = a.harts().getFirst();
      h.csrs.write(Csr.HDVGEIN, 2);
      h.csrs.write(Csr.HDVGOWNER, 77);
      assertEquals(77, h.csrs.read(Csr.HDVGOWNER));
      restore(b, saved(a));
      assertEquals(77, b.harts().getFirst().csrs.read(Csr.HDVGOWNER));
    }
  }

  /** mtime of a board in real time. */
  @Test
  void timeDoesNotGoBack() throws InterruptedException {
    try (Board a = board(false)) {
      Thread.sleep(300);
      long then = a.harts().getFirst().time();
      byte[] bytes = saved(a);
      try (Board b = board(false)) {
        restore(b, bytes);
        long now = b.harts().getFirst().time();
        assertTrue(now >= then, now + " after " + then);
      }
    }
  }

  /** Adversary: a number of instructions that no hart has come to. */
  @Test
  void retiredIsInARange() {
    var f = new HartFixture(HartFixture.WITH_H);
    f.hart.retired = 0x1234_5678_9abcL;
    var out = new ByteArrayOutputStream();
    f.hart.snapshot(Snapshot.saving(out));
    ByteBuffer b = ByteBuffer.wrap(out.toByteArray());
    int at = 0;
    while (b.getLong(at) != 0x1234_5678_9abcL) {
      at += 8;
    }
    b.putLong(at, Long.MAX_VALUE - 10);
    assertThrows(
        Snapshot.RefusedException.class,
        () -> f.hart.snapshot(Snapshot.restoring(new ByteArrayInputStream(b.array()))));
  }
}
