/* SPDX-License-Identifier: GPL-2.0 */
/*
 * void dv_enter(struct vcpu *v): executes huret with the general registers of
 * the guest, and returns after the next exit. A host event may have the kernel
 * schedule between the trap and dv_exit; the registers are the guest's then.
 */
#define UTVEC		0x005
#define USCRATCH	0x040

	.text
	.globl dv_enter
dv_enter:
	addi	sp, sp, -128
	sd	ra, 0(sp)
	sd	gp, 8(sp)
	sd	tp, 16(sp)
	sd	s0, 24(sp)
	sd	s1, 32(sp)
	sd	s2, 40(sp)
	sd	s3, 48(sp)
	sd	s4, 56(sp)
	sd	s5, 64(sp)
	sd	s6, 72(sp)
	sd	s7, 80(sp)
	sd	s8, 88(sp)
	sd	s9, 96(sp)
	sd	s10, 104(sp)
	sd	s11, 112(sp)
	sd	sp, 256(a0)
	csrw	USCRATCH, a0
	lla	t0, dv_exit
	csrw	UTVEC, t0
	mv	x31, a0
	.irp	r, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	ld	x\r, 8*\r(x31)
	.endr
	ld	x31, 248(x31)
	.globl dv_huret
dv_huret:
	.word	0x00200073

	.balign	4
	.globl dv_exit
dv_exit:
	csrrw	x31, USCRATCH, x31
	.irp	r, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	sd	x\r, 8*\r(x31)
	.endr
	csrrw	x30, USCRATCH, x31
	sd	x30, 248(x31)
	ld	sp, 256(x31)
	ld	ra, 0(sp)
	ld	gp, 8(sp)
	ld	tp, 16(sp)
	ld	s0, 24(sp)
	ld	s1, 32(sp)
	ld	s2, 40(sp)
	ld	s3, 48(sp)
	ld	s4, 56(sp)
	ld	s5, 64(sp)
	ld	s6, 72(sp)
	ld	s7, 80(sp)
	ld	s8, 88(sp)
	ld	s9, 96(sp)
	ld	s10, 104(sp)
	ld	s11, 112(sp)
	addi	sp, sp, 128
	ret

/* Guests: position-independent, copied to the start of guest memory. */
	.option	norelax			/* no gp-relative addresses */
	.section .rodata
	.macro	guest name
	.balign	8
	.globl	\name, \name\()_end
\name:
	.endm

	guest	g_call			/* a0 += a1, for ever */
1:	add	a0, a0, a1
	ecall
	j	1b
g_call_end:

	guest	g_load			/* a0 = *a1 */
1:	ld	a0, (a1)
	ecall
	j	1b
g_load_end:

	guest	g_store			/* *a1 = a0 */
1:	sd	a0, (a1)
	ecall
	j	1b
g_store_end:

	guest	g_jump			/* goto a1 */
	jr	a1
g_jump_end:

	guest	g_spin
1:	j	1b
g_spin_end:

	guest	g_wfi
1:	wfi
	j	1b
g_wfi_end:

	guest	g_count			/* counts in all registers that can tell */
	li	t0, 0
1:	addi	t0, t0, 1
	addi	ra, ra, 1
	addi	sp, sp, 1
	addi	gp, gp, 1
	addi	tp, tp, 1
	addi	s11, s11, 1
	addi	t6, t6, 1
	fcvt.d.l ft0, t0
	fadd.d	ft1, ft1, ft2
	bne	t0, a0, 1b
	fcvt.l.d a1, ft1
	ecall
	j	g_count
g_count_end:

	guest	g_tick			/* its own timer interrupt, by Sstc */
	lla	t0, 2f
	csrw	stvec, t0
	csrw	0x14d, a0		/* stimecmp */
	li	t0, 32
	csrs	sie, t0
	csrsi	sstatus, 2
1:	j	1b
	.balign	4
2:	csrr	a0, scause
	rdtime	a1
	ecall
	j	2b
g_tick_end:

	guest	g_watch			/* until *a1 changes */
	ld	t0, (a1)
1:	ld	a0, (a1)
	beq	a0, t0, 1b
	ecall
	j	g_watch
g_watch_end:

	guest	g_check			/* a pattern in memory: adds 1 to n words at a1 */
	mv	t0, a1
	mv	t1, a2
1:	ld	t2, (t0)
	bne	t2, a3, 2f
	addi	t2, t2, 1
	sd	t2, (t0)
	addi	t0, t0, 8
	addi	t1, t1, -1
	bnez	t1, 1b
	li	a0, 0
	ecall
2:	li	a0, 1
	ecall
	j	2b
g_check_end:

	guest	g_msi			/* stores a word at a1 */
1:	sw	a0, (a1)
	ecall
	j	1b
g_msi_end:

	guest	g_take			/* its external interrupts: a0 = the identity */
	lla	t0, 2f
	csrw	stvec, t0
	li	t0, 0x200
	csrs	sie, t0
	csrsi	sstatus, 2
1:	j	1b
	.balign	4
2:	csrrw	a0, 0x15c, x0		/* stopei */
	srli	a0, a0, 16
	ecall
	sret
g_take_end:

	guest	g_device		/* stores 1, 2, 3 ... at a1 */
1:	addi	a0, a0, 1
	.option push
	.option norvc
	sd	a0, (a1)
	.option pop
	j	1b
g_device_end:

	.section .note.GNU-stack, "", @progbits
