// SPDX-License-Identifier: GPL-2.0
/*
 * vCPUs: threads that the scheduler tells about when they come to a hart and
 * leave it. While such a thread is current, the hart has its VM's state.
 *
 * Whoever changes something that harts hold (windows, delegation, translations)
 * first changes it, then marks the vCPUs stale, then interrupts the harts they
 * are on. Whoever loads a hart first says that it is there, then looks. One of
 * the two sees the other.
 */
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/xarray.h>
#include <asm/delay.h>
#include <asm/ptrace.h>
#include <asm/timex.h>

#include "duvisor.h"

/* The vCPU that is resident on a hart. */
static DEFINE_PER_CPU(struct dv_vcpu *, dv_resident);

/* By task: a thread is one vCPU at most. */
static DEFINE_XARRAY(dv_threads);

/* Forgets vCPUs whose threads have ended. */
struct workqueue_struct *dv_reaper;

/* ---- the hart of the calling thread, interrupts off */

/* Not where its interrupt file is: it must not be in the guest. */
static bool away(const struct dv_vcpu *v)
{
	return v->file && v->home != smp_processor_id();
}

/*
 * Makes the guest leave, now or on the next entry. It may have left for the very
 * interrupt that brings the kick.
 */
static void deliver_kick(void)
{
	if (task_pt_regs(current)->epc != (csr_read(CSR_UTVEC) & ~3UL) ||
	    csr_read(CSR_UCAUSE) != UCAUSE_HOST_EVENT)
		csr_set(CSR_HDVCTL, HDVCTL_KICK);
}

static void load(struct dv_vcpu *v)
{
	struct dv_vm *vm = v->vm;
	int cpu = smp_processor_id();

	/* After execve the program in this thread is not the one that registered. */
	if (current->mm != vm->mm)
		return;
	WRITE_ONCE(v->cpu, cpu);
	this_cpu_write(dv_resident, v);
	smp_mb(); /* with those of reach() and dv_kick() */
	csr_write(CSR_HDVGEIN, away(v) ? 0 : v->file);
	csr_clear(CSR_HGEIE, away(v) ? 0 : BIT(v->file));
	dv_hart_swap(&v->context);
	dv_hart_setup(&vm->delegate, vm->window);
	csr_write(CSR_HDVVMID, vm->vmid);
	csr_write(CSR_HDVVCPU, v->index);
	csr_write(CSR_HDVROOT, virt_to_pfn(vm->mm->pgd));
	csr_write(CSR_HDVCTL, HDVCTL_EN | HDVCTL_HTR);
	/*
	 * Translations of the VM may be on this hart that were fenced while
	 * the vCPU was elsewhere, or that another vCPU has put here.
	 */
	if (test_and_clear_bit(DV_F_STALE, &v->flags) || v->last_cpu != cpu ||
	    vm->last[cpu] != v)
		dv_hart_fence_all();
	v->last_cpu = cpu;
	vm->last[cpu] = v;
	if (away(v) && test_bit(DV_F_IDLE, &v->flags)) {
		/* in dv_idle(), which looked at home */
		set_bit(DV_F_KICKED, &v->flags);
		wake_up(&v->wait);
	} else if (away(v) || (!test_bit(DV_F_IDLE, &v->flags) &&
			       test_and_clear_bit(DV_F_KICKED, &v->flags))) {
		deliver_kick();
	}
	atomic64_inc(&dv_count[DV_SWITCHES]);
}

static void unload(struct dv_vcpu *v)
{
	if (this_cpu_read(dv_resident) != v)
		return;
	if (csr_swap(CSR_HDVCTL, 0) & HDVCTL_KICK)
		set_bit(DV_F_KICKED, &v->flags);
	if (test_bit(DV_F_IDLE, &v->flags) && !away(v))
		csr_set(CSR_HGEIE, BIT(v->file)); /* bit 0 is no file's */
	dv_hart_swap(&v->context);
	this_cpu_write(dv_resident, NULL);
	WRITE_ONCE(v->cpu, -1);
}

static void sched_in(struct preempt_notifier *notifier, int cpu)
{
	guard(irqsave)();
	load(container_of(notifier, struct dv_vcpu, notifier));
}

/* Under the lock of the run queue, interrupts off. */
static void sched_out(struct preempt_notifier *notifier,
		      struct task_struct *next)
{
	struct dv_vcpu *v = container_of(notifier, struct dv_vcpu, notifier);

	unload(v);
	if (READ_ONCE(current->__state) == TASK_DEAD)
		queue_rcu_work(dv_reaper, &v->reap);
}

static struct preempt_ops dv_preempt_ops = {
	.sched_in = sched_in,
	.sched_out = sched_out,
};

/* ---- registration */

/* Nobody runs as this vCPU any more. */
static void detach(struct dv_vcpu *v)
{
	struct dv_vm *vm = v->vm;
	int cpu;

	dv_return_file(v);
	xa_erase(&dv_threads, (unsigned long)v->task);
	mutex_lock(&vm->lock);
	RCU_INIT_POINTER(vm->vcpu[v->index], NULL);
	for_each_possible_cpu(cpu)
		cmpxchg(&vm->last[cpu], v, NULL);
	mutex_unlock(&vm->lock);
	put_task_struct(v->task);
	kfree_rcu(v, rcu);
	kref_put(&vm->ref, dv_vm_free);
	atomic64_dec(&dv_count[DV_VCPUS]);
}

/* After a grace period: the thread has left sched_out(). */
static void reap(struct work_struct *work)
{
	detach(container_of(to_rcu_work(work), struct dv_vcpu, reap));
}

/* The vCPU that the calling thread is, of this VM, or with NULL of whatever. */
struct dv_vcpu *dv_own(struct dv_vm *vm)
{
	struct dv_vcpu *v = xa_load(&dv_threads, (unsigned long)current);

	return v && (!vm || v->vm == vm) ? v : NULL;
}

static void unregister(struct dv_vcpu *v)
{
	scoped_guard(irq) {
		preempt_notifier_unregister(&v->notifier);
		unload(v);
	}
	detach(v);
}

int dv_register(struct dv_vm *vm, unsigned long index)
{
	struct dv_vcpu *v = dv_own(NULL);
	int ret;

	if (index >= DV_MAX_VCPUS)
		return -EINVAL;
	index = array_index_nospec(index, DV_MAX_VCPUS);
	if (current->mm != vm->mm)
		return -EPERM;
	if (v && v->vm->mm != current->mm)
		unregister(v); /* what execve has left */
	v = kzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);
	if (!v)
		return -ENOMEM;
	v->vm = vm;
	v->task = current;
	v->index = index;
	v->cpu = -1;
	v->last_cpu = -1;
	v->context.csr[DV_SWITCHED_VSTIMECMP] = ~0ULL;
	init_waitqueue_head(&v->wait);
	INIT_RCU_WORK(&v->reap, reap);
	preempt_notifier_init(&v->notifier, &dv_preempt_ops);
	scoped_guard(mutex, &vm->lock) {
		ret = vm->gone ? -ENODEV : rcu_access_pointer(vm->vcpu[index]) ? -EBUSY :
			xa_insert(&dv_threads, (unsigned long)current, v, GFP_KERNEL);
		if (!ret)
			rcu_assign_pointer(vm->vcpu[index], v);
	}
	if (ret) {
		kfree(v);
		return ret;
	}
	kref_get(&vm->ref);
	get_task_struct(current);
	atomic64_inc(&dv_count[DV_VCPUS]);
	scoped_guard(irq) {
		preempt_notifier_register(&v->notifier);
		load(v);
	}
	return 0;
}

int dv_unregister(struct dv_vm *vm)
{
	struct dv_vcpu *v = dv_own(vm);

	if (!v)
		return -EINVAL;
	unregister(v);
	return 0;
}

/* ---- reaching vCPUs where they are */

struct reach {
	struct dv_vm *vm;
	u64 vcpus;
	const struct dv_fence *fence;	/* or all that the VM has set up */
};

static void obey(void *data)
{
	const struct reach *r = data;
	struct dv_vcpu *v = this_cpu_read(dv_resident);

	if (!v || v->vm != r->vm || !(r->vcpus & BIT(v->index)))
		return;
	if (r->fence) {
		dv_hart_fence(r->fence);
	} else {
		dv_hart_setup(&v->vm->delegate, v->vm->window);
		dv_hart_fence_all();
	}
}

/* Returns when every vCPU has obeyed or is certain to before it next enters. */
static void reach(struct reach *r)
{
	struct dv_vcpu *v;
	int i, cpu;

	for (i = 0; i < DV_MAX_VCPUS; i++) {
		guard(rcu)();
		v = rcu_dereference(r->vm->vcpu[i]);
		if (v && (r->vcpus & BIT(i))) {
			set_bit(DV_F_STALE, &v->flags);
			smp_mb(); /* with that of load() */
			cpu = READ_ONCE(v->cpu);
			if (cpu >= 0)
				smp_call_function_single(cpu, obey, r, true);
		}
	}
}

/* Called with the lock held, after a change of windows or delegation. */
void dv_reload(struct dv_vm *vm)
{
	reach(&(struct reach){ .vm = vm, .vcpus = ~0ULL });
}

int dv_fence(struct dv_vm *vm, const struct dv_fence *f)
{
	struct reach r = { .vm = vm, .vcpus = f->vcpus, .fence = f };

	if (f->kind > DV_FENCE_GVMA)
		return -EINVAL;
	reach(&r);
	atomic64_inc(&dv_count[DV_FENCES]);
	return 0;
}

static void kicked(void *data)
{
	struct dv_vcpu *v = this_cpu_read(dv_resident);

	/* data may have been freed since, and is only compared */
	if (v && v == data && !test_bit(DV_F_IDLE, &v->flags) &&
	    test_and_clear_bit(DV_F_KICKED, &v->flags))
		deliver_kick();
}

int dv_kick(struct dv_vm *vm, unsigned long index)
{
	struct dv_vcpu *v;
	int cpu;

	atomic64_inc(&dv_count[DV_KICKS]);
	guard(rcu)();
	v = dv_find(vm, index);
	if (v && !test_and_set_bit(DV_F_KICKED, &v->flags)) {
		smp_mb(); /* with that of load() */
		cpu = READ_ONCE(v->cpu);
		wake_up(&v->wait);
		if (cpu >= 0)
			smp_call_function_single(cpu, kicked, v, false);
	}
	return 0;
}

/* ---- waiting */

static ktime_t until(u64 deadline)
{
	u64 now = get_cycles64(), hour = 3600ULL * riscv_timebase;

	if (deadline <= now)
		return 0;
	return mul_u64_u64_div_u64(min(deadline - now, hour), NSEC_PER_SEC,
				   riscv_timebase);
}

int dv_idle(struct dv_vm *vm, u64 deadline)
{
	struct dv_vcpu *v = dv_own(vm);
	bool kick;
	int ret;

	if (!v)
		return -EINVAL;
	set_bit(DV_F_IDLE, &v->flags);
	scoped_guard(irq)
		kick = away(v) || (this_cpu_read(dv_resident) == v &&
				   csr_read_clear(CSR_HDVCTL, HDVCTL_KICK) & HDVCTL_KICK);
	ret = kick || deadline <= get_cycles64() ? 0 :
		wait_event_interruptible_hrtimeout(v->wait,
						   test_bit(DV_F_KICKED, &v->flags) ||
						   READ_ONCE(vm->gone),
						   until(deadline));
	clear_bit(DV_F_IDLE, &v->flags);
	smp_mb__after_atomic(); /* a kick that sees DV_F_IDLE is cleared here */
	clear_bit(DV_F_KICKED, &v->flags);
	smp_mb__after_atomic(); /* before its caller looks at what a kick is for */
	if (READ_ONCE(vm->gone))
		return -ENODEV;
	return ret == -ETIME || ret == -ERESTARTSYS ? 0 : ret; /* early or not */
}
