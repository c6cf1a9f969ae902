// SPDX-License-Identifier: GPL-2.0
/*
 * Guest interrupt files (docs/dv-ext.md, section 3.4): a vCPU has one at most, on
 * the hart that it has to stay on. What is said of a file on its hart is written
 * there with interrupts off, as the CSRs are.
 */
#include <linux/cpuhotplug.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irqchip/riscv-imsic.h>
#include <linux/irqdomain.h>
#include <linux/smp.h>

#include "duvisor.h"

/* The vCPUs that have the files of a hart; number 0 is nobody's. */
static DEFINE_PER_CPU(struct dv_vcpu * [BITS_PER_LONG], dv_files);

/* Of claims and returns, and of what follows. */
static DEFINE_MUTEX(dv_files_lock);

/* Ours while files are in use: their interrupt, which is KVM's else. */
static unsigned int dv_irq, dv_files_used;
static int dv_hotplug;

static bool used_here(void)
{
	return memchr_inv(this_cpu_ptr(&dv_files), 0, sizeof(dv_files));
}

/* Files of vCPUs that sleep have something. */
static irqreturn_t interrupt(int irq, void *data)
{
	unsigned long files = csr_read(CSR_HGEIP) & csr_read(CSR_HGEIE);
	struct dv_vcpu *v;
	int i;

	csr_clear(CSR_HGEIE, files);
	for_each_set_bit(i, &files, BITS_PER_LONG) {
		v = this_cpu_read(dv_files[i]);
		if (v && test_bit(DV_F_IDLE, &v->flags)) {
			set_bit(DV_F_KICKED, &v->flags);
			wake_up(&v->wait);
		}
	}
	return IRQ_HANDLED;
}

/* A hart whose files are in use stays: nobody else can read them. */
static int unplug(unsigned int cpu)
{
	return used_here() ? -EBUSY : 0;
}

static int begin(void)
{
	struct fwnode_handle *intc = riscv_get_intc_hwnode();
	int ret;

	dv_hotplug = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "duvisor",
					       NULL, unplug);
	if (dv_hotplug < 0)
		return dv_hotplug;
	dv_irq = irq_create_mapping(irq_find_matching_fwnode(intc, DOMAIN_BUS_ANY),
				    IRQ_S_GEXT);
	ret = irq_has_action(dv_irq) ? -EBUSY : /* and nothing in the log */
		request_percpu_irq(dv_irq, interrupt, "duvisor", &dv_files);
	if (ret)
		cpuhp_remove_state_nocalls(dv_hotplug);
	return ret;
}

static void end(void)
{
	free_percpu_irq(dv_irq, &dv_files);
	cpuhp_remove_state_nocalls(dv_hotplug);
}

/* The first free file of this hart. */
static int claim(struct dv_vcpu *v)
{
	unsigned int i = 1, end = BIT(imsic_get_global_config()->guest_index_bits);

	guard(irq)();
	while (i < end && this_cpu_read(dv_files[i]))
		i++;
	if (i == end || !dv_hart_give_file(i, v->vm->vmid))
		return -ENOSPC;
	this_cpu_write(dv_files[i], v);
	v->home = smp_processor_id();
	v->file = i;
	enable_percpu_irq(dv_irq, IRQ_TYPE_NONE);
	csr_set(CSR_HIE, BIT(IRQ_S_GEXT));
	return 0;
}

int dv_claim_file(struct dv_vm *vm, struct dv_file *f)
{
	struct imsic_local_config *imsic;
	struct dv_vcpu *v = dv_own(vm);
	int ret;

	if (!v || current->mm != vm->mm ||
	    READ_ONCE(vm->gone) || !dv_identities())
		return -EINVAL;
	guard(mutex)(&dv_files_lock);
	if (v->file)
		return -EBUSY;
	ret = dv_files_used ? 0 : begin();
	if (ret)
		return ret;
	ret = claim(v);
	if (!ret) {
		dv_files_used++;
		imsic = per_cpu_ptr(imsic_get_global_config()->local, v->home);
		f->number = v->file;
		f->hpa = imsic->msi_pa + v->file * IMSIC_MMIO_PAGE_SZ;
		WRITE_ONCE(v->page, imsic->msi_va + v->file * IMSIC_MMIO_PAGE_SZ);
	} else if (!dv_files_used) {
		end();
	}
	return ret;
}

static void give_back(void *data)
{
	struct dv_vcpu *v = data;

	dv_hart_give_file(v->file, DV_NOBODY);
	this_cpu_write(dv_files[v->file], NULL);
	v->file = 0;
	if (!used_here())
		disable_percpu_irq(dv_irq);
}

int dv_return_file(struct dv_vcpu *v)
{
	guard(mutex)(&dv_files_lock);
	if (v && v->file) {
		WRITE_ONCE(v->page, NULL);
		synchronize_rcu(); /* with dv_message() */
		smp_call_function_single(v->home, give_back, v, true);
		if (!--dv_files_used)
			end();
	}
	return 0;
}

int dv_message(struct dv_vm *vm, unsigned long index, u32 identity)
{
	void __iomem *page;
	struct dv_vcpu *v;

	guard(rcu)();
	v = dv_find(vm, index);
	page = v ? READ_ONCE(v->page) : NULL;
	if (page)
		writel(identity, page + IMSIC_MMIO_SETIPNUM_LE);
	return 0;
}

/* The highest interrupt identity of the files, 0 when there are none. */
unsigned int dv_identities(void)
{
	const struct imsic_global_config *imsic = imsic_get_global_config();

	return imsic && imsic->guest_index_bits ? imsic->nr_guest_ids : 0;
}
