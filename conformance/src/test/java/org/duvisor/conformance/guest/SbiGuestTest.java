package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.hypervisor.vm.Vm;
import org.duvisor.hypervisor.vm.VmConfig;
import org.duvisor.hypervisor.vm.VmOutcome;
import org.duvisor.isa.Assembler;
import org.duvisor.machine.Clock;
import org.duvisor.platform.sim.SimHost;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A guest without a kernel that counts its SBI calls and suspends, on simulated harts. */
final class SbiGuestTest {
  private static final long MIB = 1 << 20;
  private static final long RAM = 0x8000_0000L;

  private static final long BASE = 0x10;
  private static final long TIME = 0x54494D45;
  private static final long IPI = 0x735049;
  private static final long HSM = 0x48534D;
  private static final long SRST = 0x53525354;
  private static final long PMU = 0x504D55;
  private static final long SUSP = 0x53555350;
  private static final long STA = 0x535441;
  private static final long FWFT = 0x46574654;

  private static final int CONFIG = 2;
  private static final int READ = 5;
  private static final long COUNTERS = 0x7fffd;
  private static final long CLEAR_AND_START = 6;
  private static final long IPIS = 10;

  /** What the two harts share: acknowledged IPIs, those hart 1 has counted, whether to end. */
  private static final long SHARED = RAM + 8 * MIB;

  private static final long STEAL = RAM + 9 * MIB;

  private int step;

  private static String sbi(long extension, int function, Object... arguments) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < arguments.length; i++) {
      String set = arguments[i] instanceof String ? "la a%d, %s\n" : "li a%d, %s\n";
      out.append(set.formatted(i, arguments[i]));
    }
    return out + "li a7, %d\nli a6, %d\necall\n".formatted(extension, function);
  }

  /** Goes to wrong with the number of the step unless a register has a value. */
  private String expect(String register, long value) {
    step++;
    return "li t0, %d\nli s11, %d\nbeq %s, t0, 1f\nj wrong\n1:\n".formatted(value, step, register);
  }

  private String call(long error, long value, long extension, int function, Object... arguments) {
    return sbi(extension, function, arguments) + expect("a0", error) + expect("a1", value);
  }

  private String config(long counter, long event) {
    return call(0, counter, PMU, CONFIG, 0L, COUNTERS, CLEAR_AND_START, event, 0L);
  }

  private String firmwareCounters() {
    return call(0, 3 << 24, BASE, 0)
        + call(0, 19, PMU, 0)
        + config(3, 0xf0005)
        + call(0, 0, TIME, 0, -1L).repeat(3)
        + call(0, 3, PMU, READ, 3L)
        + config(4, 0xf0006)
        + call(0, 0, HSM, 0, 1L, "second", 0L)
        + "li s1, 1\n"
        + "2: ld t0, 0(s0)\nbne t0, s1, 2b\n" // it has taken all
        + sbi(IPI, 0, 2L, 0L)
        + "addi s1, s1, 1\nli t0, %d\nbne s1, t0, 2b\n".formatted(IPIS + 1)
        + "2: ld t0, 0(s0)\nbne t0, s1, 2b\n"
        + call(0, IPIS, PMU, READ, 4L)
        + call(-4, 0, SUSP, 0, 0L, "resume", 0L)
        + "li t0, 1\nsd t0, 16(s0)\n2:\n"
        + sbi(HSM, 2, 1L)
        + "li t0, 1\nbne a1, t0, 2b\nld s2, 8(s0)\n"
        + expect("s2", IPIS);
  }

  /** Hart 1: takes IPIs, one at a time, and says how many it has counted. */
  private String second() {
    return "second: li s0, %d\n".formatted(SHARED)
        + config(3, 0xf0007)
        + "li t0, 1\nsd t0, 0(s0)\n"
        + "2: ld t0, 16(s0)\nbnez t0, 3f\ncsrr t0, sip\nandi t0, t0, 2\nbeqz t0, 2b\n"
        + "csrci sip, 2\nld t0, 0(s0)\naddi t0, t0, 1\nsd t0, 0(s0)\nj 2b\n3:\n"
        + sbi(PMU, READ, 3L)
        + "sd a1, 8(s0)\n"
        + sbi(HSM, 1)
        + "j wrong\n";
  }

  /** Of the hart's counters: it counts from 1000 on, 2000 for a loop, and stands still. */
  private String hardwareCounter() {
    return call(0, 2, PMU, CONFIG, 0L, COUNTERS, 0L, 2L, 0L)
        + call(0, 0, PMU, 3, 2L, 1L, 1L, 1000L)
        + "li t0, 1000\n2: addi t0, t0, -1\nbnez t0, 2b\ncsrr s2, instret\n"
        + "li t0, 3000\nsub s2, s2, t0\nsltiu s2, s2, 30\n"
        + expect("s2", 1)
        + call(0, 0, PMU, 4, 2L, 1L, 0L)
        + "csrr s2, instret\ncsrr s3, instret\nsub s2, s2, s3\n"
        + expect("s2", 0)
        + call(-8, 0, PMU, 4, 2L, 1L, 1L);
  }

  private String features() {
    return call(0, 1, FWFT, 1, 0L)
        + call(0, 1, FWFT, 1, 4L)
        + call(0, 0, FWFT, 0, 4L, 0L, 1L)
        + call(-14, 0, FWFT, 0, 4L, 1L, 0L)
        + call(0, 0, FWFT, 1, 4L)
        + call(0, 0, FWFT, 0, 5L, 7L, 0L)
        + "li t0, %d\nld s2, 8(t0)\n".formatted(SHARED | 0x7FL << 57) // seven bits are ignored
        + expect("s2", IPIS)
        + call(0, 7, FWFT, 1, 5L)
        + call(0, 0, FWFT, 0, 5L, 0L, 0L);
  }

  private String stealTime() {
    return call(-3, 0, STA, 0, STEAL + 1, 0L, 0L)
        + call(-5, 0, STA, 0, 0x1000_0000L, 0L, 0L)
        + call(0, 0, STA, 0, STEAL, 0L, 0L)
        + alarm(10_000)
        + "wfi\nli t0, %d\nlw s2, 0(t0)\nandi s2, s2, 1\n".formatted(STEAL)
        + expect("s2", 0);
  }

  /** Time runs with 10 MHz. */
  private static String alarm(int ticks) {
    return "li t0, 32\ncsrw sie, t0\nrdtime t0\nli t1, %d\nadd t0, t0, t1\ncsrw stimecmp, t0\n"
        .formatted(ticks);
  }

  private String suspend() {
    return call(-3, 0, SUSP, 0, 1L, "resume", 0L)
        + call(-5, 0, SUSP, 0, 0L, 0L, 0L)
        + alarm(100_000)
        + "li s4, 99\n"
        + sbi(SUSP, 0, 0L, "resume", 0x1234L)
        + "j wrong\nresume:\n"
        + expect("a0", 0)
        + expect("a1", 0x1234)
        + "csrr s2, satp\n"
        + expect("s2", 0)
        + "csrr s2, sip\n"
        + expect("s2", 32)
        + call(0, 0, FWFT, 1, 4L)
        + call(0, 3, PMU, READ, 3L);
  }

  private String program() {
    return "li s0, %d\n".formatted(SHARED)
        + firmwareCounters()
        + hardwareCounter()
        + features()
        + stealTime()
        + suspend()
        + sbi(SRST, 0, 0L, 0L)
        + second()
        + "wrong: li t0, 0x100000\nslli s11, s11, 16\nli t1, 0x3333\nor s11, s11, t1\n"
        + "sw s11, 0(t0)\n2: j 2b\n";
  }

  @ParameterizedTest
  @EnumSource(names = {"interpreter", "jitAtOnce", "nativeAtOnce"})
  void aGuestCountsItsCallsAndSuspends(TestEngine engine, @TempDir Path folder) throws IOException {
    byte[] code = new Assembler(RAM + 2 * MIB).asm(program()).bytes();
    VmConfig config =
        VmConfig.of(KernelImage.openAny(Files.write(folder.resolve("kernel"), code), 2 * MIB))
            .memoryBytes(64 * MIB)
            .cpus(2)
            .build();
    var host = new SimHost(96 * MIB, Clock.realTime(), engine.factory());
    try (Vm vm = Vm.create(host.open(), config)) {
      assertEquals(new VmOutcome.Poweroff(), vm.run(), "a failure is the number of the step");
    }
  }

  @Test
  void linuxSeesVersionThree() throws Exception {
    try (Guest guest = Guest.boot(new SimHost(160 * MIB), 1, "")) {
      guest.shell().prompt();
      assertEquals("1", guest.shell().run("dmesg | grep -c 'SBI specification v3.0 detected'"));
      guest.shell().type("poweroff -f");
      assertEquals(new VmOutcome.Poweroff(), guest.outcome().get());
    }
  }
}
