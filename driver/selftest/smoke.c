// SPDX-License-Identifier: GPL-2.0
/* What a hypervisor that means well can count on. */
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>

#include "test.h"

static struct vm vm;
static struct vcpu v;

static void start(void)
{
	vm_make(&vm);
	vm_register(&vm, 0);
}

static void capabilities(void)
{
	struct dv_capabilities c;

	vm_open(&vm);
	check(!ioctl(vm.fd, DV_CAPABILITIES, &c));
	check(c.version == DV_VERSION && c.windows == 16);
	check(c.grant_granule == DV_GRANULE && c.timebase_hertz == 10000000);
	check((c.stage2_modes & 0x300) == 0x300 && c.cache_block_bytes == 64);
}

static void hypercall(void)
{
	int i;

	start();
	vm_program(&vm, call);
	v.x[11] = 3;
	for (i = 1; i <= 1000; i++) {
		exits(&v, 10);
		check(v.x[10] == 3ULL * (u64)i);
	}
	check(csr_read(0x482) == 0 && csr_read(0x880) >> 44 != 8ULL << 16);
}

static void mmio(void)
{
	start();
	vm_program(&vm, load);
	v.x[11] = 0x10000000;
	exits(&v, 21);
	check(csr_read(0x843) == 0x10000000 >> 2 && csr_read(UEPC) == GPA);
	check((csr_read(0x84a) & ~2ULL) == 0x3501);
	vm_program(&vm, store);
	exits(&v, 23);
	vm_program(&vm, jump);
	exits(&v, 20);
}

static void wfi(void)
{
	start();
	csr_write(0x800, 0x180 | 1 << 21);
	vm_program(&vm, wfi);
	exits(&v, 22);
}

static void stage2_fault_and_map(void)
{
	start();
	vm_program(&vm, load);
	memset(vm.memory + 0x5000, 0x5a, 4096);
	vm_stage2(&vm, GPA + 0x5000, 0, 0);
	v.x[11] = GPA + 0x5000;
	exits(&v, 21);
	vm_stage2(&vm, GPA + 0x5000, vm.ram.hpa + 0x5000, RWXU);
	exits(&v, 10);
	check(v.x[10] == 0x5a5a5a5a5a5a5a5aULL);
}

static void timer_of_the_hypervisor(void)
{
	u64 t;

	start();
	vm_program(&vm, spin);
	t = now() + 20000;
	csr_write(0x401, t);
	csr_write(0x402, 1);
	exits(&v, (INTERRUPT | 4));
	check(now() >= t);
}

static void timer_of_the_guest(void)
{
	u64 t;

	start();
	vm_program(&vm, tick);
	csr_write(0x805, 1000);				/* hutimedelta */
	t = now() + 1000 + 20000;
	v.x[10] = t;
	exits(&v, 10);
	check(v.x[10] == (INTERRUPT | 5) && v.x[11] >= t);
}

static void *spins(void *arg)
{
	struct vcpu *w = arg;
	u64 cause;

	vm_register(&vm, 1);
	w->x[9] = 1;
	do {
		cause = vm_run(w);
	} while (cause == 10);
	w->x[8] = cause;
	check(csr_read(0x483) & 2);
	csr_write(0x484, 2);
	check(!(csr_read(0x483) & 2));
	w->x[9] = 2;
	check(!ioctl(vm.fd, DV_UNREGISTER, 0));
	return NULL;
}

static void post(void)
{
	static struct vcpu w;
	pthread_t thread;

	start();
	vm_program(&vm, spin);
	check(!pthread_create(&thread, NULL, spins, &w));
	while (*(volatile u64 *)&w.x[9] != 1)
		sched_yield();
	csr_write(0x483, 2);				/* vipi0 */
	pthread_join(thread, NULL);
	check(w.x[8] == INTERRUPT);
}

static volatile int stage;

static void *kicks(void *arg)
{
	(void)arg;
	while (stage < 1)
		sched_yield();
	usleep(20000);
	check(!ioctl(vm.fd, DV_KICK, 0));
	return NULL;
}

static void kick(void)
{
	pthread_t thread;
	u64 t = now();
	int host_events = 0;

	start();
	vm_program(&vm, call);
	check(!ioctl(vm.fd, DV_KICK, 0) && !ioctl(vm.fd, DV_KICK, 63));
	dv_enter(&v);
	check(csr_read(UCAUSE) == HOST_EVENT && csr_read(UEPC) == GPA);
	exits(&v, 10);
	check(!ioctl(vm.fd, DV_KICK, 0));
	check(!ioctl(vm.fd, DV_IDLE, ~0UL));		/* ends at once */
	exits(&v, 10);

	check(!pthread_create(&thread, NULL, kicks, NULL));
	stage = 1;
	t = now();
	check(!ioctl(vm.fd, DV_IDLE, ~0UL));
	check(now() - t < 600 * 10000000ULL);
	pthread_join(thread, NULL);

	vm_program(&vm, spin);				/* while it runs */
	csr_write(UEPC, GPA);
	stage = 0;
	check(!pthread_create(&thread, NULL, kicks, NULL));
	stage = 1;
	csr_write(0x804, 0);
	while (host_events++ < 20)
		dv_enter(&v);
	check(csr_read(UCAUSE) == HOST_EVENT);
	pthread_join(thread, NULL);
}

static void idle(void)
{
	u64 t;

	start();
	t = now() + 100000;
	check(!ioctl(vm.fd, DV_IDLE, t));
	check(now() >= t);
	t = now();
	check(!ioctl(vm.fd, DV_IDLE, 0) && !ioctl(vm.fd, DV_IDLE, t));
}

/* The guest counts in many registers while the scheduler takes the hart away. */
static void preemption(void)
{
	pid_t hog = fork();
	u64 i, before = (u64)counter("switches");

	if (!hog)
		for (;;)
			asm volatile("addi t0, t0, 1\n addi s11, s11, 7" : : : "t0", "s11");
	start();
	vm_program(&vm, count);
	for (i = 0; i < 20; i++) {
		memset(&v, 0, sizeof(v));
		v.x[10] = 100000 + i;
		exits(&v, 10);
		check(v.x[1] == v.x[10] && v.x[2] == v.x[10] && v.x[3] == v.x[10]);
		check(v.x[4] == v.x[10] && v.x[27] == v.x[10] && v.x[31] == v.x[10]);
	}
	kill(hog, SIGKILL);
	waitpid(hog, NULL, 0);
	check((u64)counter("switches") > before);
}

static void *watches(void *arg)
{
	struct vcpu *w = arg;

	vm_register(&vm, 1);
	w->x[11] = GPA + 0x3000;
	w->x[9] = 1;
	exits(w, 10);
	check(w->x[10] == 2);
	return NULL;
}

static void remote_fence(void)
{
	static struct vcpu w;
	struct dv_fence f = { .vcpus = ~0ULL, .kind = DV_FENCE_GVMA };
	pthread_t thread;

	start();
	vm_program(&vm, watch);
	*(u64 *)(vm.memory + 0x3000) = 1;
	*(u64 *)(vm.memory + 0x4000) = 2;
	check(!pthread_create(&thread, NULL, watches, &w));
	while (*(volatile u64 *)&w.x[9] != 1)
		sched_yield();
	usleep(50000);
	vm_stage2(&vm, GPA + 0x3000, vm.ram.hpa + 0x4000, RWXU);
	check(!ioctl(vm.fd, DV_FENCE, &f));
	pthread_join(thread, NULL);
	for (f.kind = 0; f.kind < 4; f.kind++) {
		f.start = 0x1234;
		f.size = 0x3000;
		check(!ioctl(vm.fd, DV_FENCE, &f));
		f.size = ~0ULL;
		check(!ioctl(vm.fd, DV_FENCE, &f));
	}
	check(ioctl(vm.fd, DV_FENCE, &f) && errno == EINVAL);
}

static void grants_are_zero_and_counted(void)
{
	struct dv_grant g[16], more = { .bytes = DV_GRANULE };
	long before = counter("granted_bytes");
	u64 i, j, *at;

	vm_open(&vm);
	for (i = 0; i < 16; i++) {
		vm_grant(&vm, &g[i], DV_GRANULE, i & 1);
		check(!(g[i].hpa % DV_GRANULE));
		at = vm_map(&vm, &g[i]);
		for (j = 0; j < DV_GRANULE / 8; j += 8)
			check(!at[j]);
		memset(at, 0xa5, DV_GRANULE);
	}
	check(ioctl(vm.fd, DV_GRANT, &more) && errno == ENOSPC);
	check(counter("granted_bytes") >= before + 16 * (long)DV_GRANULE);
	for (i = 0; i < 16; i++)
		check(!ioctl(vm.fd, DV_REVOKE, &g[i].hpa));
	check(ioctl(vm.fd, DV_REVOKE, &g[0].hpa) && errno == EINVAL);
	vm_grant(&vm, &g[0], 8 * DV_GRANULE, DV_GUEST_MEMORY);
	at = vm_map(&vm, &g[0]);
	for (j = 0; j < 8 * DV_GRANULE / 8; j += 8)
		check(!at[j]);
}

static void refusals(void)
{
	struct dv_grant g = { .bytes = 4096 };
	struct dv_delegate d = { 0 };
	struct dv_capabilities c;
	struct dv_file f;
	u64 bit;

	vm_open(&vm);
	check(!ioctl(vm.fd, DV_CAPABILITIES, &c));
	if (!c.interrupt_identities)
		check(ioctl(vm.fd, DV_CLAIM_FILE, &f) && errno == EINVAL);
	check(ioctl(vm.fd, _IOR('D', 1, char[16000]), &c) && errno == ENOTTY);
	check(ioctl(vm.fd, DV_GRANT, &g) && errno == EINVAL);
	g.bytes = 0;
	check(ioctl(vm.fd, DV_GRANT, &g) && errno == EINVAL);
	g = (struct dv_grant) { .bytes = DV_GRANULE, .use = 2 };
	check(ioctl(vm.fd, DV_GRANT, &g) && errno == EINVAL);
	g.bytes = 1ULL << 60;
	g.use = 0;
	check(ioctl(vm.fd, DV_GRANT, &g) && errno == ENOSPC);
	check(ioctl(vm.fd, DV_GRANT, (void *)8) && errno == EFAULT);
	check(ioctl(vm.fd, DV_CAPABILITIES, NULL) && errno == EFAULT);
	check(ioctl(vm.fd, DV_REGISTER, 64) && errno == EINVAL);
	check(ioctl(vm.fd, DV_UNREGISTER, 0) && errno == EINVAL);
	check(ioctl(vm.fd, DV_IDLE, 0) && errno == EINVAL);
	check(ioctl(vm.fd, 0x4463, 0) && errno == ENOTTY);
	check(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, vm.fd, 0) == MAP_FAILED);
	for (bit = 1; bit; bit <<= 1) {
		d = (struct dv_delegate) { .sedeleg = bit };
		check(!ioctl(vm.fd, DV_DELEGATE, &d) == !!(bit & 0xf00400));
		d = (struct dv_delegate) { .sideleg = bit };
		check(!ioctl(vm.fd, DV_DELEGATE, &d) == !!(bit & 0x111));
		d = (struct dv_delegate) { .hedeleg = bit };
		check(!ioctl(vm.fd, DV_DELEGATE, &d) == !!(bit & 0xb1ff));
		d = (struct dv_delegate) { .hideleg = bit };
		check(!ioctl(vm.fd, DV_DELEGATE, &d) == !!(bit & 0x444));
	}
}

const struct test smoke_tests[] = {
	{ "capabilities", capabilities, PASSES },
	{ "hypercall", hypercall, PASSES },
	{ "mmio", mmio, PASSES },
	{ "wfi", wfi, PASSES },
	{ "stage2_fault_and_map", stage2_fault_and_map, PASSES },
	{ "timer_of_the_hypervisor", timer_of_the_hypervisor, PASSES },
	{ "timer_of_the_guest", timer_of_the_guest, PASSES },
	{ "post", post, PASSES },
	{ "kick", kick, PASSES },
	{ "idle", idle, PASSES },
	{ "preemption", preemption, PASSES },
	{ "remote_fence", remote_fence, PASSES },
	{ "grants_are_zero_and_counted", grants_are_zero_and_counted, PASSES },
	{ "refusals", refusals, PASSES },
	{ NULL }
};
