/*
 * bench WORKLOAD [SECONDS | xITERATIONS]: runs one workload and reports on standard output.
 *
 *   bench: ready RETIRED                         the program has begun; the count is since reset
 *   bench: NAME start CHECK RETIRED              prepared, and one iteration done; CHECK is its value
 *   bench: NAME ITERATIONS NANOSECONDS RETIRED   about every 0.1 s, and at the end
 *   bench: NAME done
 *
 * NANOSECONDS and ITERATIONS count from the start line. RETIRED is the register instret, or - where user mode may not
 * read it; it is a count of instructions only on machines that count them (QEMU without -icount gives host ticks), in
 * the start line since before the preparation, in the others since the start line. SECONDS of 0 mean for ever; without the argument it is 5 s. As process 1 (rdinit=/bench,
 * arguments after -- on the kernel's command line) it switches the machine off at the end.
 *
 *   bench list       the workloads
 *   bench count      a fixed number of iterations of each, to count instructions from outside
 */
#include "bench.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static const struct workload workloads[] = {
    {"core", "lists, matrices, a state machine, CRC-16 (in the spirit of CoreMark)", core_prepare, core_iteration},
    {"integer", "sieve, sort, hash table, division, recursion", NULL, integer_iteration},
    {"dhry", "records, strings, small procedures (in the spirit of Dhrystone)", dhry_prepare, dhry_iteration},
    {"chase", "dependent loads all over 64 MB", chase_prepare, chase_iteration},
    {"memcpy-far", "8-byte copy loop between buffers 32 MB apart", far_prepare, far_iteration},
    {"memcpy-libc", "memcpy between buffers 32 MB apart", far_prepare, far_libc_iteration},
    {"memcpy-shift", "copy loops that shift a buffer by 8 bytes and by 1", memory_prepare, shift_iteration},
    {"stream", "read, modify, write through 64 MB", memory_prepare, stream_iteration},
    {"nbody", "planets, double precision", nbody_prepare, nbody_iteration},
    {"mandel", "Mandelbrot set, single and double precision", NULL, mandel_iteration},
    {"getpid", "the shortest system call", NULL, getpid_iteration},
    {"mmap", "map, touch, unmap", NULL, mmap_iteration},
    {"pipe", "ping-pong of two processes", pipe_prepare, pipe_iteration},
    {"fork", "fork and wait", NULL, fork_iteration},
    {"exec", "fork, exec and wait", NULL, exec_iteration},
    /* the parts of core, on request */
    {"list", "part of core: find, reverse, merge sort", core_prepare, list_iteration},
    {"matrix", "part of core: integer matrices", core_prepare, matrix_iteration},
    {"state", "part of core: state machine over text", core_prepare, state_iteration},
    {"crc", "part of core: bitwise CRC-16", core_prepare, crc_iteration},
};
#define WORKLOADS (sizeof workloads / sizeof *workloads)

static sigjmp_buf no_instret;

static void on_sigill(int sig) {
    siglongjmp(no_instret, sig);
}

void fail(const char *what) {
    printf("bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t retired(void) {
    uint64_t n = 0;
#ifdef __riscv
    __asm__ volatile("rdinstret %0" : "=r"(n));
#endif
    return n;
}

/* Whether user mode may read instret here. */
static int may_count(void) {
    struct sigaction action = {.sa_handler = on_sigill}, old;
    sigaction(SIGILL, &action, &old);
    volatile int yes = 0;
    if (!sigsetjmp(no_instret, 1)) yes = retired() != 0;
    sigaction(SIGILL, &old, NULL);
    return yes;
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

/* Ends a line with a count. */
static void print_retired(int counted, uint64_t since) {
    if (counted) {
        printf(" %llu\n", (unsigned long long) (retired() - since));
    } else {
        printf(" -\n");
    }
}

/* Until the time or the number of iterations is reached; 0 is no limit. */
static void run(const struct workload *w, uint64_t ns, uint64_t iterations, int counted) {
    uint64_t before = counted ? retired() : 0;
    if (w->prepare) w->prepare();
    printf("bench: %s start %016llx", w->name, (unsigned long long) w->iteration(0));
    print_retired(counted, before);
    uint64_t start = now(), first = counted ? retired() : 0, reported = start, done = 0;
    for (;;) {
        w->iteration(++done);
        uint64_t t = now();
        int end = (iterations && done == iterations) || (ns && t - start >= ns);
        if (end || (!iterations && t - reported >= 100000000u)) {
            printf("bench: %s %llu %llu", w->name, (unsigned long long) done, (unsigned long long) (t - start));
            print_retired(counted, first);
            reported = t;
        }
        if (end) break;
    }
    printf("bench: %s done\n", w->name);
    pipe_end();
}

static int main_part(int argc, char **argv) {
    if (argc < 2 || strcmp(argv[1], "list") == 0) {
        for (size_t k = 0; k < WORKLOADS; k++) printf("%-13s %s\n", workloads[k].name, workloads[k].what);
        return 0;
    }
    int counted = may_count();
    printf("bench: ready");
    print_retired(counted, 0);
    if (strcmp(argv[1], "count") == 0) {
        for (size_t k = 0; k < WORKLOADS; k++) { /* each in a process as fresh as when it runs alone */
            pid_t child = fork();
            if (child == 0) {
                run(&workloads[k], 0, 10, counted);
                exit(0);
            }
            waitpid(child, NULL, 0);
        }
        return 0;
    }
    const char *amount = argc > 2 ? argv[2] : "5";
    uint64_t number = strtoull(amount + (*amount == 'x'), NULL, 10);
    for (size_t k = 0; k < WORKLOADS; k++) {
        if (strcmp(argv[1], workloads[k].name) != 0) continue;
        run(&workloads[k], *amount == 'x' ? 0 : number * 1000000000u, *amount == 'x' ? number : 0, counted);
        return 0;
    }
    printf("bench: no workload '%s' (see bench list)\n", argv[1]);
    return 2;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "nothing") == 0) return 0; /* what the exec workload executes */
    setvbuf(stdout, NULL, _IOLBF, 0);
    int status = main_part(argc, argv);
    fflush(stdout);
    if (getpid() == 1) {
        tcdrain(STDOUT_FILENO); /* the console is slower than the switch */
        reboot(RB_POWER_OFF);
    }
    return status;
}
