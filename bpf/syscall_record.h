/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The record of any system call, and what user space says is read for it: a part of events.h, which has their types. */
#pragma once

/* What is read of an argument of a system call. */
enum arg_reading {
	READ_NOTHING,
	READ_STRING,		/* at entry; at exit when the page was not in memory */
	READ_IN,		/* bytes, at entry */
	READ_OUT,		/* bytes, at exit, when the call succeeded */
	READ_FD,		/* the file of a descriptor, at entry: a path_loc, or a name without a NUL */
	READ_DIRFD,		/* the same, or the working directory for AT_FDCWD */
	READ_STRINGS,		/* an array of strings that ends with NULL, at entry: of CALL_EXECS alone */
	READ_MSG_IN,		/* struct user_msghdr, at entry: a message_head, and what it points to */
	READ_MSG_OUT,		/* the same, at exit, when the call succeeded */
};

#define STRINGS_MAX 16
#define MESSAGE_NAME 112	/* bytes; a multiple of 8, not less than struct sockaddr_un */
#define MESSAGE_VECTORS 8

/* What a struct user_msghdr says, or a struct compat_msghdr; behind it room for its name and for its vectors. */
struct message_head {
	__u64 name;
	__u64 iov;
	__u64 iovlen;
	__u64 control;
	__u64 controllen;
	__s32 namelen;
	__u32 flags;
	__u32 name_read;	/* bytes behind the head */
	__u32 iov_read;		/* bytes behind the room for the name */
};

#define CALL_ARGS 6
#define CALL_NUMBERS 1024	/* of one ABI; a power of two */
#define CALL_ABIS 3
#define LENGTH_FIXED 255	/* as many bytes as `size` says */
#define LENGTH_RESULT 254	/* as many as the call returned */
#define PREFIX_MAX 64

#define CALL_WANTED 1
#define CALL_NO_RETURN 2	/* exit, and what returns elsewhere: told at entry */
#define CALL_FORKS 4		/* returns twice: the child's 0 has no entry */
#define CALL_CWD 8		/* takes a path that begins at the working directory */
#define CALL_FAILED 16		/* only with an error */
#define CALL_EXECS 32		/* makes another program of the process */
#define CALL_COMPARES 64	/* an argument has `compare` */

struct arg_plan {
	__u8 reading;		/* enum arg_reading */
	__u8 length;		/* number of the argument that says how many; LENGTH_* */
	__u8 scale;		/* bytes of one of these */
	__u8 compare;		/* 1: wanted when the argument is `value`, under `mask` */
	__u32 size;		/* bytes, at most */
	__u64 value;
	__u64 mask;
};

/* Set by user space: one of each ABI and number. */
struct call_plan {
	__u32 flags;		/* CALL_* */
	__u8 prefix_arg;	/* wanted when this string is relative or begins with `prefix` */
	__u8 prefix_len;	/* bytes; 0: any */
	__u16 limit;		/* key of `limits`; 0: none */
	struct arg_plan args[CALL_ARGS];
	char prefix[PREFIX_MAX];
};

#define COUNT_LOW 6		/* 2^6 ns: below it, buckets of a quarter of it */
#define COUNT_HIGH 38		/* 2^38 ns: what takes longer is in the last bucket */
#define COUNT_BUCKETS (4 * (COUNT_HIGH - COUNT_LOW + 1))
#define MAX_ERRNO 4095		/* include/linux/err.h */

/* One system call's sums, of one CPU. */
struct call_count {
	__u64 calls;
	__u64 errors;
	__u64 timed;		/* of which entry and exit were seen */
	__u64 time;		/* nanoseconds, of the timed ones */
	__u64 longest;		/* nanoseconds */
	__u64 buckets[COUNT_BUCKETS];	/* timed ones by duration, four for each power of two */
};

/* Any system call, with its result when it has returned. */
struct syscall {
	struct header h;
	ktime_ns entered;	/* 0 when its entry was not seen */
	syscall_result result;	/* only with ATTEMPT_RETURNED and ATTEMPT_STOPPED */
	__u32 state;		/* enum attempt_state */
	__u32 nr;		/* without the x32 bit */
	__u64 args[CALL_ARGS];
	str_loc reads[CALL_ARGS];	/* what was read of each argument */
	path_loc cwd;
	__u32 late;		/* bit of each argument that was read at exit, though not as a result */
};
