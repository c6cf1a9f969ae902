// SPDX-License-Identifier: GPL-2.0
/*
 * Grants: physically contiguous memory that one VM may reach. A grant is a
 * window of the VM's harts and a range of its file, and nothing else: its
 * pages have no other users, so taking both away takes the memory back.
 */
#include <linux/capability.h>
#include <linux/highmem.h>
#include <linux/memory_hotplug.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>

#include "duvisor.h"

#define GRANULE_PAGES	(DV_GRANULE >> PAGE_SHIFT)

static ulong quota;
module_param(quota, ulong, 0644);
MODULE_PARM_DESC(quota, "bytes that all VMs together may be granted (0: half of the memory)");

static void uncharge(struct dv_vm *vm, u64 bytes)
{
	atomic_long_sub(bytes >> PAGE_SHIFT, &vm->user->locked_vm);
	atomic64_sub(bytes, &dv_count[DV_GRANTED_BYTES]);
}

/*
 * Grants are locked memory of the user who opened the VM: a limit of each
 * process would end where it forks or executes. (Memory cgroups cannot be
 * charged by a module for memory that it finds itself.)
 */
static bool charge(struct dv_vm *vm, u64 bytes)
{
	u64 limit = quota ?: (u64)totalram_pages() << (PAGE_SHIFT - 1);
	unsigned long locked;

	if (bytes > limit)
		return false;
	locked = atomic_long_add_return(bytes >> PAGE_SHIFT, &vm->user->locked_vm);
	if (atomic64_add_return(bytes, &dv_count[DV_GRANTED_BYTES]) <= limit &&
	    (locked <= rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT || capable(CAP_IPC_LOCK)))
		return true;
	uncharge(vm, bytes);
	return false;
}

/*
 * The first page of a range that cannot become part of a grant, or its end.
 * Pages of the kernel's own never move; strict guesses which these are, so that
 * not every range has to be tried.
 */
static unsigned long obstacle(unsigned long pfn, unsigned long end, bool strict)
{
	struct zone *zone = NULL;
	struct page *page;

	for (; pfn < end; pfn++) {
		if (!(pfn % GRANULE_PAGES))
			cond_resched();
		page = pfn_to_online_page(pfn);
		if (!page || PageReserved(page) || PageHuge(page) ||
		    (zone && page_zone(page) != zone) ||
		    (strict && page_count(page) && !PageLRU(page)))
			break;
		zone = page_zone(page);
	}
	return pfn;
}

/*
 * Finds contiguous pages, moving what is in the way, and clears them. From the
 * end of memory on: that is where movable zones are.
 */
static unsigned long alloc_pfns(unsigned long pages)
{
	unsigned long first = virt_to_pfn((void *)PAGE_OFFSET), pfn, bad, i;
	int strict;

	for (strict = 1; strict >= 0; strict--) {
		bad = virt_to_pfn(high_memory);
		while (bad >= first + pages) {
			/* what is in the way has to go somewhere */
			if (fatal_signal_pending(current) || si_mem_available() < pages)
				return 0;
			cond_resched();
			pfn = ALIGN_DOWN(bad - pages, GRANULE_PAGES);
			bad = obstacle(pfn, pfn + pages, strict);
			if (bad < pfn + pages)
				continue;
			if (!alloc_contig_range(pfn, bad, MIGRATE_MOVABLE,
						GFP_KERNEL | __GFP_NOWARN))
				goto found;
			bad -= ALIGN(pages / 4 + 1, GRANULE_PAGES);
		}
	}
	return 0;
found:
	for (i = 0; i < pages; i++) {
		clear_highpage(pfn_to_page(pfn + i));
		cond_resched();
	}
	return pfn;
}

/*
 * A page that somebody has a reference to is free when that is gone: KVM may
 * have one for a moment.
 */
static void free_pfns(unsigned long pfn, unsigned long pages)
{
	for (; pages--; pfn++) {
		__free_page(pfn_to_page(pfn));
		cond_resched();
	}
}

static unsigned long window_pages(const struct dv_window *w)
{
	return (w->limit & (BIT(44) - 1)) - w->base;
}

static int free_window(struct dv_vm *vm)
{
	int i;

	for (i = 0; i < DV_WINDOWS; i++)
		if (!READ_ONCE(vm->window[i].limit))
			return i;
	return -ENOSPC;
}

/* Opens a window on the pages and has all harts of the VM know it. */
static int install(struct dv_vm *vm, unsigned long pfn, unsigned long pages,
		   u64 permissions)
{
	int slot;

	guard(mutex)(&vm->lock);
	slot = vm->gone ? -ENODEV : free_window(vm);
	if (slot >= 0) {
		WRITE_ONCE(vm->window[slot].base, pfn);
		/* with the acquire of dv_hart_setup() */
		smp_store_release(&vm->window[slot].limit,
				  (pfn + pages) | permissions);
		dv_reload(vm);
	}
	return slot;
}

int dv_grant(struct dv_vm *vm, struct dv_grant *g)
{
	unsigned long pages = g->bytes >> PAGE_SHIFT, pfn;
	int ret;

	if ((s64)g->bytes <= 0 || g->bytes % DV_GRANULE || g->reserved ||
	    (g->use != DV_GUEST_MEMORY && g->use != DV_STAGE2_TABLES))
		return -EINVAL;
	/* an early refusal; install() looks under the lock */
	ret = READ_ONCE(vm->gone) ? -ENODEV : free_window(vm);
	if (ret < 0)
		return ret;
	if (!charge(vm, g->bytes))
		return -ENOSPC;
	pfn = alloc_pfns(pages);
	ret = !pfn ? -ENOMEM :
		install(vm, pfn, pages, g->use == DV_GUEST_MEMORY ?
			DV_WIN_GUEST : DV_WIN_TABLES);
	if (ret < 0) {
		if (pfn)
			free_pfns(pfn, pages);
		uncharge(vm, g->bytes);
		return ret;
	}
	atomic64_inc(&dv_count[DV_GRANTS]);
	g->hpa = PFN_PHYS(pfn);
	g->offset = g->hpa;
	return 0;
}

/*
 * Takes a grant from harts, then from page tables, then from the VM. In
 * between a fault waits for the lock.
 */
static void revoke_slot(struct dv_vm *vm, int slot)
{
	struct dv_window *w = &vm->window[slot];
	unsigned long pfn = w->base, pages = window_pages(w);

	WRITE_ONCE(w->limit, 0);
	dv_reload(vm);
	unmap_mapping_range(vm->mapping, PFN_PHYS(pfn), PFN_PHYS(pages), 1);
	free_pfns(pfn, pages);
	uncharge(vm, PFN_PHYS(pages));
	atomic64_dec(&dv_count[DV_GRANTS]);
}

/* Takes back the grants that begin in a range of addresses. */
int dv_revoke(struct dv_vm *vm, u64 first, u64 last)
{
	int i, ret = -EINVAL;

	guard(mutex)(&vm->lock);
	for (i = 0; i < DV_WINDOWS; i++) {
		if (vm->window[i].limit && PFN_PHYS(vm->window[i].base) >= first &&
		    PFN_PHYS(vm->window[i].base) <= last) {
			revoke_slot(vm, i);
			ret = 0;
		}
	}
	return ret;
}

static bool granted(struct dv_vm *vm, unsigned long pfn)
{
	const struct dv_window *w;

	for (w = vm->window; w < vm->window + DV_WINDOWS; w++)
		if (w->limit && pfn >= w->base &&
		    pfn < w->base + window_pages(w))
			return true;
	return false;
}

/*
 * Only small pages: those are special, so that nobody keeps a reference, which a
 * revocation could not take back. Huge ones cannot be marked as special on this
 * architecture.
 */
static vm_fault_t dv_fault(struct vm_fault *vmf)
{
	struct dv_vm *vm = vmf->vma->vm_file->private_data;

	guard(mutex)(&vm->lock);
	if (!granted(vm, vmf->pgoff))
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, vmf->pgoff);
}

const struct vm_operations_struct dv_vm_ops = { .fault = dv_fault };
