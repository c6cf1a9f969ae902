/* Programs that move data: dependent loads, copies, a stream. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MB (1024u * 1024u)
enum { LINE = 64, LINES = 64 * 1024 * 1024 / LINE };

static uint8_t *memory;

/* 64 MB at a multiple of 32 MB, nothing of it touched. */
static void reserve(void) {
    if (memory) return;
    uint8_t *p = mmap(NULL, 96 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) fail("mmap of 96 MB");
    memory = (uint8_t *) (((uintptr_t) p + 32 * MB - 1) & -(uintptr_t) (32 * MB));
}

static void touch(size_t from, size_t to) {
    for (size_t k = from; k < to; k += 4096) *(uint64_t *) (memory + k) = (k | 1) * 0x9e3779b97f4a7c15ull;
}

void memory_prepare(void) {
    reserve();
    touch(0, 64 * MB);
}

/* Two buffers of 2 MB, 32 MB apart: they share the entries of a direct-mapped TLB. Touching more would let one that adapts grow first. */
void far_prepare(void) {
    reserve();
    touch(0, 2 * MB);
    touch(32 * MB, 34 * MB);
}

/* One pointer in each cache line, in one random cycle (Sattolo). */
static void **place;

void chase_prepare(void) {
    uint32_t *order = malloc(LINES * sizeof *order);
    uint64_t seed = 1;
    memory_prepare();
    if (!order) fail("malloc");
    for (uint32_t k = 0; k < LINES; k++) order[k] = k;
    for (uint32_t k = LINES - 1; k > 0; k--) {
        uint32_t j = (uint32_t) ((next_random(&seed) >> 32) * k >> 32), t = order[k];
        order[k] = order[j];
        order[j] = t;
    }
    for (uint32_t k = 0; k < LINES; k++) *(void **) (memory + (size_t) k * LINE) = memory + (size_t) order[k] * LINE;
    free(order);
    place = (void **) memory;
}

uint64_t chase_iteration(uint64_t i) {
    void **p = place;
    (void) i;
    for (uint32_t k = 0; k < 100000; k++) p = *p;
    place = p;
    return (uint64_t) ((uint8_t *) p - memory);
}

static uint64_t copy_words(uint64_t *to, const uint64_t *from, size_t words) {
    for (size_t k = 0; k < words; k++) to[k] = from[k];
    return to[words / 2] + to[words / 2 - 1];
}

static uint64_t copy_bytes(uint8_t *to, const uint8_t *from, size_t bytes) {
    for (size_t k = 0; k < bytes; k++) to[k] = from[k];
    return to[bytes / 2] + to[bytes / 2 - 1];
}

/* Slices of 4 MB, each time the next of eight. */
static size_t slice(uint64_t i) {
    return i % 8 * (4 * MB);
}

uint64_t far_iteration(uint64_t i) {
    *(uint64_t *) (memory + MB) = i + 1;
    return copy_words((uint64_t *) (memory + 32 * MB), (uint64_t *) memory, 2 * MB / 8);
}

uint64_t far_libc_iteration(uint64_t i) {
    *(uint64_t *) (memory + MB) = i + 1;
    memcpy(memory + 32 * MB, OPAQUE(memory), 2 * MB);
    return *(uint64_t *) (memory + 33 * MB);
}

uint64_t shift_iteration(uint64_t i) {
    uint8_t *from = memory + slice(i);
    *(uint64_t *) (from + 2 * MB) = i + 1;
    return copy_words((uint64_t *) from, (uint64_t *) (from + 8), 3 * MB / 8) +
           copy_bytes(from, from + 1, 256 * 1024);
}

uint64_t stream_iteration(uint64_t i) {
    uint64_t *a = (uint64_t *) (memory + i % 16 * (4 * MB)), sum = 0;
    for (size_t k = 0; k < 4 * MB / 8; k++) {
        uint64_t x = a[k] + i + 1;
        a[k] = x;
        sum += x;
    }
    return sum;
}
