/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * SHA-256 (FIPS 180-4) of kernel memory, for every type of program that has bpf_loop() and bpf_probe_read_kernel():
 * LSM, fentry, kprobe, syscall, ... Needs Linux 5.17 (bpf_loop) and -mcpu=v3 (32-bit arithmetic). No kernel types are used.
 *
 * Speed comes from keeping the rounds in registers, which a compiler does not manage with BPF's ten, hence the assembly:
 * - BPF cannot rotate. Words that are rotated are held twice, as x << 32 | x; then a right shift of the 64 bits is a rotation
 *   of the lower 32, and whatever is in the upper half is left there: every addition is 32 bits wide and clears it.
 * - The state's eight words do not move: the next round names the registers one place further. c and d rest on the stack:
 *   Maj(a, b, c) = b ^ ((a ^ b) & (b ^ c)) takes b ^ c from the round before (m below) and does not need c itself.
 * - Round i makes the word of round i + 2 and keeps 16 words on the stack, so nothing waits for the message.
 */
#ifndef RINGWARD_SHA256_BPF_H
#define RINGWARD_SHA256_BPF_H

#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>

#define SHA256_BLOCK 64
#define SHA256_DIGEST 32
/* Bytes copied and hashed per bpf_loop() step. The verifier walks each block of a step: 16 blocks cost it 2 times what 8 cost. */
#define SHA256_CHUNK 512
#define SHA256_STEPS (8u << 20) /* BPF_MAX_LOOPS, kernel/bpf/bpf_iter.c */
#define SHA256_MAX_SIZE ((__u64)SHA256_STEPS * SHA256_CHUNK - 9) /* 9: the padding's first byte and the length */

/* State of one hash, in a map value that nobody else writes meanwhile (programs are preempted: a per-CPU value needs a claim).
 * What the steps need is here and not in their context on the stack: the verifier does not follow values in maps, so it does not
 * walk the rounds again for each of their ranges. */
struct sha256 {
	__u32 state[8]; /* the chaining value, native byte order */
	__u64 data;	/* address of the first byte */
	__u64 size;	/* bytes to hash */
	__u64 blocks;	/* blocks of the padded message */
	__s64 error;	/* 0 or negative errno */
	__u8 chunk[SHA256_CHUNK + 80]; /* the padding may reach past the chunk's end; it is then written again in the next */
};

/* 64-bit and 32-bit operations on registers given by number. */
#define SHA256_MOV(x, y) "r" #x " = r" #y "\n"
#define SHA256_XOR(x, y) "r" #x " ^= r" #y "\n"
#define SHA256_AND(x, y) "r" #x " &= r" #y "\n"
#define SHA256_OR(x, y) "r" #x " |= r" #y "\n"
#define SHA256_SHR(x, n) "r" #x " >>= " #n "\n"
#define SHA256_SHL(x, n) "r" #x " <<= " #n "\n"
#define SHA256_ADD(x, y) "w" #x " += w" #y "\n"
#define SHA256_ADDI(x, n) "w" #x " += " #n "\n"
#define SHA256_LD32(x, slot) "r" #x " = *(u32 *)%[" #slot "]\n"
#define SHA256_LD64(x, slot) "r" #x " = *(u64 *)%[" #slot "]\n"
#define SHA256_ST32(slot, x) "*(u32 *)%[" #slot "] = r" #x "\n"
#define SHA256_ST64(slot, x) "*(u64 *)%[" #slot "] = r" #x "\n"

/* x = rotr(y, i) ^ rotr(y, j) ^ rotr(y, k), y held twice. One shift after the other would be 2 instructions less, but 2 cycles later. */
#define SHA256_SIGMA(x, y, t, i, j, k)                                                                                         \
	SHA256_MOV(x, y) SHA256_SHR(x, i) SHA256_MOV(t, y) SHA256_SHR(t, j) SHA256_XOR(x, t)                                   \
	SHA256_MOV(t, y) SHA256_SHR(t, k) SHA256_XOR(x, t)

/* x = ((rotr(w, i) ^ w) rotated by j, ^ w) >> k: the small sigmas with their shifts one after the other. */
#define SHA256_SMALL_SIGMA(x, y, w, i, j, k)                                                                                   \
	SHA256_LD64(y, w) SHA256_MOV(x, y) SHA256_SHR(x, i) SHA256_XOR(x, y) SHA256_SHR(x, j)                                  \
	SHA256_LD32(y, w) SHA256_XOR(x, y) SHA256_SHR(x, k)

/* h += W[i], and W[i + 2] = sigma1(W[i]) + W[i - 5] + sigma0(W[i - 13]) + W[i - 14]; slot numbers are modulo 16. */
#define SHA256_SCHEDULE(i, i2, i3, i11, h, x, y, z)                                                                            \
	SHA256_SMALL_SIGMA(x, y, w##i, 2, 7, 10) SHA256_ADD(h, y)                                                              \
	SHA256_LD32(y, w##i2) SHA256_ADD(x, y) SHA256_LD32(y, w##i11) SHA256_ADD(x, y)                                         \
	SHA256_SMALL_SIGMA(z, y, w##i3, 11, 4, 3) SHA256_ADD(x, z)                                                             \
	SHA256_MOV(y, x) SHA256_SHL(y, 32) SHA256_OR(y, x) SHA256_ST64(w##i2, y)

/* h += W[i], and W[i + 2] is read from the block. */
#define SHA256_READ(i, i2, i3, i11, h, x, y, z)                                                                                \
	SHA256_LD32(y, w##i) SHA256_ADD(h, y)                                                                                  \
	SHA256_LD64(x, block) "r" #x " = *(u32 *)(r" #x " + 4 * " #i2 ")\n"                                                    \
	"r" #x " = be32 r" #x "\n"                                                                                             \
	SHA256_MOV(y, x) SHA256_SHL(y, 32) SHA256_OR(y, x) SHA256_ST64(w##i2, y)

/* h += W[i] */
#define SHA256_LAST(i, i2, i3, i11, h, x, y, z) SHA256_LD32(y, w##i) SHA256_ADD(h, y)

/* One round. x, y, z are free. Afterwards h holds the new a, x the new e, y the new m; b, m and z are free. c0 is where d is,
 * c2 where b will be found as d two rounds on. */
#define SHA256_ROUND(a, b, z, x, e, f, g, h, m, y, k, c0, c2, words)                                                           \
	words SHA256_ADDI(h, k)                                                                                                \
	SHA256_MOV(y, f) SHA256_XOR(y, g) SHA256_AND(y, e) SHA256_XOR(y, g) SHA256_ADD(h, y)                                   \
	SHA256_SIGMA(x, e, y, 6, 11, 25) SHA256_ADD(h, x)                                                                      \
	SHA256_LD32(x, c##c0) SHA256_ADD(x, h) SHA256_MOV(y, x) SHA256_SHL(y, 32) SHA256_OR(x, y)                              \
	SHA256_ST32(c##c2, b) SHA256_MOV(y, a) SHA256_XOR(y, b) SHA256_AND(m, y) SHA256_XOR(m, b)                                                    \
	SHA256_SIGMA(z, a, b, 2, 13, 22)                                                                                       \
	SHA256_ADD(h, m) SHA256_ADD(h, z) SHA256_MOV(m, h) SHA256_SHL(m, 32) SHA256_OR(h, m)

/* Eight rounds, after which every word is in the register where it was. The slots are those of the first round and on. */
#define SHA256_ROUNDS(W, V, k0, k1, k2, k3, k4, k5, k6, k7, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15) \
	SHA256_ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, k0, 0, 2, W(s0, s2, s3, s11, 7, 3, 9, 2))                                    \
	SHA256_ROUND(7, 0, 1, 2, 3, 4, 5, 6, 9, 8, k1, 1, 3, W(s1, s3, s4, s12, 6, 2, 8, 1))                                    \
	SHA256_ROUND(6, 7, 0, 1, 2, 3, 4, 5, 8, 9, k2, 2, 0, W(s2, s4, s5, s13, 5, 1, 9, 0))                                    \
	SHA256_ROUND(5, 6, 7, 0, 1, 2, 3, 4, 9, 8, k3, 3, 1, W(s3, s5, s6, s14, 4, 0, 8, 7))                                    \
	SHA256_ROUND(4, 5, 6, 7, 0, 1, 2, 3, 8, 9, k4, 0, 2, W(s4, s6, s7, s15, 3, 7, 9, 6))                                    \
	SHA256_ROUND(3, 4, 5, 6, 7, 0, 1, 2, 9, 8, k5, 1, 3, W(s5, s7, s8, s0, 2, 6, 8, 5))                                     \
	SHA256_ROUND(2, 3, 4, 5, 6, 7, 0, 1, 8, 9, k6, 2, 0, V(s6, s8, s9, s1, 1, 5, 9, 4))                                     \
	SHA256_ROUND(1, 2, 3, 4, 5, 6, 7, 0, 9, 8, k7, 3, 1, V(s7, s9, s10, s2, 0, 4, 8, 3))
#define SHA256_ROUNDS_0(W, V, ...) SHA256_ROUNDS(W, V, __VA_ARGS__, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define SHA256_ROUNDS_8(W, V, ...) SHA256_ROUNDS(W, V, __VA_ARGS__, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)

/* One block: add it to the chaining value. */
static __always_inline void sha256_block(struct sha256 *s, const __u8 *block)
{
	const __u32 *first = (const __u32 *)block;
	__u64 w[16], c[4]; /* words held twice; c and d of this and the next rounds */
	register __u64 r0 asm("r0") = s->state[0];
	register __u64 r1 asm("r1") = s->state[1];
	register __u64 r4 asm("r4") = s->state[4];
	register __u64 r5 asm("r5") = s->state[5];
	register __u64 r6 asm("r6") = s->state[6];
	register __u64 r7 asm("r7") = s->state[7];
	register __u64 r8 asm("r8") = s->state[1] ^ s->state[2];

	c[0] = s->state[3];
	c[1] = s->state[2];
	w[0] = __builtin_bswap32(first[0]);
	w[1] = __builtin_bswap32(first[1]);
	w[0] |= w[0] << 32;
	w[1] |= w[1] << 32;
	r0 |= r0 << 32;
	r4 |= r4 << 32;
	asm volatile(
		SHA256_ROUNDS_0(SHA256_READ, SHA256_READ, 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5)
		SHA256_ROUNDS_8(SHA256_READ, SHA256_SCHEDULE, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174)
		SHA256_ROUNDS_0(SHA256_SCHEDULE, SHA256_SCHEDULE, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da)
		SHA256_ROUNDS_8(SHA256_SCHEDULE, SHA256_SCHEDULE, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967)
		SHA256_ROUNDS_0(SHA256_SCHEDULE, SHA256_SCHEDULE, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85)
		SHA256_ROUNDS_8(SHA256_SCHEDULE, SHA256_SCHEDULE, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070)
		SHA256_ROUNDS_0(SHA256_SCHEDULE, SHA256_SCHEDULE, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3)
		SHA256_ROUNDS_8(SHA256_SCHEDULE, SHA256_LAST, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2)
		: "+r"(r0), "+r"(r1), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7), "+r"(r8), [c0] "+m"(c[0]), [c1] "+m"(c[1]),
		  [c2] "=m"(c[2]), [c3] "=m"(c[3]), [w0] "+m"(w[0]), [w1] "+m"(w[1]), [w2] "=m"(w[2]), [w3] "=m"(w[3]),
		  [w4] "=m"(w[4]), [w5] "=m"(w[5]), [w6] "=m"(w[6]), [w7] "=m"(w[7]), [w8] "=m"(w[8]), [w9] "=m"(w[9]),
		  [w10] "=m"(w[10]), [w11] "=m"(w[11]), [w12] "=m"(w[12]), [w13] "=m"(w[13]), [w14] "=m"(w[14]),
		  [w15] "=m"(w[15])
		: [block] "m"(block)
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

/* Copy chunk number `index` and, past the message's end, its padding. Return how many blocks it has, or -EFAULT. */
static __attribute__((noinline)) long sha256_fill(struct sha256 *s, __u32 index)
{
	__u64 offset = (__u64)index * SHA256_CHUNK, left = s->size > offset ? s->size - offset : 0;
	__u64 size = left < SHA256_CHUNK ? left : SHA256_CHUNK, blocks = s->blocks - (__u64)index * (SHA256_CHUNK / SHA256_BLOCK);
	__u64 end = s->blocks * SHA256_BLOCK - offset;
	__u64 *padding;

	if (left < SHA256_CHUNK) {
		padding = (__u64 *)s->chunk + left / 8;
#pragma unroll
		for (int i = 0; i < 10; i++) /* from the last byte's word to the end of a second block */
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
	return blocks;
}

static long sha256_step(__u32 index, struct sha256 **context)
{
	struct sha256 *s = *context;
	long blocks = sha256_fill(s, index);

	if (blocks < 0) {
		s->error = blocks;
		return 1;
	}
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < SHA256_CHUNK / SHA256_BLOCK; i++) {
		if (i >= blocks)
			break;
		sha256_block(s, s->chunk + i * SHA256_BLOCK);
	}
	return 0;
}

/* Hash `size` bytes of kernel memory at `data` into digest[32] (big-endian bytes, as sha256sum prints them). Return 0, -EFAULT
 * when the memory could not be read, or -E2BIG above SHA256_MAX_SIZE; digest is written only with 0. */
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
	s->blocks = (size + 9 + SHA256_BLOCK - 1) / SHA256_BLOCK;
	s->error = 0;
	steps = bpf_loop((s->blocks * SHA256_BLOCK + SHA256_CHUNK - 1) / SHA256_CHUNK, sha256_step, &context, 0);
	s->data = 0;
	if (steps < 0)
		return steps;
	if (s->error)
		return s->error;
#pragma unroll
	for (int i = 0; i < 8; i++)
		((__u32 *)digest)[i] = __builtin_bswap32(s->state[i]);
	return 0;
}

#endif
