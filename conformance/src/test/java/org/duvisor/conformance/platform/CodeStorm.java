package org.duvisor.conformance.platform;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.duvisor.conformance.guest.TestEngine;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.hypervisor.vm.Vm;
import org.duvisor.hypervisor.vm.VmConfig;
import org.duvisor.hypervisor.vm.VmOutcome;
import org.duvisor.isa.Assembler;
import org.duvisor.machine.Clock;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.platform.sim.SimHost;

/**
 * A JVM with a small heap and one VM with many vCPUs, whose guest executes code all over its
 * memory. Prints how the VM ended.
 */
final class CodeStorm {
  static final int CPUS = 32;
  private static final long MEMORY = 16 << 20;

  /** Pages that each vCPU executes from every parcel on. */
  private static final int PAGES = 6;

  /**
   * Hart 0 fills 2 MiB from 4 MiB on with c.nop, each page with c.ret at its end, and starts the
   * others. Each hart jumps to every parcel of its pages. The last one switches the VM off, the
   * others stop.
   */
  private static final String GUEST =
      """
        auipc s0, 0x400
        li t0, 0x0001000100010001
        li t1, 0x8082000100010001
        li t2, 0x200000
        add t2, t2, s0
        mv t3, s0
      1:
        li t4, 4088
        add t4, t4, t3
      2:
        sd t0, (t3)
        addi t3, t3, 8
        bltu t3, t4, 2b
        sd t1, (t3)
        addi t3, t3, 8
        bltu t3, t2, 1b
        fence rw, rw
        li s1, 1
      3:
        mv a0, s1
        la a1, storm
        mv a2, s0
        li a6, 0
        li a7, 0x48534d
        ecall
        addi s1, s1, 1
        li t0, CPUS
        bltu s1, t0, 3b
        li a0, 0
        mv a1, s0
      storm:                    # a0 = hart, a1 = the code
        mv s1, a0
        mv s0, a1
        li s2, PAGES
        slli t0, s1, 16
        add s3, s0, t0
      4:
        li t0, 4096
        add s4, s3, t0
      5:
        jalr s3
        addi s3, s3, 2
        bltu s3, s4, 5b
        addi s2, s2, -1
        bnez s2, 4b
        la t0, done
        li t1, 1
        amoadd.w t1, t1, (t0)
        li t2, CPUS - 1
        beq t1, t2, 6f
        li a6, 1
        li a7, 0x48534d
        ecall
      6:
        li a0, 0
        li a1, 0
        li a6, 0
        li a7, 0x53525354
        ecall
      .balign 8
      done:
        .dword 0
      """;

  private CodeStorm() {}

  /**
   * First the name of what to do, then a file to write the guest to: {@code storm}, or {@code full}
   * for a heap that is full while the VM ends.
   */
  public static void main(String[] args) throws IOException {
    AtomicReference<Object> hoard = new AtomicReference<>();
    Function<Hart, Engine> engine =
        args[0].equals("storm") ? TestEngine.jit.factory() : h -> new Hoarder(h, hoard);
    Path file = Path.of(args[1]);
    Files.write(
        file,
        new Assembler(0x8000_0000L).define("CPUS", CPUS).define("PAGES", PAGES).asm(GUEST).bytes());
    SimHost host = new SimHost(4 * MEMORY, Clock.realTime(), engine);
    VmConfig config = VmConfig.of(KernelImage.openAny(file)).memoryBytes(MEMORY).cpus(CPUS).build();
    String outcome;
    try (Vm vm = Vm.create(host.open(), config)) {
      VmOutcome end;
      try {
        end = vm.run();
      } finally {
        hoard.set(null);
      }
      outcome = end.toString();
    }
    System.out.println(outcome);
  }

  /** Fills the heap once there is a guest to run, and throws what that gives. */
  private static final class Hoarder implements Engine {
    private final Engine engine;
    private final AtomicReference<Object> hoard;

    Hoarder(Hart hart, AtomicReference<Object> hoard) {
      this.engine = new Interpreter(hart);
      this.hoard = hoard;
    }

    @Override
    public void run(long limit) {
      engine.run(limit);
      for (int bytes = 1 << 20; bytes > 0; bytes /= 2) {
        try {
          while (true) {
            Object[] more = {hoard.get(), new byte[bytes]};
            hoard.set(more);
          }
        } catch (OutOfMemoryError e) {
          if (bytes == 1) {
            throw e;
          }
        }
      }
    }

    @Override
    public void step() {
      engine.step();
    }

    @Override
    public int fetchedBits(long pc) {
      return engine.fetchedBits(pc);
    }

    @Override
    public void codeChanged(long page) {
      engine.codeChanged(page);
    }

    @Override
    public void forget() {
      engine.forget();
    }

    @Override
    public void tidy() {
      engine.tidy();
    }

    @Override
    public void mappingChanged() {
      engine.mappingChanged();
    }

    @Override
    public void mappingChanged(long va) {
      engine.mappingChanged(va);
    }

    @Override
    public void contextChanged() {
      engine.contextChanged();
    }
  }
}
