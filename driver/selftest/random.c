// SPDX-License-Identifier: GPL-2.0
/* Operations in an order that a seed decides, with what each has to answer. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "test.h"

#define VMS 4

static struct slot {
	struct vm vm;
	bool open, ended;
	int own;			/* the main thread is this vCPU, or -1 */
	bool file;			/* and has an interrupt file */
	u64 others;			/* vCPUs of spinning threads */
	struct dv_grant grant[16];
	u64 *map[16];
} slots[VMS];

static struct vcpu v;

struct spinner {
	struct vm *vm;
	unsigned long index;
	volatile int state;		/* 1 in the guest, 2 to end */
};

static void *spinner(void *arg)
{
	struct spinner *s = arg;
	struct vcpu w = { 0 };

	vm_register(s->vm, s->index);
	s->state = 1;
	while (s->state == 1)
		dv_enter(&w);
	free(s);
	return NULL;			/* without unregistering */
}

static struct spinner *spinners[VMS][64];

static bool registered(void)
{
	int i;

	for (i = 0; i < VMS; i++)
		if (slots[i].own >= 0)
			return true;
	return false;
}

/* The main thread is no vCPU of this VM any more, and may move again. */
static void leave(struct slot *s)
{
	cpu_set_t all;

	s->own = -1;
	s->file = false;
	memset(&all, 0xff, sizeof(all));
	check(!sched_setaffinity(0, sizeof(all), &all));
}

static void open_slot(struct slot *s)
{
	vm_make(&s->vm);
	vm_program(&s->vm, call);
	s->open = true;
	s->ended = false;
	s->own = -1;
	s->grant[0] = s->vm.tables;
	s->grant[1] = s->vm.ram;
}

/* Has the spinning threads leave; they must be out before memory goes. */
static void stop_others(int i)
{
	int n;

	for (n = 0; n < 64; n++) {
		if (!spinners[i][n])
			continue;
		spinners[i][n]->state = 2;
		check(!ioctl(slots[i].vm.fd, DV_KICK, n));
		spinners[i][n] = NULL;
	}
	slots[i].others = 0;
	usleep(2000);
}

static void close_slot(int i)
{
	struct slot *s = &slots[i];
	int n;

	stop_others(i);
	if (s->own >= 0) {
		check(!ioctl(s->vm.fd, DV_UNREGISTER, 0));
		leave(s);
	}
	for (n = 2; n < 16; n++)
		if (s->map[n])
			munmap(s->map[n], s->grant[n].bytes);
	munmap(s->vm.memory, DV_GRANULE);
	munmap(s->vm.table, DV_GRANULE);
	close(s->vm.fd);
	memset(s, 0, sizeof(*s));
	s->own = -1;
}

static void grant(struct slot *s)
{
	struct dv_grant g = { .bytes = DV_GRANULE * (1 + rnd() % 3), .use = rnd() & 1 };
	int n;

	for (n = 2; n < 16 && s->grant[n].bytes; n++)
		;
	if (ioctl(s->vm.fd, DV_GRANT, &g)) {
		check(s->ended ? errno == ENODEV :
		      n == 16 ? errno == ENOSPC : errno == ENOMEM || errno == ENOSPC);
		return;
	}
	check(n < 16 && !s->ended);
	s->grant[n] = g;
}

static void revoke_one(struct slot *s)
{
	int n = 2 + (int)(rnd() % 14);
	u64 hpa = s->grant[n].hpa;

	if (!s->grant[n].bytes || s->ended) {
		hpa = rnd() & ~0xfffULL;
		check(ioctl(s->vm.fd, DV_REVOKE, &hpa) && errno == EINVAL);
		return;
	}
	check(!ioctl(s->vm.fd, DV_REVOKE, &hpa));
	check(ioctl(s->vm.fd, DV_REVOKE, &hpa) && errno == EINVAL);
	if (s->map[n])
		munmap(s->map[n], s->grant[n].bytes);
	s->map[n] = NULL;
	s->grant[n].bytes = 0;
}

static void touch(struct slot *s)
{
	int n = 2 + (int)(rnd() % 14);
	u64 words = s->grant[n].bytes / 8, i, at;

	if (!words || s->ended)
		return;
	if (!s->map[n]) {
		s->map[n] = vm_map(&s->vm, &s->grant[n]);
		for (i = 0; i < words; i += 512)
			check(!s->map[n][i]);
	}
	for (i = 0; i < 16; i++) {
		at = rnd() % words;
		check(!s->map[n][at] || s->map[n][at] == at);
		s->map[n][at] = at;
	}
}

static void take_part(int i)
{
	struct slot *s = &slots[i];
	unsigned long index = rnd() % 66;
	struct spinner *p;

	if (s->own >= 0 && rnd() & 1) {
		check(!ioctl(s->vm.fd, DV_UNREGISTER, 0));
		leave(s);
	} else if (rnd() % 4 == 0 && index < 64 && s->own != (int)index &&
		   !(s->others & BIT(index)) && !s->ended && s->others < 8) {
		p = calloc(1, sizeof(*p));
		*p = (struct spinner) { &s->vm, index, 0 };
		spinners[i][index] = p;
		s->others |= BIT(index);
		spawn(spinner, p);
		while (!p->state)
			usleep(100);
	} else if (ioctl(s->vm.fd, DV_REGISTER, index)) {
		check(errno == (index >= 64 ? EINVAL : s->ended ? ENODEV : EBUSY) ||
		      errno == EBUSY);
	} else {
		check(index < 64 && !s->ended && !registered());
		s->own = (int)index;
		vm_reset(&s->vm);
	}
}

static void run(struct slot *s)
{
	u64 a0 = rnd();

	if (s->own < 0 || s->ended)
		return;
	v.x[10] = a0;
	v.x[11] = 5;
	exits(&v, 10);
	check(v.x[10] == a0 + 5);
	csr_write(UEPC, GPA);
}

/* Takes a file, which has to be empty, and leaves something in it; or gives it back. */
static void file(struct slot *s)
{
	bool member = s->own >= 0 && !s->ended;
	struct dv_capabilities c;
	struct dv_file f;

	if (rnd() & 1) {
		check(!ioctl(s->vm.fd, DV_RETURN_FILE, 0));
		s->file = false;
		return;
	}
	check(!ioctl(s->vm.fd, DV_CAPABILITIES, &c));
	if (member)
		on_cpu(sched_getcpu());
	if (ioctl(s->vm.fd, DV_CLAIM_FILE, &f)) {
		if (!member || !c.interrupt_identities)
			check(errno == EINVAL);
		else if (s->file || !access("/sys/module/kvm", F_OK))
			check(errno == EBUSY);	/* or KVM has them */
		else
			check(errno == ENOSPC);
		return;
	}
	check(member && c.interrupt_identities && !s->file);
	s->file = true;
	file_select(&f);
	check(!file_get(EIP0) && !file_get(EIE0) && !file_get(EIDELIVERY));
	file_put(EIP0, rnd());
	csr_write(HUSTATUS, 0x180);
}

static void child(struct slot *s)
{
	pid_t pid = fork();

	if (!pid) {
		if (rnd() & 1)
			ioctl(s->vm.fd, DV_KICK, rnd() % 64);
		if (rnd() & 1)
			_exit(0);
		vm_make(&s->vm);
		vm_register(&s->vm, 0);
		vm_program(&s->vm, call);
		for (;;)
			vm_run(&v);
	}
	usleep((useconds_t)(rnd() % 3000));
	kill(pid, SIGKILL);
	check(waitpid(pid, NULL, 0) == pid);
}

static void operation(int i)
{
	struct slot *s = &slots[i];
	struct dv_fence f = { rnd(), GPA + rnd() % DV_GRANULE, rnd() % 0x50000,
			      (unsigned int)(rnd() % 4), (unsigned int)rnd() };
	struct dv_delegate d = { 0xf00400, 0x111, 0xb1ff, rnd() & 0xfff };

	if (!s->open) {
		open_slot(s);
		return;
	}
	switch (rnd() % 36) {
	case 0 ... 3:
		grant(s);
		break;
	case 4 ... 7:
		revoke_one(s);
		break;
	case 8 ... 11:
		touch(s);
		break;
	case 12 ... 15:
		take_part(i);
		break;
	case 16 ... 20:
		run(s);
		break;
	case 21 ... 23:
		check(!ioctl(s->vm.fd, DV_KICK, rnd() % 70));
		break;
	case 24 ... 25:
		check(!ioctl(s->vm.fd, DV_FENCE, &f));
		break;
	case 26 ... 27:
		if (ioctl(s->vm.fd, DV_DELEGATE, &d))
			check(errno == (s->ended ? ENODEV : EPERM));
		else
			check(!(d.hideleg & ~0x444ULL) && !s->ended);
		break;
	case 28:
		if (ioctl(s->vm.fd, DV_IDLE, now() + rnd() % 2000))
			check(errno == (s->own < 0 ? EINVAL : ENODEV));
		else
			check(s->own >= 0 && !s->ended);
		break;
	case 29:
		if (rnd() % 8 == 0)
			child(s);
		break;
	case 30:
		if (rnd() % 4 == 0 && !s->ended) {
			stop_others(i);
			check(!ioctl(s->vm.fd, DV_END, 0));
			s->ended = true;
			if (s->own >= 0)
				leave(s);
		}
		break;
	case 31:
		if (rnd() % 4 == 0)
			close_slot(i);
		break;
	case 32 ... 34:
		file(s);
		break;
	case 35:
		check(!ioctl(s->vm.fd, DV_MESSAGE, rnd() % 66 << 16 | rnd() % 2048));
		break;
	}
}

void random_operations(unsigned int seed, unsigned int count)
{
	unsigned int n;
	int i;

	rnd_state = seed * 2862933555777941757ULL + 3037000493ULL;
	for (i = 0; i < VMS; i++)
		slots[i].own = -1;
	for (n = 0; n < count; n++) {
		operation((int)(rnd() % VMS));
		if (n % 1000 == 999)
			dprintf(1, "     %u operations\n", n + 1);
	}
}
