/* SPDX-License-Identifier: GPL-2.0 */
/* A small user-level hypervisor, for tests of the driver and for attacks. */
#ifndef SELFTEST_VM_H
#define SELFTEST_VM_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../duvisor_abi.h"

typedef uint64_t u64;

#define BIT(n)		(1ULL << (n))
#define INTERRUPT	BIT(63)
#define HOST_EVENT	(INTERRUPT | 63)
#define GPA		0x80000000ULL	/* of guest memory */
#define RWXU		0xdfULL		/* V R W X U A D */

#define STRING(x)	#x
#define csr_read(n) ({ u64 csr_v; \
	asm volatile("csrr %0, " STRING(n) : "=r" (csr_v) : : "memory"); csr_v; })
#define csr_write(n, v) \
	asm volatile("csrw " STRING(n) ", %0" : : "r" ((u64)(v)) : "memory")

#define UEPC		0x041
#define UCAUSE		0x042
#define UTVAL		0x043

#define HUSTATUS	0x800
#define VGEIN		0x3f000ULL
#define HUVSISELECT	0x450
#define HUVSIREG	0x451

/* What HUVSISELECT selects of a guest interrupt file. */
#define EIDELIVERY	0x70
#define EIP0		0x80
#define EIE0		0xc0

struct vcpu {
	u64 x[32];
	u64 host_sp;
};

struct vm {
	int fd;
	struct dv_grant tables, ram;
	u64 *table;		/* 16 KiB of root, a level, a level of 4 KiB pages */
	uint8_t *memory;
};

#define GUEST(name) extern const char g_##name[], g_##name##_end[];
GUEST(call) GUEST(load) GUEST(store) GUEST(jump) GUEST(spin) GUEST(wfi)
GUEST(count) GUEST(tick) GUEST(watch) GUEST(check) GUEST(msi) GUEST(take)
#undef GUEST

#define vm_program(vm, name) \
	vm_copy(vm, g_##name, (size_t)(g_##name##_end - g_##name))

void dv_enter(struct vcpu *v);
extern const char dv_huret[], dv_exit[];

void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define check(condition) do { \
	if (!(condition)) \
		die("%s:%d: %s (errno %d)", __FILE__, __LINE__, #condition, errno); \
} while (0)

/* Runs the guest, which has to leave for this cause. */
#define exits(v, cause) do { \
	u64 exits_cause = vm_run(v); \
	if (exits_cause != (u64)(cause)) \
		die("%s:%d: ucause 0x%lx at 0x%lx, utval 0x%lx", __FILE__, __LINE__, \
		    exits_cause, csr_read(UEPC), csr_read(UTVAL)); \
} while (0)

void vm_open(struct vm *vm);
void vm_grant(struct vm *vm, struct dv_grant *g, u64 bytes, unsigned int use);
void *vm_map(struct vm *vm, const struct dv_grant *g);
void vm_make(struct vm *vm);
void vm_stage2(struct vm *vm, u64 gpa, u64 hpa, u64 flags);
void vm_copy(struct vm *vm, const char *code, size_t bytes);
void vm_register(struct vm *vm, unsigned long index);
void vm_reset(struct vm *vm);
u64 vm_run(struct vcpu *v);
u64 now(void);

void on_cpu(int cpu);
void file_select(const struct dv_file *f);
u64 file_get(u64 select);
void file_put(u64 select, u64 value);

#endif
