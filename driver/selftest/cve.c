// SPDX-License-Identifier: GPL-2.0
/*
 * The errors of six vulnerabilities of in-kernel hypervisors, in this one: each
 * is reached by what a guest does, and ends at most the guest's own hypervisor.
 */
#include <sys/wait.h>

#include "test.h"

static struct vm vm;
static struct vcpu v;

static void start(void)
{
	vm_make(&vm);
	vm_register(&vm, 0);
}

static void lose_the_stack(void)
{
	asm volatile("li sp, 0\n sd ra, -8(sp)" : : : "memory");
}

/* CVE-2017-12188: a stack overrun in the handling of stage-2 faults. */
static void cve_2017_12188(void)
{
	int faults = 0;

	start();
	vm_program(&vm, load);
	for (;; faults++) {
		u64 gpa = GPA + 0x1000 + (u64)(faults % 400) * 4096;

		vm_stage2(&vm, gpa, 0, 0);
		asm volatile(".insn r 0x73, 0, 0x71, x0, x0, x0" : : : "memory");
		v.x[11] = gpa;
		exits(&v, 21);
		if (faults == 2000)
			lose_the_stack();
		vm_stage2(&vm, gpa, vm.ram.hpa + gpa - GPA, RWXU);
		exits(&v, 10);
	}
}

/* CVE-2018-16882: a use after free when an interrupt is posted. */
static void cve_2018_16882(void)
{
	u64 *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int posts = 0;

	start();
	vm_program(&vm, spin);
	for (;;) {
		csr_write(0x483, 1);
		exits(&v, INTERRUPT);
		csr_write(0x484, 1);
		page[0]++;
		if (++posts == 400)
			munmap(page, 4096);
	}
}

/* CVE-2016-8630: an undefined instruction in the emulation of one. */
static void cve_2016_8630(void)
{
	int i;

	start();
	csr_write(0x800, 0x180 | 1 << 21);
	vm_program(&vm, wfi);
	for (i = 0;; i++) {
		exits(&v, 22);
		csr_write(UEPC, csr_read(UEPC) + 4);
		if (i == 10000)
			asm volatile(".word 0");
	}
}

/* CVE-2020-8834: a corrupted stack in the dispatch of exits. */
static void cve_2020_8834(void)
{
	int i;

	start();
	vm_program(&vm, call);
	for (i = 0;; i++) {
		exits(&v, 10);
		if (i == 100000)
			lose_the_stack();
	}
}

static void never_ends(void)
{
	int i;

	start();
	vm_program(&vm, call);
	for (i = 0; i < 300; i++)
		exits(&v, 10);
	for (;;)			/* set_timer */
		;
}

/* CVE-2016-5412: an endless loop in a call of the guest; others go on beside it. */
static void cve_2016_5412(void)
{
	pid_t pid = fork();
	u64 before;
	int i;

	if (!pid) {
		never_ends();
		_exit(0);
	}
	usleep(100000);
	before = progress();
	for (i = 0; i < 1000 && progress() == before; i++)
		usleep(10000);
	check(progress() != before);
	check(waitpid(pid, NULL, WNOHANG) == 0);
	kill(pid, SIGKILL);
	check(waitpid(pid, NULL, 0) == pid);
}

/* CVE-2019-6974: a use after free in a device, when its guest prints a word. */
static void cve_2019_6974(void)
{
	static const char word[] = "DV-cve";
	u64 *device = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	start();
	vm_program(&vm, store);
	v.x[11] = 0x10000000;
	for (i = 0;; i++) {
		v.x[10] = (u64)word[i % 6];
		exits(&v, 23);
		csr_write(UEPC, csr_read(UEPC) + (csr_read(0x84a) & 2 ? 4 : 2));
		exits(&v, 10);
		device[0] = v.x[10];
		if (i == 5)
			munmap(device, 4096);
	}
}

const struct test cve_tests[] = {
	{ "cve_2017_12188", cve_2017_12188, DIES },
	{ "cve_2018_16882", cve_2018_16882, DIES },
	{ "cve_2016_8630", cve_2016_8630, DIES },
	{ "cve_2020_8834", cve_2020_8834, DIES },
	{ "cve_2016_5412", cve_2016_5412, PASSES },
	{ "cve_2019_6974", cve_2019_6974, DIES },
	{ NULL }
};
