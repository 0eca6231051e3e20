/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * SHA-256 (FIPS 180-4) of kernel memory, for every type of program that has bpf_loop() and
 * bpf_probe_read_kernel(). Rotations are one 64-bit shift of a word that is held twice: BPF has no rotate.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>

#define SHA256_BLOCK 64
#define SHA256_STEPS (8u << 20)	/* BPF_MAX_LOOPS, kernel/bpf/bpf_iter.c */

/* State of one hash, in memory that nobody else writes meanwhile. */
struct sha256 {
	__u32 h[8];
	__u32 w[16];
	__u64 data;		/* address of the first byte */
	__u64 size;		/* bytes */
	__s64 error;
	__u8 block[2 * SHA256_BLOCK];
};

static const __u32 sha256_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static __always_inline __u64 sha256_twice(__u32 x)
{
	return (__u64)x << 32 | x;
}

static __always_inline void sha256_block(struct sha256 *s, const __u8 *block)
{
	__u32 a = s->h[0], b = s->h[1], c = s->h[2], d = s->h[3];
	__u32 e = s->h[4], f = s->h[5], g = s->h[6], h = s->h[7];
	const __u32 *words = (const __u32 *)block;
	__u32 i;

	for (i = 0; i < 64; i++) {
		__u64 ee = sha256_twice(e), aa = sha256_twice(a);
		__u32 w, t1, t2;

		if (i < 16) {
			w = __builtin_bswap32(words[i]);
		} else {
			__u32 w1 = s->w[(i + 1) & 15], w14 = s->w[(i + 14) & 15];
			__u64 x = sha256_twice(w1), y = sha256_twice(w14);

			w = s->w[i & 15] + s->w[(i + 9) & 15] + ((__u32)(x >> 7) ^ (__u32)(x >> 18) ^ w1 >> 3) +
			    ((__u32)(y >> 17) ^ (__u32)(y >> 19) ^ w14 >> 10);
		}
		s->w[i & 15] = w;
		t1 = h + ((__u32)(ee >> 6) ^ (__u32)(ee >> 11) ^ (__u32)(ee >> 25)) + (g ^ (e & (f ^ g))) + sha256_k[i & 63] + w;
		t2 = ((__u32)(aa >> 2) ^ (__u32)(aa >> 13) ^ (__u32)(aa >> 22)) + ((a & b) | (c & (a | b)));
		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	s->h[0] += a;
	s->h[1] += b;
	s->h[2] += c;
	s->h[3] += d;
	s->h[4] += e;
	s->h[5] += f;
	s->h[6] += g;
	s->h[7] += h;
}

struct sha256_walk {
	struct sha256 *s;
};

static long sha256_step(__u32 i, struct sha256_walk *walk)
{
	struct sha256 *s = walk->s;

	if (bpf_probe_read_kernel(s->block, SHA256_BLOCK, (void *)(s->data + (__u64)i * SHA256_BLOCK))) {
		s->error = -EFAULT;
		return 1;
	}
	sha256_block(s, s->block);
	return 0;
}

/* The bytes behind the last whole block, and the padding: one block or two. */
static long sha256_last(__u32 i, struct sha256_walk *walk)
{
	sha256_block(walk->s, walk->s->block + (i & 1) * SHA256_BLOCK);
	return 0;
}

/*
 * Hash `size` bytes at `data` into digest[32], as sha256sum prints them. Returns 0; -EFAULT when the memory
 * could not be read; -E2BIG above what bpf_loop() can reach.
 */
static long sha256_kernel(struct sha256 *s, const void *data, __u64 size, __u8 digest[32])
{
	__u64 whole = size / SHA256_BLOCK;
	__u32 rest = size & (SHA256_BLOCK - 1), i;
	struct sha256_walk walk = { .s = s };

	if (whole > SHA256_STEPS)
		return -E2BIG;
	s->h[0] = 0x6a09e667;
	s->h[1] = 0xbb67ae85;
	s->h[2] = 0x3c6ef372;
	s->h[3] = 0xa54ff53a;
	s->h[4] = 0x510e527f;
	s->h[5] = 0x9b05688c;
	s->h[6] = 0x1f83d9ab;
	s->h[7] = 0x5be0cd19;
	s->data = (__u64)data;
	s->size = size;
	s->error = 0;
	bpf_loop(whole, sha256_step, &walk, 0);
	if (s->error)
		return s->error;
	__builtin_memset(s->block, 0, sizeof(s->block));
	if (rest && bpf_probe_read_kernel(s->block, rest & (SHA256_BLOCK - 1), (void *)(s->data + whole * SHA256_BLOCK)))
		return -EFAULT;
	s->block[rest & (SHA256_BLOCK - 1)] = 0x80;
	if (rest < 56)
		*(__u64 *)(s->block + 56) = __builtin_bswap64(size * 8);
	else
		*(__u64 *)(s->block + 120) = __builtin_bswap64(size * 8);
	bpf_loop(rest < 56 ? 1 : 2, sha256_last, &walk, 0);
	for (i = 0; i < 8; i++)
		((__u32 *)digest)[i] = __builtin_bswap32(s->h[i]);
	return 0;
}
