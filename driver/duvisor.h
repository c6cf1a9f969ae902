/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DUVISOR_H
#define DUVISOR_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "duvisor_abi.h"
#include "hart.h"

struct dv_vcpu;

/*
 * A virtual machine: made by open, referred to by its file and by every vCPU.
 * The slot of a grant is the number of its window.
 */
struct dv_vm {
	struct kref ref;
	struct mm_struct *mm;		/* of the opener; kept, not pinned */
	struct mmu_notifier notifier;	/* of its end */
	struct user_struct *user;	/* whose grants these are */
	struct address_space *mapping;
	unsigned int vmid;
	struct mutex lock;		/* of what follows */
	bool gone;
	struct dv_delegate delegate;
	struct dv_window window[DV_WINDOWS];
	struct dv_vcpu __rcu *vcpu[DV_MAX_VCPUS];
	struct dv_vcpu *last[];		/* by CPU: the last vCPU there */
};

enum dv_vcpu_flag {
	DV_F_KICKED,			/* not delivered yet */
	DV_F_STALE,			/* owes a fence of everything */
	DV_F_IDLE,			/* kicks end dv_idle(), not the guest */
};

/* A thread of the hypervisor that runs a vCPU. */
struct dv_vcpu {
	struct preempt_notifier notifier;
	struct dv_vm *vm;
	struct task_struct *task;
	unsigned int index;
	int cpu;			/* where it is resident, or -1 */
	int last_cpu;
	int home;			/* the hart of its interrupt file */
	unsigned int file;		/* there, or 0; written there */
	void __iomem *page;		/* of the file */
	unsigned long flags;
	wait_queue_head_t wait;
	struct rcu_work reap;
	struct rcu_head rcu;
	struct dv_context context;
};

/* The vCPU of an index that a process names, or NULL; under RCU. */
static inline struct dv_vcpu *dv_find(struct dv_vm *vm, unsigned long index)
{
	if (index >= DV_MAX_VCPUS)
		return NULL;
	return rcu_dereference(vm->vcpu[array_index_nospec(index, DV_MAX_VCPUS)]);
}

enum dv_counter {
	DV_VMS, DV_VCPUS, DV_GRANTS, DV_GRANTED_BYTES,	/* in use now */
	DV_SWITCHES, DV_KICKS, DV_FENCES,	/* so far */
	DV_COUNTERS
};

extern atomic64_t dv_count[DV_COUNTERS];

/* main.c */
void dv_vm_free(struct kref *ref);

/* memory.c */
extern const struct vm_operations_struct dv_vm_ops;
int dv_grant(struct dv_vm *vm, struct dv_grant *g);
int dv_revoke(struct dv_vm *vm, u64 first, u64 last);

/* file.c */
unsigned int dv_identities(void);
int dv_claim_file(struct dv_vm *vm, struct dv_file *f);
int dv_return_file(struct dv_vcpu *v);
int dv_message(struct dv_vm *vm, unsigned long index, u32 identity);

/* vcpu.c */
extern struct workqueue_struct *dv_reaper;
struct dv_vcpu *dv_own(struct dv_vm *vm);
int dv_register(struct dv_vm *vm, unsigned long index);
int dv_unregister(struct dv_vm *vm);
int dv_kick(struct dv_vm *vm, unsigned long index);
int dv_idle(struct dv_vm *vm, u64 deadline);
int dv_fence(struct dv_vm *vm, const struct dv_fence *f);
void dv_reload(struct dv_vm *vm);

#endif
