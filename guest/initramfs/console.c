/*
 * console: runs the shell as leader of a new session that has the console as
 * its controlling terminal. busybox's "setsid -c" does that too, but a shell
 * script's background command starts with SIGINT ignored, and no shell can
 * undo that for its children: Ctrl-C would be dead in the guest.
 *
 * Freestanding: linked without a C library, it is 1 KB and starts at once.
 */
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/unistd.h>

static long call(long number, long a, long b, long c, long d)
{
	register long a0 asm("a0") = a, a1 asm("a1") = b, a2 asm("a2") = c, a3 asm("a3") = d, a7 asm("a7") = number;

	asm volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a7) : "memory");
	return a0;
}

/* sp: what the kernel passes to a program: argc, argv, NULL, environment, NULL */
void run(long *sp)
{
	static const struct { unsigned long handler, flags, mask; } standard; /* SIG_DFL */
	char **environment = (char **)(sp + sp[0] + 2);
	char *arguments[] = { "sh", 0 };
	long fd;
	int i;

	call(__NR_rt_sigaction, SIGINT, (long)&standard, 0, sizeof(standard.mask));
	call(__NR_rt_sigaction, SIGQUIT, (long)&standard, 0, sizeof(standard.mask));
	call(__NR_setsid, 0, 0, 0, 0);
	fd = call(__NR_openat, -100, (long)"/dev/console", 2 /* O_RDWR */, 0);
	for (i = 0; i < 3; i++)
		call(__NR_dup3, fd, i, 0, 0);
	call(__NR_close, fd, 0, 0, 0);
	call(__NR_ioctl, 0, TIOCSCTTY, 1, 0);
	call(__NR_execve, (long)"/bin/sh", (long)arguments, (long)environment, 0);
	call(__NR_exit, 127, 0, 0, 0);
}

asm(".globl _start\n_start:\n\tmv a0, sp\n\tandi sp, sp, -16\n\tcall run\n");
