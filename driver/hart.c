// SPDX-License-Identifier: GPL-2.0
/*
 * The CSRs and fences of DV-ext. Everything here is about the hart that
 * executes it and runs with interrupts off, unless it says otherwise.
 */
#include <linux/bits.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <asm/cacheflush.h>
#include <asm/csr.h>

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
	u64 usip = csr_read(CSR_HUIP) & USIP;

	c->utvec = csr_swap(CSR_UTVEC, c->utvec);
	c->uscratch = csr_swap(CSR_USCRATCH, c->uscratch);
	c->uepc = csr_swap(CSR_UEPC, c->uepc);
	c->ucause = csr_swap(CSR_UCAUSE, c->ucause);
	c->utval = csr_swap(CSR_UTVAL, c->utval);
	c->hustatus = csr_swap(CSR_HUSTATUS, c->hustatus);
	c->hutval = csr_swap(CSR_HUTVAL, c->hutval);
	c->hutinst = csr_swap(CSR_HUTINST, c->hutinst);
	c->vtimecmp = csr_swap(CSR_VTIMECMP, c->vtimecmp);
	c->vtimectl = csr_swap(CSR_VTIMECTL, c->vtimectl);
	c->hedeleg = csr_swap(CSR_HEDELEG, c->hedeleg);
	c->hideleg = csr_swap(CSR_HIDELEG, c->hideleg);
	c->htimedelta = csr_swap(CSR_HTIMEDELTA, c->htimedelta);
	c->hcounteren = csr_swap(CSR_HCOUNTEREN, c->hcounteren);
	c->henvcfg = csr_swap(CSR_HENVCFG, c->henvcfg);
	c->hgatp = csr_swap(CSR_HGATP, c->hgatp);
	c->vsstatus = csr_swap(CSR_VSSTATUS, c->vsstatus);
	c->vstvec = csr_swap(CSR_VSTVEC, c->vstvec);
	c->vsscratch = csr_swap(CSR_VSSCRATCH, c->vsscratch);
	c->vsepc = csr_swap(CSR_VSEPC, c->vsepc);
	c->vscause = csr_swap(CSR_VSCAUSE, c->vscause);
	c->vstval = csr_swap(CSR_VSTVAL, c->vstval);
	c->vsatp = csr_swap(CSR_VSATP, c->vsatp);
	c->vstimecmp = csr_swap(CSR_VSTIMECMP, c->vstimecmp);
	c->vscounteren = csr_swap(CSR_HUVSCOUNTEREN, c->vscounteren);
	c->vsenvcfg = csr_swap(CSR_HUVSENVCFG, c->vsenvcfg);
	c->hvip = csr_swap(CSR_HVIP, c->hvip);
	c->huie = csr_swap(CSR_HUIE, c->huie);
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

/* From here on the process whose page table is at root is the hypervisor. */
void dv_hart_enable(unsigned int vmid, unsigned int vcpu, u64 root)
{
	csr_write(CSR_HDVVMID, vmid);
	csr_write(CSR_HDVVCPU, vcpu);
	csr_write(CSR_HDVROOT, root);
	csr_write(CSR_HDVCTL, HDVCTL_EN | HDVCTL_HTR);
}

/* Returns whether a kick was still to be delivered. */
bool dv_hart_disable(void)
{
	return csr_swap(CSR_HDVCTL, 0) & HDVCTL_KICK;
}

bool dv_hart_take_kick(void)
{
	return csr_read_clear(CSR_HDVCTL, HDVCTL_KICK) & HDVCTL_KICK;
}

/*
 * Makes the guest leave, now or on the next entry; epc is where the thread
 * will go on. It may have left for the very interrupt that brings the kick.
 */
void dv_hart_kick(unsigned long epc)
{
	if (epc != (csr_read(CSR_UTVEC) & ~3UL) ||
	    csr_read(CSR_UCAUSE) != UCAUSE_HOST_EVENT)
		csr_set(CSR_HDVCTL, HDVCTL_KICK);
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

/* May forget more than it is asked to. */
void dv_hart_fence(const struct dv_fence *f)
{
	unsigned long asid = f->asid, at = f->start & PAGE_MASK, i;

	if (f->kind == DV_FENCE_I) {
		local_flush_icache_all();
	} else if (f->kind == DV_FENCE_GVMA || !f->size ||
		   f->size > MAX_FENCED * PAGE_SIZE) {
		dv_hart_fence_all();
	} else {
		for (i = 0; i < f->size + offset_in_page(f->start); i += PAGE_SIZE)
			if (f->kind == DV_FENCE_VVMA)
				asm volatile(".insn r 0x73, 0, 0x11, x0, %0, x0"
					     : : "r" (at + i) : "memory");
			else
				asm volatile(".insn r 0x73, 0, 0x11, x0, %0, %1"
					     : : "r" (at + i), "r" (asid)
					     : "memory");
	}
}

/* Takes back all posts of a domain that no thread is a member of. */
void dv_hart_clear_posts(unsigned int vmid)
{
	unsigned long flags, own_vmid, own_vcpu, i;

	local_irq_save(flags);
	own_vmid = csr_swap(CSR_HDVVMID, vmid);
	own_vcpu = csr_read(CSR_HDVVCPU);
	for (i = 0; i < DV_MAX_VCPUS; i++) {
		csr_write(CSR_HDVVCPU, i);
		csr_write(CSR_VIPICLR, BIT(i));
	}
	csr_write(CSR_HDVVCPU, own_vcpu);
	csr_write(CSR_HDVVMID, own_vmid);
	local_irq_restore(flags);
}

/* The largest VMID that harts tell from others, and the modes of hgatp. */
void dv_hart_probe(unsigned int *max_vmid, unsigned int *stage2_modes)
{
	unsigned long flags, own, mode;

	*stage2_modes = 0;
	local_irq_save(flags);
	own = csr_swap(CSR_HDVVMID, ~0UL);
	*max_vmid = csr_swap(CSR_HDVVMID, own);
	own = csr_read(CSR_HGATP);
	for (mode = 8; mode <= 10; mode++) {
		csr_write(CSR_HGATP, mode << HGATP_MODE_SHIFT);
		if (csr_read(CSR_HGATP) >> HGATP_MODE_SHIFT == mode)
			*stage2_modes |= BIT(mode);
	}
	csr_write(CSR_HGATP, own);
	local_irq_restore(flags);
}
