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
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/cacheflush.h>
#include <asm/cpufeature.h>
#include <asm/delay.h>

#include "duvisor.h"

atomic64_t dv_count[DV_COUNTERS];

static DEFINE_IDA(dv_vmids);
static unsigned int dv_max_vmid, dv_stage2_modes;

/* ---- the life of a VM */

static void vm_free(struct kref *ref)
{
	struct dv_vm *vm = container_of(ref, struct dv_vm, ref);

	/* No translation is left to fence: see load() for a new VM's first. */
	dv_hart_clear_posts(vm->vmid);
	ida_free(&dv_vmids, vm->vmid);
	mmdrop(vm->mm);
	mutex_destroy(&vm->lock);
	kfree(vm);
	preempt_notifier_dec();
	atomic64_dec(&dv_count[DV_VMS]);
	module_put(THIS_MODULE);
}

void dv_vm_put(struct dv_vm *vm)
{
	kref_put(&vm->ref, vm_free);
}

static int dv_open(struct inode *inode, struct file *file)
{
	struct dv_vm *vm;
	int vmid;

	vm = kzalloc(struct_size(vm, last, nr_cpu_ids), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return -ENOMEM;
	vmid = ida_alloc_range(&dv_vmids, 1, dv_max_vmid, GFP_KERNEL);
	if (vmid < 0) {
		kfree(vm);
		return vmid;
	}
	/* The file goes before the last vCPU, and with it its reference. */
	__module_get(THIS_MODULE);
	kref_init(&vm->ref);
	mutex_init(&vm->lock);
	vm->vmid = vmid;
	vm->mm = current->mm;
	mmgrab(vm->mm);
	vm->mapping = file->f_mapping;
	preempt_notifier_inc();
	atomic64_inc(&dv_count[DV_VMS]);
	file->private_data = vm;
	return nonseekable_open(inode, file);
}

/*
 * Takes everything from the VM at once. Its threads stay vCPUs until they end
 * or unregister: they leave the guest, and find no memory when they enter again.
 */
static void vm_end(struct dv_vm *vm)
{
	unsigned long i;

	mutex_lock(&vm->lock);
	if (!vm->gone) {
		WRITE_ONCE(vm->gone, true);
		for (i = 0; i < DV_MAX_VCPUS; i++)
			dv_kick(vm, i);
		dv_revoke_all(vm);
	}
	mutex_unlock(&vm->lock);
	dv_unregister(vm);
}

static int dv_release(struct inode *inode, struct file *file)
{
	struct dv_vm *vm = file->private_data;

	vm_end(vm);
	dv_vm_put(vm);
	return 0;
}

/* ---- requests */

static int delegate(struct dv_vm *vm, const struct dv_delegate *d)
{
	int ret = -EPERM;

	mutex_lock(&vm->lock);
	if (vm->gone) {
		ret = -ENODEV;
	} else if (!(d->sedeleg & ~DV_SEDELEG) && !(d->sideleg & ~DV_SIDELEG) &&
		   !(d->hedeleg & ~DV_HEDELEG) && !(d->hideleg & ~DV_HIDELEG)) {
		vm->delegate = *d;
		dv_reload(vm);
		ret = 0;
	}
	mutex_unlock(&vm->lock);
	return ret;
}

static int capabilities(struct dv_capabilities __user *to)
{
	struct dv_capabilities c = {
		.version = DV_VERSION,
		.windows = DV_WINDOWS,
		.grant_granule = DV_GRANULE,
		.timebase_hertz = riscv_timebase,
		.stage2_modes = dv_stage2_modes,
		.cache_block_bytes = riscv_cboz_block_size,
	};

	return copy_to_user(to, &c, sizeof(c)) ? -EFAULT : 0;
}

static int grant(struct dv_vm *vm, struct dv_grant __user *to)
{
	struct dv_grant g;
	int ret;

	if (copy_from_user(&g, to, sizeof(g)))
		return -EFAULT;
	ret = dv_grant(vm, &g);
	if (!ret && copy_to_user(to, &g, sizeof(g))) {
		dv_revoke(vm, g.hpa);
		ret = -EFAULT;
	}
	return ret;
}

static long dv_ioctl(struct file *file, unsigned int request, unsigned long arg)
{
	struct dv_vm *vm = file->private_data;
	void __user *user = (void __user *)arg;
	union {
		struct dv_revoke revoke;
		struct dv_delegate delegate;
		struct dv_fence fence;
	} in;

	switch (request) {
	case DV_CAPABILITIES:
		return capabilities(user);
	case DV_GRANT:
		return grant(vm, user);
	case DV_REVOKE:
		if (copy_from_user(&in.revoke, user, sizeof(in.revoke)))
			return -EFAULT;
		return dv_revoke(vm, in.revoke.hpa);
	case DV_DELEGATE:
		if (copy_from_user(&in.delegate, user, sizeof(in.delegate)))
			return -EFAULT;
		return delegate(vm, &in.delegate);
	case DV_REGISTER:
		return dv_register(vm, arg);
	case DV_UNREGISTER:
		return dv_unregister(vm);
	case DV_KICK:
		return dv_kick(vm, arg);
	case DV_FENCE:
		if (copy_from_user(&in.fence, user, sizeof(in.fence)))
			return -EFAULT;
		return dv_fence(vm, &in.fence);
	case DV_IDLE:
		return dv_idle(vm, arg);
	case DV_END:
		vm_end(vm);
		return 0;
	default:
		return -ENOTTY;
	}
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
	[DV_VMS] = __ATTR(vms, 0444, show_count, NULL),
	[DV_VCPUS] = __ATTR(vcpus, 0444, show_count, NULL),
	[DV_GRANTS] = __ATTR(grants, 0444, show_count, NULL),
	[DV_GRANTED_BYTES] = __ATTR(granted_bytes, 0444, show_count, NULL),
	[DV_SWITCHES] = __ATTR(switches, 0444, show_count, NULL),
	[DV_KICKS] = __ATTR(kicks, 0444, show_count, NULL),
	[DV_FENCES] = __ATTR(fences, 0444, show_count, NULL),
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

	for_each_of_cpu_node(cpu) {
		if (of_property_match_string(cpu, "riscv,isa-extensions",
					     "xdv") < 0) {
			of_node_put(cpu);
			return false;
		}
	}
	return riscv_isa_extension_available(NULL, h) &&
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
	dv_hart_probe(&dv_max_vmid, &dv_stage2_modes);
	ret = dv_vcpu_init();
	if (ret)
		return ret;
	ret = misc_register(&dv_device);
	if (ret)
		dv_vcpu_exit();
	return ret;
}

static void __exit dv_exit(void)
{
	misc_deregister(&dv_device);
	dv_vcpu_exit();
}

module_init(dv_init);
module_exit(dv_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Control plane of delegated virtualization");
