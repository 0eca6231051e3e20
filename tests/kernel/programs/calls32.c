/*
 * Calls of a 32-bit program that take structures, failures among them; the test watches it twice, once by strace. It has
 * no library, and says itself how it lays its structures out: as the compiler does for i386.
 */
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long s64;

struct timespec { int sec, nsec; };
struct timespec64 { s64 sec; int nsec; u32 padding; };
struct itimerspec { struct timespec interval, value; };
struct itimerspec64 { struct timespec64 interval, value; };
struct timeval { int sec, usec; };
struct itimerval { struct timeval interval, value; };
struct rlimit { u32 cur, max; };
struct rlimit64 { u64 cur, max; };
struct iovec { const void *base; u32 len; };
struct pollfd { int fd; short events, revents; };
struct open_how { u64 flags, mode, resolve; };
struct clone_args { u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls; };
struct msghdr { void *name; u32 namelen; struct iovec *iov; u32 iovlen; void *control; u32 controllen, flags; };
struct sigaction { u32 handler, flags, restorer, mask[2]; };
struct old_sigaction { u32 handler, mask, flags, restorer; };
struct __attribute__((packed)) epoll_event { u32 events; u64 data; };
struct sockaddr_in { unsigned short family, port; u32 addr; char zero[8]; };

static int call(int number, int a, int b, int c, int d, int e)
{
	int result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
	return result;
}

#define CALL(number, a, b, c, d, e) call(number, (int)(a), (int)(b), (int)(c), (int)(d), (int)(e))

static void times(void)
{
	struct timespec wait = { 0, 1000 }, now, times[2] = { { 1000000000, 0x3ffffffe }, { 1234567, 89 } };
	struct timespec64 wait64 = { 0, 2000, 0xdeadbeef }, now64, late[2] = { { 5000000000LL, 7, -1 }, { 0, 0x3fffffff, -1 } };
	struct timeval day, short_time = { 0, 10 }, seen[2] = { { 1111111111, 222222 }, { 1234567890, 987654 } };
	struct itimerval timer = { { 0, 0 }, { 100, 5 } }, left;
	struct itimerspec every = { { 1, 2 }, { 3, 4 } }, was;
	struct itimerspec64 later = { { 5, 6, -1 }, { 7000000000LL, 8, -1 } }, was64;
	u32 word = 1;
	int fd;

	CALL(162, &wait, 0, 0, 0, 0);			/* nanosleep */
	CALL(162, 16, 0, 0, 0, 0);
	CALL(267, 1, 0, &wait, 0, 0);			/* clock_nanosleep */
	CALL(407, 1, 0, &wait64, 0, 0);			/* clock_nanosleep_time64 */
	CALL(265, 7, &now, 0, 0, 0);			/* clock_gettime */
	CALL(403, 7, &now64, 0, 0, 0);			/* clock_gettime64 */
	CALL(266, 1, &now, 0, 0, 0);			/* clock_getres */
	CALL(78, &day, 0, 0, 0, 0);			/* gettimeofday */
	CALL(142, 0, 0, 0, 0, &short_time);		/* _newselect */
	CALL(104, 1, &timer, 0, 0, 0);			/* setitimer */
	CALL(105, 1, &left, 0, 0, 0);			/* getitimer */
	fd = CALL(322, 1, 0, 0, 0, 0);			/* timerfd_create */
	CALL(325, fd, 0, &every, &was, 0);		/* timerfd_settime */
	CALL(411, fd, 0, &later, &was64, 0);		/* timerfd_settime64 */
	CALL(410, fd, &was64, 0, 0, 0);			/* timerfd_gettime64 */
	CALL(271, "file", seen, 0, 0, 0);		/* utimes */
	CALL(320, -100, "file", times, 0, 0);		/* utimensat */
	CALL(412, -100, "file", late, 0, 0);		/* utimensat_time64 */
	CALL(240, &word, 0, 0, &wait, 0);		/* futex: not the value */
	CALL(422, &word, 0, 0, &wait64, 0);		/* futex_time64 */
}

static void files(void)
{
	struct iovec vec[2] = { { "ab", 2 }, { "cde", 3 } };
	struct open_how how = { 02000000, 0, 4 };
	char st[96];
	int fd;

	fd = CALL(5, "file", 0302, 0640, 0, 0);		/* open: O_RDWR | O_CREAT | O_EXCL */
	CALL(146, fd, vec, 2, 0, 0);			/* writev */
	CALL(19, fd, -1, 0, 0, 0);			/* lseek */
	CALL(106, "/dev/null", st, 0, 0, 0);		/* stat */
	CALL(107, "missing", st, 0, 0, 0);		/* lstat */
	CALL(108, fd, st, 0, 0, 0);			/* fstat */
	CALL(195, "/dev/null", st, 0, 0, 0);		/* stat64 */
	CALL(196, "missing", st, 0, 0, 0);		/* lstat64 */
	CALL(197, fd, st, 0, 0, 0);			/* fstat64 */
	CALL(300, -100, "file", st, 0x100, 0);		/* fstatat64 */
	CALL(437, -100, "file", &how, sizeof(how), 0);	/* openat2 */
}

static void others(void)
{
	struct rlimit limit = { -1, -1 };
	struct rlimit64 limit64;
	struct clone_args args = { .flags = 0x10000, .stack = 0x1000, .stack_size = 0x2000 };
	struct sockaddr_in in = { 2, 0x5000, 0x0100007f };
	struct pollfd fds[1] = { { 0, 3 } };
	struct timespec soon = { 0, 1 };
	u32 mask[2] = { 1 << 9, 0 };

	CALL(75, 4, &limit, 0, 0, 0);			/* setrlimit */
	CALL(191, 4, &limit, 0, 0, 0);			/* ugetrlimit */
	CALL(76, 7, &limit, 0, 0, 0);			/* getrlimit */
	CALL(340, 0, 7, 0, &limit64, 0);		/* prlimit64 */
	CALL(435, &args, sizeof(args), 0, 0, 0);	/* clone3: a thread without shared handlers */
	CALL(309, fds, 1, &soon, 0, 8);			/* ppoll */
	CALL(175, 0, mask, 0, 8, 0);			/* rt_sigprocmask */
	CALL(126, 1, mask, 0, 0, 0);			/* sigprocmask */
	CALL(362, CALL(359, 2, 2, 0, 0, 0), &in, 16, 0, 0);	/* socket, connect */
}

static void larger(void)
{
	struct sockaddr_in in = { 2, 0, 0x0100007f };
	struct iovec vec[2] = { { "ab", 2 }, { "cde", 3 } };
	struct msghdr message = { &in, 16, vec, 2, 0, 0, 0 };
	struct sigaction action = { 1, 0x10000000, 0, { 2, 0 } };
	struct old_sigaction old = { 0, 2, 0x40000000, 0 };
	struct epoll_event event = { 4, 0x123456789ULL }, events[4];
	const char *args[] = { "", "two words", "-c", 0 };
	char memory[256];
	int length = 16, epoll, s;

	CALL(11, "/nonexistent", args, 0, 0, 0);	/* execve */
	CALL(383, -100, "/dev/null", 0x2000, 0x7ff, memory);	/* statx */
	CALL(99, "/proc", memory, 0, 0, 0);		/* statfs */
	CALL(268, "/proc", 84, memory, 0, 0);		/* statfs64 */
	CALL(77, 0, memory, 0, 0, 0);			/* getrusage */
	CALL(114, -1, 0, 1, memory, 0);			/* wait4 */
	CALL(174, 12, &action, 0, 8, 0);		/* rt_sigaction */
	CALL(174, 12, 0, &action, 8, 0);
	CALL(67, 10, &old, &old, 0, 0);			/* sigaction */
	s = CALL(359, 2, 2, 0, 0, 0);			/* socket */
	CALL(361, s, &in, 16, 0, 0);			/* bind */
	CALL(367, s, &in, &length, 0, 0);		/* getsockname */
	epoll = CALL(329, 0, 0, 0, 0, 0);		/* epoll_create1 */
	CALL(255, epoll, 1, s, &event, 0);		/* epoll_ctl */
	CALL(256, epoll, events, 4, 0, 0);		/* epoll_wait */
	CALL(370, s, &message, 0x40, 0, 0);		/* sendmsg */
	vec[0].base = memory;
	message.iovlen = 1;
	CALL(372, s, &message, 0x40, 0, 0);		/* recvmsg */
}

void _start(void)
{
	files();
	times();
	others();
	larger();
	CALL(252, 7, 0, 0, 0, 0);			/* exit_group */
	for (;;)
		;
}
