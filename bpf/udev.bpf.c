// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Which device udev works on. udevd sends a device to an idle worker in a netlink
 * message to that worker alone, and a worker tells all listeners when it is done.
 * A worker's first device comes with its fork, unseen: only its end names it.
 */
#include <bpf/bpf_endian.h>
#include "task.bpf.h"

EVENT(udev_device);

#define NETLINK_KOBJECT_UEVENT 15	/* include/uapi/linux/netlink.h */
#define AF_NETLINK 16			/* include/linux/socket.h */
#define MSG_PEEK 2
#define PROPERTIES_MAX 3072		/* bytes; udevd sends 300 to 2,000 */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock_common {
	unsigned short skc_family;
};

struct sock {
	struct sock_common __sk_common;
	unsigned short sk_protocol;
};

struct sk_buff {
	struct sock *sk;
	char cb[48];
	unsigned int len;
	unsigned char *data;
};

struct scm_creds {
	__u32 pid;
	kuid_t uid;
};

/* In sk_buff.cb, include/linux/netlink.h: NETLINK_CB(). */
struct netlink_skb_parms {
	struct scm_creds creds;
	__u32 dst_group;
};

#pragma clang attribute pop

/* Start of a libudev message; systemd, src/libsystemd/sd-device/device-monitor.c: monitor_netlink_header. */
struct libudev_header {
	char prefix[8];
	__u32 magic;		/* big-endian */
	__u32 header_size;
	__u32 properties_off;
	__u32 properties_len;
};

#define LIBUDEV_PREFIX 0x007665647562696cULL	/* "libudev" and a NUL, as a little-endian number */
#define LIBUDEV_MAGIC 0xfeedcafe

static bool is_uevent_socket(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_family) == AF_NETLINK &&
	       BPF_CORE_READ(sk, sk_protocol) == NETLINK_KOBJECT_UEVENT;
}

/* 1: a libudev message; 0: not one; negative: could not be read. */
static long libudev_read(struct libudev_header *head, const unsigned char *data, __u32 len)
{
	long err;

	if (len < sizeof(*head))
		return 0;
	err = bpf_probe_read_kernel(head, sizeof(*head), data);
	if (err)
		return err;
	return *(__u64 *)head->prefix == LIBUDEV_PREFIX && head->magic == bpf_htonl(LIBUDEV_MAGIC) &&
	       head->properties_off <= len && head->properties_len <= len - head->properties_off;
}

/* The properties are all that a record's tail holds. */
static str_list_loc properties_append(struct record *r, const unsigned char *from, __u32 size)
{
	const __u32 off = sizeof(struct udev_device);
	__u32 cut = 0;

	if (size > PROPERTIES_MAX) {
		size = PROPERTIES_MAX;
		cut = 1 << 15;
	}
	if (bpf_probe_read_kernel(&r->data[off], size, from))
		return unread(UNREAD_FAULT);
	r->len = off + size;
	return off << 16 | cut | size;
}

static int message(struct sk_buff *skb, bool received, __u32 hook)
{
	struct netlink_skb_parms *cb = (void *)skb + bpf_core_field_offset(struct sk_buff, cb);
	struct task_struct *task = bpf_get_current_task_btf();
	const unsigned char *data = BPF_CORE_READ(skb, data);
	struct libudev_header head = {};
	struct udev_device *x;
	struct record *r;
	long is_libudev;

	/* A group: from the kernel to all (1), or from udev to all (2). */
	if (received == (BPF_CORE_READ(cb, dst_group) != 0))
		return 0;
	is_libudev = libudev_read(&head, data, BPF_CORE_READ(skb, len));
	if (!is_libudev || !task_wanted(task))
		return 0;
	r = slot_claim();
	if (!r)
		return 0;
	header_fill(r, KIND_UDEV_DEVICE, hook, task, sizeof(*x));
	x = (void *)r->data;
	x->stage = received ? UDEV_RECEIVED : UDEV_PROCESSED;
	x->sender = BPF_CORE_READ(cb, creds.pid);
	x->sender_uid = BPF_CORE_READ(cb, creds.uid.val);
	x->properties = is_libudev < 0 ? unread(UNREAD_FAULT) :
					 properties_append(r, data + head.properties_off, head.properties_len);
	record_submit(r, true);
	return 0;
}

/* The message is about to be copied to the receiver, who may only have had a look at it (MSG_PEEK). */
SEC("fexit/skb_recv_datagram")
int BPF_PROG(fexit_skb_recv_datagram, struct sock *sk, unsigned int flags)
{
	__u64 skb = 0;

	if (flags & MSG_PEEK || !is_uevent_socket(sk))
		return 0;
	/* The number of arguments before the result differs until commit f4b41f062c42 (in v5.19). */
	if (!bpf_get_func_ret(ctx, &skb) && skb)
		message((struct sk_buff *)skb, true, HOOK_FENTRY);
	return 0;
}

SEC("fentry/netlink_unicast")
int BPF_PROG(fentry_netlink_unicast, struct sock *sk, struct sk_buff *skb)
{
	return is_uevent_socket(sk) ? message(skb, false, HOOK_FENTRY) : 0;
}

/* Threads that take a message from a uevent socket. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32);
} receivers SEC(".maps");

SEC("kprobe/skb_recv_datagram")
int BPF_KPROBE(kprobe_skb_recv_datagram, struct sock *sk, unsigned int flags)
{
	__u64 key = bpf_get_current_pid_tgid();
	__u32 one = 1;

	if (!(flags & MSG_PEEK) && is_uevent_socket(sk))
		bpf_map_update_elem(&receivers, &key, &one, BPF_ANY);
	return 0;
}

SEC("kretprobe/skb_recv_datagram")
int BPF_KRETPROBE(kretprobe_skb_recv_datagram, struct sk_buff *skb)
{
	__u64 key = bpf_get_current_pid_tgid();

	if (!bpf_map_delete_elem(&receivers, &key) && skb)
		message(skb, true, HOOK_KPROBE);
	return 0;
}

SEC("kprobe/netlink_unicast")
int BPF_KPROBE(kprobe_netlink_unicast, struct sock *sk, struct sk_buff *skb)
{
	return is_uevent_socket(sk) ? message(skb, false, HOOK_KPROBE) : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
