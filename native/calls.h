// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string.h>
#include "decode.h"
#include "lives.h"

#define COMM 16		/* include/linux/sched.h: TASK_COMM_LEN */
#define CONTEXTS 16		/* tasks whose context is remembered within one batch */
#define TASK_MAX 128
#define TIME_MAX (1ull << 62)	/* nanoseconds; beyond it, Python's integers are asked */
#define ERRORS 256
#define TIME_TEXT 30

struct context {
	unsigned char task[TASK_MAX];
	PyObject *process;
};

/* What the last plain record of a kind said. */
struct last {
	unsigned char *bytes;	/* of it, behind its task */
	__u32 len;
	PyObject *args, *sources, *unread;
};

#define NAMES 64		/* processes whose names are remembered */

/* A process as ringward.sensor.process_table has it. */
struct name {
	__u32 pid;
	__u64 ticks;		/* of its start */
	PyObject *key;		/* (pid, ticks) */
	PyObject *id;		/* "pid@ticks" */
};

enum role { IS_CALL, IS_FORK, IS_EXEC, IS_EXIT };

/* What is done with the records of one kind. */
struct kind {
	enum role role;
	bool taken;		/* its entry is kept here */
	bool wanted;		/* its event is asked for */
	struct plan *plan;	/* NULL: its return is not for here */
	int name;		/* which of its fields may name a module that a load is known of; -1: none */
	PyObject *tags;
	struct last last;	/* of programs */
};

/* The members of a Known, of an event's arguments and of its file that are used, in the order of native/table.c. */
enum { KEY, KNOWN_COMM, EXE, ARGUMENTS, CWD, CGROUP, REQUEST, KNOWN_UNREAD, ENDED, OF_CONTEXTS, ANCESTOR, KNOWN_MEMBERS };
enum { ARGS_EXE, ARGS_INTERPRETER, ARGS_ARGS, ARGS_CWD, ARGS_ROOT, ARGS_PATH, ARGS_MEMBERS };
enum { FILE_PATH, FILE_INODE, FILE_DELETED, FILE_MEMBERS };

#define PROCESS_MEMBERS 22

/* The members of struct task in bpf/events.h, in their order. */
enum { TASK_PID, TASK_TID, TASK_START_TIME, TASK_PARENT_START_TIME, TASK_PPID, TASK_UID, TASK_GID, TASK_EUID, TASK_EGID,
       TASK_LOGINUID, TASK_SESSIONID, TASK_MNT_NS, TASK_PID_NS, TASK_NET_NS, TASK_USER_NS, TASK_FLAGS, TASK_CGROUP,
       TASK_COMM_, TASK_MEMBERS };

/* What ringward.sensor.process_table.ProcessTable has. */
struct table {
	PyObject *known, *dead, *contexts, *lines, *explained, *busy;
	PyObject *known_type, *process, *file_type;	/* classes */
	PyObject *ancestors, *container;		/* functions */
	Py_ssize_t most_alive, most_dead, most_contexts, most_of_one;
	Py_ssize_t in_known[KNOWN_MEMBERS], in_args[ARGS_MEMBERS], in_file[FILE_MEMBERS];	/* offsets in instances, bytes */
	PyObject *zero;
	PyObject *last[KNOWN_MEMBERS], *last_container, *namespaces;	/* those of the last process */
	__u32 numbers[4];
};

/* What is done with the starts and ends of programs: ringward.sensor.programs. */
struct programs {
	PyObject *forked, *started, *ended;	/* functions for what is not plain */
	__u32 at[TASK_MEMBERS];			/* offsets of a record's task, bytes */
	__u32 child_pid, child_start_time, cgroup_path;		/* and of what is its own */
	__u64 tick;						/* of start times: nanoseconds */
	struct table table;
};

struct calls {
	PyObject_HEAD
	struct decoder *decoder;
	PyObject *event, *host, *pending, *loaded, *context, *names, *names_all;
	PyObject *errors[ERRORS];
	__u32 id, entered, result, state, flags;	/* offsets, bytes */
	__u32 is_entered, is_returned, canary;
	struct kind kinds[KINDS_MAX];
	struct context contexts[CONTEXTS];
	struct programs programs;
	struct name names_of[NAMES];
	struct lives lives;
	__s64 offset, second;
	char prefix[20];	/* 2026-01-01T00:00:00. */
	PyObject *weak;
};

static inline __u64 u64_at(const struct record *r, __u32 offset)
{
	__u64 value;

	memcpy(&value, r->data + offset, sizeof(value));
	return value;
}

static inline __u32 u32_at(const struct record *r, __u32 offset)
{
	__u32 value;

	memcpy(&value, r->data + offset, sizeof(value));
	return value;
}

/* Of a start time: the part of it that names a process. */
static inline __u64 ticks_of(const struct calls *self, __u64 start_time)
{
	return start_time / self->programs.tick;
}

/* A member of an instance of a struct. */
static inline PyObject **at(PyObject *object, Py_ssize_t offset)
{
	return (PyObject **)((char *)object + offset);
}

void forget_contexts(struct calls *self);

/* As ringward.sensor.clock.Clock.text(): TIME_TEXT bytes. */
int put_time(struct calls *self, __u64 ktime, char *out);

/* The members that an event is given by name; the last, differences, is left out where there can be none. */
PyObject *event_names(void);

/* `process`: NULL: as the record's task says. */
PyObject *make_event(struct calls *self, struct kind *kind, struct record *r, PyObject *args, PyObject *process);

/* 1: it is done with; 0: it is for Python; -1: an exception. */
int program_take(struct calls *self, struct kind *kind, struct record *r, PyObject *out);
/* What ringward.sensor.programs says of the process: a new reference, None when it is not plain. `plain`: it was. */
PyObject *program_started(struct calls *self, struct record *r, PyObject *args, bool *plain);
int programs_parse(struct calls *self, PyObject *spec);
void programs_clear(struct programs *programs);

/* As record_args(), of programs; the same object again where the record says what the last one said. */
PyObject *program_args(struct last *last, struct record *r);
void last_clear(struct last *last);

/* Good until the next call of it; NULL with an exception. */
const struct name *name_of(struct calls *self, __u32 pid, __u64 start_time);
void name_clear(struct name *name);

/* Each: 1: done; 0: not plain, nothing has changed; -1: an exception. `process`: a new reference. */
int table_fork(struct calls *self, PyObject *parent, PyObject *child);
/* `said`: the process, its parent, name, cgroup, the bytes of the task, the event's arguments. */
int table_exec(struct calls *self, const struct record *r, PyObject *const *said, PyObject **process);
int table_end(struct calls *self, const struct record *r, PyObject *key, PyObject *task, PyObject **process);
int table_forget(struct table *t, PyObject *known);
/* What follows an end: of those that have ended, the oldest goes. */
int table_bury(struct table *t, PyObject *key, PyObject *known);
/* 1: what is known of the task and its file is what was known of the last one, but for its own numbers. */
int table_is_as_before(struct calls *self, const struct record *r, PyObject *args, PyObject *parent, PyObject *ancestors);
/* What is known of a process: borrowed; NULL: nothing, or (then with an exception) a fault. */
PyObject *table_find(const struct table *t, PyObject *key);
void table_set(const struct table *t, PyObject *known, int member, PyObject *value);
PyObject *table_get(const struct table *t, PyObject *known, int member);
int table_parse(struct table *table, PyObject *spec, PyObject *args_type);
void table_clear(struct table *table);

/* 1: a whole exec has nothing to explain, or it was explained before; 0: a look is needed; -1: an exception. */
int exec_path_is_explained(const struct table *t, PyObject *args);

/* 1: the record is done with, its line is written, and `out` is empty; 0: it is not such a one; -1: an exception. */
int lives_take(struct calls *self, struct record *r, PyObject *out);
/* Note the event of a start or end that was not taken: the next one may be like it. */
int lives_learn(struct calls *self, struct kind *kind, struct record *r, PyObject *args, PyObject *process,
		PyObject *event);
/* (pid, ticks): a new reference. */
PyObject *life_key(__u32 pid, __u64 ticks);
/* 1: one more may end without the table; 0: another goes from it for that, and something is to be done. */
int lives_may_end(struct calls *self);
/* How many processes the table would have whose end is not known. */
Py_ssize_t lives_alive(const struct calls *self);
/* table_bury(), or what is to become of it when the table learns of those that ended before. */
int lives_bury(struct calls *self, PyObject *key, PyObject *known);
/* The place of a process among those of which the table does not know yet. */
struct life *life_place(struct calls *self, __u32 pid);
/* Let the table of processes learn what it does not know yet (native/settle.c). */
int lives_settle(struct calls *self);
/* The same of what must be known before a record that is no such one is taken in. */
int lives_settle_for(struct calls *self, const struct record *r);
/* Give the lines to who wants them. */
int lives_give(struct lives *lives);
int lives_parse(struct calls *self, PyObject *spec);
void lives_clear(struct lives *lives);

/* Whether a record says what the line's record said, but for its slots. */
bool line_matches(const struct calls *self, const struct line *line, const struct record *r);
int line_keep(struct line *line, const struct record *r);
/* Find the slots in the line of the record that was kept; a line that has them elsewhere is not kept. */
int line_learn(struct calls *self, struct line *line, PyObject *text);
/* Write the line of a record that matches; at most line_room() bytes. Returns its length; -1 with an exception. */
Py_ssize_t line_write(struct calls *self, const struct line *line, const struct record *r, char *out);
size_t line_room(const struct line *line);
void line_forget(struct line *line);
void line_clear(struct line *line);
