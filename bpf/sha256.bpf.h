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
	SHA256_ST32(c##c2, b)                                                                                                  \
	SHA256_MOV(y, f) SHA256_XOR(y, g) SHA256_AND(y, e) SHA256_XOR(y, g) SHA256_ADD(h, y)                                   \
	SHA256_SIGMA(x, e, y, 6, 11, 25) SHA256_ADD(h, x)                                                                      \
	SHA256_LD32(x, c##c0) SHA256_ADD(x, h) SHA256_MOV(y, x) SHA256_SHL(y, 32) SHA256_OR(x, y)                              \
	SHA256_MOV(y, a) SHA256_XOR(y, b) SHA256_AND(m, y) SHA256_XOR(m, b)                                                    \
	SHA256_SIGMA(z, a, b, 2, 13, 22)                                                                                       \
	SHA256_ADD(h, m) SHA256_ADD(h, z) SHA256_MOV(m, h) SHA256_SHL(m, 32) SHA256_OR(h, m)

/* Eight rounds, after which every word is in the register where it was. The slots are those of the first round and on. */
#define SHA256_ROUNDS(W, k0, k1, k2, k3, k4, k5, k6, k7, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15) \
	SHA256_ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, k0, 0, 2, W(s0, s2, s3, s11, 7, 3, 9, 2))                                    \
	SHA256_ROUND(7, 0, 1, 2, 3, 4, 5, 6, 9, 8, k1, 1, 3, W(s1, s3, s4, s12, 6, 2, 8, 1))                                    \
	SHA256_ROUND(6, 7, 0, 1, 2, 3, 4, 5, 8, 9, k2, 2, 0, W(s2, s4, s5, s13, 5, 1, 9, 0))                                    \
	SHA256_ROUND(5, 6, 7, 0, 1, 2, 3, 4, 9, 8, k3, 3, 1, W(s3, s5, s6, s14, 4, 0, 8, 7))                                    \
	SHA256_ROUND(4, 5, 6, 7, 0, 1, 2, 3, 8, 9, k4, 0, 2, W(s4, s6, s7, s15, 3, 7, 9, 6))                                    \
	SHA256_ROUND(3, 4, 5, 6, 7, 0, 1, 2, 9, 8, k5, 1, 3, W(s5, s7, s8, s0, 2, 6, 8, 5))                                     \
	SHA256_ROUND(2, 3, 4, 5, 6, 7, 0, 1, 8, 9, k6, 2, 0, W(s6, s8, s9, s1, 1, 5, 9, 4))                                     \
	SHA256_ROUND(1, 2, 3, 4, 5, 6, 7, 0, 9, 8, k7, 3, 1, W(s7, s9, s10, s2, 0, 4, 8, 3))
#define SHA256_ROUNDS_0(W, ...) SHA256_ROUNDS(W, __VA_ARGS__, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define SHA256_ROUNDS_8(W, ...) SHA256_ROUNDS(W, __VA_ARGS__, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)
