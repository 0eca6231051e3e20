// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Each file that is about to be executed, by the SHA-256 of its bytes: is it in the trust database? The digest
 * of a file that cannot have changed is computed once and kept with the inode (kept.bpf.h).
 *
 * It only watches: every program returns WATCHED, and nothing else.
 */
#include "guard_proof.bpf.h"
#include "kept.bpf.h"
#include "process_context.bpf.h"

EVENT(program_verdict);
ENUM(program_role);
ENUM(digest_source);
ENUM(keeping);
struct program_counts *struct_program_counts __attribute__((unused));

/* 1: known programs are told of too */
const volatile __u32 send_known = 0;

/* Bytes. A file is hashed before it runs, and nobody can interrupt that. */
const volatile __u64 hash_limit = 1ULL << 30;

/* include/uapi/linux/hash_info.h */
#define HASH_ALGO_SHA256 4

/* No objection. The kernel asks a program only when nobody before it has objected (kernel/bpf/trampoline.c). */
#define WATCHED 0

#define EFBIG 27
#define EOPNOTSUPP 95

/* SHA-256 -> anything. User space makes it of the size that it needs, and replaces it as a whole. */
struct digest_set {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, DIGEST_BYTES);
	__uint(value_size, sizeof(__u32));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, struct digest_set);
} program_digests SEC(".maps");

/* Per CPU; read by user space. */
struct program_counts {
	__u64 files;		/* checked */
	__u64 hashed;
	__u64 kept;		/* digest was kept with the inode */
	__u64 unknown;
	__u64 unhashed;		/* no digest could be had */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct program_counts);
} program_counts SEC(".maps");

struct finding {
	__u32 source;		/* enum digest_source */
	__u32 keeping;		/* enum keeping */
	kernel_result error;
	__u32 known;
	ktime_ns began, ended;
	__u8 digest[DIGEST_BYTES];
};

/* May sleep. bpf_ima_file_hash() reads the whole file each time, unless a policy has made IMA keep its digest. */
static kernel_result file_hash(struct file *file, struct inode *inode, __u8 *digest)
{
	long algorithm;

	if (inode->i_size > hash_limit)
		return -EFBIG;
	algorithm = bpf_ima_file_hash(file, digest, DIGEST_BYTES);
	if (algorithm < 0)
		return algorithm;
	return algorithm == HASH_ALGO_SHA256 ? 0 : -EOPNOTSUPP;
}

static void find_digest(struct finding *f, struct file *file, struct inode *inode)
{
	f->keeping = can_keep(inode);
	f->error = 0;
	if (f->keeping == KEEPING_YES && kept_get(inode, f->digest)) {
		f->source = SOURCE_KEPT;
		return;
	}
	f->error = file_hash(file, inode, f->digest);
	f->source = f->error ? SOURCE_NONE : SOURCE_HASHED;
	if (f->error)
		f->keeping = KEEPING_NO_ROOM;
	else if (f->keeping == KEEPING_YES)
		f->keeping = keep(inode, f->digest);
}

static void count(const struct finding *f)
{
	struct program_counts *c;
	__u32 zero = 0;

	c = bpf_map_lookup_elem(&program_counts, &zero);
	if (!c)
		return;
	__sync_fetch_and_add(&c->files, 1);
	if (f->source == SOURCE_HASHED)
		__sync_fetch_and_add(&c->hashed, 1);
	else if (f->source == SOURCE_KEPT)
		__sync_fetch_and_add(&c->kept, 1);
	if (f->error)
		__sync_fetch_and_add(&c->unhashed, 1);
	else if (!f->known)
		__sync_fetch_and_add(&c->unknown, 1);
}

/* fs/exec.c: bprm->interp is the file's own name until a script or another format has led to the next file. */
static __u32 role_of(struct linux_binprm *bprm)
{
	if (bprm->interp != bprm->filename)
		return ROLE_INTERPRETER;
	return bprm->buf[0] == '#' && bprm->buf[1] == '!' ? ROLE_SCRIPT : ROLE_PROGRAM;
}

static void tell(struct linux_binprm *bprm, struct file *file, struct inode *inode, const struct finding *f)
{
	struct program_verdict *x;
	struct record *r;

	r = slot_claim();
	if (!r)
		return;
	header_fill(r, KIND_PROGRAM_VERDICT, HOOK_LSM, bpf_get_current_task_btf(), sizeof(*x));
	x = (void *)r->data;
	x->size = inode->i_size;
	x->duration = f->ended - f->began;
	x->known = f->known;
	x->role = role_of(bprm);
	x->source = f->source;
	x->keeping = f->keeping;
	x->error = f->error;
	x->pad = 0;
	__builtin_memcpy(x->digest, f->digest, DIGEST_BYTES);
	x->asked = str_kernel(r, bprm->filename);
	x->path = bprm->interp == bprm->filename ? x->asked : str_kernel(r, bprm->interp);
	file_fill(r, &x->file, file);
	record_submit(r, false);
}

/* Called for the script, then for its interpreter; the file cannot be opened for writing meanwhile. */
SEC("lsm.s/bprm_check_security")
int BPF_PROG(lsm_check_program, struct linux_binprm *bprm)
{
	struct file *file = bprm->file;
	struct inode *inode = file->f_inode;
	struct finding f = {};
	__u32 zero = 0;
	void *digests;

	digests = bpf_map_lookup_elem(&program_digests, &zero);
	if (!digests)
		return WATCHED;
	/* No record is claimed before the hash is there: it can take seconds, and others need the slot. */
	f.began = bpf_ktime_get_boot_ns();
	find_digest(&f, file, inode);
	f.ended = bpf_ktime_get_boot_ns();
	f.known = !f.error && bpf_map_lookup_elem(digests, f.digest);
	if (proves(PROOF_PROGRAM))
		return WATCHED;
	count(&f);
	if (!f.known || send_known || is_canary(bpf_get_current_task_btf()->pid)) {
		tell_caller();
		tell(bprm, file, inode, &f);
	}
	return WATCHED;
}

/* Before the open can be used; also the real file below an overlay comes here. */
SEC("lsm/file_open")
int BPF_PROG(lsm_program_opened, struct file *file)
{
	struct inode *inode = file->f_inode;

	if (file->f_mode & FMODE_WRITE) {
		kept_drop(inode);
		if ((inode->i_mode & S_IFMT) == S_IFBLK)
			raw_opened(inode->i_rdev);
		proves(PROOF_OPENED);
	}
	return WATCHED;
}

/* A new mount of any file system, by mount(2) and fsconfig(2) alike (fs/super.c: vfs_get_tree()). */
SEC("lsm/sb_set_mnt_opts")
int BPF_PROG(lsm_program_mounted, struct super_block *sb)
{
	file_system_mounted(sb);
	proves(PROOF_MOUNTED);
	return WATCHED;
}

/*
 * truncate(2) opens nothing. The first argument is new since commit 314a8dc728d0 ("security: Align inode_setattr
 * hook definition with EVM") (in v6.9); the series that it is of also brought inode_post_setattr.
 */
SEC("lsm/inode_setattr")
int lsm_program_truncated(__u64 *ctx)
{
	__u64 first = ctx[0], second = ctx[1], third = ctx[2];
	struct dentry *dentry;
	struct iattr *attr;

	/* Read here: the compiler would choose an address below, and the verifier takes only constant ones. */
	barrier_var(first);
	barrier_var(second);
	barrier_var(third);
	if (bpf_core_field_exists(union security_list_options, inode_post_setattr)) {
		dentry = (void *)second;
		attr = (void *)third;
	} else {
		dentry = (void *)first;
		attr = (void *)second;
	}
	if (attr->ia_valid & ATTR_SIZE) {
		kept_drop(dentry->d_inode);
		proves(PROOF_TRUNCATED);
	}
	return WATCHED;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
