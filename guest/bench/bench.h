/* Programs that measure an execution engine from inside a Linux guest. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

/*
 * One workload. An iteration does the same work every time and costs a few million instructions (fewer where the kernel
 * does it), so that the clock is read seldom; it returns a value that depends on all of the work, which keeps the
 * compiler from dropping any and tells a wrong engine from a right one.
 */
struct workload {
    const char *name;
    const char *what;
    void (*prepare)(void);             /* NULL: nothing to prepare */
    uint64_t (*iteration)(uint64_t i); /* i: 0, 1, 2, ... */
};

/* Ends the program with one line: what failed and why. */
void fail(const char *what) __attribute__((noreturn));

/* A generator of full period with a fixed start (xorshift*): equal runs are equal. */
static inline uint64_t next_random(uint64_t *state) {
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1dull;
}

/* The value, hidden from the optimizer. */
#define OPAQUE(x) __extension__({ __typeof__(x) x_ = (x); __asm__ volatile("" : "+r"(x_)); x_; })

uint64_t list_iteration(uint64_t i), matrix_iteration(uint64_t i), state_iteration(uint64_t i), crc_iteration(uint64_t i);
uint64_t core_iteration(uint64_t i), integer_iteration(uint64_t i), dhry_iteration(uint64_t i);
void core_prepare(void), dhry_prepare(void);

void memory_prepare(void), far_prepare(void), chase_prepare(void);
uint64_t chase_iteration(uint64_t i), far_iteration(uint64_t i), far_libc_iteration(uint64_t i), shift_iteration(uint64_t i);
uint64_t stream_iteration(uint64_t i);

uint64_t nbody_iteration(uint64_t i), mandel_iteration(uint64_t i);
void nbody_prepare(void);

uint64_t getpid_iteration(uint64_t i), mmap_iteration(uint64_t i), pipe_iteration(uint64_t i), fork_iteration(uint64_t i);
uint64_t exec_iteration(uint64_t i);
void pipe_prepare(void), pipe_end(void);

#endif
