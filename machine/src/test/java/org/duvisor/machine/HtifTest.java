package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.devices.images.ElfImage;
import org.duvisor.isa.Assembler;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Programs that expect Berkeley's host-target interface: tests, and what the proxy kernel does. */
@Timeout(60)
class HtifTest {
  private static final long RAM = 0x8000_0000L;
  private static final int TOHOST = 0x1000;
  private static final int FROMHOST = 0x1008;

  @TempDir private Path directory;

  /** A console with something typed. */
  private static final class Typed implements CharBackend {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteBuffer in;

    Typed(String text) {
      in = ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
    }

    @Override
    public void transmit(byte value) {
      out.write(value);
    }

    @Override
    public void flush() {}

    @Override
    public int receive(byte[] into, int offset, int length) {
      int n = Math.min(length, in.remaining());
      in.get(into, offset, n);
      return n;
    }

    @Override
    public void onInput(Runnable listener) {}
  }

  private static final String ROUTINES =
      """
      request:              # a0
        ld t0, (s0)
        bnez t0, request
        sd a0, (s0)
        ret
      answer:
        ld a0, 8(s0)
        beqz a0, answer
        sd zero, 8(s0)
        ret
      """;

  private BoardOutcome run(String program, CharBackend console, boolean inTurns)
      throws IOException {
    String start = ".balign 4\n la t0, stop\n csrw mtvec, t0\n li s0, TOHOST\n";
    String stop = "\n.balign 4\nstop:\n j stop\n";
    byte[] code =
        new Assembler(RAM)
            .define("TOHOST", RAM + TOHOST)
            .define("TEXT", RAM + 0x800)
            .define("CALL", RAM + 0x900)
            .asm(start + program + stop + ROUTINES)
            .bytes();
    ElfImage elf = ElfImage.open(Files.write(directory.resolve("program"), elf(code)));
    var config = BoardConfig.of(1, 8 << 20, console).deterministic(inTurns).build();
    try (var board = new Board(config)) {
      board.limit(20_000_000);
      return board.run(BoardBoot.of(elf));
    }
  }

  /** An ELF file with the symbols tohost and fromhost; "text" at 0x800. */
  private static byte[] elf(byte[] code) {
    byte[] names = "\0tohost\0fromhost\0".getBytes(StandardCharsets.US_ASCII);
    int at = 0x2000;
    int sections = at + FROMHOST + 8;
    int symbols = sections + 3 * 64;
    ByteBuffer b = ByteBuffer.allocate(symbols + 72 + names.length).order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(0x464c457f).put((byte) 2).put((byte) 1).put((byte) 1);
    b.putShort(16, (short) 2).putShort(18, (short) 243).putLong(24, RAM).putLong(32, 64);
    b.putLong(40, sections).putShort(54, (short) 56).putShort(56, (short) 1);
    b.putShort(58, (short) 64).putShort(60, (short) 3);
    b.position(64).putInt(1).putInt(7).putLong(at).putLong(RAM).putLong(RAM);
    b.putLong(FROMHOST + 8).putLong(FROMHOST + 8);
    b.put(at, code).put(at + 0x800, "text".getBytes(StandardCharsets.US_ASCII));
    b.putInt(sections + 64 + 4, 2).putLong(sections + 64 + 24, symbols);
    b.putLong(sections + 64 + 32, 72).putInt(sections + 64 + 40, 2);
    b.putInt(sections + 128 + 4, 3).putLong(sections + 128 + 24, symbols + 72);
    b.putLong(sections + 128 + 32, names.length);
    b.putInt(symbols + 24, 1).putShort(symbols + 30, (short) 1).putLong(symbols + 32, RAM + TOHOST);
    b.putInt(symbols + 48, 8)
        .putShort(symbols + 54, (short) 1)
        .putLong(symbols + 56, RAM + FROMHOST);
    return b.put(symbols + 72, names).array();
  }

  @Test
  void programsEndWithACode() throws IOException {
    for (int code : new int[] {0, 1, 77}) {
      String end = "li a0, %d\n call request\n".formatted(code << 1 | 1);
      assertEquals(new BoardOutcome.Finished(code), run(end, CharBackend.none(), true));
    }
  }

  private static final String ECHO =
      """
        li a0, 0x0101000000000000 | 'h'
        call request
        li a0, 0x0101000000000000 | 'i'
        call request
        li a0, 0x0100000000000000
        call request
        call answer
        addi a0, a0, 1
        slli a0, a0, 16
        srli a0, a0, 16
        li t1, 0x0101000000000000
        or a0, a0, t1
        call request
        li a0, 1
        call request
      """;

  @Test
  void theConsolePrintsAndReads() throws IOException {
    for (boolean inTurns : new boolean[] {true, false}) {
      var console = new Typed("a");
      assertEquals(new BoardOutcome.Finished(0), run(ECHO, console, inTurns));
      assertEquals("hib", console.out.toString(StandardCharsets.US_ASCII));
    }
  }

  private static final String CALL =
      """
        li s1, CALL
        li t0, %d
        sd t0, (s1)
        li t0, %d
        sd t0, 8(s1)
        li t0, %d
        sd t0, 16(s1)
        li t0, %d
        sd t0, 24(s1)
        mv a0, s1
        call request
        call answer
        ld a0, (s1)
        addi a0, a0, 100
        slli a0, a0, 1
        ori a0, a0, 1
        call request
      """;

  /** A call, what the program ends with, the result plus 100, and what it prints. */
  private record Call(int number, long file, long address, long length, int code, String prints) {}

  @Test
  void systemCallsWriteAndEnd() throws IOException {
    List<Call> calls =
        List.of(
            new Call(64, 1, RAM + 0x800, 4, 104, "text"),
            new Call(64, 2, RAM + 0x801, 2, 102, "ex"),
            new Call(64, 1, 0x1000, 4, 100 - 14, ""),
            new Call(64, 1, RAM, -1, 100 - 14, ""),
            new Call(64, 7, RAM + 0x800, 4, 100 - 9, ""),
            new Call(63, 0, RAM + 0x800, 4, 100 - 38, ""),
            new Call(93, 9, 0, 0, 9, ""));
    for (Call c : calls) {
      var console = new Typed("");
      String program = CALL.formatted(c.number, c.file, c.address, c.length);
      assertEquals(new BoardOutcome.Finished(c.code), run(program, console, true));
      assertEquals(c.prints, console.out.toString(StandardCharsets.US_ASCII));
    }
  }

  /** Devices and calls that are not there do nothing, wherever they point. */
  @Test
  void nonsenseIsIgnored() throws IOException {
    String nonsense =
        """
          li a0, 0x0700000000000001
          call request
          li a0, 0x0000123456789abc
          call request
          li a0, 0xffffffffffff0000
          call request
          li a0, 0x01ff000000000000
          call request
          li a0, 11
          call request
        """;
    assertEquals(new BoardOutcome.Finished(5), run(nonsense, CharBackend.none(), true));
  }
}
