// SPDX-License-Identifier: GPL-2.0
/*
 * Runs every test in a process of its own beside a well-behaved VM, and looks
 * afterwards whether that VM and the counters of the driver are unharmed.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "test.h"

u64 rnd_state = 1;

u64 rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state * 0x2545f4914f6cdd1dULL >> 3;
}

/* The first four are of what is held now. Opened by root, for whom alone they are. */
static const char *const names[] = {
	"vms", "vcpus", "grants", "granted_bytes", "switches", "kicks", "fences",
};
static int counters[7];

static void open_counters(void)
{
	char path[96];
	int i;

	for (i = 0; i < 7; i++) {
		snprintf(path, sizeof(path), "/sys/class/misc/duvisor/stats/%s", names[i]);
		counters[i] = open(path, O_RDONLY | O_CLOEXEC);
		check(counters[i] >= 0);
	}
}

long counter(const char *name)
{
	char text[32] = "";
	int i = 0;

	while (strcmp(name, names[i]))
		i++;
	check(pread(counters[i], text, sizeof(text) - 1, 0) > 0);
	return atol(text);
}

static long baseline[4];

/* Waits until what this test has made is gone again. */
void counters_settle(void)
{
	int i, tries;

	for (i = 0; i < 4; i++) {
		for (tries = 0; counter(names[i]) > baseline[i]; tries++) {
			if (tries == 500)
				die("%s stays at %ld, was %ld", names[i],
				    counter(names[i]), baseline[i]);
			usleep(10000);
		}
	}
}

void spawn(void *(*start)(void *), void *arg)
{
	pthread_t thread;

	check(!pthread_create(&thread, NULL, start, arg));
	pthread_detach(thread);
}

/* How a child process ends: 0, or its signal. */
int status_of(void (*run)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGILL, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		run();
		_exit(0);
	}
	check(waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- the bystander */

struct bystander {
	volatile u64 rounds, failed;
};

static struct bystander *bystander;

u64 progress(void)
{
	return bystander->rounds;
}

static void bystand(void)
{
	static struct vm vm;
	static struct vcpu v;
	u64 value = 0;

	vm_make(&vm);
	vm_register(&vm, 7);
	vm_program(&vm, check);
	for (;;) {
		csr_write(UEPC, GPA);
		v.x[11] = GPA + 0x10000;
		v.x[12] = 2000;
		v.x[13] = value++;
		if (vm_run(&v) != 10 || v.x[10] || csr_read(0x483))
			bystander->failed = 1 + v.x[10];
		bystander->rounds++;
		ioctl(vm.fd, DV_IDLE, now() + 50000);
	}
}

static pid_t start_bystander(void)
{
	pid_t pid;

	bystander = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(bystander != MAP_FAILED);
	pid = fork();
	if (!pid) {
		bystand();
		_exit(1);
	}
	while (!bystander->rounds) {
		check(waitpid(pid, NULL, WNOHANG) == 0);
		usleep(1000);
	}
	return pid;
}

static const char *unharmed(pid_t pid)
{
	u64 before = progress();
	int i;

	if (waitpid(pid, NULL, WNOHANG))
		return "the other VM has died";
	for (i = 0; i < 1000 && progress() < before + 2; i++)
		usleep(2000);
	if (progress() < before + 2)
		return "the other VM stands still";
	if (bystander->failed)
		return "the other VM has seen something wrong";
	return NULL;
}

/* ---- running */

static int passed, failed;

static void verdict(const char *name, const char *wrong, u64 ms)
{
	if (wrong)
		failed++;
	else
		passed++;
	dprintf(1, "%s %s%s%s (%lu ms)\n", wrong ? "FAIL" : "PASS", name,
		wrong ? ": " : "", wrong ? wrong : "", ms);
}

static const char *outcome(const struct test *t, int status)
{
	static char text[64];

	if (WIFSIGNALED(status)) {
		int s = WTERMSIG(status);

		if ((t->outcome & DIES) && (s == SIGILL || s == SIGSEGV || s == SIGBUS))
			return NULL;
		if ((t->outcome & VIOLATES) && s == SIGILL)
			return NULL;
		snprintf(text, sizeof(text), "ended by signal %d", s);
		return text;
	}
	if (WEXITSTATUS(status) == 0 && (t->outcome & PASSES))
		return NULL;
	return WEXITSTATUS(status) ? "see above" : "did not end by a signal";
}

static void settle_in_child(void)
{
	counters_settle();
}

static void run_test(const struct test *t, pid_t other)
{
	u64 began = now();
	const char *wrong;
	int status;
	pid_t pid = fork();

	if (!pid) {
		rnd_state = 88172645463325252ULL;
		setpgid(0, 0);
		t->run();
		_exit(0);
	}
	check(waitpid(pid, &status, 0) == pid);
	kill(-pid, SIGKILL);		/* what it has left behind */
	wrong = outcome(t, status);
	if (!wrong)
		wrong = unharmed(other);
	if (!wrong && status_of(settle_in_child))
		wrong = "the driver's counters";
	verdict(t->name, wrong, (now() - began) / 10000);
}

static unsigned int seed, count;

static void random_run(void)
{
	random_operations(seed, count);
}

static void run_tests(const struct test *tests, const char *only)
{
	pid_t other = start_bystander();
	int i;

	for (i = 0; i < 4; i++)
		baseline[i] = counter(names[i]);
	for (; tests->name; tests++)
		if (!only || !strcmp(only, tests->name))
			run_test(tests, other);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
}

static void run_random(unsigned int first, unsigned int seeds)
{
	char name[64];
	struct test tests[] = { { name, random_run, PASSES }, { NULL } };

	for (seed = first; seed < first + seeds; seed++) {
		snprintf(name, sizeof(name), "random_%u_operations_of_seed_%u", count, seed);
		run_tests(tests, NULL);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		const struct test *tests;
	} suites[] = {
		{ "smoke", smoke_tests }, { "survive", survive_tests },
		{ "hostile", hostile_tests }, { "cve", cve_tests },
		{ "root", root_tests }, { "kvm", kvm_tests },
		{ "files", files_tests }, { "root_files", root_files_tests },
	};
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	unsigned int i;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1 && !strcmp(argv[1], "after-exec"))
		return after_exec(argc, argv);
	open_counters();
	if (argc > 1 && strncmp(argv[1], "root", 4) && !getuid()) {
		check(!setrlimit(RLIMIT_MEMLOCK, &all));
		check(!setgid(1000) && !setuid(1000));	/* an ordinary user */
	}
	if (argc > 4 && !strcmp(argv[1], "random")) {
		count = (unsigned int)atoi(argv[4]);
		run_random((unsigned int)atoi(argv[2]), (unsigned int)atoi(argv[3]));
	}
	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		if (argc > 1 && !strcmp(argv[1], suites[i].name))
			run_tests(suites[i].tests, argc > 2 ? argv[2] : NULL);
	if (!passed && !failed) {
		dprintf(2, "usage: selftest smoke|survive|hostile|cve|kvm|files|root|root_files [TEST]\n"
			"       selftest random SEED SEEDS OPERATIONS\n");
		return 2;
	}
	dprintf(1, "SELFTEST %s: %d passed, %d failed\n", argv[1], passed, failed);
	return failed != 0;
}
