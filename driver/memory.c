// SPDX-License-Identifier: GPL-2.0
/*
 * Grants: physically contiguous memory that one VM may reach. A grant is a
 * window of the VM's harts and a range of its file, and nothing else: its
 * pages have no other users, so taking both away takes the memory back.
 */
#include <linux/highmem.h>
#include <linux/memory_hotplug.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "duvisor.h"

#define GRANULE_PAGES	(DV_GRANULE >> PAGE_SHIFT)

/* Bytes that a fault of the process maps. */
#define FAULT_AROUND	SZ_64K

static ulong quota;
module_param(quota, ulong, 0644);
MODULE_PARM_DESC(quota, "bytes that all VMs together may be granted (0: half of the memory)");

static bool charge(u64 bytes)
{
	u64 limit = quota ?: (u64)totalram_pages() << (PAGE_SHIFT - 1);

	if (bytes > limit)
		return false;
	if (atomic64_add_return(bytes, &dv_count[DV_GRANTED_BYTES]) <= limit)
		return true;
	atomic64_sub(bytes, &dv_count[DV_GRANTED_BYTES]);
	return false;
}

/*
 * The first page of a range that cannot become part of a grant, or its end.
 * Pages of the kernel's own never move; strict guesses which these are, so that
 * not every range has to be tried.
 */
static unsigned long obstacle(struct zone *zone, unsigned long pfn,
			      unsigned long end, bool strict)
{
	for (; pfn < end; pfn++) {
		struct page *page = pfn_to_online_page(pfn);

		if (!page || page_zone(page) != zone || PageReserved(page) ||
		    PageHuge(page))
			break;
		if (strict && page_count(page) && !PageLRU(page))
			break;
	}
	return pfn;
}

static unsigned long alloc_in(struct zone *zone, unsigned long pages,
			      bool strict)
{
	unsigned long step = ALIGN(pages / 4 + 1, GRANULE_PAGES);
	unsigned long pfn = ALIGN(zone->zone_start_pfn, GRANULE_PAGES), end;

	while (pfn + pages <= zone_end_pfn(zone)) {
		/* what is in the way has to go somewhere */
		if (fatal_signal_pending(current) || si_mem_available() < pages)
			return 0;
		cond_resched();
		end = obstacle(zone, pfn, pfn + pages, strict);
		if (end < pfn + pages) {
			pfn = ALIGN(end + 1, GRANULE_PAGES);
			continue;
		}
		if (!alloc_contig_range(pfn, end, MIGRATE_MOVABLE,
					GFP_KERNEL | __GFP_NOWARN))
			return pfn;
		pfn += step;
	}
	return 0;
}

static struct zone *node_zone(int nid, int z)
{
	return &NODE_DATA(nid)->node_zones[z];
}

/* Finds contiguous pages, moving what is in the way, and clears them. */
static unsigned long alloc_pfns(unsigned long pages)
{
	unsigned long pfn = 0, i;
	int nid, z, strict;

	for (strict = 1; strict >= 0; strict--)
		for_each_online_node(nid)
			for (z = MAX_NR_ZONES - 1; z >= 0 && !pfn; z--)
				if (populated_zone(node_zone(nid, z)))
					pfn = alloc_in(node_zone(nid, z), pages,
						       strict);
	for (i = 0; pfn && i < pages; i++) {
		clear_highpage(pfn_to_page(pfn + i));
		if (!(i % GRANULE_PAGES))
			cond_resched();
	}
	return pfn;
}

static unsigned long window_pages(const struct dv_window *w)
{
	return (w->limit & (BIT(44) - 1)) - w->base;
}

static int free_window(struct dv_vm *vm)
{
	int i;

	for (i = 0; i < DV_WINDOWS; i++)
		if (!vm->window[i].limit)
			return i;
	return -ENOSPC;
}

/* Opens a window on the pages and has all harts of the VM know it. */
static int install(struct dv_vm *vm, unsigned long pfn, unsigned long pages,
		   u64 permissions)
{
	int slot;

	mutex_lock(&vm->lock);
	slot = vm->gone ? -ENODEV : free_window(vm);
	if (slot >= 0) {
		WRITE_ONCE(vm->window[slot].base, pfn);
		/* with the acquire of dv_hart_setup() */
		smp_store_release(&vm->window[slot].limit,
				  (pfn + pages) | permissions);
		dv_reload(vm);
	}
	mutex_unlock(&vm->lock);
	return slot;
}

int dv_grant(struct dv_vm *vm, struct dv_grant *g)
{
	unsigned long pages = g->bytes >> PAGE_SHIFT, pfn;
	int ret;

	if ((s64)g->bytes <= 0 || g->bytes % DV_GRANULE || g->reserved ||
	    (g->use != DV_GUEST_MEMORY && g->use != DV_STAGE2_TABLES))
		return -EINVAL;
	mutex_lock(&vm->lock);
	ret = vm->gone ? -ENODEV : free_window(vm);
	mutex_unlock(&vm->lock);
	if (ret < 0)
		return ret;
	if (!charge(g->bytes))
		return -ENOSPC;
	pfn = alloc_pfns(pages);
	ret = !pfn ? -ENOMEM :
		install(vm, pfn, pages, g->use == DV_GUEST_MEMORY ?
			DV_WIN_GUEST : DV_WIN_TABLES);
	if (ret < 0) {
		if (pfn)
			free_contig_range(pfn, pages);
		atomic64_sub(g->bytes, &dv_count[DV_GRANTED_BYTES]);
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
	free_contig_range(pfn, pages);
	atomic64_sub(PFN_PHYS(pages), &dv_count[DV_GRANTED_BYTES]);
	atomic64_dec(&dv_count[DV_GRANTS]);
}

int dv_revoke(struct dv_vm *vm, u64 hpa)
{
	int i, ret = -EINVAL;

	mutex_lock(&vm->lock);
	for (i = 0; i < DV_WINDOWS && ret; i++) {
		if (vm->window[i].limit && PFN_PHYS(vm->window[i].base) == hpa) {
			revoke_slot(vm, i);
			ret = 0;
		}
	}
	mutex_unlock(&vm->lock);
	return ret;
}

/* Called with the lock held. */
void dv_revoke_all(struct dv_vm *vm)
{
	int i;

	for (i = 0; i < DV_WINDOWS; i++)
		if (vm->window[i].limit)
			revoke_slot(vm, i);
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
 * Maps the page and its neighbours. Only small pages: those are special, so that
 * nobody gets a reference, which a revocation could not take back. Huge ones
 * cannot be marked as special on this architecture.
 */
static vm_fault_t dv_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct dv_vm *vm = vma->vm_file->private_data;
	unsigned long at = max(ALIGN_DOWN(vmf->address, FAULT_AROUND),
			       vma->vm_start);
	unsigned long end = min(ALIGN_DOWN(vmf->address, FAULT_AROUND) +
				FAULT_AROUND, vma->vm_end);
	vm_fault_t ret = VM_FAULT_SIGBUS, one;

	mutex_lock(&vm->lock);
	for (; at < end; at += PAGE_SIZE) {
		unsigned long pfn = vma->vm_pgoff + PFN_DOWN(at - vma->vm_start);

		one = granted(vm, pfn) ? vmf_insert_pfn(vma, at, pfn) :
			VM_FAULT_SIGBUS;
		if (at == PAGE_ALIGN_DOWN(vmf->address))
			ret = one;
	}
	mutex_unlock(&vm->lock);
	return ret;
}

const struct vm_operations_struct dv_vm_ops = {
	.fault = dv_fault,
};
