// SPDX-License-Identifier: GPL-2.0
/*
 * A compromised hypervisor: a process that holds /dev/duvisor and tries
 * everything. W and D numbers are the weaknesses of the published system.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "test.h"

static struct vm vm;
static struct vcpu v;

#define KERNEL_HPA 0x80200000ULL	/* the kernel's own text */

static void start(void)
{
	vm_make(&vm);
	vm_register(&vm, 0);
}

/* ---- physical memory */

static void map_and(void (*guest)(void), u64 hpa)
{
	start();
	guest();
	*(uint32_t *)(vm.memory + 0x8000) = 0x00000073;	/* ecall */
	asm volatile("fence.i" : : : "memory");
	v.x[11] = GPA + 0x8000;
	exits(&v, 10);			/* all is well with its own memory */
	vm_stage2(&vm, GPA + 0x8000, hpa, RWXU);
	asm volatile(".insn r 0x73, 0, 0x71, x0, x0, x0" : : : "memory");
	csr_write(UEPC, GPA);
	v.x[10] = 0x1badb002;
	vm_run(&v);
	vm_run(&v);
	die("the guest reached 0x%lx: %lx", hpa, v.x[10]);
}

static void loads(void) { vm_program(&vm, load); }
static void stores(void) { vm_program(&vm, store); }
static void jumps(void) { vm_program(&vm, jump); }

static void W5_guest_reads_the_kernel(void) { map_and(loads, KERNEL_HPA); }
static void W5_guest_writes_the_kernel(void) { map_and(stores, KERNEL_HPA); }
static void W5_guest_executes_the_kernel(void) { map_and(jumps, KERNEL_HPA); }
static void W5_guest_reads_the_firmware(void) { map_and(loads, 0x80000000); }
static void W7_guest_writes_the_plic(void) { map_and(stores, 0x0c000000); }
static void W7_guest_writes_the_clint(void) { map_and(stores, 0x02000000); }
static void W4_guest_writes_its_tables(void)
{
	start();
	vm_stage2(&vm, GPA + 0x8000, vm.tables.hpa, RWXU);
	stores();
	v.x[11] = GPA + 0x8000;
	vm_run(&v);
	die("a guest wrote its stage-2 tables");
}

static void every_page_around_a_grant(void)
{
	struct vm victim;
	u64 hpa, bad = 0;
	int status;
	pid_t pid;

	vm_make(&victim);
	memset(victim.memory, 0x77, DV_GRANULE);
	for (hpa = victim.ram.hpa - 0x1000; hpa <= victim.ram.hpa + DV_GRANULE;
	     hpa += 0x1000 * 73) {
		pid = fork();
		if (!pid)
			map_and(stores, hpa);
		check(waitpid(pid, &status, 0) == pid);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGILL)
			bad++;
	}
	check(!bad);
	for (hpa = 0; hpa < DV_GRANULE; hpa += 8)
		check(*(u64 *)(victim.memory + hpa) == 0x7777777777777777ULL);
}

static void root_at(u64 hpa)
{
	start();
	vm_program(&vm, call);
	exits(&v, 10);
	csr_write(0x880, 8ULL << 60 | hpa >> 12);
	asm volatile(".insn r 0x73, 0, 0x71, x0, x0, x0" : : : "memory");
	vm_run(&v);
	die("stage-2 tables were fetched from 0x%lx", hpa);
}

static void W4_hugatp_at_the_kernel(void) { root_at(KERNEL_HPA); }
static void W4_hugatp_at_guest_memory(void)
{
	start();
	memcpy(vm.memory + 0x10000, vm.table, 0x10000);
	csr_write(0x880, 8ULL << 60 | (vm.ram.hpa + 0x10000) >> 12);
	vm_run(&v);
	die("a guest's memory was its stage-2 table");
}

static void W4_hugatp_at_tables_of_another_vm(void)
{
	struct vm victim;

	vm_make(&victim);
	vm_program(&victim, call);
	root_at(victim.tables.hpa);
}

static void W4_hugatp_off(void)
{
	start();
	csr_write(0x880, 0);
	vm_run(&v);
	die("a guest ran without stage 2");
}

static void W4_interior_table_elsewhere(void)
{
	start();
	vm_program(&vm, call);
	exits(&v, 10);
	asm volatile(".insn r 0x73, 0, 0x71, x0, x0, x0" : : : "memory");
	vm.table[GPA >> 30] = KERNEL_HPA >> 12 << 10 | 1;
	vm_run(&v);
	die("an interior table was fetched from the kernel");
}

static void stage1_tables_elsewhere(void)
{
	start();
	vm_program(&vm, call);
	exits(&v, 10);
	vm_stage2(&vm, GPA + 0x8000, KERNEL_HPA, RWXU);
	asm volatile(".insn r 0x73, 0, 0x71, x0, x0, x0" : : : "memory");
	csr_write(0x480, 8ULL << 60 | (GPA + 0x8000) >> 12);
	vm_run(&v);
	die("stage-1 tables were fetched from the kernel");
}

static void hulv_elsewhere(void)
{
	u64 a = GPA + 0x8000, got;

	start();
	*(u64 *)(vm.memory + 0x8000) = 0x1234;
	asm volatile(".insn r 0x73, 4, 0x76, %0, %1, x0" : "=r" (got) : "r" (a) : "memory");
	check(got == 0x1234);
	vm_stage2(&vm, a, KERNEL_HPA, RWXU);
	asm volatile(".insn r 0x73, 4, 0x76, %0, %1, x0" : "=r" (got) : "r" (a));
	die("hulv.d read %lx of the kernel", got);
}

static void husv_elsewhere(void)
{
	start();
	asm volatile(".insn r 0x73, 4, 0x77, x0, %0, %1" : : "r" (GPA + 0x9000), "r" (1UL) : "memory");
	check(*(volatile u64 *)(vm.memory + 0x9000) == 1);
	vm_stage2(&vm, GPA + 0x8000, KERNEL_HPA, RWXU);
	asm volatile(".insn r 0x73, 4, 0x77, x0, %0, %1" : : "r" (GPA + 0x8000), "r" (1UL));
	die("husv.d wrote to the kernel");
}

static void D3_revoked_memory_through_an_old_translation(void)
{
	struct dv_grant g;

	start();
	vm_grant(&vm, &g, DV_GRANULE, DV_GUEST_MEMORY);
	vm_stage2(&vm, GPA + 0x8000, g.hpa, RWXU);
	vm_program(&vm, load);
	v.x[11] = GPA + 0x8000;
	exits(&v, 10);
	exits(&v, 10);
	check(!ioctl(vm.fd, DV_REVOKE, &g.hpa));
	vm_run(&v);
	die("the guest still reads what was revoked");
}

static void D1_mmap_of_what_is_not_granted(void)
{
	static const u64 where[] = { KERNEL_HPA, 0x0c000000, 0, ~0xfffULL };
	unsigned int i;
	volatile char *at;
	char byte;

	vm_make(&vm);
	for (i = 0; i < 4; i++) {
		at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, vm.fd, (off_t)where[i]);
		if (at == MAP_FAILED)
			continue;
		check(write(1, (char *)at, 0) == 0);
		check(pwrite(open("/dev/null", O_WRONLY), (char *)at, 1, 0) <= 1);
	}
	at = mmap(NULL, 2 * DV_GRANULE, PROT_READ, MAP_SHARED, vm.fd,
		  (off_t)vm.ram.hpa);
	check(at != MAP_FAILED);
	byte = at[0];
	byte = at[DV_GRANULE];		/* beyond the grant: SIGBUS, unless it is tables */
	byte = ((volatile char *)mmap(NULL, 4096, PROT_READ, MAP_SHARED, vm.fd,
				      (off_t)KERNEL_HPA))[0];
	die("mmap gave a page of the kernel: %d", byte);
}

/* Who has a reference to a page keeps it, whatever is revoked. */
static void D3_pages_kept_by_a_reference(void)
{
	struct iovec io;
	int pair[2];

	vm_make(&vm);
	memset(vm.memory, 0x5a, DV_GRANULE);
	io = (struct iovec) { vm.memory + 0x4000, 0x8000 };
	check(!pipe(pair));
	check(vmsplice(pair[1], &io, 1, 0) < 0 && errno == EFAULT);
	check(write(pair[1], vm.memory, 4096) == 4096);	/* a copy is anyone's */
	check(!ioctl(vm.fd, DV_REVOKE, &vm.ram.hpa));
}

/* ---- identity */

static void W4_forged_vmid_and_vcpu(void)
{
	u64 own;

	start();
	own = csr_read(0x880) >> 44 & 0x3fff;
	csr_write(0x880, 8ULL << 60 | 0x3fffULL << 44 | vm.tables.hpa >> 12);
	check((csr_read(0x880) >> 44 & 0x3fff) == own && own);
	csr_write(0x482, 5);
	check(csr_read(0x482) == 0);
	csr_write(0x483, 0x20);
	csr_write(0x484, 0x20);
	check(csr_read(0x483) == 0x20);	/* a post to vCPU 5 is not ours to take */
	vm_program(&vm, call);
	exits(&v, 10);
}

static void W6_flood_of_posts(void)
{
	struct vm other;
	int i;

	start();
	for (i = 0; i < 200000; i++) {
		csr_write(0x483, ~0ULL);
		csr_write(0x484, ~0ULL);
	}
	check(!ioctl(vm.fd, DV_UNREGISTER, 0));
	vm_open(&other);
	check(!ioctl(other.fd, DV_REGISTER, 0));
	check(csr_read(0x483) == 0);
}

static void D6_posts_do_not_outlive_their_vm(void)
{
	int i;

	for (i = 0; i < 50; i++) {
		start();
		check(csr_read(0x483) == 0);
		csr_write(0x483, ~0ULL);
		check(!ioctl(vm.fd, DV_UNREGISTER, 0));
		munmap(vm.memory, DV_GRANULE);
		munmap(vm.table, DV_GRANULE);
		close(vm.fd);
	}
}

/* ---- CSRs and instructions */

static volatile int faults;
static uint32_t *stub;

/* The four bytes at stub are skipped; every register is the thread's own. */
static void skip(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	faults++;
	((ucontext_t *)context)->uc_mcontext.__gregs[REG_PC] = (unsigned long)(stub + 1);
}

static void catch_faults(void)
{
	struct sigaction a = { .sa_sigaction = skip, .sa_flags = SA_SIGINFO };

	check(!sigaction(SIGILL, &a, NULL) && !sigaction(SIGSEGV, &a, NULL));
	stub = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(stub != MAP_FAILED);
	stub[1] = 0x00008067;		/* ret */
}

static bool execute(uint32_t word, u64 a0)
{
	int before = faults;
	register u64 r asm("a0") = a0;
	register u64 z asm("a1") = a0;

	stub[0] = word;
	asm volatile("fence.i\n jalr ra, %2" : "+r" (r), "+r" (z) : "r" (stub) : "ra", "memory");
	return faults == before;
}

/* What HU has, and the numbers any user has. */
static bool user_csr(uint32_t n)
{
	static const uint16_t hu[] = {
		0x005, 0x040, 0x041, 0x042, 0x043, 0x800, 0x804, 0x805, 0x806, 0x80a,
		0x843, 0x844, 0x845, 0x84a, 0x880, 0x400, 0x401, 0x402, 0x404, 0x405,
		0x406, 0x40a, 0x40c, 0x440, 0x441, 0x442, 0x443, 0x444, 0x44d, 0x480,
		0x482, 0x483, 0x484, 0x485, 0x486, 0x001, 0x002, 0x003,
		0x450, 0x451, 0x8b0,	/* with AIA */
	};
	unsigned int i;

	for (i = 0; i < sizeof(hu) / sizeof(hu[0]); i++)
		if (hu[i] == n)
			return true;
	return n >= 0xc00 && n < 0xc20;
}

static void W1_every_csr(void)
{
	static const u64 values[] = { 0, ~0ULL, 0x5555555555555555ULL, 1 };
	uint32_t n;
	unsigned int i;

	start();
	catch_faults();
	for (n = 0; n < 4096; n++) {
		if (execute(n << 20 | 2 << 12 | 10 << 7 | 0x73, 0) && !user_csr(n))
			die("CSR 0x%x can be read", n);
		for (i = 0; i < 4; i++)
			if (execute(n << 20 | 10 << 15 | 1 << 12 | 0x73, values[i]) &&
			    (!user_csr(n) || n >= 0xc00))
				die("CSR 0x%x can be written", n);
		csr_write(0x800, 0);
	}
	check(faults > 10000);
	check(execute(0x000072f3 | 0x800 << 20, 0));	/* HU-mode is still on */
	check(!ioctl(vm.fd, DV_UNREGISTER, 0));
}

static void privileged_instructions(void)
{
	static const uint32_t words[] = {
		0x10200073,			/* sret */
		0x30200073,			/* mret */
		0x10500073,			/* wfi */
		0x12000073, 0x16000073,		/* sfence.vma, sinval.vma */
		0x18000073, 0x18100073,		/* sfence.w.inval, sfence.inval.ir */
		0x22000073, 0x62000073,		/* hfence.vvma, hfence.gvma */
		0x26000073, 0x66000073,		/* hinval */
		0x60054573, 0x6c054573,		/* hlv.b, hlv.d */
		0x6ea54073,			/* hsv.d */
		0x00200077, 0xe0102577,		/* 0x77 of the published hardware */
	};
	unsigned int i;

	start();
	catch_faults();
	for (i = 0; i < sizeof(words) / 4; i++)
		if (execute(words[i], 0x1000))
			die("0x%x is legal", words[i]);
	check(execute(0xe2000073, 0));		/* hufence.gvma is */
}

static void plain_user(void)
{
	uint32_t n, last = 0;

	catch_faults();
	for (n = 0; n < 4096; n++)
		if (execute(n << 20 | 2 << 12 | 10 << 7 | 0x73, 0) &&
		    n > 3 && n < 0xc00)
			last = n;
	check(!last);
	check(!execute(0x00200073, 0) && !execute(0xe2000073, 0));
}

static const uint16_t writable[] = {
	0x005, 0x040, 0x041, 0x042, 0x043, 0x800, 0x804, 0x805, 0x806, 0x80a, 0x843,
	0x844, 0x845, 0x84a, 0x880, 0x400, 0x401, 0x402, 0x404, 0x405, 0x406, 0x40a,
	0x440, 0x441, 0x442, 0x443, 0x444, 0x44d, 0x480, 0x483, 0x484,
};

static void enter_with_garbage_once(void)
{
	struct dv_delegate d = { rnd() & 0xf00400, rnd() & 0x111, rnd() & 0xb1ff,
				 rnd() & 0x444 };
	unsigned int i;

	alarm(1);
	start();
	catch_faults();
	for (i = 0; i < DV_GRANULE / 8; i += 1 + rnd() % 64)
		((u64 *)vm.memory)[i] = rnd();
	if (rnd() & 1)
		vm.table[0x5000 / 8 + rnd() % 512] = rnd();
	if (rnd() & 1)
		check(!ioctl(vm.fd, DV_DELEGATE, &d));
	for (i = 0; i < sizeof(writable) / 2; i++)
		if (rnd() & 1)
			execute((uint32_t)writable[i] << 20 | 10 << 15 | 1 << 12 | 0x73,
				rnd() & 1 ? rnd() : rnd() & 0x333);
	signal(SIGILL, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	if (rnd() & 1)
		csr_write(0x880, 8ULL << 60 | vm.tables.hpa >> 12);
	if (rnd() & 1)
		csr_write(UEPC, GPA + (rnd() & 0xffffe));
	for (i = 0; i < 8; i++)
		dv_enter(&v);
}

static void enter_with_garbage(void)
{
	int i, status;
	pid_t pid;

	for (i = 0; i < 100; i++) {
		rnd();
		pid = fork();
		if (!pid) {
			enter_with_garbage_once();
			_exit(0);
		}
		check(waitpid(pid, &status, 0) == pid);
	}
}

/* ---- races and exhaustion */

static struct dv_grant raced;

static void *grants_and_revokes(void *arg)
{
	struct dv_delegate d = { 0xf00400, 0x111, 0xb1ff, 0x444 };
	int i;

	(void)arg;
	for (i = 0; i < 200; i++) {
		vm_grant(&vm, &raced, DV_GRANULE, DV_GUEST_MEMORY);
		vm_stage2(&vm, GPA + 0x9000, raced.hpa, RWXU);
		check(!ioctl(vm.fd, DV_DELEGATE, &d));
		usleep((useconds_t)(rnd() % 300));
		vm_stage2(&vm, GPA + 0x9000, 0, 0);
		check(!ioctl(vm.fd, DV_FENCE, &(struct dv_fence) {
			.vcpus = ~0ULL, .kind = DV_FENCE_GVMA }));
		check(!ioctl(vm.fd, DV_REVOKE, &raced.hpa));
		ioctl(vm.fd, DV_KICK, 0);
	}
	_exit(0);
}

/* Nothing is revoked that is mapped: a careful hypervisor survives any number. */
static void race_of_revoke(void)
{
	start();
	vm_program(&vm, load);
	v.x[11] = GPA + 0x9000;
	spawn(grants_and_revokes, NULL);
	for (;;) {
		csr_write(UEPC, GPA);
		v.x[11] = GPA + 0x9000;
		switch (vm_run(&v)) {
		case 10:
			if (v.x[10])
				die("memory of somebody else: %lx", v.x[10]);
		case 21:
			break;
		default:
			die("cause %lx", csr_read(UCAUSE));
		}
	}
}

static void exhaust_vmids(void)
{
	struct rlimit limit = { 4096, 4096 };
	int n = 0, *fds = calloc(70000, sizeof(int)), i, fd;

	setrlimit(RLIMIT_NOFILE, &limit);
	while ((fd = open("/dev/duvisor", O_RDWR | O_CLOEXEC)) >= 0)
		fds[n++] = fd;
	check(errno == EMFILE || errno == ENOSPC || errno == ENFILE);
	check(n >= 1000);
	for (i = 0; i < n; i++)
		close(fds[i]);
	counters_settle();
	start();
	vm_program(&vm, call);
	exits(&v, 10);
}

static void *is_a_vcpu(void *arg)
{
	int fd = *(int *)arg;
	unsigned long i;

	for (i = 0; i < 64; i++)
		if (!ioctl(fd, DV_REGISTER, i))
			break;
	pause();
	return NULL;
}

static void exhaust_vcpus(void)
{
	int i;

	vm_open(&vm);
	for (i = 0; i < 64; i++)
		spawn(is_a_vcpu, &vm.fd);
	for (i = 0; i < 1000 && counter("vcpus") < 65; i++)
		usleep(10000);
	for (i = 0; i < 64; i++)
		check(ioctl(vm.fd, DV_REGISTER, i) && errno == EBUSY);
	check(!ioctl(vm.fd, DV_END, 0));
}

static void requests_at_random(void)
{
	u64 *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	munmap((char *)page + 4096, 4096);
	vm_open(&vm);
	for (i = 0; i < 3000; i++) {
		static const unsigned int requests[] = {
			DV_CAPABILITIES, DV_GRANT, DV_REVOKE, DV_DELEGATE, DV_REGISTER,
			DV_UNREGISTER, DV_KICK, DV_FENCE, DV_IDLE, DV_END, DV_CLAIM_FILE,
			DV_RETURN_FILE, DV_MESSAGE,
		};
		unsigned int n = rnd() % 16;
		unsigned int r = n < 13 ? requests[n] : n == 13 ? (unsigned int)rnd() :
			_IOC(rnd() % 4, 'D', rnd() % 16, rnd() % 100);
		u64 at[] = { (u64)page, (u64)page + 4096 - (rnd() % 5) * 8, rnd(),
			     0xffffffff80000000ULL, 0 };

		page[rnd() % 512] = rnd() & 1 ? rnd() : rnd() % 5 * DV_GRANULE;
		/* a deadline that has passed, or the test would take long */
		ioctl(vm.fd, r, (r & 0xffff) == DV_IDLE ? 0 : at[rnd() % 5]);
	}
}

static void *guest_counts(void *arg)
{
	struct vcpu w = { 0 };

	vm_register(&vm, 1);
	*(volatile int *)arg = 1;
	for (;;)
		vm_run(&w);
	return NULL;
}

/*
 * A loop over a range that ends at the end of memory, or beyond it, is one with
 * interrupts off: of this hart, and of one that runs another vCPU.
 */
static void fences_around_the_end(void)
{
	static const u64 starts[] = {
		0, 1, 0xfff, 0x1000, 1ULL << 63, -1ULL, -2ULL, -0xfffULL, -0x1000ULL,
		-0x1001ULL, -0x2000ULL, -0x3f001ULL, -0x40000ULL, -0x41000ULL,
	};
	static const u64 sizes[] = {
		0, 1, 0xfff, 0x1000, 0x1001, 0x1fff, 0x2000, 0x3ffff, 0x40000, 0x40001,
		1ULL << 63, -1ULL, -2ULL, -0x1000ULL, -0x2000ULL,
	};
	static volatile int there;
	struct dv_fence f = { .vcpus = ~0ULL, .asid = 1 };
	unsigned int i, j;

	start();
	vm_program(&vm, spin);
	spawn(guest_counts, (void *)&there);
	while (!there)
		sched_yield();
	for (f.kind = DV_FENCE_I; f.kind <= DV_FENCE_GVMA; f.kind++) {
		for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
			for (j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
				f.start = starts[i];
				f.size = sizes[j];
				check(!ioctl(vm.fd, DV_FENCE, &f));
			}
		}
	}
}

/* An index that does not exist, for the speculative and the plain. */
static void indices_beyond_the_last(void)
{
	static const u64 indices[] = { 64, 65, 1 << 16, 1ULL << 32, 1ULL << 47, ~0ULL };
	unsigned int i;

	start();
	for (i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
		check(ioctl(vm.fd, DV_REGISTER, indices[i]) && errno == EINVAL);
		check(!ioctl(vm.fd, DV_KICK, indices[i]));
		check(!ioctl(vm.fd, DV_MESSAGE, indices[i] << 16 | 1));
	}
	vm_program(&vm, call);
	exits(&v, 10);
}

/* Other users' numbers of exits and kicks are not ours to count. */
static void counters_of_others(void)
{
	static const char *const names[] = {
		"vms", "vcpus", "grants", "granted_bytes", "switches", "kicks", "fences",
	};
	char path[96];
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "/sys/class/misc/duvisor/stats/%s", names[i]);
		check(open(path, O_RDONLY) < 0 && errno == EACCES);
	}
}

static bool may_have(u64 bytes)
{
	struct dv_grant g = { .bytes = bytes };

	if (ioctl(vm.fd, DV_GRANT, &g)) {
		check(errno == ENOSPC);
		return false;
	}
	return true;
}

/* Grants of one user, in however many processes. */
static void more_than_may_be_locked(void)
{
	struct rlimit limit = { 8 * DV_GRANULE, 8 * DV_GRANULE };
	struct vm second;
	int status;
	pid_t pid;

	check(!setrlimit(RLIMIT_MEMLOCK, &limit));
	vm_open(&vm);			/* the bystander has two */
	check(!may_have(7 * DV_GRANULE) && !may_have(1ULL << 40));
	check(may_have(4 * DV_GRANULE));
	pid = fork();
	if (!pid) {
		vm_open(&vm);
		check(!may_have(3 * DV_GRANULE));
		check(may_have(2 * DV_GRANULE));
		check(!may_have(DV_GRANULE));
		_exit(0);
	}
	check(waitpid(pid, &status, 0) == pid && !status);
	check(may_have(2 * DV_GRANULE));	/* it has given back what it had */
	check(!may_have(DV_GRANULE));
	second = vm;
	vm_open(&vm);
	check(!may_have(DV_GRANULE));
	close(second.fd);
	check(may_have(6 * DV_GRANULE));
}

static void handler(int signal)
{
	(void)signal;
}

static void *signals(void *arg)
{
	int i;

	for (i = 0; i < 100; i++) {
		pthread_kill((pthread_t)arg, SIGUSR1);
		usleep(500);
	}
	_exit(0);
}

/* A vCPU thread should block signals; one that does not harms itself. */
static void signals_in_the_guest(void)
{
	signal(SIGUSR1, handler);
	start();
	vm_program(&vm, spin);
	spawn(signals, (void *)pthread_self());
	for (;;)
		vm_run(&v);
}

const struct test hostile_tests[] = {
	{ "W5_guest_reads_the_kernel", W5_guest_reads_the_kernel, VIOLATES },
	{ "W5_guest_writes_the_kernel", W5_guest_writes_the_kernel, VIOLATES },
	{ "W5_guest_executes_the_kernel", W5_guest_executes_the_kernel, VIOLATES },
	{ "W5_guest_reads_the_firmware", W5_guest_reads_the_firmware, VIOLATES },
	{ "W7_guest_writes_the_plic", W7_guest_writes_the_plic, VIOLATES },
	{ "W7_guest_writes_the_clint", W7_guest_writes_the_clint, VIOLATES },
	{ "W4_guest_writes_its_tables", W4_guest_writes_its_tables, VIOLATES },
	{ "every_page_around_a_grant", every_page_around_a_grant, PASSES },
	{ "W4_hugatp_at_the_kernel", W4_hugatp_at_the_kernel, VIOLATES },
	{ "W4_hugatp_at_guest_memory", W4_hugatp_at_guest_memory, VIOLATES },
	{ "W4_hugatp_at_tables_of_another_vm", W4_hugatp_at_tables_of_another_vm, VIOLATES },
	{ "W4_hugatp_off", W4_hugatp_off, VIOLATES },
	{ "W4_interior_table_elsewhere", W4_interior_table_elsewhere, VIOLATES },
	{ "stage1_tables_elsewhere", stage1_tables_elsewhere, VIOLATES },
	{ "hulv_elsewhere", hulv_elsewhere, VIOLATES },
	{ "husv_elsewhere", husv_elsewhere, VIOLATES },
	{ "D3_revoked_memory_through_an_old_translation",
	  D3_revoked_memory_through_an_old_translation, VIOLATES },
	{ "D1_mmap_of_what_is_not_granted", D1_mmap_of_what_is_not_granted, DIES },
	{ "D3_pages_kept_by_a_reference", D3_pages_kept_by_a_reference, PASSES },
	{ "W4_forged_vmid_and_vcpu", W4_forged_vmid_and_vcpu, PASSES },
	{ "W6_flood_of_posts", W6_flood_of_posts, PASSES },
	{ "D6_posts_do_not_outlive_their_vm", D6_posts_do_not_outlive_their_vm, PASSES },
	{ "W1_every_csr", W1_every_csr, PASSES },
	{ "W8_privileged_instructions", privileged_instructions, PASSES },
	{ "D2_plain_user_has_nothing", plain_user, PASSES },
	{ "enter_with_garbage", enter_with_garbage, PASSES },
	{ "race_of_revoke", race_of_revoke, PASSES },
	{ "exhaust_vmids", exhaust_vmids, PASSES },
	{ "exhaust_vcpus", exhaust_vcpus, PASSES },
	{ "requests_at_random", requests_at_random, PASSES },
	{ "fences_around_the_end", fences_around_the_end, PASSES },
	{ "indices_beyond_the_last", indices_beyond_the_last, PASSES },
	{ "counters_of_others", counters_of_others, PASSES },
	{ "more_than_may_be_locked", more_than_may_be_locked, PASSES },
	{ "signals_in_the_guest", signals_in_the_guest, EITHER },
	{ NULL }
};
