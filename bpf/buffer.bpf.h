/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From hook to ring buffer: claim a slot, fill the record, append strings,
 * submit. A slot is claimed because programs are preemptible (fentry and LSM
 * programs only disable migration): a plain per-CPU buffer would be overwritten
 * by the program that preempts.
 */
#pragma once

#include "kernel.bpf.h"
#include "events.h"

#define RECORD_MAX 4096		/* bytes of one record; a power of two */
#define STR_MAX 1024		/* bytes of one string */
#define SLOTS 4			/* nested programs on one CPU: task, softirq, and two that preempt */

/* Marks a record type so that BTF keeps it: a type that is only written into a slot would be lost. */
#define EVENT(name) struct name *event_##name __attribute__((unused))
#define ENUM(name) enum name *enum_##name __attribute__((unused))

ENUM(event_kind);
ENUM(hook);
ENUM(abi);
ENUM(unread);
ENUM(attempt_state);
struct counters *struct_counters __attribute__((unused));

struct record {
	__u32 busy;		/* claimed */
	__u32 slot;		/* which */
	__u32 len;
	__u32 pad;
	union {
		struct header h;
		__u8 data[RECORD_MAX + STR_MAX];	/* room for one string behind the limit */
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, struct record);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counters);
} counters SEC(".maps");

static struct counters *counters_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counters, &zero);
}

/* The next per-CPU number. Atomic: a program can be preempted between read and write. */
static __u64 next_seq(void)
{
	struct counters *c = counters_get();

	return c ? __sync_fetch_and_add(&c->seq, 1) + 1 : 0;
}

static void count_dropped(void)
{
	struct counters *c = counters_get();

	if (c)
		__sync_fetch_and_add(&c->dropped, 1);
}

static struct record *slot_claim(void)
{
	struct record *r;
	__u32 i;

	for (i = 0; i < SLOTS; i++) {
		__u32 key = i;

		r = bpf_map_lookup_elem(&slots, &key);
		if (r && __sync_val_compare_and_swap(&r->busy, 0, 1) == 0) {
			r->slot = i;
			return r;
		}
	}
	/* All slots taken: the event is lost, and counted as one. */
	next_seq();
	count_dropped();
	return 0;
}

static void slot_release(struct record *r)
{
	__sync_val_compare_and_swap(&r->busy, 1, 0);
}

static str_loc unread(enum unread reason)
{
	return reason;
}

/* Take `n` bytes (as returned by a *_str helper, NUL included) that stand at `off` into the record. */
static str_loc str_close(struct record *r, __u32 off, long n)
{
	__u32 truncated = n == STR_MAX ? 1 << 15 : 0;

	if (n < 0)
		return unread(UNREAD_FAULT);
	/* 0 for an empty string in some kernels, 1 in others; its NUL is written in all. */
	if (n == 0)
		n = 1;
	r->len = off + n;
	return off << 16 | truncated | ((n - 1) & 0x7fff);
}

static str_loc str_kernel(struct record *r, const void *src)
{
	__u32 off = r->len;

	if (!src)
		return unread(UNREAD_ABSENT);
	if (off >= RECORD_MAX)
		return unread(UNREAD_NO_ROOM);
	return str_close(r, off, bpf_probe_read_kernel_str(&r->data[off & (RECORD_MAX - 1)], STR_MAX, src));
}

static str_loc str_user(struct record *r, __u64 src)
{
	__u32 off = r->len;

	if (!src)
		return unread(UNREAD_NULL);
	if (off >= RECORD_MAX)
		return unread(UNREAD_NO_ROOM);
	return str_close(r, off, bpf_probe_read_user_str(&r->data[off & (RECORD_MAX - 1)], STR_MAX, (void *)src));
}

static bool str_is_read(str_loc s)
{
	return s >> 16;
}

/* `len` bytes of user memory, at most STR_MAX of them. */
static str_loc bytes_user(struct record *r, __u64 src, __u32 len)
{
	__u32 off = r->len, truncated = 0;

	if (!src)
		return unread(UNREAD_NULL);
	if (off >= RECORD_MAX)
		return unread(UNREAD_NO_ROOM);
	if (len > STR_MAX) {
		len = STR_MAX;
		truncated = 1 << 15;
	}
	/* The verifier is to know the bound of the very register that is passed on. */
	asm volatile("" : "+r"(len));
	if (bpf_probe_read_user(&r->data[off & (RECORD_MAX - 1)], len & (2 * STR_MAX - 1), (void *)src))
		return unread(UNREAD_FAULT);
	r->len = off + len;
	return off << 16 | truncated | len;
}

/* Where the reader stood when it was last woken. */
__u64 woken = -1;

/*
 * When the last record was made. After SILENCE (nanoseconds) the next one wakes the reader, who looks
 * less often from twice as long on (SILENCE_NS of ringward/sensor/ebpf.py).
 */
#define SILENCE 500000000
ktime_ns last_made;

static bool is_of_programs(struct record *r)
{
	return r->h.kind >= KIND_PROCESS_EXEC && r->h.kind <= KIND_PROGRAM_VERDICT;
}

static bool is_call(struct record *r)
{
	return r->h.kind == KIND_SYSCALL || r->h.kind == KIND_IO_URING;
}

/*
 * Bytes. Anyone can start programs without end: the last eighth of the ring is for all other events. System
 * calls and requests of io_uring, of which there are more, leave a quarter.
 */
static __u64 room_of(struct record *r)
{
	__u64 size = bpf_ringbuf_query(&events, BPF_RB_RING_SIZE);

	return size - (is_call(r) ? size / 4 : size / 8);
}

/*
 * Module events are rare and wanted at once, as is what ends a silence; program events
 * wait for the reader's next look. A reader that has not moved since it was woken is
 * awake: a wake-up is an interrupt, and dear in a virtual machine.
 */
static long record_output(struct record *r, bool urgent)
{
	__u64 flags = BPF_RB_NO_WAKEUP, reader, waiting = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	bool silent = r->h.time > last_made + SILENCE;
	__u32 len = r->len;
	long err;

	last_made = r->h.time;
	if ((is_of_programs(r) || is_call(r)) && waiting > room_of(r)) {
		count_dropped();
		return -28;	/* ENOSPC */
	}
	if (urgent || silent || waiting > 2 * 1024 * 1024) {
		reader = bpf_ringbuf_query(&events, BPF_RB_CONS_POS);
		if (woken != reader) {
			woken = reader;
			flags = BPF_RB_FORCE_WAKEUP;
		}
	}
	if (len > RECORD_MAX + STR_MAX)
		len = RECORD_MAX + STR_MAX;
	err = bpf_ringbuf_output(&events, r->data, len, flags);
	if (err)
		count_dropped();
	return err;
}

static void record_submit(struct record *r, bool urgent)
{
	record_output(r, urgent);
	slot_release(r);
}
