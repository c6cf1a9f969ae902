/* Programs that spend their time in the kernel: system calls, page faults, switches, processes. */
#include "bench.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

uint64_t getpid_iteration(uint64_t i) {
    uint64_t sum = i;
    long self = getpid();
    for (int k = 0; k < 5000; k++) sum += syscall(SYS_getpid) == self;
    return sum;
}

uint64_t mmap_iteration(uint64_t i) {
    enum { PAGES = 64, PAGE = 4096 };
    uint64_t sum = 0;
    for (int k = 0; k < 10; k++) {
        volatile uint8_t *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) fail("mmap");
        for (int page = 0; page < PAGES; page++) {
            sum += p[page * PAGE];
            p[page * PAGE] = (uint8_t) i;
        }
        munmap((void *) p, PAGES * PAGE);
    }
    return sum;
}

static int ping[2], pong[2];
static pid_t echo;

/* A child that sends back every byte. */
void pipe_prepare(void) {
    if (pipe(ping) || pipe(pong)) fail("pipe");
    echo = fork();
    if (echo < 0) fail("fork");
    if (echo > 0) return;
    char byte;
    while (read(ping[0], &byte, 1) == 1 && write(pong[1], &byte, 1) == 1) continue;
    _exit(0);
}

void pipe_end(void) {
    if (!echo) return;
    kill(echo, SIGKILL);
    waitpid(echo, NULL, 0);
    for (int k = 0; k < 2; k++) {
        close(ping[k]);
        close(pong[k]);
    }
    echo = 0;
}

uint64_t pipe_iteration(uint64_t i) {
    uint64_t sum = 0;
    for (int k = 0; k < 200; k++) {
        uint8_t byte = (uint8_t) (i + (uint64_t) k);
        if (write(ping[1], &byte, 1) != 1 || read(pong[0], &byte, 1) != 1) fail("pipe");
        sum += byte;
    }
    return sum;
}

static uint64_t wait_for(pid_t child) {
    int status;
    if (child < 0) fail("fork");
    if (waitpid(child, &status, 0) != child) fail("wait");
    return (uint64_t) WEXITSTATUS(status);
}

uint64_t fork_iteration(uint64_t i) {
    uint64_t sum = 0;
    for (int k = 0; k < 10; k++) {
        pid_t child = fork();
        if (child == 0) _exit((int) (i + (uint64_t) k) & 127);
        sum += wait_for(child);
    }
    return sum;
}

uint64_t exec_iteration(uint64_t i) {
    uint64_t sum = i;
    for (int k = 0; k < 5; k++) {
        pid_t child = fork();
        if (child == 0) {
            execl("/bench", "bench", "nothing", (char *) NULL);
            _exit(127);
        }
        sum += wait_for(child);
    }
    return sum;
}
