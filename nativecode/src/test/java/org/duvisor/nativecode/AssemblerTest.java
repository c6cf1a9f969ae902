package org.duvisor.nativecode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.duvisor.nativecode.Assembler.Binary;
import org.duvisor.nativecode.Assembler.Bit;
import org.duvisor.nativecode.Assembler.Label;
import org.duvisor.nativecode.Assembler.Scalar;
import org.duvisor.nativecode.Assembler.Shift;
import org.duvisor.nativecode.Assembler.Unary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What binutils reads in the bytes is what was meant, for all registers and kinds of memory. */
class AssemblerTest {
  private static final Path OBJDUMP = Path.of("/usr/bin/objdump");
  private static final int BINARY_START = 0x1000;

  private final Assembler a = new Assembler();
  private final List<String> expected = new ArrayList<>();

  @TempDir private Path folder;

  private static String name(int bytes, Reg r) {
    int n = r.number();
    if (n >= 8) {
      return "r" + n + (bytes == 8 ? "" : bytes == 4 ? "d" : bytes == 2 ? "w" : "b");
    }
    String two = r.name().toLowerCase(Locale.ROOT).substring(1);
    return switch (bytes) {
      case 8 -> "r" + two;
      case 4 -> "e" + two;
      case 2 -> two;
      default -> n < 4 ? two.charAt(0) + "l" : two + "l";
    };
  }

  private static String hex(int value) {
    return value < 0 ? "-0x" + Integer.toHexString(-value) : "+0x" + Integer.toHexString(value);
  }

  private static String text(int bytes, Operand o) {
    if (o instanceof Reg r) {
      return name(bytes, r);
    }
    Mem m = (Mem) o;
    String size =
        switch (bytes) {
          case 8 -> "QWORD";
          case 4 -> "DWORD";
          case 2 -> "WORD";
          default -> "BYTE";
        };
    Reg index = m.index();
    boolean zero = m.displacement() == 0 && (m.base().number() & 7) != 5;
    return size
        + " PTR ["
        + name(8, m.base())
        + (index == null ? "" : "+" + name(8, index) + "*" + m.scale())
        + (zero ? "" : hex(m.displacement()))
        + "]";
  }

  private static List<Operand> operands() {
    List<Operand> all = new ArrayList<>(Arrays.asList(Reg.values()));
    for (Reg base : Reg.values()) {
      for (int displacement : new int[] {0, 8, -128, 127, 128, -129, 0x12345}) {
        all.add(Mem.at(base, displacement));
      }
      for (Reg index : new Reg[] {Reg.RAX, Reg.RBP, Reg.R12, Reg.R13}) {
        all.add(new Mem(base, index, 8, 0));
        all.add(new Mem(base, index, 1, -5));
      }
    }
    return all;
  }

  private void say(String text) {
    expected.add(text);
  }

  @Test
  void everyInstructionIsWhatItSays() throws Exception {
    assumeTrue(Files.exists(OBJDUMP));
    a.begin(BINARY_START);
    for (Reg r : Reg.values()) {
      for (Operand o : operands()) {
        both(r, o);
      }
      alone(r);
    }
    compare();
  }

  private void both(Reg r, Operand o) {
    for (int n = 4; n <= 8; n += 4) {
      if (r != o || n == 4) {
        a.mov(n, r, o);
        say("mov " + name(n, r) + "," + text(n, o));
      }
      for (Binary op : Binary.values()) {
        a.op(op, n, r, o);
        say(op.name().toLowerCase(Locale.ROOT) + " " + name(n, r) + "," + text(n, o));
      }
      a.imul(n, r, o);
      say("imul " + name(n, r) + "," + text(n, o));
      a.imul(n, r, o, 0x12345);
      say("imul " + name(n, r) + "," + text(n, o) + ",0x12345");
      a.bitScanForward(n, r, o);
      say("bsf " + name(n, r) + "," + text(n, o));
      a.bitScanReverse(n, r, o);
      say("bsr " + name(n, r) + "," + text(n, o));
      a.cmov(Condition.LESS, n, r, o);
      say("cmovl " + name(n, r) + "," + text(n, o));
    }
    a.movSigned(1, r, o);
    say("movsx " + name(8, r) + "," + text(1, o));
    a.movSigned(2, r, o);
    say("movsx " + name(8, r) + "," + text(2, o));
    a.movSigned(4, r, o);
    say("movsxd " + name(8, r) + "," + text(4, o));
    a.movZero(1, r, o);
    say("movzx " + name(4, r) + "," + text(1, o));
    a.movZero(2, r, o);
    say("movzx " + name(4, r) + "," + text(2, o));
    a.movZero(4, r, o);
    say("mov " + name(4, r) + "," + text(4, o));
    vectors(r, o);
    if (o instanceof Mem m) {
      memory(r, m);
    }
  }

  private static String vector(int bytes, Operand o) {
    return o instanceof Reg r ? "xmm" + r.number() : text(bytes, o);
  }

  private void vectors(Reg r, Operand o) {
    String x = vector(8, r);
    for (Scalar op : Scalar.values()) {
      String name = op.name().toLowerCase(Locale.ROOT);
      a.scalar(op, true, r, o);
      say((op == Scalar.CONVERT ? "cvtsd2ss" : name + "sd") + " " + x + "," + vector(8, o));
      a.scalar(op, false, r, o);
      say((op == Scalar.CONVERT ? "cvtss2sd" : name + "ss") + " " + x + "," + vector(4, o));
    }
    a.compareVectors(false, true, r, o);
    say("ucomisd " + x + "," + vector(8, o));
    a.compareVectors(true, false, r, o);
    say("comiss " + x + "," + vector(4, o));
    a.convertToInteger(true, true, 8, r, o);
    say("cvttsd2si " + name(8, r) + "," + vector(8, o));
    a.convertToInteger(false, false, 4, r, o);
    say("cvtss2si " + name(4, r) + "," + vector(4, o));
    if (o instanceof Reg from) {
      a.convertInteger(true, 8, r, from);
      say("cvtsi2sd " + x + "," + name(8, from));
      a.convertInteger(false, 4, r, from);
      say("cvtsi2ss " + x + "," + name(4, from));
      a.moveFromVector(8, r, from);
      say("movq " + name(8, r) + "," + vector(8, from));
      a.moveFromVector(4, r, from);
      say("movd " + name(4, r) + "," + vector(8, from));
    } else if (o instanceof Mem m) {
      a.loadVector(r, m);
      say("movq " + x + "," + text(8, m));
      a.loadFloatState(m);
      say("ldmxcsr " + text(4, m));
      a.storeFloatState(m);
      say("stmxcsr " + text(4, m));
    }
  }

  private void memory(Reg r, Mem m) {
    for (int n = 1; n <= 8; n *= 2) {
      a.store(n, m, r);
      say("mov " + text(n, m) + "," + name(n, r));
    }
    a.lea(r, m);
    say("lea " + name(8, r) + "," + text(8, m).replace("QWORD PTR ", ""));
    for (int n = 4; n <= 8; n += 4) {
      a.op(Binary.SUB, n, m, r);
      say("sub " + text(n, m) + "," + name(n, r));
      a.lockXadd(n, m, r);
      say("lock xadd " + text(n, m) + "," + name(n, r));
      a.lockCmpxchg(n, m, r);
      say("lock cmpxchg " + text(n, m) + "," + name(n, r));
      a.xchg(n, m, r);
      say("xchg " + text(n, m) + "," + name(n, r));
    }
    if (r == Reg.RAX) {
      one(m);
      a.storeConstant(m, 0x12345);
      say("mov " + text(8, m) + ",0x12345");
    }
  }

  private void one(Operand o) {
    for (int n = 4; n <= 8; n += 4) {
      for (Unary op : Unary.values()) {
        a.op(op, n, o);
        say(op.name().toLowerCase(Locale.ROOT) + " " + text(n, o));
      }
      for (Shift op : Shift.values()) {
        a.shift(op, n, o, 5);
        say(op.name().toLowerCase(Locale.ROOT) + " " + text(n, o) + ",0x5");
        a.shift(op, n, o);
        say(op.name().toLowerCase(Locale.ROOT) + " " + text(n, o) + ",cl");
      }
      for (Binary op : Binary.values()) {
        a.op(op, n, o, 0x7f);
        say(op.name().toLowerCase(Locale.ROOT) + " " + text(n, o) + ",0x7f");
        if (o != Reg.RAX) { // has a form of its own, which is not used
          a.op(op, n, o, 0x12345);
          say(op.name().toLowerCase(Locale.ROOT) + " " + text(n, o) + ",0x12345");
        }
      }
    }
    a.push(o);
    say("push " + text(8, o));
    a.jmp(o);
    say("jmp " + text(8, o));
  }

  private void alone(Reg r) {
    one(r);
    a.pop(r);
    say("pop " + name(8, r));
    a.bswap(r);
    say("bswap " + name(8, r));
    a.movConstant(r, 0x12345);
    say("mov " + name(4, r) + ",0x12345");
    a.movConstant(r, 0xffff_ffffL);
    say("mov " + name(4, r) + ",0xffffffff");
    a.movConstant(r, -2);
    say("mov " + name(8, r) + ",0xfffffffffffffffe");
    a.movConstant(r, 0x1234_5678_9abc_def0L);
    say("movabs " + name(8, r) + ",0x123456789abcdef0");
    a.set(Condition.ABOVE, r);
    say("seta " + name(1, r));
    say("movzx " + name(4, r) + "," + name(1, r));
    for (Bit op : Bit.values()) {
      String name = op.name().toLowerCase(Locale.ROOT);
      a.bit(op, r, 63);
      say(name + " " + name(8, r) + ",0x3f");
      a.bit(op, r, Reg.R9);
      say(name + " " + name(8, r) + ",r9");
      a.bit(op, Reg.RCX, r);
      say(name + " rcx," + name(8, r));
    }
    a.test(8, r, Reg.RDX);
    say("test " + name(8, r) + ",rdx");
    a.test(4, Reg.R8, r);
    say("test r8d," + name(4, r));
    a.popcnt(8, r, r);
    say("popcnt " + name(8, r) + "," + name(8, r));
  }

  @Test
  void jumpsGoWhereTheyShould() throws Exception {
    assumeTrue(Files.exists(OBJDUMP));
    a.begin(BINARY_START);
    Label ahead = new Label();
    Label behind = new Label();
    a.bind(behind);
    for (int i = 0; i < 3; i++) {
      a.jmp(ahead);
      say("jmp 0x102f");
    }
    a.jcc(Condition.NOT_EQUAL, ahead);
    say("jne 0x102f");
    a.jmp(behind);
    say("jmp 0x1000");
    a.jcc(Condition.NEGATIVE, behind);
    say("js 0x1000");
    a.jmp(0x1000L);
    say("jmp 0x1000");
    a.jcc(Condition.GREATER, 0x2000L);
    say("jg 0x2000");
    a.ret();
    say("ret");
    a.extendAccumulator(8);
    say("cqo");
    a.extendAccumulator(4);
    say("cdq");
    a.bind(ahead);
    a.fullFence();
    say("lock or DWORD PTR [rsp],0x0");
    compare();
  }

  private void compare() throws IOException, InterruptedException {
    Path file = folder.resolve("code.bin");
    Files.write(file, Arrays.copyOf(a.code(), a.size()));
    Process p =
        new ProcessBuilder(
                OBJDUMP.toString(),
                "-D",
                "-w",
                "-Mintel",
                "--no-show-raw-insn",
                "-bbinary",
                "-mi386:x86-64",
                "--adjust-vma=0x1000",
                file.toString())
            .start();
    String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, p.waitFor());
    List<String> actual =
        out.lines()
            .filter(l -> l.matches(" +[0-9a-f]+:\t.*"))
            .map(l -> l.substring(l.indexOf('\t') + 1).strip().replaceAll(" +", " "))
            .map(l -> l.replaceFirst("^rex ", "")) // one that says nothing
            .toList();
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i), i < actual.size() ? actual.get(i) : "", "instruction " + i);
    }
    assertEquals(expected.size(), actual.size());
  }
}
