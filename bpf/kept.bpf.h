/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Digests that are kept with the inode of the file they are of.
 *
 * exec holds off all that could write to the file while it is hashed (deny_write_access()). Whoever writes later
 * must open it for writing, or truncate it: both are seen, and the digest is dropped before anything can be written. A
 * mapping or an open that is older makes the exec itself fail (ETXTBSY). Attributes are a second witness only:
 * before Linux 6.13 ctime stays the same through most of back-to-back writes.
 *
 * That holds where nothing but this kernel can change a file: on the file systems of can_keep(), on disks that
 * user space has found to be no file's, process's or other machine's (src/ringward/guard/disks.py).
 *
 * The superblock of btrfs does not name its disks. User space looks at those of all of them (/sys/fs/btrfs): digests
 * are kept as long as no other has been mounted since it looked.
 */
#pragma once

#include "path.bpf.h"
#include "program_event.h"

#define DIGEST_BYTES 32

/* include/uapi/linux/magic.h and each file system's own */
#define EXT4_SUPER_MAGIC 0xef53		/* ext2 and ext3 too */
#define XFS_SUPER_MAGIC 0x58465342
#define F2FS_SUPER_MAGIC 0xf2f52010
#define BTRFS_SUPER_MAGIC 0x9123683e
#define TMPFS_MAGIC 0x01021994

/* include/linux/fs.h */
#define SB_KERNMOUNT (1 << 22)
#define FMODE_WRITE 2
#define ATTR_SIZE (1 << 3)
#define S_IFMT 0170000
#define S_IFBLK 0060000

/* Of this load of the programs: a digest of an earlier one is of no use, as nobody watched in between. */
const volatile __u64 session = 0;

struct kept {
	__u64 session;
	__u64 ctime;
	__u64 version;
	__u64 size;
	__u8 digest[DIGEST_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct kept);
} kept SEC(".maps");

/*
 * Disks (diskseq, never used twice) whose content only this kernel changes. MEMORY stands for tmpfs; user space
 * writes it, and any, only when all the programs are attached.
 */
#define MEMORY 0
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32);
} kept_disks SEC(".maps");

/* The same disks, their partitions, and what they are made of: device number -> 1. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, dev_nr);
	__type(value, __u32);
} kept_devices SEC(".maps");

/*
 * How often a btrfs was mounted, and how often it had been, and one more, when user space began to look and found
 * the disks of all of them to be own; 0: they are not.
 */
#define MOUNTED 0
#define OWN 1
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} btrfs SEC(".maps");

/* Its disks are in sysfs by now (fs/btrfs/disk-io.c: open_ctree()), and nothing of it can be executed yet. */
static void file_system_mounted(struct super_block *sb)
{
	__u32 mounted = MOUNTED;
	__u64 *count = bpf_map_lookup_elem(&btrfs, &mounted);

	if (count && sb->s_magic == BTRFS_SUPER_MAGIC)
		__sync_fetch_and_add(count, 1);
}

static bool btrfs_is_own(void)
{
	__u32 mounted = MOUNTED, own = OWN;
	volatile __u64 *count = bpf_map_lookup_elem(&btrfs, &mounted);
	volatile __u64 *looked = bpf_map_lookup_elem(&btrfs, &own);

	return count && looked && *count + 1 == *looked;
}

/* A write to a disk shows in a file when its pages are read again, whenever that is: nothing is kept from then on. */
__u32 raw_written;

static void raw_opened(dev_nr dev)
{
	if (bpf_map_lookup_elem(&kept_devices, &dev))
		raw_written = 1;
}

/* The file that is being executed: writers are held off. */
static __u32 can_keep(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	__u64 disk = MEMORY;

	if (raw_written)
		return KEEPING_RAW;
	switch (sb->s_magic) {
	case TMPFS_MAGIC:
		/* The kernel opens such a file for writing without asking anyone (mm/memfd.c). */
		if (sb->s_flags & SB_KERNMOUNT)
			return KEEPING_MEMORY;
		break;
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
		if (!bpf_core_field_exists(struct gendisk, diskseq))
			return KEEPING_DISK;
		disk = sb->s_bdev->bd_disk->diskseq;
		if (!disk)
			return KEEPING_DISK;
		break;
	case BTRFS_SUPER_MAGIC:
		if (!btrfs_is_own())
			return KEEPING_DISK;
		break;
	default:
		return KEEPING_FILE_SYSTEM;
	}
	if (!bpf_map_lookup_elem(&kept_disks, &disk))
		return disk == MEMORY ? KEEPING_NOT_ARMED : KEEPING_DISK;
	/*
	 * Not denied between commit 2a010c412853 ("fs: don't block i_writecount during exec") (in v6.11) and commit
	 * 3b832035387f, which reverts it (in v6.13).
	 */
	return inode->i_writecount.counter < 0 ? KEEPING_YES : KEEPING_WRITERS;
}

/* include/linux/iversion.h: the lowest bit says that somebody has asked */
static __u64 inode_version(struct inode *inode)
{
	return (__u64)inode->i_version.counter >> 1;
}

static bool kept_get(struct inode *inode, __u8 *digest)
{
	struct kept *k = bpf_inode_storage_get(&kept, inode, 0, 0);

	if (!k || k->session != session)
		return false;
	if (k->ctime != inode_ctime(inode) || k->version != inode_version(inode) || k->size != inode->i_size)
		return false;
	__builtin_memcpy(digest, k->digest, DIGEST_BYTES);
	barrier();
	/* Another start of the same program may be writing to it. */
	return *(volatile __u64 *)&k->session == session;
}

static __u32 keep(struct inode *inode, const __u8 *digest)
{
	struct kept *k = bpf_inode_storage_get(&kept, inode, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!k)
		return KEEPING_NO_ROOM;
	*(volatile __u64 *)&k->session = 0;
	barrier();
	k->ctime = inode_ctime(inode);
	k->version = inode_version(inode);
	k->size = inode->i_size;
	__builtin_memcpy(k->digest, digest, DIGEST_BYTES);
	barrier();
	*(volatile __u64 *)&k->session = session;
	return KEEPING_YES;
}

static void kept_drop(struct inode *inode)
{
	bpf_inode_storage_delete(&kept, inode);
}
