/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The record of a program's start, as events.h has the others. */
#pragma once

#include "events.h"

/* Which part a file has in the start of a program. */
enum program_role {
	ROLE_PROGRAM,
	ROLE_SCRIPT,		/* it begins with #! */
	ROLE_INTERPRETER,	/* a script, or the binary format of another file, led to it */
};

/* Where a program's digest is from. */
enum digest_source {
	SOURCE_NONE,		/* there is none: `error` */
	SOURCE_HASHED,		/* the kernel has hashed the file for this start */
	SOURCE_KEPT,		/* it was kept with the inode, and nothing can have changed the file since */
};

/* Whether the digest is kept with the inode, or why not. */
enum keeping {
	KEEPING_YES,
	KEEPING_NOT_ARMED,	/* not all hooks that notice a change are attached yet */
	KEEPING_FILE_SYSTEM,	/* its files can change without this kernel's hooks: overlay, network, FUSE, 9p */
	KEEPING_DISK,		/* the disk is fed by a file, a process or another machine, or is not known */
	KEEPING_RAW,		/* a disk under a file system was opened for writing */
	KEEPING_MEMORY,		/* a file in memory without a name (memfd): writers are not counted */
	KEEPING_WRITERS,	/* this kernel lets a file be written while it is executed */
	KEEPING_NO_ROOM,	/* no memory for it, or no digest */
};

/* One file of a program's start, before anything of it runs. */
struct program_verdict {
	struct header h;	/* of the task as it was: the new program is not set up yet */
	bytes size;
	ktime_ns duration;	/* of getting the digest */
	struct file_id file;
	str_loc path;		/* that led to the file: for an interpreter the script's first line */
	str_loc asked;		/* that execve was given */
	__u32 known;		/* the digest is in program_digests */
	__u32 role;		/* enum program_role */
	__u32 source;		/* enum digest_source */
	__u32 keeping;		/* enum keeping */
	kernel_result error;	/* of hashing; digest is only valid with 0 */
	__u32 pad;
	__u8 digest[32];
};
