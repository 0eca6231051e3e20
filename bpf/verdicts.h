/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Records of what the guard decided: a part of events.h, which has their types. */
#pragma once

/* What was decided, and by what. */
struct verdict {
	__u32 action;		/* enum action */
	__u32 level;		/* enum level */
	__u32 mode;		/* enum mode */
	__u32 refused;		/* the kernel was told to refuse it */
	__u32 fact_unread;	/* the rule denies because a fact could not be read */
	str_loc rule;		/* absent: none made it */
};

struct module_verdict {
	struct header h;
	attempt_id attempt;
	struct verdict verdict;
	bytes size;
	ktime_ns duration;
	struct file_id file;	/* unread with UNREAD_NO_FILE for init_module */
	str_loc name;		/* in the image */
	str_loc param_values;	/* that were judged */
	str_loc alias;
	__u32 flags;
	__u32 flags_unread;	/* enum unread */
	__u32 origin;		/* enum origin */
	__u32 origin_unread;	/* enum unread */
	__u32 stage;		/* enum module_stage */
	kernel_result error;	/* of hashing; digest is only valid with 0 */
	__u32 pad;
	__u8 digest[32];
};

struct autoload_verdict {
	struct header h;
	struct verdict verdict;
	str_loc alias;
	__u32 pad;
};

struct unload_verdict {
	struct header h;
	attempt_id attempt;
	struct verdict verdict;
	str_loc name;		/* from user memory */
	__u32 flags;
};

enum self_access {
	ACCESS_OPEN,		/* for writing */
	ACCESS_TRUNCATE,
	ACCESS_UNLINK,
	ACCESS_RENAME,
	ACCESS_CREATE,
	ACCESS_LINK,
	ACCESS_MOUNT,
	ACCESS_UNMOUNT,
	ACCESS_TRACE,
	ACCESS_CHANGE,		/* a map or program, by a descriptor of it */
	ACCESS_BECOME,		/* one of Ringward's own processes */
};

enum self_object {
	SELF_FILE,
	SELF_PIN,
	SELF_DEVICE,		/* a block device that holds protected files */
	SELF_MEMORY,		/* /dev/mem, /dev/kmem, /dev/port */
	SELF_SWITCH,		/* of the kernel, that turns hooks off */
	SELF_PROCESS,
	SELF_MAP,
	SELF_PROGRAM,
};

struct self_verdict {
	struct header h;
	struct verdict verdict;
	struct file_id file;	/* unread with UNREAD_NO_FILE for what is none */
	__u32 access;		/* enum self_access */
	__u32 object;		/* enum self_object */
	__u32 target;		/* pid of a process, id of a map or program */
	__u32 pad;
};
