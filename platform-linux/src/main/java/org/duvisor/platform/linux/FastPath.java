package org.duvisor.platform.linux;

import java.util.Locale;
import org.duvisor.isa.Assembler;
import org.duvisor.isa.Cause;
import org.duvisor.platform.FastExits;
import org.duvisor.platform.FastExits.Kind;

/**
 * The exits that the stub answers without Java ({@link FastExits}), and the lazy loading of f
 * registers. Each piece names its exit, the condition under which it answers, and the effect, which
 * is that of the hypervisor's handler; where a condition fails it goes to {@code slow}, and Java
 * finds the guest's state as it was.
 *
 * <p>Here a0 is the context, t2 the block of {@link FastExits}; the guest's a0 is in uscratch, its
 * t0, t1 and t2 are in the context, everything else is in the registers. Who needs a third register
 * saves t3 first and then fails to {@code slow_t3}, which puts it back; likewise t4.
 */
final class FastPath {
  private FastPath() {}

  /** Which exit it is. Falls through to {@code slow}. */
  private static final String DISPATCH =
      """
        ld t2, C_FAST(a0)
        csrr t0, ucause
        addi t1, t0, -ECALL_VS
        beqz t1, sbi
        addi t1, t0, -INSTRUCTION_GUEST_PAGE_FAULT
        sltiu t1, t1, 4 # with the load's and the store's, and a virtual instruction
        bnez t1, fault
        slli t1, t0, 1
        beqz t1, ipi # bit 63 alone: the user software interrupt
        j slow
      """;

  private static final String PIECES =
      """
      sbi:
        li t1, 0x10
        beq a7, t1, sbi_base
        li t1, 0x735049
        beq a7, t1, sbi_ipi
        li t1, 0x54494D45
        beq a7, t1, sbi_timer
        li t1, 0x52464E43
        bne a7, t1, slow

      # Exit: SBI remote fence. Condition: functions 0 to 2, and the caller is the only target.
      # Effect: fence.i, or a fence of all stage-1 translations, which is more than was asked for.
      sbi_rfence:
        $allowed SBI_RFENCE
        sltiu t1, a6, 3
        beqz t1, slow
        sd t3, C_T3(a0)
        $call targets, t3
        ld t1, F_SELF(t2)
        bne t0, t1, slow_t3
        ld t3, C_T3(a0)
        bnez a6, 1f
        fence.i
        j 2f
      1:
        hufence.vvma x0, x0
      2:
        $count SBI_RFENCE
        j succeed_without_value

      # Exit: SBI send_ipi. Condition: the targets exist, and no other one waits for an interrupt.
      # Effect: the caller's VSSIP; a post to each other.
      sbi_ipi:
        $allowed SBI_IPI
        bnez a6, slow
        sd t3, C_T3(a0)
        $call targets, t3
        ld t1, F_SELF(t2)
        and t3, t0, t1
        beqz t3, 1f
        csrsi huvip, VSSIP
      1:
        not t1, t1
        and t0, t0, t1
        beqz t0, 2f
        fence iorw, ow # what the caller has written is seen by who takes the post
        csrw vipi0, t0
        fence iorw, iorw # posted before it is known who waits
        ld t1, F_WAITING(t2)
        ld t1, 0(t1)
        and t1, t1, t0
        bnez t1, posted
        ld t1, F_POSTS(t2)
      3:
        addi t3, t0, -1
        and t0, t0, t3
        addi t1, t1, 1
        bnez t0, 3b
        sd t1, F_POSTS(t2)
      2:
        ld t3, C_T3(a0)
        $count SBI_IPI
        j succeed_without_value
      posted: # Java wakes
        sd t0, F_POSTED(t2)
        j slow_t3

      # Exit: SBI set_timer. Condition: none. Effect: the guest's comparator.
      sbi_timer:
        $allowed SBI_TIMER
        bnez a6, slow
        csrr t1, uscratch
        csrw huvstimecmp, t1
        $count SBI_TIMER
        j succeed_without_value

      # Exit: SBI base extension. Condition: functions 0 to 6. Effect: the hypervisor's constants;
      # for probe_extension, whether the list has the extension.
      sbi_base:
        $allowed SBI_BASE
        sltiu t1, a6, 7
        beqz t1, slow
        addi t1, a6, -3
        beqz t1, 1f
        slli t1, a6, 3
        add t1, t1, t2
        ld a1, F_BASE(t1)
        $count SBI_BASE
        j succeed
      1:
        sd t3, C_T3(a0)
        csrr t1, uscratch
        addi t0, t2, F_EXTENSIONS
        li a1, 0
        beqz t1, 3f # extension 0 does not exist, and 0 ends the list
      2:
        ld t3, 0(t0)
        addi t0, t0, 8
        beqz t3, 3f
        bne t3, t1, 2b
        li a1, 1
      3:
        ld t3, C_T3(a0)
        $count SBI_BASE
        j succeed

      # The targets of a call with a hart mask in the guest's a0 and a1, to t0; returns to t3. Goes
      # to slow unless they exist.
      targets:
        ld t0, F_VCPUS(t2)
        addi t1, a1, 1
        beqz t1, 1f # base -1: all
        sltiu t1, a1, 64
        beqz t1, slow_t3
        csrr t1, uscratch
        beqz t1, slow_t3
        sll t1, t1, a1
        sd t1, C_VALUE(a0)
        srl t1, t1, a1
        csrr t0, uscratch
        bne t0, t1, slow_t3 # bits went beyond the 64th hart
        ld t0, C_VALUE(a0)
        ld t1, F_VCPUS(t2)
        not t1, t1
        and t1, t1, t0
        bnez t1, slow_t3
      1:
        jr t3

      # Exit: a post. Condition: none. Effect: it is taken back, and the guest sees VSSIP.
      ipi:
        $allowed IPI
        ld t1, F_SELF(t2)
        csrw vipiclr, t1
        csrsi huvip, VSSIP
        $count IPI
        j again

      # Exit: a virtual instruction. WFI, see below; of all else, the first use of f registers since
      # the guest was entered by Java, whatever the instruction was if it may have been one.
      virtual:
        csrr t0, utval
        li t1, WFI
        beq t0, t1, wfi
        li t1, 0x707f # opcode and funct3
        and t0, t0, t1
        addi t0, t0, -0x73
        beqz t0, slow # an instruction of the system, no access to a CSR
        csrr t0, hustatus
        srli t0, t0, FS_SHIFT
        andi t0, t0, 3
        addi t0, t0, -FS_OFF
        bnez t0, slow
        j load_floats

      # Exit: WFI of VS. Condition: a software or timer interrupt is pending and enabled; the external
      # one's level may have changed, which Java has to look at. Effect: the next instruction.
      wfi:
        $allowed WFI
        csrr t0, hustatus
        andi t0, t0, SPVP
        beqz t0, slow
        csrr t0, huvsip
        csrr t1, huvsie
        and t0, t0, t1
        andi t0, t0, NOT_SEIP
        beqz t0, slow
        $count WFI
        j over

      # Exit: a fault of guest memory. Condition: the table for its leaf exists, and has none. Effect:
      # the leaf. What is not memory may be a device.
      fault:
        addi t1, t0, -VIRTUAL_INSTRUCTION
        beqz t1, virtual
        csrr t0, hutval
        slli t0, t0, 2
        ld t1, F_RAM(t2)
        bltu t0, t1, doorbell
        ld t1, F_RAM_END(t2)
        bgeu t0, t1, doorbell
        sd t3, C_T3(a0)
        sd t4, C_T4(a0)
        li t1, 1
        sd t1, F_BUSY(t2)
        fence rw, rw # known before the tables are looked at: who takes them away waits
        ld t1, F_ROOT(t2)
        beqz t1, unmapped
        srli t3, t0, 30
        slli t3, t3, 3
        add t1, t1, t3
        ld t3, (t1)
        andi t4, t3, 15 # V, R, W, X
        addi t4, t4, -1
        bnez t4, unmapped # no table
        srli t1, t3, 10
        slli t1, t1, 12
        ld t3, F_TABLES_FROM_HOST(t2)
        add t1, t1, t3
        slli t3, t0, 34 # bits 29:21
        srli t3, t3, 55
        slli t3, t3, 3
        add t1, t1, t3
        ld t3, (t1)
        beqz t3, large
        andi t4, t3, 15
        addi t4, t4, -1
        bnez t4, unmapped
        srli t1, t3, 10
        slli t1, t1, 12
        ld t3, F_TABLES_FROM_HOST(t2)
        add t1, t1, t3
        slli t3, t0, 43 # bits 20:12
        srli t3, t3, 55
        slli t3, t3, 3
        add t1, t1, t3
        ld t3, F_ALLOWED(t2)
        andi t3, t3, ALLOWED_FAULT_4K
        beqz t3, unmapped
        ld t3, F_RAM_TO_HOST(t2)
        add t4, t0, t3
        srli t4, t4, 12
        slli t4, t4, 10
        ori t4, t4, LEAF
        $call map, t0
        bnez t3, unmapped
        $count FAULT_4K
        j mapped
      large:
        ld t3, F_LARGE(t2)
        beqz t3, unmapped
        ld t3, F_ALLOWED(t2)
        andi t3, t3, ALLOWED_FAULT_2M
        beqz t3, unmapped
        srli t0, t0, 21
        slli t0, t0, 21
        ld t3, F_RAM(t2)
        bltu t0, t3, unmapped
        li t3, 1 << 21
        add t4, t0, t3
        ld t3, F_RAM_END(t2)
        bltu t3, t4, unmapped
        ld t3, F_RAM_TO_HOST(t2)
        add t4, t0, t3
        srli t4, t4, 2
        ori t4, t4, LEAF
        $call map, t0
        bnez t3, unmapped
        $count FAULT_2M
      mapped:
        fence rw, w
        sd x0, F_BUSY(t2)
        ld t4, C_T4(a0)
        ld t3, C_T3(a0)
        j again
      unmapped:
        fence rw, w
        sd x0, F_BUSY(t2)
        ld t4, C_T4(a0)
        j slow_t3

      # t4 to the entry at t1 if that is 0; t3 = what was there. Returns to t0.
      map:
        lr.d t3, (t1)
        bnez t3, 1f # another vCPU was faster, or the hart remembers that there was none: Java fences
        sc.d t3, t4, (t1)
        bnez t3, map
      1:
        jr t0

      # Exit: a store to a device. Condition: all of a word, to the notification register of a device
      # that has a doorbell, for a queue that may be rung so, whose thread does not sleep. Effect: the
      # queue's bit.
      doorbell: # address in t0
        csrr t1, ucause
        addi t1, t1, -STORE_GUEST_PAGE_FAULT
        bnez t1, slow
        $allowed DOORBELL
        ld t1, F_NOTIFY(t2)
        sub t0, t0, t1
        slli t1, t0, 52
        bnez t1, slow
        srli t0, t0, 12
        sltiu t1, t0, F_SLOTS
        beqz t1, slow
        slli t0, t0, 3
        add t0, t0, t2
        ld t0, F_DOORBELLS(t0)
        beqz t0, slow
        sd t3, C_T3(a0)
        csrr t3, utval
        andi t3, t3, 3
        bnez t3, slow_t3
        csrr t3, hutinst
        srli t1, t3, 25
        bnez t1, slow_t3
        li t1, SW # but for the register, bits 24:20, and the length, bit 1
        xor t1, t1, t3
        slli t1, t1, 44
        srli t1, t1, 44
        andi t1, t1, -3
        bnez t1, slow_t3
        slli t1, t3, 39
        srli t1, t1, 59
        slli t1, t1, 3
        la t3, registers
        add t3, t3, t1
        jr t3
      rung: # queue in t1
        slli t1, t1, 32
        srli t1, t1, 32
        sltiu t3, t1, 64
        beqz t3, slow_t3
        li t3, 1
        sll t3, t3, t1
        ld t1, 16(t0)
        and t1, t1, t3
        beqz t1, slow_t3
        fence iorw, ow # the queue is seen by who takes the bit
        amoor.d x0, t3, (t0)
        fence rw, rw # left before it is known who sleeps
        ld t1, 8(t0)
        bnez t1, slow_t3 # Java leaves it once more, at worst for nothing, and wakes
        $count DOORBELL
        csrr t1, hutinst
        andi t1, t1, 2
        addi t1, t1, 2
        csrr t0, uepc
        add t0, t0, t1
        csrw uepc, t0
        ld t3, C_T3(a0)
        j again

      # What an SBI call ends with: a1 = 0, a0 = SBI_SUCCESS, and the pc behind the call.
      succeed_without_value:
        li a1, 0
      succeed:
        csrw uscratch, x0
      over:
        csrr t0, uepc
        addi t0, t0, 4
        csrw uepc, t0
      again:
        ld t0, C_T0(a0)
        ld t1, C_T1(a0)
        ld t2, C_T2(a0)
        csrrw a0, uscratch, a0
        j huret
      """;

  /** From the first instruction after a trap on; {@code slow} has to follow. */
  static String text() {
    return DISPATCH;
  }

  /** What {@link #text} goes to. */
  static String pieces() {
    StringBuilder out = new StringBuilder();
    PIECES
        .lines()
        .map(String::strip)
        .map(l -> l.startsWith("$allowed ") ? allowed(kind(l)) : l)
        .map(l -> l.startsWith("$count ") ? count(kind(l)) : l)
        .map(l -> l.startsWith("$call ") ? call(l.substring(6).split(", ")) : l)
        .forEach(l -> out.append(l).append('\n'));
    return out + registers();
  }

  /** The guest's register of a number to t1, for each two instructions. */
  private static String registers() {
    StringBuilder out = new StringBuilder("registers:\n");
    for (int i = 0; i < 32; i++) {
      out.append(
          switch (i) {
            case 10 -> "csrr t1, uscratch";
            case 5, 6, 7, 28 -> "ld t1, %d(a0)".formatted(Context.X + 8 * i);
            default -> "mv t1, x" + i;
          });
      out.append("\nj rung\n");
    }
    return out.toString();
  }

  private static Kind kind(String line) {
    return Kind.valueOf(line.substring(line.indexOf(' ') + 1).toUpperCase(Locale.ROOT));
  }

  private static String call(String[] labelAndRegister) {
    return "la %2$s, 9f\nj %1$s\n9:".formatted((Object[]) labelAndRegister);
  }

  private static String allowed(Kind kind) {
    return "ld t1, F_ALLOWED(t2)\nandi t1, t1, %d\nbeqz t1, slow".formatted(1 << kind.ordinal());
  }

  private static String count(Kind kind) {
    int at = FastExits.COUNTS + 8 * kind.ordinal();
    return "ld t1, %1$d(t2)\naddi t1, t1, 1\nsd t1, %1$d(t2)".formatted(at);
  }

  /** Defines the names that the text uses, but for those of the context. */
  static Assembler define(Assembler assembler) {
    return assembler
        .define("F_ALLOWED", FastExits.ALLOWED)
        .define("F_BASE", FastExits.BASE)
        .define("F_VCPUS", FastExits.VCPUS)
        .define("F_SELF", FastExits.SELF)
        .define("F_WAITING", FastExits.WAITING)
        .define("F_POSTS", FastExits.POSTS)
        .define("F_POSTED", FastExits.POSTED)
        .define("F_EXTENSIONS", FastExits.EXTENSIONS)
        .define("F_NOTIFY", FastExits.NOTIFY)
        .define("F_SLOTS", FastExits.SLOTS)
        .define("F_DOORBELLS", FastExits.DOORBELLS)
        .define("F_RAM", FastExits.RAM)
        .define("F_RAM_END", FastExits.RAM_END)
        .define("F_RAM_TO_HOST", FastExits.RAM_TO_HOST)
        .define("F_LARGE", FastExits.LARGE)
        .define("F_ROOT", FastExits.ROOT)
        .define("F_TABLES_FROM_HOST", FastExits.TABLES_FROM_HOST)
        .define("F_BUSY", FastExits.BUSY)
        .define("LEAF", FastExits.LEAF)
        .define("ALLOWED_FAULT_4K", 1 << Kind.FAULT_4K.ordinal())
        .define("ALLOWED_FAULT_2M", 1 << Kind.FAULT_2M.ordinal())
        .define("INSTRUCTION_GUEST_PAGE_FAULT", Cause.INSTRUCTION_GUEST_PAGE_FAULT)
        .define("STORE_GUEST_PAGE_FAULT", Cause.STORE_GUEST_PAGE_FAULT)
        .define("SW", 0x2023)
        .define("ECALL_VS", Cause.ECALL_VS)
        .define("VIRTUAL_INSTRUCTION", Cause.VIRTUAL_INSTRUCTION)
        .define("WFI", 0x10500073)
        .define("VSSIP", 1 << 2)
        .define("NOT_SEIP", ~(1 << 9))
        .define("SPVP", 1 << 8);
  }
}
