// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "decode.h"

#define OPEN_LIVES 64		/* that have begun and not ended, at once */

/* What in a line is each event's own; in the order in which it stands there. */
enum { LINE_TIME, LINE_KTIME, LINE_CPU, LINE_SEQ, LINE_ID, LINE_PID, LINE_TID, LINE_START_TIME, LINE_SLOTS };

/* The line of a record: that of the next one that says the same differs from it in its slots alone. */
struct line {
	unsigned char *record;
	__u32 len;
	char *text;			/* NULL: not known */
	size_t size;
	struct { size_t begin, end; } slots[LINE_SLOTS];	/* in the text */
};

enum life_state { LIFE_NONE, LIFE_FORKED, LIFE_STARTED };

struct life {
	enum life_state state;
	__u32 pid, tid;
	__u64 start_time, order;	/* order: of its last step among those of all */
};

struct ended {
	__u32 pid;
	__u64 ticks;
	PyObject *key;		/* of another process, which the table knows; NULL: it is such a one */
};

/*
 * The same program, started again and again by the same process. Its lines are copied from the last one's, and the
 * table of processes learns of it when somebody looks into it, or something happens that has to do with it.
 */
struct lives {
	PyObject *encode, *ready;	/* [event] -> its line; what is written, [(lines, how many)]; NULL: no lines are wanted */
	struct line start, end;
	struct line next;		/* the last start that said something else; when it comes again, it is the one */
	__u32 parent_pid;
	__u64 parent_ticks;
	PyObject *parent;		/* its key */
	PyObject *ancestors;		/* those of the start's line */
	PyObject *process;		/* that of the last start whose event was made: its end's line is this program's */
	PyObject *args;			/* of the start */
	PyObject *said[5];		/* what is known of the program: the members from KNOWN_COMM to CGROUP */
	struct life open[OPEN_LIVES];
	__u64 steps;
	int opened, started;		/* of `open`: all, and those of the second state */
	struct ended *ended;		/* since the table last learned of them, the last `most_dead` */
	size_t ended_room, ended_count, others;	/* others: how many of them have a key */
	PyObject *dead;			/* iterates over those that go from the table as these end */
	bool settling;
	PyObject *out;			/* bytes: lines that are not in `ready` yet */
	size_t used;
	__u32 lines;
};
