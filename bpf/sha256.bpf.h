/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * SHA-256 (FIPS 180-4) of kernel memory, for every type of program that may call bpf_loop() and
 * bpf_probe_read_kernel(): LSM, fentry, kprobe, syscall. Needs Linux 5.17 (bpf_loop) and -mcpu=v3.
 * A caller has 256 of its 512 bytes of stack left.
 *
 * The rounds are assembly because they just fit into BPF's ten registers, which a compiler does not find:
 * - BPF has no rotate. A word that is rotated is held twice, as x << 32 | x: then one 64-bit shift to the
 *   right rotates its lower half. What that leaves in the upper half is harmless, because additions are
 *   32 bits wide and clear it.
 * - The words of the state stay where they are; the next round calls the registers by other names.
 * - c and d are on the stack: Maj(a, b, c) = b ^ ((a ^ b) & (b ^ c)), and b ^ c is known from the round before.
 * - Round i computes the message word of round i + 2, so that no round waits for its word.
 * - 16 rounds are a loop. All 64 in a row were 4 % faster or 7 % slower (Zen 4), by the address at which the
 *   kernel happened to place the code; the loop is the same wherever it is, and half the size.
 * The order of the steps in a round makes 10 %: run bench/sha256.bpf.c before and after changing it.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>

#define SHA256_BLOCK 64
/* Bytes copied and hashed per step of bpf_loop(). The verifier follows each block of a step. */
#define SHA256_CHUNK 512
#define SHA256_STEPS (8u << 20)	/* BPF_MAX_LOOPS, include/linux/bpf.h */
#define SHA256_PADDING 9	/* at least: a byte 0x80 and the length in 64 bits */
#define SHA256_MAX_SIZE ((__u64)SHA256_STEPS * SHA256_CHUNK - SHA256_PADDING)

/*
 * State of one hash, in a map's value that nobody else writes meanwhile: programs are preempted, so a
 * per-CPU value must be claimed. Everything is here and not in the steps' context on the stack because the
 * verifier does not track a map's values: it would follow all rounds again for each value that it knows.
 */
struct sha256 {
	__u32 state[8];		/* the chaining value, native byte order */
	__u64 data;		/* address of the first byte */
	__u64 size;		/* bytes */
	__u64 blocks;		/* of the padded message */
	__s64 error;		/* 0 or negative errno */
	__u8 chunk[SHA256_CHUNK + 80]; /* padding may pass the end: the next chunk then starts with it again */
};

static const __u32 sha256_k[48] = { /* of rounds 14 to 61 */
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
	0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb,
	0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624,
	0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb,
};

/* Registers by number; slots are memory operands of the assembly by name. */
#define SHA256_MOV(x, y) "r" #x " = r" #y "\n"
#define SHA256_XOR(x, y) "r" #x " ^= r" #y "\n"
#define SHA256_AND(x, y) "r" #x " &= r" #y "\n"
#define SHA256_OR(x, y) "r" #x " |= r" #y "\n"
#define SHA256_SHR(x, n) "r" #x " >>= " #n "\n"
#define SHA256_SHL(x, n) "r" #x " <<= " #n "\n"
#define SHA256_ADD(x, y) "w" #x " += w" #y "\n"
#define SHA256_ADD_IMM(x, n) "w" #x " += " #n "\n"
#define SHA256_LD32(x, slot) "r" #x " = *(u32 *)%[" #slot "]\n"
#define SHA256_LD64(x, slot) "r" #x " = *(u64 *)%[" #slot "]\n"
#define SHA256_ST32(slot, x) "*(u32 *)%[" #slot "] = r" #x "\n"
#define SHA256_ST64(slot, x) "*(u64 *)%[" #slot "] = r" #x "\n"

/* x = y held twice; y has a clear upper half. */
#define SHA256_TWICE(x, y) SHA256_MOV(x, y) SHA256_SHL(x, 32) SHA256_OR(x, y)

/* x = y rotated right by i ^ by j ^ by k */
#define SHA256_SIGMA(x, y, t, i, j, k)                                                                 \
	SHA256_MOV(x, y) SHA256_SHR(x, i) SHA256_MOV(t, y) SHA256_SHR(t, j) SHA256_XOR(x, t)           \
	SHA256_MOV(t, y) SHA256_SHR(t, k) SHA256_XOR(x, t)

/* y = w; x = y rotated right by i + j + k ^ by j + k ^ shifted right by k */
#define SHA256_SMALL_SIGMA(x, y, w, i, j, k)                                                           \
	SHA256_LD64(y, w) SHA256_MOV(x, y) SHA256_SHR(x, i) SHA256_XOR(x, y) SHA256_SHR(x, j)          \
	SHA256_LD32(y, w) SHA256_XOR(x, y) SHA256_SHR(x, k)

/* Add word i to h, and make word i + 2 of words i, i - 5 (slot i + 11), i - 13 (i + 3) and i - 14 (its own). */
#define SHA256_SCHEDULE(h, x, y, z, i, i2, i3, i11)                                                    \
	SHA256_SMALL_SIGMA(x, y, w##i, 2, 7, 10) SHA256_ADD(h, y)                                      \
	SHA256_LD32(y, w##i2) SHA256_ADD(x, y) SHA256_LD32(y, w##i11) SHA256_ADD(x, y)                 \
	SHA256_SMALL_SIGMA(z, y, w##i3, 11, 4, 3) SHA256_ADD(x, z)                                     \
	SHA256_TWICE(y, x) SHA256_ST64(w##i2, y)

/*
 * The rest of a round, when constant and word are in h. m is b ^ c. x, y and z are free. It leaves the new
 * a in h, the new e in x, the new m in y, and b, m and z free. d comes from slot c_d.
 */
#define SHA256_MIX(a, b, z, x, e, f, g, h, m, y, c_d)                                                  \
	SHA256_MOV(y, f) SHA256_XOR(y, g) SHA256_AND(y, e) SHA256_XOR(y, g) SHA256_ADD(h, y)           \
	SHA256_SIGMA(x, e, y, 6, 11, 25) SHA256_ADD(h, x)                                              \
	SHA256_LD32(x, c_d) SHA256_ADD(x, h) SHA256_MOV(y, x) SHA256_SHL(y, 32) SHA256_OR(x, y)        \
	SHA256_MOV(y, a) SHA256_XOR(y, b) SHA256_AND(m, y) SHA256_XOR(m, b)                            \
	SHA256_SIGMA(z, a, b, 2, 13, 22) SHA256_ADD(h, m) SHA256_ADD(h, z)                             \
	SHA256_MOV(m, h) SHA256_SHL(m, 32) SHA256_OR(h, m)

/* A round whose word is there, with its constant: the first 14 and the last 2. b is d in two rounds: c_b. */
#define SHA256_PLAIN(a, b, z, x, e, f, g, h, m, y, c_d, c_b, i, k)                                     \
	SHA256_ADD_IMM(h, k) SHA256_ST32(c_b, b) SHA256_LD32(y, w##i) SHA256_ADD(h, y)                 \
	SHA256_MIX(a, b, z, x, e, f, g, h, m, y, c_d)

/* A round with constant number n from `k`, that makes a word. */
#define SHA256_FULL(a, b, z, x, e, f, g, h, m, y, c_d, c_b, n, i, i2, i3, i11)                         \
	SHA256_LD64(y, k) "r" #y " = *(u32 *)(r" #y " + 4 * " #n ")\n" SHA256_ADD(h, y)                \
	SHA256_ST32(c_b, b) SHA256_SCHEDULE(h, x, y, z, i, i2, i3, i11)                                \
	SHA256_MIX(a, b, z, x, e, f, g, h, m, y, c_d)

/* The registers and slots of round i modulo 8. */
#define SHA256_R0(ROUND, ...) ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, c0, c2, __VA_ARGS__)
#define SHA256_R1(ROUND, ...) ROUND(7, 0, 1, 2, 3, 4, 5, 6, 9, 8, c1, c3, __VA_ARGS__)
#define SHA256_R2(ROUND, ...) ROUND(6, 7, 0, 1, 2, 3, 4, 5, 8, 9, c2, c0, __VA_ARGS__)
#define SHA256_R3(ROUND, ...) ROUND(5, 6, 7, 0, 1, 2, 3, 4, 9, 8, c3, c1, __VA_ARGS__)
#define SHA256_R4(ROUND, ...) ROUND(4, 5, 6, 7, 0, 1, 2, 3, 8, 9, c0, c2, __VA_ARGS__)
#define SHA256_R5(ROUND, ...) ROUND(3, 4, 5, 6, 7, 0, 1, 2, 9, 8, c1, c3, __VA_ARGS__)
#define SHA256_R6(ROUND, ...) ROUND(2, 3, 4, 5, 6, 7, 0, 1, 8, 9, c2, c0, __VA_ARGS__)
#define SHA256_R7(ROUND, ...) ROUND(1, 2, 3, 4, 5, 6, 7, 0, 9, 8, c3, c1, __VA_ARGS__)

/* Add one block to the chaining value. */
static __always_inline void sha256_block(struct sha256 *s, const __u32 *block)
{
	__u64 w[16], c[4]; /* 16 words, held twice; what is d in this round and the next three */
	const __u32 *k = sha256_k;
	__u64 loops = 3;
	register __u64 r0 asm("r0") = s->state[0];
	register __u64 r1 asm("r1") = s->state[1];
	register __u64 r4 asm("r4") = s->state[4];
	register __u64 r5 asm("r5") = s->state[5];
	register __u64 r6 asm("r6") = s->state[6];
	register __u64 r7 asm("r7") = s->state[7];
	register __u64 r8 asm("r8") = s->state[1] ^ s->state[2];

	c[0] = s->state[3];
	c[1] = s->state[2];
#pragma unroll
	for (int i = 0; i < 16; i++) {
		__u64 word = __builtin_bswap32(block[i]);

		w[i] = word << 32 | word;
	}
	r0 |= r0 << 32;
	r4 |= r4 << 32;
	asm volatile(
		SHA256_R0(SHA256_PLAIN, 0, 0x428a2f98) SHA256_R1(SHA256_PLAIN, 1, 0x71374491)
		SHA256_R2(SHA256_PLAIN, 2, 0xb5c0fbcf) SHA256_R3(SHA256_PLAIN, 3, 0xe9b5dba5)
		SHA256_R4(SHA256_PLAIN, 4, 0x3956c25b) SHA256_R5(SHA256_PLAIN, 5, 0x59f111f1)
		SHA256_R6(SHA256_PLAIN, 6, 0x923f82a4) SHA256_R7(SHA256_PLAIN, 7, 0xab1c5ed5)
		SHA256_R0(SHA256_PLAIN, 8, 0xd807aa98) SHA256_R1(SHA256_PLAIN, 9, 0x12835b01)
		SHA256_R2(SHA256_PLAIN, 10, 0x243185be) SHA256_R3(SHA256_PLAIN, 11, 0x550c7dc3)
		SHA256_R4(SHA256_PLAIN, 12, 0x72be5d74) SHA256_R5(SHA256_PLAIN, 13, 0x80deb1fe)
		"again%=:\n"
		SHA256_R6(SHA256_FULL, 0, 14, 0, 1, 9) SHA256_R7(SHA256_FULL, 1, 15, 1, 2, 10)
		SHA256_R0(SHA256_FULL, 2, 0, 2, 3, 11) SHA256_R1(SHA256_FULL, 3, 1, 3, 4, 12)
		SHA256_R2(SHA256_FULL, 4, 2, 4, 5, 13) SHA256_R3(SHA256_FULL, 5, 3, 5, 6, 14)
		SHA256_R4(SHA256_FULL, 6, 4, 6, 7, 15) SHA256_R5(SHA256_FULL, 7, 5, 7, 8, 0)
		SHA256_R6(SHA256_FULL, 8, 6, 8, 9, 1) SHA256_R7(SHA256_FULL, 9, 7, 9, 10, 2)
		SHA256_R0(SHA256_FULL, 10, 8, 10, 11, 3) SHA256_R1(SHA256_FULL, 11, 9, 11, 12, 4)
		SHA256_R2(SHA256_FULL, 12, 10, 12, 13, 5) SHA256_R3(SHA256_FULL, 13, 11, 13, 14, 6)
		SHA256_R4(SHA256_FULL, 14, 12, 14, 15, 7) SHA256_R5(SHA256_FULL, 15, 13, 15, 0, 8)
		SHA256_LD64(4, k) "r4 += 64\n" SHA256_ST64(k, 4)
		SHA256_LD64(4, loops) "r4 += -1\n" SHA256_ST64(loops, 4)
		"if r4 != 0 goto again%=\n"
		SHA256_R6(SHA256_PLAIN, 14, 0xbef9a3f7) SHA256_R7(SHA256_PLAIN, 15, 0xc67178f2)
		: "+r"(r0), "+r"(r1), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7), "+r"(r8), [k] "+m"(k), [loops] "+m"(loops),
		  [c0] "+m"(c[0]), [c1] "+m"(c[1]), [c2] "=m"(c[2]), [c3] "=m"(c[3]),
		  [w0] "+m"(w[0]), [w1] "+m"(w[1]), [w2] "+m"(w[2]), [w3] "+m"(w[3]),
		  [w4] "+m"(w[4]), [w5] "+m"(w[5]), [w6] "+m"(w[6]), [w7] "+m"(w[7]),
		  [w8] "+m"(w[8]), [w9] "+m"(w[9]), [w10] "+m"(w[10]), [w11] "+m"(w[11]),
		  [w12] "+m"(w[12]), [w13] "+m"(w[13]), [w14] "+m"(w[14]), [w15] "+m"(w[15])
		:
		: "r2", "r3", "r9", "memory");
	s->state[0] += r0;
	s->state[1] += r1;
	s->state[2] += c[1];
	s->state[3] += c[0];
	s->state[4] += r4;
	s->state[5] += r5;
	s->state[6] += r6;
	s->state[7] += r7;
}

/*
 * Copy chunk number `index`, with the padding where the message ends. Returns 0 or -EFAULT.
 * Not inline, and says no more: else the verifier follows the rounds once for each way through here.
 */
static __attribute__((noinline)) long sha256_fill(struct sha256 *s, __u32 index)
{
	__u64 offset = (__u64)index * SHA256_CHUNK, end = s->blocks * SHA256_BLOCK - offset;
	__u64 left = s->size > offset ? s->size - offset : 0;
	__u64 size = left < SHA256_CHUNK ? left : SHA256_CHUNK;
	__u64 *padding;

	if (left < SHA256_CHUNK) {
		padding = (__u64 *)s->chunk + left / 8;
#pragma unroll
		for (int i = 0; i < 10; i++)
			padding[i] = 0;
	}
	if (bpf_probe_read_kernel(s->chunk, size, (const void *)(s->data + offset)))
		return -EFAULT;
	if (left < SHA256_CHUNK) {
		if (s->size >= offset)
			s->chunk[left] = 0x80;
		if (end <= SHA256_CHUNK)
			*(__u64 *)(s->chunk + ((end - 8) & (SHA256_CHUNK - 8))) = __builtin_bswap64(s->size * 8);
	}
	return 0;
}

static long sha256_step(__u32 index, struct sha256 **context)
{
	struct sha256 *s = *context;
	__u64 blocks = s->blocks - (__u64)index * (SHA256_CHUNK / SHA256_BLOCK);
	long error = sha256_fill(s, index);

	if (error) {
		s->error = error;
		return 1;
	}
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < SHA256_CHUNK / SHA256_BLOCK; i++) {
		if (i >= blocks)
			break;
		sha256_block(s, (const __u32 *)(s->chunk + i * SHA256_BLOCK));
	}
	return 0;
}

/*
 * Hash `size` bytes of kernel memory at `data` into digest[32]: the bytes that sha256sum prints. Returns 0;
 * -EFAULT when the memory could not be read; -E2BIG above SHA256_MAX_SIZE. Only 0 writes the digest.
 */
static __always_inline long sha256_kernel(struct sha256 *s, const void *data, __u64 size, __u8 digest[32])
{
	struct sha256 *context = s;
	long steps;

	if (size > SHA256_MAX_SIZE)
		return -E2BIG;
	s->state[0] = 0x6a09e667;
	s->state[1] = 0xbb67ae85;
	s->state[2] = 0x3c6ef372;
	s->state[3] = 0xa54ff53a;
	s->state[4] = 0x510e527f;
	s->state[5] = 0x9b05688c;
	s->state[6] = 0x1f83d9ab;
	s->state[7] = 0x5be0cd19;
	s->data = (__u64)data;
	s->size = size;
	s->blocks = (size + SHA256_PADDING + SHA256_BLOCK - 1) / SHA256_BLOCK;
	s->error = 0;
	steps = bpf_loop((s->blocks * SHA256_BLOCK + SHA256_CHUNK - 1) / SHA256_CHUNK, sha256_step, &context, 0);
	s->data = 0; /* no kernel address is left where user space can read the map */
	if (steps < 0)
		return steps;
	if (s->error)
		return s->error;
#pragma unroll
	for (int i = 0; i < 8; i++) {
		__u32 word = __builtin_bswap32(s->state[i]);

		__builtin_memcpy(digest + 4 * i, &word, sizeof(word)); /* digest may be unaligned, on the stack too */
	}
	return 0;
}
