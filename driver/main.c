// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/duvisor: the control plane of delegated virtualization. A VM is an open
 * file. What the requests mean: the documentation of DvDriver and HuHart in
 * platform/; what protects VMs and the kernel: docs/dv-ext.md.
 */
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/sched/mm.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/cacheflush.h>
#include <asm/cpufeature.h>
#include <asm/delay.h>

#include "duvisor.h"

atomic64_t dv_count[DV_COUNTERS];

static DEFINE_IDA(dv_vmids);

/* ---- the life of a VM */

void dv_vm_free(struct kref *ref)
{
	struct dv_vm *vm = container_of(ref, struct dv_vm, ref);

	/* No translation is left to fence: see load() for a new VM's first. */
	dv_hart_clear_posts(vm->vmid);
	ida_free(&dv_vmids, vm->vmid);
	mmdrop(vm->mm);
	free_uid(vm->user);
	kfree(vm);
	preempt_notifier_dec();
	atomic64_dec(&dv_count[DV_VMS]);
	module_put(THIS_MODULE);
}

/*
 * Takes everything from the VM at once. Its threads stay vCPUs until they end
 * or unregister: they leave the guest, and find no memory when they enter again.
 */
static void vm_end(struct dv_vm *vm)
{
	unsigned long i;

	scoped_guard(mutex, &vm->lock)
		WRITE_ONCE(vm->gone, true);
	for (i = 0; i < DV_MAX_VCPUS; i++)
		dv_kick(vm, i);
	dv_revoke(vm, 0, ~0ULL);
	dv_unregister(vm);
}

/* The process has ended, or executes another program: whoever has the file. */
static void mm_end(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	vm_end(container_of(notifier, struct dv_vm, notifier));
}

static const struct mmu_notifier_ops dv_notifier_ops = { .release = mm_end };

static int dv_open(struct inode *inode, struct file *file)
{
	struct dv_vm *vm;
	int ret;

	vm = kzalloc(struct_size(vm, last, nr_cpu_ids), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return -ENOMEM;
	kref_init(&vm->ref);
	mutex_init(&vm->lock);
	vm->mm = current->mm;
	vm->mapping = file->f_mapping;
	vm->notifier.ops = &dv_notifier_ops;
	ret = ida_alloc_range(&dv_vmids, 1, DV_MAX_VMID, GFP_KERNEL_ACCOUNT);
	if (ret < 0)
		goto no_vmid;
	vm->vmid = ret;
	ret = mmu_notifier_register(&vm->notifier, vm->mm);
	if (ret)
		goto no_notifier;
	/* The file goes before the last vCPU, and with it its reference. */
	__module_get(THIS_MODULE);
	mmgrab(vm->mm);
	vm->user = get_uid(current_user());
	preempt_notifier_inc();
	atomic64_inc(&dv_count[DV_VMS]);
	file->private_data = vm;
	return nonseekable_open(inode, file);

no_notifier:
	ida_free(&dv_vmids, vm->vmid);
no_vmid:
	kfree(vm);
	return ret;
}

static int dv_release(struct inode *inode, struct file *file)
{
	struct dv_vm *vm = file->private_data;

	mmu_notifier_unregister(&vm->notifier, vm->mm);
	vm_end(vm);
	kref_put(&vm->ref, dv_vm_free);
	return 0;
}

/* ---- requests */

static int delegate(struct dv_vm *vm, const struct dv_delegate *d)
{
	guard(mutex)(&vm->lock);
	if (vm->gone)
		return -ENODEV;
	if (d->sedeleg & ~DV_SEDELEG || d->sideleg & ~DV_SIDELEG ||
	    d->hedeleg & ~DV_HEDELEG || d->hideleg & ~DV_HIDELEG)
		return -EPERM;
	vm->delegate = *d;
	dv_reload(vm);
	return 0;
}

/* What the argument of a request points at. */
union argument {
	struct dv_capabilities capabilities;
	struct dv_grant grant;
	struct dv_revoke revoke;
	struct dv_delegate delegate;
	struct dv_fence fence;
	struct dv_file file;
};

static long obey(struct dv_vm *vm, unsigned int request, unsigned long value,
		 union argument *a)
{
	switch (request) {
	case DV_CAPABILITIES:
		a->capabilities = (struct dv_capabilities) {
			.version = DV_VERSION,
			.windows = DV_WINDOWS,
			.grant_granule = DV_GRANULE,
			.timebase_hertz = riscv_timebase,
			.stage2_modes = DV_STAGE2_MODES,
			.cache_block_bytes = riscv_cboz_block_size,
			.interrupt_identities = dv_identities(),
		};
		return 0;
	case DV_GRANT:
		return dv_grant(vm, &a->grant);
	case DV_REVOKE:
		return dv_revoke(vm, a->revoke.hpa, a->revoke.hpa);
	case DV_DELEGATE:
		return delegate(vm, &a->delegate);
	case DV_REGISTER:
		return dv_register(vm, value);
	case DV_UNREGISTER:
		return dv_unregister(vm);
	case DV_KICK:
		return dv_kick(vm, value);
	case DV_FENCE:
		return dv_fence(vm, &a->fence);
	case DV_IDLE:
		return dv_idle(vm, value);
	case DV_END:
		vm_end(vm);
		return 0;
	case DV_CLAIM_FILE:
		return dv_claim_file(vm, &a->file);
	case DV_RETURN_FILE:
		return dv_return_file(dv_own(vm));
	case DV_MESSAGE:
		return dv_message(vm, value >> 16, value & 0xffff);
	default:
		return -ENOTTY;
	}
}

static long dv_ioctl(struct file *file, unsigned int request, unsigned long arg)
{
	struct dv_vm *vm = file->private_data;
	void __user *user = (void __user *)arg;
	size_t bytes = _IOC_SIZE(request);
	union argument a = {};
	long ret;

	if (bytes > sizeof(a))
		return -ENOTTY;
	if (_IOC_DIR(request) & _IOC_WRITE && copy_from_user(&a, user, bytes))
		return -EFAULT;
	ret = obey(vm, request, arg, &a);
	if (ret || !(_IOC_DIR(request) & _IOC_READ) ||
	    !copy_to_user(user, &a, bytes))
		return ret;
	if (request == DV_GRANT)
		dv_revoke(vm, a.grant.hpa, a.grant.hpa);
	return -EFAULT;
}

/* Pages come by faults, while they are granted. Children do not inherit them. */
static int dv_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTCOPY | VM_DONTEXPAND |
			  VM_DONTDUMP);
	vma->vm_ops = &dv_vm_ops;
	return 0;
}

static const struct file_operations dv_fops = {
	.owner = THIS_MODULE,
	.open = dv_open,
	.release = dv_release,
	.unlocked_ioctl = dv_ioctl,
	.mmap = dv_mmap,
};

/* ---- statistics: /sys/class/misc/duvisor/stats */

static struct device_attribute dv_stats[DV_COUNTERS];

static ssize_t show_count(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%lld\n", atomic64_read(&dv_count[attr - dv_stats]));
}

static struct device_attribute dv_stats[DV_COUNTERS] = {
	[DV_VMS] = __ATTR(vms, 0400, show_count, NULL),
	[DV_VCPUS] = __ATTR(vcpus, 0400, show_count, NULL),
	[DV_GRANTS] = __ATTR(grants, 0400, show_count, NULL),
	[DV_GRANTED_BYTES] = __ATTR(granted_bytes, 0400, show_count, NULL),
	[DV_SWITCHES] = __ATTR(switches, 0400, show_count, NULL),
	[DV_KICKS] = __ATTR(kicks, 0400, show_count, NULL),
	[DV_FENCES] = __ATTR(fences, 0400, show_count, NULL),
};

/* Filled by dv_init(). */
static struct attribute *dv_attributes[DV_COUNTERS + 1];

static const struct attribute_group dv_stats_group = {
	.name = "stats",
	.attrs = dv_attributes,
};

static const struct attribute_group *dv_groups[] = { &dv_stats_group, NULL };

static struct miscdevice dv_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "duvisor",
	.fops = &dv_fops,
	.groups = dv_groups,
	.mode = 0660,
};

/* ---- module */

/* Whether every hart has DV-ext, which Linux has no name for. */
static bool supported(void)
{
	struct device_node *cpu;
	int without = 0;

	for_each_of_cpu_node(cpu)
		without += of_property_match_string(cpu, "riscv,isa-extensions",
						    "xdv") < 0;
	return !without && riscv_isa_extension_available(NULL, h) &&
	       riscv_isa_extension_available(NULL, SSTC);
}

static int __init dv_init(void)
{
	int i, ret;

	if (!supported()) {
		pr_info("duvisor: these harts have no DV-ext\n");
		return -ENODEV;
	}
	for (i = 0; i < DV_COUNTERS; i++) {
		sysfs_attr_init(&dv_stats[i].attr);
		dv_attributes[i] = &dv_stats[i].attr;
	}
	dv_reaper = alloc_workqueue("duvisor", 0, 0);
	if (!dv_reaper)
		return -ENOMEM;
	ret = misc_register(&dv_device);
	if (ret)
		destroy_workqueue(dv_reaper);
	return ret;
}

static void __exit dv_exit(void)
{
	misc_deregister(&dv_device);
	destroy_workqueue(dv_reaper);
}

module_init(dv_init);
module_exit(dv_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Control plane of delegated virtualization");
