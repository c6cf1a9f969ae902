/*
 * run-command: runs the one command that "duvisor run -- CMD" asks for, with its streams on a port of
 * virtio-console (the host's end: cli, CommandPort). It ends when the command has, and the machine
 * with it.
 *
 * The port carries frames: a byte that says what it is, three of the payload's length (little-endian),
 * the payload. To here: C the command, I input (empty: its end), S a signal, W rows and columns of the
 * terminal, X a stream (1, 2) that the host takes no more of. From here: R ready for more input, which
 * comes one frame for each R; O output, P errors, E the exit code.
 *
 * A command is strings that end with 0: t (it has a terminal), mTAG (mount a shared folder), dDIR
 * (where it runs), eNAME=VALUE, aWORD.
 *
 * Built on the kernel's nolibc: a few KB, and it starts at once.
 */
#include "nolibc.h"

#include <linux/limits.h>

#define MOST_COMMAND (2 << 20)
#define CHUNK (32 << 10)
#define PATIENCE 1000 /* times 10 ms for the port to come */
#define MOST_ROUNDS 64 /* of output after the command's end: more than pipes hold, for others may write on */
#define PORTS "/sys/class/virtio-ports"
#define PORT_NAME "duvisor.command\n"
#define NOT_RUN 125
#define NOT_EXECUTABLE 126
#define NOT_FOUND 127

struct window { unsigned short rows, columns, width, height; };

static int port;
static char **words, **environment;
static const char *directory = "/";
static int terminal;
static char chunk[4 + CHUNK];    /* on the way to the host */
static char frame[CHUNK];        /* on the way from it */
static char input[CHUNK];        /* what the command has not taken of it, */
static int input_at, input_end;  /* from here to there */
static int streams[3] = { -1, -1, -1 }; /* our ends of the command's; with a terminal 0 and 1 are one */
static pid_t child;

static void *need(void *memory)
{
	if (!memory)
		exit(NOT_RUN);
	return memory;
}

/* Puts three strings together, cut to the room there is; returns their length. */
static int join(char *to, int room, const char *first, const char *second, const char *third)
{
	strlcpy(to, first, room);
	strlcat(to, second, room);
	strlcat(to, third, room);
	return strlen(to);
}

static void send_frame(char type, int length)
{
	int done, n;

	chunk[0] = type;
	chunk[1] = length;
	chunk[2] = length >> 8;
	chunk[3] = length >> 16;
	for (done = 0; done < length + 4; done += n) {
		n = write(port, chunk + done, length + 4 - done);
		if (n <= 0)
			exit(NOT_RUN);
	}
}

static void send_exit(int code)
{
	chunk[4] = code;
	send_frame('E', 1);
}

static const char *reason(int error)
{
	switch (error) {
	case ENOENT: return "not found";
	case EACCES: return "permission denied";
	case ENOEXEC: return "not a program of this machine";
	case ENOTDIR: return "not a directory";
	case E2BIG: return "the arguments are too long";
	default: return "cannot be used";
	}
}

/* Says on the command's standard error why it did not run, and that it did not. */
static void refuse(const char *what, const char *name, int error, int code)
{
	join(chunk + 4, CHUNK, "duvisor: ", what, name);
	join(frame, sizeof(frame), chunk + 4, ": ", reason(error));
	send_frame('P', join(chunk + 4, CHUNK, frame, "\n", ""));
	send_exit(code);
	exit(code);
}

static void take(void *to, int length)
{
	int done, n;

	for (done = 0; done < length; done += n) {
		n = read(port, (char *)to + done, length - done);
		if (n <= 0)
			exit(NOT_RUN);
	}
}

static int take_head(char *type)
{
	unsigned char head[4];

	take(head, 4);
	*type = head[0];
	return head[1] | head[2] << 8 | head[3] << 16;
}

/* Opens the host's port, which the driver may still be making. */
static int open_port(void)
{
	static const struct timespec pause = { 0, 10000000 };
	char entries[2048], path[280], name[64];
	int patience, folder, n, at, fd;

	for (patience = 0; patience < PATIENCE; patience++) {
		folder = open(PORTS, O_RDONLY | O_DIRECTORY);
		while (folder >= 0 && (n = getdents64(folder, (struct linux_dirent64 *)entries, sizeof(entries))) > 0) {
			for (at = 0; at < n; at += ((struct linux_dirent64 *)(entries + at))->d_reclen) {
				const char *port_dir = ((struct linux_dirent64 *)(entries + at))->d_name;

				join(path, sizeof(path), PORTS "/", port_dir, "/name");
				fd = open(path, O_RDONLY);
				if (fd < 0)
					continue;
				memset(name, 0, sizeof(name));
				read(fd, name, sizeof(name) - 1);
				close(fd);
				if (strcmp(name, PORT_NAME) == 0) {
					close(folder);
					join(path, sizeof(path), "/dev/", port_dir, "");
					return open(path, O_RDWR | O_CLOEXEC);
				}
			}
		}
		if (folder >= 0)
			close(folder);
		my_syscall4(__NR_clock_nanosleep, 1 /* CLOCK_MONOTONIC */, 0, &pause, 0);
	}
	return -1;
}

static void mount_share(const char *tag)
{
	char place[64];

	join(place, sizeof(place), "/mnt/", tag, "");
	mkdir(place, 0755);
	if (mount(tag, place, "9p", 0, "trans=virtio,version=9p2000.L,cache=mmap") != 0)
		refuse("shared folder ", tag, errno, NOT_RUN);
}

static void read_command(void)
{
	char type, *text;
	int length = take_head(&type), at, word = 0, variable = 0;

	if (type != 'C' || length > MOST_COMMAND)
		exit(NOT_RUN);
	text = need(malloc(length + 1));
	words = need(calloc(length + 1, sizeof(*words)));
	environment = need(calloc(length + 1, sizeof(*environment)));
	take(text, length);
	text[length] = 0;
	for (at = 0; at < length; at += strlen(text + at) + 1) {
		switch (text[at]) {
		case 't': terminal = 1; break;
		case 'm': mount_share(text + at + 1); break;
		case 'd': directory = text + at + 1; break;
		case 'e': environment[variable++] = text + at + 1; break;
		case 'a': words[word++] = text + at + 1; break;
		}
	}
	if (word == 0)
		exit(NOT_RUN);
}

/* Where the command is looked for: its own PATH. */
static const char *path_of_command(void)
{
	int i;

	for (i = 0; environment[i]; i++)
		if (strncmp(environment[i], "PATH=", 5) == 0)
			return environment[i] + 5;
	return "/bin";
}

/* Executes the command; returns why it could not. A script without "#!" is the shell's. */
static int execute(void)
{
	char folder[PATH_MAX], file[PATH_MAX];
	const char *path, *end;
	int error = ENOENT;

	if (strchr(words[0], '/')) {
		execve(words[0], words, environment);
		return errno;
	}
	for (path = path_of_command(); *path; path = *end ? end + 1 : end) {
		end = strchr(path, ':');
		if (!end)
			end = path + strlen(path);
		if (end - path >= (int)sizeof(file))
			continue;
		strlcpy(folder, path, end - path + 1);
		if (join(file, sizeof(file), folder, "/", words[0]) == sizeof(file) - 1)
			continue;
		execve(file, words, environment);
		if (errno != ENOENT && errno != ENOTDIR)
			error = errno;
	}
	return error;
}

static int sys3(long number, long a, long b, long c)
{
	return my_syscall3(number, a, b, c);
}

static void pipe_or_exit(int ends[2])
{
	if (sys3(__NR_pipe2, (long)ends, O_CLOEXEC, 0) < 0)
		exit(NOT_RUN);
}

static int open_terminal(void)
{
	char name[32];
	int number, zero = 0, slave;

	streams[0] = streams[1] = open("/dev/ptmx", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (streams[0] < 0 || ioctl(streams[0], TIOCSPTLCK, &zero) < 0 || ioctl(streams[0], TIOCGPTN, &number) < 0)
		exit(NOT_RUN);
	join(name, sizeof(name), "/dev/pts/", itoa(number), "");
	slave = open(name, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (slave < 0)
		exit(NOT_RUN);
	return slave;
}

/* init's background commands have the first two ignored, we the third */
static void standard_signals(void)
{
	static const struct { unsigned long handler, flags, mask; } standard; /* SIG_DFL */

	my_syscall4(__NR_rt_sigaction, SIGINT, &standard, 0, sizeof(standard.mask));
	my_syscall4(__NR_rt_sigaction, SIGQUIT, &standard, 0, sizeof(standard.mask));
	my_syscall4(__NR_rt_sigaction, SIGPIPE, &standard, 0, sizeof(standard.mask));
}

/* The names of its own streams, which shells and scripts write to. */
static void name_streams(void)
{
	symlink("/proc/self/fd", "/dev/fd");
	symlink("fd/0", "/dev/stdin");
	symlink("fd/1", "/dev/stdout");
	symlink("fd/2", "/dev/stderr");
}

/* Starts the command with its streams. */
static void start(void)
{
	int in[2], out[2], err[2], failed[2], i, report[2], slave;

	pipe_or_exit(failed);
	if (terminal) {
		slave = open_terminal();
		in[0] = out[1] = err[1] = slave;
	} else {
		pipe_or_exit(in);
		pipe_or_exit(out);
		pipe_or_exit(err);
		streams[0] = in[1];
		streams[1] = out[0];
		streams[2] = err[0];
	}
	child = fork();
	if (child < 0)
		exit(NOT_RUN);
	if (child == 0) {
		standard_signals();
		setsid();
		if (terminal)
			ioctl(in[0], TIOCSCTTY, 0);
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		report[1] = chdir(directory) != 0;
		report[0] = report[1] ? errno : execute();
		write(failed[1], report, sizeof(report));
		exit(NOT_RUN);
	}
	close(failed[1]);
	close(in[0]);
	if (!terminal) {
		close(out[1]);
		close(err[1]);
	}
	if (read(failed[0], report, sizeof(report)) == sizeof(report)) {
		if (report[1])
			refuse("working directory ", directory, report[0], NOT_EXECUTABLE);
		refuse("", words[0], report[0], report[0] == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
	}
	close(failed[0]);
	for (i = 0; i < 3; i++)
		if (streams[i] >= 0)
			sys3(__NR_fcntl, streams[i], F_SETFL, O_NONBLOCK | (i == 0 ? O_RDWR : 0));
}

/* Gives a stream up; the command may still have a terminal open that says nothing any more. */
static void close_stream(int i)
{
	if (streams[i] >= 0 && !terminal)
		close(streams[i]);
	streams[i] = -1;
}

/* Passes on what the command writes; whether there was something. */
static int output(int i)
{
	int n = streams[i] < 0 ? 0 : read(streams[i], chunk + 4, CHUNK);

	if (n > 0) {
		send_frame(i == 1 ? 'O' : 'P', n);
		return 1;
	}
	if (streams[i] >= 0 && (n == 0 || errno != EAGAIN))
		close_stream(i);
	return 0;
}

/* Hands the command what it takes of its input, and asks for more when it has all. */
static void feed(void)
{
	int n = write(streams[0], input + input_at, input_end - input_at);

	if (n < 0 && errno == EAGAIN)
		return;
	input_at = n < 0 ? input_end : input_at + n;
	if (n < 0)
		close_stream(0); /* nobody reads it any more */
	else if (input_at == input_end)
		send_frame('R', 0);
}

/* A frame of the host. */
static void listen_host(void)
{
	char type;
	int length = take_head(&type);
	struct window size;

	if (length > (int)sizeof(frame))
		exit(NOT_RUN);
	take(frame, length);
	switch (type) {
	case 'I':
		if (length == 0)
			close_stream(0);
		memcpy(input, frame, length);
		input_at = 0;
		input_end = length;
		break;
	case 'S':
		kill(-child, frame[0]);
		break;
	case 'W':
		memcpy(&size, frame, 4);
		size.width = size.height = 0;
		if (terminal && streams[0] >= 0)
			ioctl(streams[0], TIOCSWINSZ, &size);
		break;
	case 'X':
		close_stream(frame[0] == 1 ? 1 : 2); /* the command gets SIGPIPE */
		break;
	}
}

/* Keeps the streams going until the command has ended; returns its exit code. */
static int relay(void)
{
	int ended = sys3(__NR_pidfd_open, child, 0, 0), status = 0, more, rounds = 0;

	if (ended < 0)
		exit(NOT_RUN);
	send_frame('R', 0);
	for (;;) {
		struct pollfd polled[] = {
			{ .fd = ended, .events = POLLIN },
			{ .fd = port, .events = POLLIN },
			{ .fd = streams[1], .events = POLLIN },
			{ .fd = streams[2], .events = POLLIN },
			{ .fd = input_at < input_end && streams[0] >= 0 ? streams[0] : -1, .events = POLLOUT },
		};

		if (poll(polled, 5, -1) < 0)
			continue;
		if (polled[1].revents)
			listen_host();
		if (polled[4].revents)
			feed();
		if (polled[2].revents)
			output(1);
		if (polled[3].revents)
			output(2);
		if (polled[0].revents)
			break;
	}
	do {
		more = output(1);
		more |= output(2);
	} while (more && ++rounds < MOST_ROUNDS);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	static const struct { unsigned long handler, flags, mask; } ignore = { 1 /* SIG_IGN */ };

	do /* 0, 1 and 2 are taken: what is opened now is above them */
		port = open("/dev/null", O_RDWR);
	while (port >= 0 && port < 2);
	my_syscall4(__NR_rt_sigaction, SIGPIPE, &ignore, 0, sizeof(ignore.mask));
	port = open_port();
	if (port < 0)
		return NOT_RUN;
	read_command();
	name_streams();
	start();
	send_exit(relay());
	return 0;
}
