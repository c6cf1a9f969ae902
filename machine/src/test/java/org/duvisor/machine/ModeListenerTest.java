package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.duvisor.isa.Assembler;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.junit.jupiter.api.Test;

/** Who listens sees each trap and each return, with the instructions before it. */
final class ModeListenerTest {
  private static final long VECTOR = HartFixture.RAM + 0x1000;

  private final HartFixture f = new HartFixture(HartConfig.STANDARD);
  private final List<String> seen = new ArrayList<>();

  private final ModeListener listener =
      new ModeListener() {
        @Override
        public void trapped(Hart hart, Mode from, Mode to, long cause, long epc) {
          seen.add("%s to %s, %d at %x after %d".formatted(from, to, cause, epc, hart.retired));
        }

        @Override
        public void returned(Hart hart, Mode to, long pc) {
          seen.add("to %s at %x after %d".formatted(to, pc, hart.retired));
        }
      };

  private void put(long address, String program) {
    byte[] bytes = new Assembler(address).asm(program).bytes();
    MemorySegment.copy(
        bytes, 0, f.memory.ram(), ValueLayout.JAVA_BYTE, address - HartFixture.RAM, bytes.length);
  }

  @Test
  void anExitIsSeenFromTheGuestsInstructionToItsNext() {
    put(
        HartFixture.RAM,
        """
          addi x1, x0, 1
          addi x1, x1, 1
          ecall
          addi x1, x1, 1
          ld x2, 0(x0)
        """);
    put(
        VECTOR,
        """
          csrr x3, sepc
          addi x3, x3, 4
          csrw sepc, x3
          sret
        """);
    f.csr(Csr.MEDELEG, -1);
    f.csr(Csr.STVEC, VECTOR);
    f.mode(Hart.S, true);
    f.hart.pc = HartFixture.RAM;
    f.hart.retired = 0;
    f.hart.traps().listener(listener);
    f.hart.run(9); // 2 of the guest, 4 of the handler, 1 of the guest, 2 of the handler
    assertEquals(
        List.of(
            "VS to HS, 10 at 80000008 after 2",
            "to VS at 8000000c after 5",
            "VS to HS, 5 at 80000010 after 7"),
        seen);
    assertEquals(Cause.LOAD_ACCESS_FAULT, f.csr(Csr.SCAUSE));
  }

  @Test
  void everyReturnIsSeen() {
    f.hart.traps().listener(listener);
    f.hart.retired = 7;
    f.csr(Csr.MEPC, 0x100);
    f.csr(Csr.SEPC, 0x200);
    f.csr(Csr.UEPC, 0x300);
    f.mode(Hart.M, false).hart.privileged().mret();
    f.mode(Hart.S, false).hart.privileged().sret();
    f.csr(Csr.HDVCTL, 1);
    f.mode(Hart.U, false).hart.privileged().huret();
    assertEquals(
        List.of("to U at 100 after 7", "to U at 200 after 7", "to HU at 300 after 7"), seen);
  }
}
