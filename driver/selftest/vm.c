// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>

#include "vm.h"

void die(const char *format, ...)
{
	va_list list;
	char text[256];

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	dprintf(1, "     %s\n", text);
	_exit(1);
}

u64 now(void)
{
	return csr_read(time);
}

void vm_open(struct vm *vm)
{
	memset(vm, 0, sizeof(*vm));
	vm->fd = open("/dev/duvisor", O_RDWR | O_CLOEXEC);
	check(vm->fd >= 0);
}

void vm_grant(struct vm *vm, struct dv_grant *g, u64 bytes, unsigned int use)
{
	*g = (struct dv_grant) { .bytes = bytes, .use = use };
	check(!ioctl(vm->fd, DV_GRANT, g));
}

void *vm_map(struct vm *vm, const struct dv_grant *g)
{
	void *at = mmap(NULL, g->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vm->fd,
			(off_t)g->offset);

	check(at != MAP_FAILED);
	return at;
}

/* Maps 4 KiB in the gigabyte at GPA; all tables of it are there. */
void vm_stage2(struct vm *vm, u64 gpa, u64 hpa, u64 flags)
{
	u64 *l1 = vm->table + 0x4000 / 8, pages = (gpa - GPA) >> 21;
	u64 *l0 = vm->table + (0x5000 + 0x1000 * pages) / 8;
	u64 base = vm->tables.hpa;

	vm->table[GPA >> 30] = (base + 0x4000) >> 12 << 10 | 1;
	l1[pages] = (base + 0x5000 + 0x1000 * pages) >> 12 << 10 | 1;
	l0[gpa >> 12 & 511] = hpa >> 12 << 10 | flags;
	asm volatile("fence rw, rw" : : : "memory");
}

void vm_copy(struct vm *vm, const char *code, size_t bytes)
{
	memcpy(vm->memory, code, bytes);
	asm volatile("fence.i" : : : "memory");
}

/* A VM with 2 MiB of memory, all of it mapped, and the usual delegation. */
void vm_make(struct vm *vm)
{
	struct dv_delegate d = { 0xf00400, 0x111, 0xb1ff, 0x444 };
	u64 i;

	vm_open(vm);
	vm_grant(vm, &vm->tables, 0x200000, DV_STAGE2_TABLES);
	vm_grant(vm, &vm->ram, 0x200000, DV_GUEST_MEMORY);
	vm->table = vm_map(vm, &vm->tables);
	vm->memory = vm_map(vm, &vm->ram);
	for (i = 0; i < 0x200000; i += 4096)
		vm_stage2(vm, GPA + i, vm->ram.hpa + i, RWXU);
	check(!ioctl(vm->fd, DV_DELEGATE, &d));
}

/* What is set before the first entry. */
void vm_reset(struct vm *vm)
{
	csr_write(0x880, 8ULL << 60 | vm->tables.hpa >> 12);	/* hugatp */
	csr_write(0x800, 0x180);				/* hustatus: SPV, SPVP */
	csr_write(0x804, 0x111);				/* huie */
	csr_write(0x806, ~0ULL);				/* hucounteren */
	csr_write(0x80a, BIT(63));				/* huenvcfg: STCE */
	csr_write(0x400, 1 << 13);				/* huvsstatus: FS */
	csr_write(0x44d, ~0ULL);				/* huvstimecmp */
	csr_write(0x480, 0);					/* huvsatp */
	csr_write(UEPC, GPA);
	asm volatile(".insn r 0x73, 0, 0x71, x0, x0, x0" : : : "memory"); /* hufence.gvma */
	asm volatile("fence.i" : : : "memory");
}

void vm_register(struct vm *vm, unsigned long index)
{
	check(!ioctl(vm->fd, DV_REGISTER, index));
	vm_reset(vm);
}

/* Enters until the guest itself has something to say; steps over its ecalls. */
u64 vm_run(struct vcpu *v)
{
	u64 cause;

	do {
		dv_enter(v);
		cause = csr_read(UCAUSE);
	} while (cause == HOST_EVENT);
	if (cause == 10)
		csr_write(UEPC, csr_read(UEPC) + 4);
	return cause;
}

/* The calling thread stays on a hart. */
void on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	check(!sched_setaffinity(0, sizeof(set), &set));
}

/* The guest interrupt file that the windows reach. */
void file_select(const struct dv_file *f)
{
	csr_write(HUSTATUS, 0x180 | (u64)f->number << 12);
	check((csr_read(HUSTATUS) & VGEIN) == (u64)f->number << 12);
}

u64 file_get(u64 select)
{
	csr_write(HUVSISELECT, select);
	return csr_read(HUVSIREG);
}

void file_put(u64 select, u64 value)
{
	csr_write(HUVSISELECT, select);
	csr_write(HUVSIREG, value);
}
