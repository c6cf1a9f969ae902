// SPDX-License-Identifier: GPL-2.0
/*
 * The CSRs and fences of DV-ext. Everything here is about the hart that
 * executes it and runs with interrupts off, unless it says otherwise.
 */
#include <linux/irqchip/riscv-imsic.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/stringify.h>
#include <asm/cacheflush.h>
#include <asm/cpufeature.h>

#include "duvisor_abi.h"
#include "hart.h"

#define USIP		BIT(0)

/* Pages that a fence names one by one; more are all. */
#define MAX_FENCED	64

/*
 * Exchanges the CSRs of a vCPU and what was there before, which is KVM's. Done
 * with the VM disabled, and once more to go back.
 */
void dv_hart_swap(struct dv_context *c)
{
	u64 usip = csr_read(CSR_HUIP) & USIP, *csr = c->csr;

	asm volatile(".irp csr, " __stringify(DV_SWITCHED)
		     "\n\tld t0, (%0)\n"
		     "\tcsrrw t0, \\csr, t0\n"
		     "\tsd t0, (%0)\n"
		     "\taddi %0, %0, 8\n"
		     ".endr" : "+r" (csr) : : "t0", "memory");
	if (riscv_isa_extension_available(NULL, SSAIA))
		c->vsiselect = csr_swap(CSR_VSISELECT, c->vsiselect);
	/*
	 * USIP is the bit that software wrote, or a post to the vCPU. A post
	 * comes back by itself when the vCPU does; kept as the software bit it
	 * could not be taken back.
	 */
	if (csr_read(CSR_VIPI0) >> (csr_read(CSR_HDVVCPU) & 63) & 1)
		usip = 0;
	csr_clear(CSR_HUIP, USIP);
	csr_set(CSR_HUIP, c->usip);
	c->usip = usip;
}

/*
 * Loads delegation and windows. What was translated under others stays. A limit
 * is read before its base, and written after it: a window that is being opened
 * is not there yet or is whole.
 */
void dv_hart_setup(const struct dv_delegate *d, const struct dv_window *w)
{
	u64 limit;
	int i;

	csr_write(CSR_SEDELEG, d->sedeleg);
	csr_write(CSR_SIDELEG, d->sideleg);
	csr_write(CSR_HEDELEG, d->hedeleg);
	csr_write(CSR_HIDELEG, d->hideleg);
	for (i = 0; i < DV_WINDOWS; i++) {
		limit = smp_load_acquire(&w[i].limit); /* with install() */
		csr_write(CSR_HDVWINSEL, i);
		csr_write(CSR_HDVWINLIMIT, 0);
		csr_write(CSR_HDVWINBASE, READ_ONCE(w[i].base));
		csr_write(CSR_HDVWINLIMIT, limit);
	}
}

/* Both only with the VM enabled on this hart: they act on its VMID. */
void dv_hart_fence_all(void)
{
	asm volatile(".insn r 0x73, 0, 0x31, x0, x0, %0" /* hfence.gvma */
		     : : "r" (csr_read(CSR_HDVVMID)) : "memory");
	asm volatile(".insn r 0x73, 0, 0x11, x0, x0, x0" /* hfence.vvma */
		     : : : "memory");
	local_flush_icache_all();
}

/*
 * May forget more than it is asked to: an address in all address spaces, and
 * everything when the range is long or goes round the end. Pages are counted:
 * no end of a range is beyond its last page when that is the last there is.
 */
void dv_hart_fence(const struct dv_fence *f)
{
	u64 at = f->start & PAGE_MASK, last = f->start + f->size - 1;
	u64 pages = ((last - at) >> PAGE_SHIFT) + 1;

	if (f->kind == DV_FENCE_I)
		local_flush_icache_all();
	else if (f->kind == DV_FENCE_GVMA || last < f->start || pages > MAX_FENCED)
		dv_hart_fence_all();
	else
		for (; pages--; at += PAGE_SIZE)
			asm volatile(".insn r 0x73, 0, 0x11, x0, %0, x0"
				     : : "r" (at) : "memory");
}

/* Takes back all posts of a domain that no thread is a member of. */
void dv_hart_clear_posts(unsigned int vmid)
{
	unsigned long own_vmid, own_vcpu, i;

	guard(irqsave)();
	own_vmid = csr_swap(CSR_HDVVMID, vmid);
	own_vcpu = csr_read(CSR_HDVVCPU);
	for (i = 0; i < DV_MAX_VCPUS; i++) {
		csr_write(CSR_HDVVCPU, i);
		csr_write(CSR_VIPICLR, BIT(i));
	}
	csr_write(CSR_HDVVCPU, own_vcpu);
	csr_write(CSR_HDVVMID, own_vmid);
}

/*
 * Gives a guest interrupt file of this hart, emptied, to a VM whose vCPU is
 * resident, or with DV_NOBODY takes it away. False when there is no such file.
 */
bool dv_hart_give_file(unsigned int file, unsigned long owner)
{
	unsigned long resident = csr_swap(CSR_HDVGEIN, file), hstatus, vsiselect, i;

	if (csr_read(CSR_HDVGEIN) != file) {
		csr_write(CSR_HDVGEIN, resident);
		return false;
	}
	csr_write(CSR_HDVGOWNER, DV_NOBODY);
	csr_clear(CSR_HGEIE, BIT(file));
	hstatus = csr_swap(CSR_HSTATUS, (unsigned long)file << HSTATUS_VGEIN_SHIFT);
	vsiselect = csr_read(CSR_VSISELECT);
	for (i = IMSIC_FIRST; i < IMSIC_LAST; i += 2) {
		csr_write(CSR_VSISELECT, i);
		csr_write(CSR_VSIREG, 0);
	}
	csr_write(CSR_VSISELECT, vsiselect);
	csr_write(CSR_HSTATUS, hstatus);
	csr_write(CSR_HDVGOWNER, owner);
	if (owner == DV_NOBODY)
		csr_write(CSR_HDVGEIN, resident == file ? 0 : resident);
	return true;
}
