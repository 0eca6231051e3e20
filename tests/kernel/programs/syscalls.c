/*
 * Some of everything that system calls take, failures among it; the test watches it twice, once by strace.
 * Arguments are what the kernel gets: syscall(2), not the C library's functions.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define call(name, ...) syscall(SYS_##name, ##__VA_ARGS__)

int main(int argc, char **argv)
{
	struct timespec wait = { 0, 1000 }, left;
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS };
	struct iovec vec[2] = { { "ab", 2 }, { "cde", 3 } };
	struct pollfd fds[1] = { { .fd = 0, .events = POLLIN | POLLPRI } };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/nonexistent/socket" };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(443), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct rlimit limit;
	struct itimerval timer = { { 0, 0 }, { 100, 0 } };
	struct stat st;
	struct sched_param param = { 0 };
	unsigned long mask = 1UL << (SIGUSR1 - 1);
	struct { void *handler; unsigned long flags, restorer, mask; } action = { SIG_IGN, SA_RESTART, 0, 1 << 1 };
	struct epoll_event event = { EPOLLIN | EPOLLONESHOT, { .u64 = 0x123456789 } }, events[4];
	struct msghdr message = { &in, sizeof(in), vec, 2 };
	struct rusage usage;
	struct statfs fs;
	struct statx stx;
	char *args[] = { "", "two words", "-c", NULL };
	char buf[256], *page;
	unsigned int length = sizeof(in);
	int fd, dir, s, pair[2];

	if (argc != 2 || chdir(argv[1]))
		return 1;
	fd = call(openat, AT_FDCWD, "file", O_RDWR | O_CREAT | O_EXCL, 0640);
	call(openat, AT_FDCWD, "file", O_RDWR | O_CREAT | O_EXCL, 0640);
	call(write, fd, "hello", 5);
	call(pwrite64, fd, "there", 5, 5);
	call(lseek, fd, 0, SEEK_SET);
	call(read, fd, buf, 10);
	call(pread64, fd, buf, 4, 2);
	call(writev, fd, vec, 2);
	call(fstat, fd, &st);
	call(ftruncate, fd, 3);
	call(fcntl, fd, F_GETFL);
	call(flock, fd, LOCK_EX | LOCK_NB);
	call(fsync, fd);
	call(fchmod, fd, 0600);
	call(dup3, fd, 100, O_CLOEXEC);
	call(close, 100);
	call(close, 100);
	call(open, "/dev/null", O_WRONLY | O_APPEND);
	dir = call(openat, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY);
	call(openat2, dir, "file", &how, sizeof(how));
	call(openat2, dir, "missing", &how, sizeof(how));
	call(newfstatat, dir, "file", &st, AT_SYMLINK_NOFOLLOW);
	call(stat, "/dev/null", &st);
	call(lstat, "missing", &st);
	call(access, "file", R_OK | W_OK);
	call(faccessat, dir, "missing", F_OK);
	call(mkdir, "made", 0755);
	call(mkdirat, dir, "made", 0700);
	call(rename, "made", "moved");
	call(renameat2, dir, "moved", AT_FDCWD, "made", RENAME_NOREPLACE);
	call(symlink, "file", "link");
	call(readlink, "link", buf, sizeof(buf));
	call(linkat, dir, "file", dir, "hard", 0);
	call(unlink, "hard");
	call(unlinkat, dir, "made", AT_REMOVEDIR);
	call(rmdir, "missing");
	call(chmod, "file", 0644);
	call(getcwd, buf, sizeof(buf));
	call(umask, 022);
	call(pipe2, pair, O_CLOEXEC | O_NONBLOCK);
	call(read, pair[0], buf, 16);
	page = (void *)call(mmap, 0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	call(mprotect, page, 4096, PROT_READ);
	call(madvise, page, 8192, MADV_DONTNEED);
	call(munmap, page, 8192);
	call(openat, AT_FDCWD, page, O_RDONLY);
	call(openat, AT_FDCWD, NULL, O_RDONLY);
	call(nanosleep, &wait, &left);
	call(clock_nanosleep, CLOCK_MONOTONIC, 0, &wait, NULL);
	call(clock_gettime, CLOCK_BOOTTIME, &wait);
	call(getrlimit, RLIMIT_NOFILE, &limit);
	call(prlimit64, 0, RLIMIT_CORE, NULL, &limit);
	call(setitimer, ITIMER_VIRTUAL, &timer, NULL);
	call(poll, fds, 0, 0);
	s = call(socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	call(connect, s, &un, sizeof(un));
	s = call(socket, AF_INET, SOCK_DGRAM, 0);
	call(connect, s, &in, sizeof(in));
	call(connect, s, &in6, sizeof(in6));
	call(bind, -1, &in, sizeof(in));
	call(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
	call(shutdown, s, SHUT_RDWR);
	call(kill, 0x7ffffffe, SIGTERM);
	call(rt_sigprocmask, SIG_BLOCK, &mask, NULL, 8);
	call(sched_getparam, 0, &param);
	call(getpid);
	call(wait4, -1, NULL, WNOHANG, NULL);
	call(wait4, -1, NULL, WNOHANG, &usage);
	call(execve, "/nonexistent", NULL, NULL);
	call(execve, "/nonexistent", args, args + 3);
	call(execveat, dir, "missing", args + 1, NULL, AT_SYMLINK_NOFOLLOW);
	call(statx, AT_FDCWD, "/dev/null", AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &stx);
	call(statfs, "/proc", &fs);
	call(getrusage, RUSAGE_SELF, &usage);
	call(rt_sigaction, SIGUSR2, &action, NULL, 8);
	call(rt_sigaction, SIGUSR2, NULL, &action, 8);
	s = call(epoll_create1, EPOLL_CLOEXEC);
	call(epoll_ctl, s, EPOLL_CTL_ADD, pair[0], &event);
	call(write, pair[1], "x", 1);
	call(epoll_wait, s, events, 4, 0);
	call(epoll_wait, s, events, 4, 0);
	s = call(socket, AF_INET, SOCK_DGRAM, 0);
	in.sin_port = 0;
	call(bind, s, &in, sizeof(in));
	call(getsockname, s, &in, &length);
	call(sendmsg, s, &message, MSG_DONTWAIT);
	vec[0].iov_base = buf;
	message.msg_iovlen = 1;
	memset(&in, 0, sizeof(in));
	call(recvmsg, s, &message, MSG_DONTWAIT);
	call(recvmsg, s, &message, MSG_DONTWAIT);
	message.msg_name = NULL;
	call(sendmsg, -1, &message, 0);
	call(mount, "none", "/nonexistent", "tmpfs", MS_NOSUID | MS_NODEV, NULL);
	call(umount2, "/nonexistent", MNT_DETACH);
	call(unshare, 0);
	call(madvise, (void *)1, 4096, MADV_NORMAL);
	call(ioctl, fd, 0x5401, buf);
	call(exit_group, 7);
	return 1;
}
