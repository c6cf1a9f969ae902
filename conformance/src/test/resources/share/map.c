/* Two processes that map a file of a shared folder, as SQLite does with its index: each sees what the other writes. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_RDWR | O_CREAT, 0644) : -1;
	if (fd < 0 || ftruncate(fd, 8192) < 0) {
		perror("open");
		return 1;
	}
	volatile char *at = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	if (fork() == 0) {
		while (at[0] != 'a')
			usleep(1000);
		at[4096] = 'b';
		return 0;
	}
	at[0] = 'a';
	while (at[4096] != 'b')
		usleep(1000);
	wait(0);
	if (msync((void *)at, 8192, MS_SYNC) < 0) {
		perror("msync");
		return 1;
	}
	puts("both");
	return 0;
}
