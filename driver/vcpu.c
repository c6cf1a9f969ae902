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
#include <linux/sched/mm.h>
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

static struct workqueue_struct *dv_reaper;

/* ---- the hart of the calling thread, interrupts off */

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
	dv_hart_swap(&v->context);
	dv_hart_setup(&vm->delegate, vm->window);
	dv_hart_enable(vm->vmid, v->index, virt_to_pfn(vm->mm->pgd));
	/*
	 * Translations of the VM may be on this hart that were fenced while
	 * the vCPU was elsewhere, or that another vCPU has put here.
	 */
	if (test_and_clear_bit(DV_F_STALE, &v->flags) || v->last_cpu != cpu ||
	    vm->last[cpu] != v)
		dv_hart_fence_all();
	v->last_cpu = cpu;
	vm->last[cpu] = v;
	if (!test_bit(DV_F_IDLE, &v->flags) &&
	    test_and_clear_bit(DV_F_KICKED, &v->flags))
		dv_hart_kick(task_pt_regs(current)->epc);
	atomic64_inc(&dv_count[DV_SWITCHES]);
}

static void unload(struct dv_vcpu *v)
{
	if (this_cpu_read(dv_resident) != v)
		return;
	if (dv_hart_disable())
		set_bit(DV_F_KICKED, &v->flags);
	dv_hart_swap(&v->context);
	this_cpu_write(dv_resident, NULL);
	WRITE_ONCE(v->cpu, -1);
}

static void sched_in(struct preempt_notifier *notifier, int cpu)
{
	unsigned long flags;

	local_irq_save(flags);
	load(container_of(notifier, struct dv_vcpu, notifier));
	local_irq_restore(flags);
}

/* Under the lock of the run queue, interrupts off. */
static void sched_out(struct preempt_notifier *notifier,
		      struct task_struct *next)
{
	struct dv_vcpu *v = container_of(notifier, struct dv_vcpu, notifier);

	unload(v);
	if (READ_ONCE(current->__state) == TASK_DEAD)
		irq_work_queue(&v->died);
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

	xa_erase(&dv_threads, (unsigned long)v->task);
	mutex_lock(&vm->lock);
	RCU_INIT_POINTER(vm->vcpu[v->index], NULL);
	for_each_possible_cpu(cpu)
		cmpxchg(&vm->last[cpu], v, NULL);
	mutex_unlock(&vm->lock);
	put_task_struct(v->task);
	kfree_rcu(v, rcu);
	dv_vm_put(vm);
	atomic64_dec(&dv_count[DV_VCPUS]);
}

static void reap(struct work_struct *work)
{
	struct dv_vcpu *v = container_of(work, struct dv_vcpu, reap);

	irq_work_sync(&v->died);
	detach(v);
}

static void died(struct irq_work *work)
{
	struct dv_vcpu *v = container_of(work, struct dv_vcpu, died);

	queue_work(dv_reaper, &v->reap);
}

/* The vCPU that the calling thread is, of whatever VM. */
static struct dv_vcpu *own(void)
{
	return xa_load(&dv_threads, (unsigned long)current);
}

static void unregister(struct dv_vcpu *v)
{
	preempt_disable();
	preempt_notifier_unregister(&v->notifier);
	local_irq_disable();
	unload(v);
	local_irq_enable();
	preempt_enable();
	detach(v);
}

static int attach(struct dv_vcpu *v, unsigned long index)
{
	struct dv_vm *vm = v->vm;
	int ret;

	mutex_lock(&vm->lock);
	if (vm->gone)
		ret = -ENODEV;
	else if (rcu_access_pointer(vm->vcpu[index]))
		ret = -EBUSY;
	else
		ret = xa_insert(&dv_threads, (unsigned long)current, v,
				GFP_KERNEL);
	if (!ret)
		rcu_assign_pointer(vm->vcpu[index], v);
	mutex_unlock(&vm->lock);
	return ret;
}

int dv_register(struct dv_vm *vm, unsigned long index)
{
	struct dv_vcpu *v = own();
	int ret;

	if (index >= DV_MAX_VCPUS)
		return -EINVAL;
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
	v->context.vstimecmp = ~0ULL;
	init_waitqueue_head(&v->wait);
	init_irq_work(&v->died, died);
	INIT_WORK(&v->reap, reap);
	preempt_notifier_init(&v->notifier, &dv_preempt_ops);
	ret = attach(v, index);
	if (ret) {
		kfree(v);
		return ret;
	}
	kref_get(&vm->ref);
	get_task_struct(current);
	atomic64_inc(&dv_count[DV_VCPUS]);
	preempt_disable();
	preempt_notifier_register(&v->notifier);
	sched_in(&v->notifier, smp_processor_id());
	preempt_enable();
	return 0;
}

int dv_unregister(struct dv_vm *vm)
{
	struct dv_vcpu *v = own();

	if (!v || v->vm != vm)
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
		rcu_read_lock();
		v = rcu_dereference(r->vm->vcpu[i]);
		if (v && (r->vcpus & BIT(i))) {
			set_bit(DV_F_STALE, &v->flags);
			smp_mb(); /* with that of load() */
			cpu = READ_ONCE(v->cpu);
			if (cpu >= 0)
				smp_call_function_single(cpu, obey, r, true);
		}
		rcu_read_unlock();
	}
}

/* Called with the lock held, after a change of windows or delegation. */
void dv_reload(struct dv_vm *vm)
{
	struct reach r = { .vm = vm, .vcpus = ~0ULL };

	reach(&r);
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
		dv_hart_kick(task_pt_regs(current)->epc);
}

int dv_kick(struct dv_vm *vm, unsigned long index)
{
	struct dv_vcpu *v;
	int cpu;

	if (index >= DV_MAX_VCPUS)
		return 0;
	rcu_read_lock();
	v = rcu_dereference(vm->vcpu[index]);
	if (v && !test_and_set_bit(DV_F_KICKED, &v->flags)) {
		smp_mb(); /* with that of load() */
		cpu = READ_ONCE(v->cpu);
		wake_up(&v->wait);
		if (cpu >= 0)
			smp_call_function_single(cpu, kicked, v, false);
	}
	rcu_read_unlock();
	atomic64_inc(&dv_count[DV_KICKS]);
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
	struct dv_vcpu *v = own();
	bool kick;
	int ret;

	if (!v || v->vm != vm)
		return -EINVAL;
	set_bit(DV_F_IDLE, &v->flags);
	local_irq_disable();
	kick = this_cpu_read(dv_resident) == v && dv_hart_take_kick();
	local_irq_enable();
	ret = kick ? 0 :
		wait_event_interruptible_hrtimeout(v->wait,
						   test_bit(DV_F_KICKED, &v->flags) ||
						   READ_ONCE(vm->gone),
						   until(deadline));
	clear_bit(DV_F_IDLE, &v->flags);
	smp_mb__after_atomic(); /* a kick that sees DV_F_IDLE is cleared here */
	clear_bit(DV_F_KICKED, &v->flags);
	if (READ_ONCE(vm->gone))
		return -ENODEV;
	return ret == -ETIME ? 0 : ret == -ERESTARTSYS ? -EINTR : ret;
}

int dv_vcpu_init(void)
{
	dv_reaper = alloc_workqueue("duvisor", 0, 0);
	return dv_reaper ? 0 : -ENOMEM;
}

void dv_vcpu_exit(void)
{
	destroy_workqueue(dv_reaper);
}
