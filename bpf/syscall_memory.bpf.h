/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What an argument of a system call points to, where that has pointers itself: the strings of a new program, the parts
 * of a message. Laid out as for 64-bit callers, or with addresses of 32 bits for all others (in_compat_syscall()).
 */
#pragma once

#include "buffer.bpf.h"

struct message_head *struct_message_head __attribute__((unused));

/* include/net/compat.h */
struct narrow_message {
	__u32 name;
	__s32 namelen;
	__u32 iov;
	__u32 iovlen;
	__u32 control;
	__u32 controllen;
	__u32 flags;
};

/* include/linux/socket.h: struct user_msghdr */
struct wide_message {
	__u64 name;
	__s32 namelen;
	__u64 iov;
	__u64 iovlen;
	__u64 control;
	__u64 controllen;
	__u32 flags;
};

/* Strings one behind the other, each with its NUL; cut: there are more, or of one there is more. */
static __attribute__((noinline)) str_loc strings_user(struct record *r, __u64 src, bool narrow)
{
	__u32 begin = r->len, off = begin, truncated = 1 << 15, i;

	if (!src)
		return unread(UNREAD_NULL);
	if (begin >= RECORD_MAX)
		return unread(UNREAD_NO_ROOM);
	for (i = 0; i < STRINGS_MAX + 1; i++) {
		__u64 at = 0;
		long n;

		if (narrow)
			n = bpf_probe_read_user(&at, 4, (void *)(src + 4 * i));
		else
			n = bpf_probe_read_user(&at, 8, (void *)(src + 8 * i));
		if (n && !i)
			return unread(UNREAD_FAULT);
		if (!n && !at)
			truncated = 0;
		if (n || !at || i == STRINGS_MAX || off - begin >= STR_MAX || off >= RECORD_MAX)
			break;
		n = bpf_probe_read_user_str(&r->data[off & (RECORD_MAX - 1)], STR_MAX, (void *)at);
		if (n < 0 && !i)
			return unread(UNREAD_FAULT);
		if (n < 0)
			break;
		/* As in str_close(). */
		off += n ? n : 1;
		if (n == STR_MAX)
			break;
	}
	r->len = off;
	return begin << 16 | truncated | ((off - begin) & 0x7fff);
}

static __always_inline long message_head_read(struct message_head *h, __u64 src, bool narrow)
{
	struct narrow_message small = {};
	struct wide_message wide = {};
	long err;

	if (narrow) {
		err = bpf_probe_read_user(&small, sizeof(small), (void *)src);
		h->name = small.name;
		h->iov = small.iov;
		h->iovlen = small.iovlen;
		h->control = small.control;
		h->controllen = small.controllen;
		h->namelen = small.namelen;
		h->flags = small.flags;
		return err;
	}
	/* The kernel does not look at what is behind the flags: padding. */
	err = bpf_probe_read_user(&wide, sizeof(wide), (void *)src);
	h->name = wide.name;
	h->iov = wide.iov;
	h->iovlen = wide.iovlen;
	h->control = wide.control;
	h->controllen = wide.controllen;
	h->namelen = wide.namelen;
	h->flags = wide.flags;
	return err;
}

static __attribute__((noinline)) str_loc message_user(struct record *r, __u64 src, bool narrow)
{
	__u32 off = r->len, at = off & (RECORD_MAX - 1), len;
	struct message_head head = {};

	if (!src)
		return unread(UNREAD_NULL);
	if (off >= RECORD_MAX)
		return unread(UNREAD_NO_ROOM);
	if (message_head_read(&head, src, narrow))
		return unread(UNREAD_FAULT);
	len = head.namelen < 0 ? 0 : head.namelen > MESSAGE_NAME ? MESSAGE_NAME : head.namelen;
	/* As in bytes_user(). */
	asm volatile("" : "+r"(len));
	len &= 127;
	if (head.name && !bpf_probe_read_user(&r->data[at + sizeof(head)], len, (void *)head.name))
		head.name_read = len;
	len = head.iovlen > MESSAGE_VECTORS ? MESSAGE_VECTORS : head.iovlen;
	len *= narrow ? 8 : 16;
	asm volatile("" : "+r"(len));
	len &= 255;
	if (head.iov && !bpf_probe_read_user(&r->data[at + sizeof(head) + MESSAGE_NAME], len, (void *)head.iov))
		head.iov_read = len;
	bpf_probe_read_kernel(&r->data[at], sizeof(head), &head);
	r->len = off + sizeof(head) + MESSAGE_NAME + 16 * MESSAGE_VECTORS;
	return off << 16 | (sizeof(head) + MESSAGE_NAME + 16 * MESSAGE_VECTORS);
}
