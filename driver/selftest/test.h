/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_TEST_H
#define SELFTEST_TEST_H

#include "vm.h"

/* How the process of a test may end. */
enum outcome {
	PASSES = 1,		/* exit code 0 */
	DIES = 2,		/* SIGILL, SIGSEGV or SIGBUS of its own */
	VIOLATES = 4,		/* SIGILL, for reaching out of its windows */
	EITHER = PASSES | DIES,
};

struct test {
	const char *name;
	void (*run)(void);
	enum outcome outcome;
};

extern const struct test smoke_tests[], survive_tests[], hostile_tests[],
	cve_tests[], root_tests[], kvm_tests[], files_tests[], root_files_tests[];

long counter(const char *name);
void counters_settle(void);
u64 progress(void);
void spawn(void *(*start)(void *), void *arg);
void random_operations(unsigned int seed, unsigned int count);
int after_exec(int argc, char **argv);
u64 rnd(void);
extern u64 rnd_state;
int status_of(void (*run)(void));

#endif
