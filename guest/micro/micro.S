/*
 * A guest without an operating system that does one thing at a time that makes a hypervisor work, again and again.
 * Nothing in it measures: who watches the hart knows the operation by its address (README.md). No compressed
 * instructions, so that the next one is always 4 bytes further.
 *
 * op_X     traps to the hypervisor
 * begin_X  does not; the instruction before it is an EBREAK, which the guest handles itself
 * end_X    the first instruction after it
 */
        .option norvc

        /* how often */
        .equ    OFTEN, 20000            /* exits: enough for a JIT compiler */
        .equ    SOME, 5000
        .equ    PEERS, 2000

        /* the board, QEMU's virt */
        .equ    UART, 0x10000000
        .equ    UART_IER, 1
        .equ    UART_IIR, 2
        .equ    UART_SCR, 7             /* scratch: holds a byte, and does nothing */
        .equ    UART_IRQ, 10
        .equ    PLIC, 0xc000000
        .equ    APLIC, 0xd000000
        .equ    IMSIC, 0x28000000
        .equ    VIRTIO, 0x10001000      /* 8 slots */
        .equ    RAM_COARSE, 0x84000000  /* not touched before: 2 MiB apart, */
        .equ    RAM_FINE, 0x8e000000    /* and 4 KiB apart, to the end of 256 MiB */
        .equ    RAM_END, 0x90000000

        /* SBI */
        .equ    BASE, 0x10
        .equ    TIME, 0x54494d45
        .equ    IPI, 0x735049
        .equ    HSM, 0x48534d
        .equ    SRST, 0x53525354

        .equ    SSI, 2                  /* bits of sie, sip, sstatus */
        .equ    SEI, 0x200
        .equ    SIE, 2
        .equ    STIMECMP, 0x14d
        .equ    SISELECT, 0x150
        .equ    SIREG, 0x151
        .equ    STOPEI, 0x15c

        .equ    MESSAGE_IPI, 1          /* identities in the interrupt files */
        .equ    MESSAGE_UART, 2

        /*
         * Registers that are the same throughout: s0 = hart, s4 = where this hart counts its interrupts, s5 = the peer's,
         * s6 = virtio device or 0, s7 = whether there is AIA, s8 = UART. t5 and t6 belong to the interrupt handlers.
         */

        .macro  sbi extension, function
        li      a7, \extension
        li      a6, \function
        .endm

        .macro  again register, label
        addi    \register, \register, -1
        bnez    \register, \label
        .endm

        /* waits until the counter at \address is not \old any more; leaves it there */
        .macro  await address, old
97:     lw      t0, (\address)
        beq     t0, \old, 97b
        mv      \old, t0
        .endm

        .section .text.start, "ax"
        .globl  _start
_start: mv      s0, a0
        mv      s1, a1
        la      t0, vectors
        ori     t0, t0, 1
        csrw    stvec, t0
        csrw    sie, zero
        csrci   sstatus, SIE
        csrw    satp, zero
        la      s4, interrupts
        la      s5, interrupts_of_peer
        li      s8, UART
        la      t3, word_imsic
        jal     find_word
        mv      s7, a0
        la      t0, has_aia
        sw      s7, (t0)
        la      t3, word_just_memory
        jal     find_word
        bnez    a0, memory
        jal     find_virtio
        jal     set_up_interrupts

        sbi     BASE, 0
        li      s2, OFTEN
1:      li      a6, 0
op_null:
        ecall
end_null:
        again   s2, 1b

        li      s2, OFTEN
1:      sbi     BASE, 3
        li      a0, IPI
op_probe:
        ecall
end_probe:
        again   s2, 1b

        li      s2, OFTEN
1:
op_mmio_read:
        lbu     t0, UART_SCR(s8)
end_mmio_read:
        again   s2, 1b

        li      s2, OFTEN
1:
op_mmio_write:
        sb      s2, UART_SCR(s8)
end_mmio_write:
        again   s2, 1b

        beqz    s6, 2f
        li      s2, OFTEN
1:
op_doorbell:
        sw      zero, 0x50(s6)          /* QueueNotify; the queue is empty */
end_doorbell:
        again   s2, 1b
2:
        li      s2, OFTEN
1:      sbi     TIME, 0
        li      a0, -1
op_set_timer:
        ecall
end_set_timer:
        again   s2, 1b

        li      s2, SOME
        li      t0, -1
1:      ebreak
begin_stimecmp:
        csrw    STIMECMP, t0
end_stimecmp:
        ebreak
        again   s2, 1b

        /* something is pending and enabled, and not taken */
        csrsi   sip, SSI
        li      s2, OFTEN
1:
op_wfi: wfi
end_wfi:
        again   s2, 1b
        csrci   sip, SSI

        csrsi   sstatus, SIE
        lw      s3, (s4)
        li      s2, OFTEN
1:      sbi     IPI, 0
        li      a0, 1
        li      a1, 0
op_ipi_self:
        ecall
        await   s4, s3
        again   s2, 1b

        beqz    s7, 2f
        li      s2, SOME
        li      s9, IMSIC
        li      t1, MESSAGE_IPI
1:      ebreak
begin_aia_self:
        sw      t1, (s9)
        await   s4, s3
        again   s2, 1b
2:
        /* the UART asks for a byte as soon as it may */
        li      s2, SOME
1:      li      t0, 2
op_uart:
        sb      t0, UART_IER(s8)
        await   s4, s3
end_uart:
        ebreak
        again   s2, 1b
        csrci   sstatus, SIE

        /* the peer, if there is one */
        sbi     HSM, 0
        li      a0, 1
        la      a1, peer
        li      a2, 0
        ecall
        bnez    a0, 2f
        ebreak
peers_begin:
        la      t1, peer_ready
        li      t2, 0
        await   t1, t2
        lw      s3, (s5)
        li      s2, PEERS
1:      sbi     IPI, 0
        li      a0, 2
        li      a1, 0
op_ipi_peer:
        ecall
end_ipi_peer:
        await   s5, s3
        jal     linger
        again   s2, 1b

        beqz    s7, 3f
        li      s2, PEERS
        li      s9, IMSIC + 0x1000
1:      li      t1, MESSAGE_IPI
        ebreak
begin_aia_peer:
        sw      t1, (s9)
        await   s5, s3
        jal     linger
        again   s2, 1b
3:      ebreak
peers_end:
2:
memory:
        li      t0, RAM_COARSE
        li      t1, RAM_FINE
        li      t2, 0x200000
1:
op_fault_coarse:
        sd      zero, (t0)
        add     t0, t0, t2
        bltu    t0, t1, 1b
        mv      t0, t1
        li      t1, RAM_END
        li      t2, 0x1000
1:
op_fault_fine:
        sd      zero, (t0)
        add     t0, t0, t2
        bltu    t0, t1, 1b

        la      a0, done
        li      a1, 0
        j       end

/* Ends the VM: prints a0, and gives a1 as the reason. */
end:    lbu     t0, (a0)
        beqz    t0, 1f
        sb      t0, (s8)
        addi    a0, a0, 1
        j       end
1:      sbi     SRST, 0
        li      a0, 0
        ecall
2:      j       2b

/* As long as this differs from time to time, the harts do not fall into step. */
linger: li      t0, 61
        remu    t0, s2, t0
1:      addi    t0, t0, -1
        bgtz    t0, 1b
        ret

/* The other hart: takes interrupts, and nothing else. */
peer:   mv      s0, a0
        la      t0, vectors
        ori     t0, t0, 1
        csrw    stvec, t0
        csrw    satp, zero
        la      s4, interrupts_of_peer
        li      s8, UART
        la      t0, has_aia
        lw      s7, (t0)
        jal     set_up_hart
        csrsi   sstatus, SIE
        la      t0, peer_ready
        li      t1, 1
        sw      t1, (t0)
1:      j       1b

/* a0 = whether the device tree at s1 has the word at t3 in it */
find_word:
        mv      t4, s1
        lbu     t0, 7(s1)               /* its length, big-endian and below 16 MiB */
        lbu     t1, 6(s1)
        slli    t1, t1, 8
        or      t0, t0, t1
        lbu     t1, 5(s1)
        slli    t1, t1, 16
        or      t0, t0, t1
        add     t0, t0, s1
1:      mv      t1, t4
        mv      t2, t3
2:      lbu     a0, (t2)
        beqz    a0, 3f
        lbu     a1, (t1)
        addi    t1, t1, 1
        addi    t2, t2, 1
        beq     a0, a1, 2b
        addi    t4, t4, 1
        bltu    t4, t0, 1b
        li      a0, 0
        ret
3:      li      a0, 1
        ret

/* s6 = an entropy device by the modern virtio, made ready with a queue, or 0 */
find_virtio:
        li      s6, VIRTIO
        li      t0, 8
        li      t1, 4
        li      t3, 0x1000
1:      lw      t2, 8(s6)               /* DeviceID */
        beq     t2, t1, 2f
        add     s6, s6, t3
        again   t0, 1b
        li      s6, 0
        ret
2:      sw      zero, 0x70(s6)          /* Status */
        li      t0, 3
        sw      t0, 0x70(s6)
        li      t0, 1
        sw      t0, 0x24(s6)            /* DriverFeaturesSel */
        sw      t0, 0x20(s6)            /* VIRTIO_F_VERSION_1 */
        li      t0, 11
        sw      t0, 0x70(s6)            /* FEATURES_OK */
        sw      zero, 0x30(s6)          /* QueueSel */
        li      t0, 8
        sw      t0, 0x38(s6)            /* QueueNum */
        la      t0, queue
        sw      t0, 0x80(s6)
        sw      zero, 0x84(s6)
        addi    t1, t0, 0x100
        sw      t1, 0x90(s6)
        sw      zero, 0x94(s6)
        addi    t1, t0, 0x200
        sw      t1, 0xa0(s6)
        sw      zero, 0xa4(s6)
        li      t0, 1
        sw      t0, 0x44(s6)            /* QueueReady */
        li      t0, 15
        sw      t0, 0x70(s6)            /* DRIVER_OK */
        ret

/* The UART's interrupt comes to this hart. */
set_up_interrupts:
        bnez    s7, 1f
        li      t0, PLIC
        li      t1, 1
        sw      t1, 4 * UART_IRQ(t0)    /* priority */
        li      t2, 0x2000              /* enables of context 0, this hart's */
        add     t2, t2, t0
        li      t1, 1 << UART_IRQ
        sw      t1, (t2)
        li      t2, 0x200000
        add     t2, t2, t0
        sw      zero, (t2)              /* threshold */
        j       set_up_hart
1:      li      t0, APLIC
        li      t1, 0x104               /* IE, messages */
        sw      t1, (t0)
        li      t1, 6                   /* level, high */
        sw      t1, 4 * UART_IRQ(t0)
        li      t2, 0x3000
        add     t2, t2, t0
        li      t1, MESSAGE_UART        /* to hart 0 */
        sw      t1, 4 * UART_IRQ(t2)
        li      t2, 0x1edc
        add     t2, t2, t0
        li      t1, UART_IRQ
        sw      t1, (t2)                /* setienum */
set_up_hart:
        li      t0, SSI | SEI
        csrw    sie, t0
        beqz    s7, 1f
        li      t0, 0x70
        csrw    SISELECT, t0
        li      t1, 1
        csrw    SIREG, t1               /* eidelivery */
        li      t0, 0x72
        csrw    SISELECT, t0
        csrw    SIREG, zero             /* eithreshold */
        li      t0, 0xc0
        csrw    SISELECT, t0
        li      t1, 1 << MESSAGE_IPI | 1 << MESSAGE_UART
        csrw    SIREG, t1               /* eie0 */
1:      ret

/* Interrupt n comes at 4 n. */
        .balign 256
vectors:
        j       exception
        j       software
        .rept   7
        j       unexpected
        .endr
        j       external

exception:
        csrr    t6, scause
        addi    t6, t6, -3              /* EBREAK */
        bnez    t6, unexpected
        csrr    t6, sepc
        addi    t6, t6, 4
        csrw    sepc, t6
        sret

software:
        csrci   sip, SSI
        j       count

external:
        beqz    s7, 1f
        csrrw   t6, STOPEI, zero
        srli    t6, t6, 16
        addi    t6, t6, -MESSAGE_UART
        bnez    t6, count
        lbu     t6, UART_IIR(s8)
        sb      zero, UART_IER(s8)
        j       count
1:      li      t5, PLIC + 0x200004
        lw      t6, (t5)                /* claim */
        lbu     t5, UART_IIR(s8)        /* not to zero: KVM would keep it there, and store it below */
        sb      zero, UART_IER(s8)
        li      t5, PLIC + 0x200004
        sw      t6, (t5)                /* complete */
count:  lw      t6, (s4)
        addi    t6, t6, 1
        sw      t6, (s4)
        sret

unexpected:
        la      a0, failed
        li      a1, 1
        j       end

        .section .rodata
word_imsic:
        .asciz  "imsics"
word_just_memory:
        .asciz  "just-memory"
done:   .asciz  "micro: done\r\n"
failed: .asciz  "micro: unexpected trap\r\n"

        .bss
        .balign 4096
queue:  .skip   4096
interrupts:
        .skip   64
interrupts_of_peer:
        .skip   64
peer_ready:
        .skip   4
has_aia:
        .skip   4
