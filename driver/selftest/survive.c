// SPDX-License-Identifier: GPL-2.0
/* Processes that end, multiply or change in every state, and a host that does not mind. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "test.h"

static struct vm vm;
static struct vcpu v;

static void start(void)
{
	vm_make(&vm);
	vm_register(&vm, 0);
}

static void *runs_for_ever(void *arg)
{
	struct vcpu w = { 0 };

	vm_register(&vm, (unsigned long)arg);
	for (;;)
		vm_run(&w);
	return NULL;
}

static void state_opened(void) { vm_open(&vm); pause(); }
static void state_made(void) { vm_make(&vm); pause(); }
static void state_registered(void) { start(); pause(); }
static void state_in_guest(void)
{
	start();
	vm_program(&vm, spin);
	for (;;)
		vm_run(&v);
}
static void state_exiting(void)
{
	start();
	vm_program(&vm, call);
	for (;;)
		vm_run(&v);
}
static void state_idle(void)
{
	start();
	ioctl(vm.fd, DV_IDLE, ~0UL);
}
static void state_granting(void)
{
	struct dv_grant g;

	vm_open(&vm);
	for (;;) {
		vm_grant(&vm, &g, 8 * DV_GRANULE, DV_GUEST_MEMORY);
		check(!ioctl(vm.fd, DV_REVOKE, &g.hpa));
	}
}
static void state_kicking(void)
{
	struct dv_fence f = { .vcpus = ~0ULL, .kind = DV_FENCE_GVMA };
	unsigned long i;

	vm_make(&vm);
	vm_program(&vm, spin);
	for (i = 0; i < 4; i++)
		spawn(runs_for_ever, (void *)i);
	for (;;) {
		ioctl(vm.fd, DV_KICK, i++ & 3);
		ioctl(vm.fd, DV_FENCE, &f);
	}
}

static void kill_in_every_state(void)
{
	static void (*const states[])(void) = {
		state_opened, state_made, state_registered, state_in_guest,
		state_exiting, state_idle, state_granting, state_kicking,
	};
	unsigned int i, round;
	pid_t pid;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
			pid = fork();
			if (!pid) {
				states[i]();
				_exit(0);
			}
			usleep((useconds_t)(rnd() % 60000));
			kill(pid, SIGKILL);
			check(waitpid(pid, NULL, 0) == pid);
		}
	}
	counters_settle();
}

static void uses_hu(void)
{
	csr_read(0x800);
}

static void touches_guest_memory(void)
{
	vm.memory[0] = 1;
}

static void fork_inherits_nothing(void)
{
	pid_t pid;
	int status;

	start();
	vm_program(&vm, call);
	exits(&v, 10);
	check(status_of(uses_hu) == SIGILL);
	check(status_of(touches_guest_memory) == SIGSEGV);
	pid = fork();
	if (!pid) {
		check(ioctl(vm.fd, DV_REGISTER, 1) && errno == EPERM);
		check(ioctl(vm.fd, DV_UNREGISTER, 0) && errno == EINVAL);
		_exit(0);
	}
	check(waitpid(pid, &status, 0) == pid && !status);
	exits(&v, 10);
}

/* In the program that after_exec is: no HU-mode, and the VM is not its own. */
static void execute(void)
{
	char fd[12];
	char *const args[] = { "selftest", "after-exec", fd, NULL };

	check(fcntl(vm.fd, F_SETFD, 0) == 0);
	snprintf(fd, sizeof(fd), "%d", vm.fd);
	execv("/proc/self/exe", args);
	die("execv");
}

static void exec_keeps_nothing(void)
{
	start();
	vm_program(&vm, call);
	exits(&v, 10);
	csr_write(0x401, now() + 10000);
	csr_write(0x402, 1);		/* a timer to hijack the program with */
	csr_write(0x800, 1);		/* UIE */
	execute();
}

/* In execve the thread has another satp while its vCPU is still on the hart. */
static void exec_with_interrupts_of_a_guest(void)
{
	vm_open(&vm);			/* that delegates nothing */
	check(!ioctl(vm.fd, DV_REGISTER, 0));
	csr_write(0x80a, BIT(63));	/* huenvcfg.STCE */
	csr_write(0x44d, 0);		/* huvstimecmp */
	csr_write(0x845, 0x444);	/* huvip */
	csr_write(0x804, 0x444);	/* huie */
	execute();
}

int after_exec(int argc, char **argv)
{
	int fd = argc > 2 ? atoi(argv[2]) : -1;
	volatile int i;

	for (i = 0; i < 100000; i++)
		;
	check(status_of(uses_hu) == SIGILL);
	check(ioctl(fd, DV_REGISTER, 1) && errno == EPERM);
	vm_make(&vm);			/* but a VM of its own can be had */
	vm_register(&vm, 0);
	vm_program(&vm, call);
	exits(&v, 10);
	close(fd);
	exits(&v, 10);
	uses_hu();
	check(!ioctl(vm.fd, DV_UNREGISTER, 0));
	check(status_of(uses_hu) == SIGILL);
	uses_hu();			/* dies */
	return 0;
}

static void *registers_and_ends(void *arg)
{
	vm_register(&vm, (unsigned long)arg);
	return NULL;
}

static void thread_ends_without_unregister(void)
{
	pthread_t thread;
	int i, ret, tries;

	vm_make(&vm);
	vm_program(&vm, call);
	for (i = 0; i < 20; i++) {
		check(!pthread_create(&thread, NULL, registers_and_ends, (void *)5));
		pthread_join(thread, NULL);
		for (tries = 0; (ret = ioctl(vm.fd, DV_REGISTER, 5)) && tries < 1000; tries++) {
			check(errno == EBUSY);
			usleep(1000);
		}
		check(!ret);
		vm_reset(&vm);
		exits(&v, 10);
		check(!ioctl(vm.fd, DV_UNREGISTER, 0));
	}
}

static void double_register(void)
{
	struct vm other;

	start();
	check(ioctl(vm.fd, DV_REGISTER, 0) && errno == EBUSY);
	check(ioctl(vm.fd, DV_REGISTER, 1) && errno == EBUSY);
	vm_open(&other);
	check(ioctl(other.fd, DV_REGISTER, 0) && errno == EBUSY);
	check(ioctl(other.fd, DV_UNREGISTER, 0) && errno == EINVAL);
	vm_program(&vm, call);
	exits(&v, 10);
	check(!ioctl(vm.fd, DV_UNREGISTER, 0));
	check(!ioctl(other.fd, DV_REGISTER, 0));
}

static void send_fd(int socket, int fd)
{
	char space[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec io = { &byte, 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1,
			    .msg_control = space, .msg_controllen = sizeof(space) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	check(sendmsg(socket, &m, 0) == 1);
}

static int receive_fd(int socket)
{
	char space[CMSG_SPACE(sizeof(int))], byte;
	struct iovec io = { &byte, 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1,
			    .msg_control = space, .msg_controllen = sizeof(space) };
	int fd;

	check(recvmsg(socket, &m, 0) == 1 && CMSG_FIRSTHDR(&m));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

/* The last reference goes in another process, with the vCPU of the first in the guest. */
static void file_outlives_its_process(void)
{
	int pair[2], fd, status;
	pid_t pid;

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork();
	if (!pid) {
		start();
		vm_program(&vm, spin);
		send_fd(pair[1], vm.fd);
		close(vm.fd);
		munmap(vm.memory, DV_GRANULE);
		munmap(vm.table, DV_GRANULE);
		for (;;)
			vm_run(&v);
	}
	fd = receive_fd(pair[0]);
	check(ioctl(fd, DV_REGISTER, 1) && errno == EPERM);
	usleep(20000);
	check(!ioctl(fd, DV_KICK, 0));
	check(counter("vcpus") >= 1);
	close(fd);			/* takes its memory: it dies of a violation */
	check(waitpid(pid, &status, 0) == pid);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL);
	counters_settle();
}

/* What a process has left in others, by fork or by a message, is a VM without memory. */
static void children_keep_nothing(void)
{
	long before = counter("granted_bytes"), tries;
	int ready[2], fate[2];
	struct dv_grant g = { .bytes = DV_GRANULE };
	char byte;
	pid_t pid;

	check(!pipe(ready) && !pipe(fate));
	pid = fork();
	if (!pid) {
		start();
		if (!fork()) {		/* has the file, and waits */
			void *at = vm_map(&vm, &vm.ram);

			check(*(volatile u64 *)at == 0);
			check(write(ready[1], "r", 1) == 1);
			check(read(fate[0], &byte, 1) == 1);
			check(ioctl(vm.fd, DV_GRANT, &g) && errno == ENODEV);
			check(status_of(touches_guest_memory) == SIGSEGV);
			check(write(ready[1], "e", 1) == 1);
			_exit(0);
		}
		pause();
	}
	check(read(ready[0], &byte, 1) == 1);
	check(counter("granted_bytes") >= before + 2 * (long)DV_GRANULE);
	kill(pid, SIGKILL);
	check(waitpid(pid, NULL, 0) == pid);
	for (tries = 0; counter("granted_bytes") > before; tries++) {
		check(tries < 500);
		usleep(10000);
	}
	check(write(fate[1], "f", 1) == 1);
	check(read(ready[0], &byte, 1) == 1);
}

static volatile int ended;

static void *ends_the_vm(void *arg)
{
	(void)arg;
	usleep(30000);
	ended = 1;
	check(!ioctl(vm.fd, DV_END, 0));
	return NULL;
}

static void end_reaches_everybody(void)
{
	struct dv_grant g = { .bytes = DV_GRANULE };
	pthread_t thread;

	start();
	vm_program(&vm, spin);
	check(!pthread_create(&thread, NULL, ends_the_vm, NULL));
	do {
		dv_enter(&v);
		check(csr_read(UCAUSE) == HOST_EVENT);
	} while (!ended);
	pthread_join(thread, NULL);
	check(ioctl(vm.fd, DV_GRANT, &g) && errno == ENODEV);
	check(ioctl(vm.fd, DV_IDLE, ~0UL) && errno == ENODEV);
	check(ioctl(vm.fd, DV_REGISTER, 2) && errno == ENODEV);
	check(!ioctl(vm.fd, DV_END, 0));
	check(!ioctl(vm.fd, DV_FENCE, &(struct dv_fence) { .vcpus = ~0ULL }));
	check(status_of(uses_hu) == SIGILL);
	vm.memory[0] = 1;		/* SIGBUS */
}

static void *revokes(void *arg)
{
	usleep(30000);
	check(!ioctl(vm.fd, DV_REVOKE, arg));
	usleep(1000000);
	die("the guest runs on in memory that was revoked");
}

static void revoke_while_the_guest_runs(void)
{
	start();
	vm_program(&vm, spin);
	spawn(revokes, &vm.ram.hpa);
	for (;;)
		vm_run(&v);
}

static void revoke_tables_while_the_guest_runs(void)
{
	start();
	vm_program(&vm, spin);
	spawn(revokes, &vm.tables.hpa);
	for (;;)
		vm_run(&v);
}

static void revoke_takes_the_mapping(void)
{
	start();
	check(!ioctl(vm.fd, DV_REVOKE, &vm.ram.hpa));
	vm.memory[0] = 1;
}

static void unmap_while_the_guest_runs(void)
{
	start();
	vm_program(&vm, call);
	exits(&v, 10);
	munmap(vm.memory, DV_GRANULE);
	munmap(vm.table, DV_GRANULE);
	exits(&v, 10);
	vm.memory = vm_map(&vm, &vm.ram);
	check(vm.memory[0] == (uint8_t)g_call[0]);
}

static void memory_pressure(void)
{
	long free_mb = sysconf(_SC_AVPHYS_PAGES) / 256;
	size_t bytes = (size_t)free_mb * 6 / 10 << 20;
	struct dv_grant g;
	char *hog = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int n = 0;

	check(hog != MAP_FAILED);
	for (size_t i = 0; i < bytes; i += 4096)
		hog[i] = (char)(i >> 12);
	start();
	vm_program(&vm, call);
	for (;; n++) {
		dprintf(1, "     %d grants\n", n);
		g = (struct dv_grant) { .bytes = 16 * DV_GRANULE };
		if (ioctl(vm.fd, DV_GRANT, &g))
			break;
	}
	check(errno == ENOMEM || errno == ENOSPC);
	check(n > 0);
	exits(&v, 10);
	for (size_t i = 0; i < bytes; i += 4096)
		check(hog[i] == (char)(i >> 12));
}

const struct test survive_tests[] = {
	{ "kill_in_every_state", kill_in_every_state, PASSES },
	{ "fork_inherits_nothing", fork_inherits_nothing, PASSES },
	{ "exec_keeps_nothing", exec_keeps_nothing, DIES },
	{ "exec_with_interrupts_of_a_guest", exec_with_interrupts_of_a_guest, DIES },
	{ "thread_ends_without_unregister", thread_ends_without_unregister, PASSES },
	{ "double_register", double_register, PASSES },
	{ "file_outlives_its_process", file_outlives_its_process, PASSES },
	{ "children_keep_nothing", children_keep_nothing, PASSES },
	{ "end_reaches_everybody", end_reaches_everybody, DIES },
	{ "revoke_while_the_guest_runs", revoke_while_the_guest_runs, VIOLATES },
	{ "revoke_tables_while_the_guest_runs", revoke_tables_while_the_guest_runs, VIOLATES },
	{ "revoke_takes_the_mapping", revoke_takes_the_mapping, DIES },
	{ "unmap_while_the_guest_runs", unmap_while_the_guest_runs, PASSES },
	{ "memory_pressure", memory_pressure, PASSES },
	{ NULL }
};

/* ---- as root */

static void hotplug(void)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_CONF), fd, i, n;
	unsigned long t;
	char name[64];
	pid_t pid = fork();

	if (!pid) {
		vm_make(&vm);
		vm_program(&vm, spin);
		for (t = 0; t < (unsigned long)cpus; t++)
			spawn(runs_for_ever, (void *)t);
		for (;;) {
			ioctl(vm.fd, DV_KICK, t++ % (unsigned long)cpus);
			usleep(1000);
		}
	}
	for (n = 0; n < 6; n++) {
		for (i = 1; i < cpus; i++) {
			snprintf(name, sizeof(name),
				 "/sys/devices/system/cpu/cpu%d/online", i);
			fd = open(name, O_WRONLY);
			check(fd >= 0 && write(fd, n & 1 ? "1" : "0", 1) == 1);
			close(fd);
			usleep(20000);
		}
	}
	check(waitpid(pid, NULL, WNOHANG) == 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void module_stays_while_in_use(void)
{
	vm_open(&vm);
	check(system("rmmod duvisor 2>/dev/null") != 0);
}

const struct test root_tests[] = {
	{ "hotplug", hotplug, PASSES },
	{ "module_stays_while_in_use", module_stays_while_in_use, PASSES },
	{ NULL }
};
