// SPDX-License-Identifier: GPL-2.0
/* KVM in the same kernel, on the same harts, at the same time. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/wait.h>

#include "test.h"

#define KVM_MEMORY	0x10000
#define CORE(i)		(KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | (i))

extern const char g_device[], g_device_end[];

static int kvm_vcpu;
static struct kvm_run *kvm_run;

static void set_core(unsigned int i, u64 value)
{
	struct kvm_one_reg reg = { CORE(i), (u64)&value };

	check(!ioctl(kvm_vcpu, KVM_SET_ONE_REG, &reg));
}

/* A guest of KVM that stores 1, 2, 3 ... to a device. */
static void kvm_start(void)
{
	struct kvm_userspace_memory_region r = {
		.guest_phys_addr = GPA, .memory_size = KVM_MEMORY,
	};
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, size;
	void *memory = mmap(NULL, KVM_MEMORY, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(kvm >= 0 && memory != MAP_FAILED);
	memcpy(memory, g_device, (size_t)(g_device_end - g_device));
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	check(vm >= 0);
	r.userspace_addr = (u64)memory;
	check(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r));
	kvm_vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	check(kvm_vcpu >= 0);
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	kvm_run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, kvm_vcpu, 0);
	check(kvm_run != MAP_FAILED);
	set_core(0, GPA);		/* pc */
	set_core(10, 0);		/* a0 */
	set_core(11, 0x10000000);	/* a1 */
}

static void kvm_goes_on(u64 rounds)
{
	u64 i;

	for (i = 1; i <= rounds; i++) {
		check(!ioctl(kvm_vcpu, KVM_RUN, 0));
		check(kvm_run->exit_reason == KVM_EXIT_MMIO && kvm_run->mmio.is_write);
		check(*(u64 *)kvm_run->mmio.data == i);
	}
}

static void kvm_alone(void)
{
	kvm_start();
	kvm_goes_on(200);
}

static void kvm_beside_duvisor(void)
{
	static struct vm vm;
	static struct vcpu v;
	pid_t pid = fork();
	int status = 0;
	u64 n = 0;

	if (!pid) {
		kvm_start();
		kvm_goes_on(2000);
		_exit(0);
	}
	vm_make(&vm);
	vm_register(&vm, 0);
	while (!waitpid(pid, &status, WNOHANG)) {
		vm_program(&vm, count);
		csr_write(UEPC, GPA);
		memset(&v, 0, sizeof(v));
		v.x[10] = 20000;
		exits(&v, 10);
		check(v.x[1] == 20000 && v.x[27] == 20000);
		vm_program(&vm, tick);	/* both have timers */
		csr_write(UEPC, GPA);
		csr_write(0x404, 0);
		v.x[10] = now() + 3000;
		exits(&v, 10);
		check(v.x[10] == (INTERRUPT | 5));
		csr_write(0x44d, ~0ULL);
		csr_write(0x400, 1 << 13);
		n++;
	}
	check(WIFEXITED(status) && !WEXITSTATUS(status));
	check(n > 0);
}

/* One thread is both: whatever becomes of it, the kernel and other VMs go on. */
static void kvm_in_the_thread_of_a_vcpu(void)
{
	static struct vm vm;
	static struct vcpu v;
	int i;

	vm_make(&vm);
	vm_register(&vm, 0);
	vm_program(&vm, call);
	exits(&v, 10);
	kvm_start();
	for (i = 0; i < 20; i++) {
		ioctl(kvm_vcpu, KVM_RUN, 0);
		usleep(1000);
	}
	csr_write(UEPC, GPA);
	vm_reset(&vm);
	vm_run(&v);
}

/*
 * The adversary has both devices. A trap of its KVM guest in the thread of a vCPU
 * must not make KVM forget that it is a guest: KVM would leave for its pc in HS.
 */
static void kvm_guest_in_a_vcpu_stays_a_guest(void)
{
	static struct vm vm;
	int i;

	vm_make(&vm);
	vm_register(&vm, 0);
	kvm_start();
	for (i = 0; i < 20; i++) {
		check(ioctl(kvm_vcpu, KVM_RUN, 0));
		usleep(100);		/* with interrupts in between */
	}
	check(!ioctl(vm.fd, DV_UNREGISTER, 0));
	set_core(32, 1);		/* mode: supervisor */
	kvm_goes_on(20);
}

const struct test kvm_tests[] = {
	{ "kvm_alone", kvm_alone, PASSES },
	{ "kvm_beside_duvisor", kvm_beside_duvisor, PASSES },
	{ "kvm_in_the_thread_of_a_vcpu", kvm_in_the_thread_of_a_vcpu, EITHER },
	{ "kvm_guest_in_a_vcpu_stays_a_guest", kvm_guest_in_a_vcpu_stays_a_guest, PASSES },
	{ "kvm_after_it", kvm_alone, PASSES },
	{ NULL }
};
