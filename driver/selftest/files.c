// SPDX-License-Identifier: GPL-2.0
/*
 * Guest interrupt files (docs/dv-ext.md, section 3.4), on boards that have some:
 * attacks first, then what they are for.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "test.h"

#define IDENTITY	33
#define KERNEL_FILE	0x28000000ULL	/* hart 0's own */

static struct vm vm;
static struct vcpu v;

/* Gives the calling vCPU a file that delivers, on the hart where it stays. */
static struct dv_file claim(struct vm *of)
{
	struct dv_file f;

	on_cpu(sched_getcpu());
	check(!ioctl(of->fd, DV_CLAIM_FILE, &f));
	file_select(&f);
	file_put(EIDELIVERY, 1);
	file_put(EIE0, BIT(IDENTITY));
	return f;
}

static void start(void)
{
	vm_make(&vm);
	vm_register(&vm, 0);
}

/* A guest stores to a page; what comes back is up to the hart. */
static u64 store_to(u64 page)
{
	vm_stage2(&vm, GPA + 0x8000, page, 0xd7);
	asm volatile(".insn r 0x73, 0, 0x71, x0, x0, x0" : : : "memory");
	vm_program(&vm, msi);
	csr_write(UEPC, GPA);
	v.x[10] = IDENTITY;
	v.x[11] = GPA + 0x8000;
	return vm_run(&v);
}

/* ---- a process that has a file and looks whether anyone has touched it */

struct victim {
	volatile u64 page, number;
	volatile int look, harmed, looked;
};

static struct victim *victim;

static void live(void)
{
	struct dv_file f;

	start();
	f = claim(&vm);
	victim->number = f.number;
	victim->page = f.hpa;
	while (!victim->look)
		usleep(1000);
	victim->harmed = file_get(EIP0) != 0 || file_get(EIE0) != BIT(IDENTITY);
	victim->looked = 1;
	pause();
}

static pid_t start_victim(void)
{
	pid_t pid;

	victim = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	pid = fork();
	if (!pid) {
		live();
		_exit(0);
	}
	while (!victim->page) {
		check(!waitpid(pid, NULL, WNOHANG));
		usleep(1000);
	}
	return pid;
}

/* An attack by a process of its own has to end in SIGILL and change nothing. */
static void on_victim(void (*attack)(void))
{
	pid_t pid = start_victim();

	check(status_of(attack) == SIGILL);
	victim->look = 1;
	while (!victim->looked) {
		check(!waitpid(pid, NULL, WNOHANG));
		usleep(1000);
	}
	check(!victim->harmed);
}

static void stores_to_it(void)
{
	start();
	store_to(victim->page);
}

static void G2_store_to_the_file_of_another(void)
{
	on_victim(stores_to_it);
}

static void stores_to_it_with_a_file(void)
{
	struct dv_file own;

	start();
	own = claim(&vm);
	check(own.hpa != victim->page);
	store_to(victim->page);
}

static void G2_store_with_a_file_of_its_own(void)
{
	on_victim(stores_to_it_with_a_file);
}

static void husv_to_it(void)
{
	start();
	vm_stage2(&vm, GPA + 0x8000, victim->page, 0xd7);
	asm volatile(".insn r 0x73, 4, 0x75, x0, %0, %1" /* husv.w */
		     : : "r" (GPA + 0x8000), "r" ((u64)IDENTITY) : "memory");
}

static void G2_husv_to_the_file_of_another(void)
{
	on_victim(husv_to_it);
}

static void stores_to_the_kernels(void)
{
	start();
	claim(&vm);
	store_to(KERNEL_FILE);
}

static void G2_store_to_the_file_of_the_kernel(void)
{
	check(status_of(stores_to_the_kernels) == SIGILL);
}

static void tables_in_a_file(void)
{
	struct dv_file f;

	start();
	f = claim(&vm);
	vm_program(&vm, call);
	csr_write(0x880, 8ULL << 60 | (f.hpa & ~0x3fffULL) >> 12);
	asm volatile(".insn r 0x73, 0, 0x71, x0, x0, x0" : : : "memory");
	vm_run(&v);
}

static void G2_tables_in_a_file(void)
{
	check(status_of(tables_in_a_file) == SIGILL);
}

static void maps_its_file(void)
{
	struct dv_file f;
	volatile uint32_t *at;

	start();
	f = claim(&vm);
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, vm.fd, (off_t)f.hpa);
	if (at != MAP_FAILED)
		*at = IDENTITY;
}

static void G2_mmap_of_a_file(void)
{
	check(status_of(maps_its_file) == SIGBUS);
}

static void stores_after_it_gave_back(void)
{
	struct dv_file f;

	start();
	f = claim(&vm);
	if (store_to(f.hpa) != 10 || file_get(EIP0) != BIT(IDENTITY))
		_exit(1);
	if (ioctl(vm.fd, DV_RETURN_FILE, 0) || csr_read(HUSTATUS) & VGEIN)
		_exit(2);
	store_to(f.hpa);
}

static void D3_file_after_it_was_given_back(void)
{
	check(status_of(stores_after_it_gave_back) == SIGILL);
}

static void D3_file_after_the_end_of_its_process(void)
{
	pid_t pid = start_victim();

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	counters_settle();
	check(status_of(stores_to_it) == SIGILL);
}

static void G2_forged_vgein(void)
{
	struct dv_file f;
	u64 n;

	start();
	for (n = 0; n < 64; n++) {
		csr_write(HUSTATUS, n << 12);
		check(!(csr_read(HUSTATUS) & VGEIN));
	}
	start_victim();			/* most probably on this hart */
	f = claim(&vm);
	for (n = 0; n < 64; n++) {
		csr_write(HUSTATUS, n << 12);
		check((csr_read(HUSTATUS) & VGEIN) == (n == f.number ? n << 12 : 0));
	}
}

/* ---- exhaustion */

static volatile int given, refused, answered, leave;

static void *takes_one(void *index)
{
	struct dv_file f;

	check(!ioctl(vm.fd, DV_REGISTER, (unsigned long)index));
	if (!ioctl(vm.fd, DV_CLAIM_FILE, &f))
		__sync_fetch_and_add(&given, 1);
	else
		__sync_fetch_and_add(&refused, errno == ENOSPC);
	__sync_fetch_and_add(&answered, 1);
	while (!leave)
		usleep(1000);
	return NULL;
}

static void D6_exhaust_files(void)
{
	unsigned long i;

	vm_make(&vm);
	for (i = 1; i < 64; i++)
		spawn(takes_one, (void *)i);
	while (answered < 63)
		usleep(1000);
	check(given && given + refused == 63);
	leave = 1;
	while (counter("vcpus") > 1)	/* the bystander's */
		usleep(1000);
	vm_register(&vm, 0);
	claim(&vm);
}

static void *has_nothing(void *arg)
{
	struct dv_file f;

	(void)arg;
	check(ioctl(vm.fd, DV_CLAIM_FILE, &f) && errno == EINVAL);
	check(!ioctl(vm.fd, DV_RETURN_FILE, 0));
	given = 1;
	return NULL;
}

static void refusals(void)
{
	struct dv_file f;

	start();
	check(!ioctl(vm.fd, DV_RETURN_FILE, 0));
	check(ioctl(vm.fd, DV_CLAIM_FILE, (void *)8) && errno == EFAULT);
	ioctl(vm.fd, DV_RETURN_FILE, 0);
	f = claim(&vm);
	check(ioctl(vm.fd, DV_CLAIM_FILE, &f) && errno == EBUSY);
	spawn(has_nothing, NULL);
	while (!given)
		usleep(1000);
	check(!ioctl(vm.fd, DV_MESSAGE, 0));		/* lost, all of them */
	check(!ioctl(vm.fd, DV_MESSAGE, 0x7fff));
	check(!ioctl(vm.fd, DV_MESSAGE, 1 << 16 | IDENTITY));
	check(!ioctl(vm.fd, DV_MESSAGE, ~0UL << 16 | IDENTITY));
	check(!file_get(EIP0));
	check(!ioctl(vm.fd, DV_RETURN_FILE, 0) && !ioctl(vm.fd, DV_RETURN_FILE, 0));
	check(!ioctl(vm.fd, DV_MESSAGE, IDENTITY));
	claim(&vm);
	check(!file_get(EIP0));
}

static void a_file_is_empty_for_the_next(void)
{
	struct dv_file f;
	int round;
	u64 s;

	for (round = 0; round < 3; round++) {
		start();
		on_cpu(sched_getcpu());
		check(!ioctl(vm.fd, DV_CLAIM_FILE, &f));
		check(!(csr_read(HUVSISELECT) & 0xff));
		file_select(&f);
		for (s = EIDELIVERY; s < 0x100; s += 2)
			check(!file_get(s));
		for (s = 0xfe; s > EIDELIVERY; s -= 2)
			file_put(s, ~0ULL);
		file_put(EIDELIVERY, 1);
		check(!ioctl(vm.fd, DV_UNREGISTER, 0));
		munmap(vm.memory, DV_GRANULE);
		munmap(vm.table, DV_GRANULE);
		close(vm.fd);
	}
}

/* ---- what they are for */

static void *sends(void *identity)
{
	usleep(20000);
	check(!ioctl(vm.fd, DV_MESSAGE, identity));
	return NULL;
}

static void message_to_a_running_guest(void)
{
	struct dv_file f;

	start();
	f = claim(&vm);
	(void)f;
	vm_program(&vm, take);
	spawn(sends, (void *)IDENTITY);
	exits(&v, 10);			/* nothing but host events before */
	check(v.x[10] == IDENTITY);
	check(!file_get(EIP0));
}

static void message_wakes_a_sleeper(void)
{
	u64 began = now(), second = 10000000;

	start();
	claim(&vm);
	spawn(sends, (void *)IDENTITY);
	while (!file_get(EIP0)) {
		check(!ioctl(vm.fd, DV_IDLE, now() + 20 * second));
		check(now() - began < 10 * second);
	}
	check(csr_read(0x844) & 0x400);	/* huip.VSEIP */
	check(!ioctl(vm.fd, DV_IDLE, now() + 20 * second));	/* still there */
	check(now() - began < 10 * second);
}

static volatile u64 page;
static volatile int awake;

static void *sleeps(void *arg)
{
	u64 began = now(), second = 10000000;

	(void)arg;
	vm_register(&vm, 1);
	page = claim(&vm).hpa;
	while (!file_get(EIP0)) {
		check(!ioctl(vm.fd, DV_IDLE, now() + 20 * second));
		check(now() - began < 10 * second);
	}
	awake = 1;
	pause();
	return NULL;
}

static void store_of_a_guest_wakes_a_sleeper(void)
{
	start();
	spawn(sleeps, NULL);
	while (!page)
		usleep(1000);
	usleep(20000);
	check(store_to(page) == 10);
	while (!awake)
		usleep(1000);
}

/* On another hart the vCPU is without its file, and its first entry ends at once. */
static void away_from_its_file(void)
{
	struct dv_file f;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	start();
	on_cpu(0);
	f = claim(&vm);
	vm_program(&vm, call);
	on_cpu(1);
	check(!(csr_read(HUSTATUS) & VGEIN));
	csr_write(HUSTATUS, 0x180 | (u64)f.number << 12);
	check(!(csr_read(HUSTATUS) & VGEIN));
	v.x[10] = 0;
	v.x[11] = 1;
	dv_enter(&v);
	check(csr_read(UCAUSE) == HOST_EVENT && !v.x[10]);
	check(!ioctl(vm.fd, DV_IDLE, ~0ULL));	/* does not sleep there */
	check(!ioctl(vm.fd, DV_MESSAGE, IDENTITY));
	on_cpu(0);
	file_select(&f);
	check(file_get(EIP0) == BIT(IDENTITY) && file_get(EIE0) == BIT(IDENTITY));
	exits(&v, 10);
	check(v.x[10] == 1);
	on_cpu(1);			/* and it ends there */
}

const struct test files_tests[] = {
	{ "G2_store_to_the_file_of_another", G2_store_to_the_file_of_another, PASSES },
	{ "G2_store_with_a_file_of_its_own", G2_store_with_a_file_of_its_own, PASSES },
	{ "G2_husv_to_the_file_of_another", G2_husv_to_the_file_of_another, PASSES },
	{ "G2_store_to_the_file_of_the_kernel", G2_store_to_the_file_of_the_kernel, PASSES },
	{ "G2_tables_in_a_file", G2_tables_in_a_file, PASSES },
	{ "G2_mmap_of_a_file", G2_mmap_of_a_file, PASSES },
	{ "G2_forged_vgein", G2_forged_vgein, PASSES },
	{ "D3_file_after_it_was_given_back", D3_file_after_it_was_given_back, PASSES },
	{ "D3_file_after_the_end_of_its_process", D3_file_after_the_end_of_its_process, PASSES },
	{ "D6_exhaust_files", D6_exhaust_files, PASSES },
	{ "refusals", refusals, PASSES },
	{ "a_file_is_empty_for_the_next", a_file_is_empty_for_the_next, PASSES },
	{ "message_to_a_running_guest", message_to_a_running_guest, PASSES },
	{ "message_wakes_a_sleeper", message_wakes_a_sleeper, PASSES },
	{ "store_of_a_guest_wakes_a_sleeper", store_of_a_guest_wakes_a_sleeper, PASSES },
	{ "away_from_its_file", away_from_its_file, PASSES },
	{ NULL }
};

/* ---- as root */

static int write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), error;

	check(fd >= 0);
	error = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return error;
}

#define ONLINE "/sys/devices/system/cpu/cpu1/online"

static void a_hart_whose_files_are_in_use_stays(void)
{
	struct dv_file f;
	int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	start();
	on_cpu(1);
	f = claim(&vm);
	vm_program(&vm, take);
	for (i = 0; i < 5; i++) {
		check(write_to(ONLINE, "0") == EBUSY);
		on_cpu(1);		/* the attempt has moved it */
		file_select(&f);
		spawn(sends, (void *)IDENTITY);
		exits(&v, 10);
		check(v.x[10] == IDENTITY);
		csr_write(UEPC, GPA);
	}
	check(!ioctl(vm.fd, DV_RETURN_FILE, 0));
	check(!write_to(ONLINE, "0"));
	check(!write_to(ONLINE, "1"));
	on_cpu(1);
	f = claim(&vm);
	spawn(sends, (void *)IDENTITY);
	exits(&v, 10);
}

/* KVM and we share files by turns. */
static void kvm_comes_and_goes(void)
{
	static const char insmod[] =
		"insmod /lib/modules/$(uname -r)/kernel/arch/riscv/kvm/kvm.ko 2>/dev/null";
	struct dv_file f;

	start();
	claim(&vm);
	check(system(insmod));		/* the interrupt of files is ours */
	spawn(sends, (void *)IDENTITY);
	while (!file_get(EIP0))
		ioctl(vm.fd, DV_IDLE, now() + 1000000);
	check(!ioctl(vm.fd, DV_RETURN_FILE, 0));
	check(!system(insmod));
	check(ioctl(vm.fd, DV_CLAIM_FILE, &f) && errno == EBUSY);
	check(!system("rmmod kvm"));
	claim(&vm);
}

const struct test root_files_tests[] = {
	{ "a_hart_whose_files_are_in_use_stays", a_hart_whose_files_are_in_use_stays, PASSES },
	{ "kvm_comes_and_goes", kvm_comes_and_goes, PASSES },
	{ NULL }
};
