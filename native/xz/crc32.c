// SPDX-License-Identifier: Apache-2.0
/* CRC-32, the bits reflected; with carry-less multiplication where the processor has it. */
#include <string.h>
#include "xz.h"

#define POLYNOMIAL 0xedb88320u

static uint32_t table[8][256];

void crc32_start(void)
{
	uint32_t i, k, c;

	for (i = 0; i < 256; i++) {
		for (c = i, k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? POLYNOMIAL : 0);
		table[0][i] = c;
	}
	for (i = 0; i < 256; i++)
		for (k = 1; k < 8; k++)
			table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
}

/* Goes on from the state c. */
static uint32_t by_table(uint32_t c, const uint8_t *at, size_t size)
{
	for (; size >= 8; at += 8, size -= 8) {
		uint32_t a = c ^ ((uint32_t)at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24);

		c = table[7][a & 255] ^ table[6][a >> 8 & 255] ^ table[5][a >> 16 & 255] ^ table[4][a >> 24] ^
		    table[3][at[4]] ^ table[2][at[5]] ^ table[1][at[6]] ^ table[0][at[7]];
	}
	while (size--)
		c = c >> 8 ^ table[0][(c ^ *at++) & 255];
	return c;
}

#if defined(__x86_64__)
#include <immintrin.h>

/*
 * Folds 64 bytes into the next 64 until fewer are left; the remaining 64 have the CRC of all of them.
 * The factors are x^(512+32) and x^(512-32) modulo the polynomial, reflected and shifted by one bit
 * (Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ", Intel 2009).
 */
__attribute__((target("pclmul,sse4.1")))
static uint32_t by_folding(uint32_t c, const uint8_t *at, size_t size)
{
	const __m128i factors = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
	__m128i lane[4];
	uint8_t rest[64];
	int i;

	for (i = 0; i < 4; i++)
		lane[i] = _mm_loadu_si128((const __m128i *)at + i);
	lane[0] = _mm_xor_si128(lane[0], _mm_cvtsi32_si128(c));
	for (at += 64, size -= 64; size >= 64; at += 64, size -= 64)
		for (i = 0; i < 4; i++)
			lane[i] = _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(lane[i], factors, 0x00),
							      _mm_clmulepi64_si128(lane[i], factors, 0x11)),
						_mm_loadu_si128((const __m128i *)at + i));
	for (i = 0; i < 4; i++)
		_mm_storeu_si128((__m128i *)rest + i, lane[i]);
	return by_table(by_table(0, rest, 64), at, size);
}

static bool can_fold(void)
{
	return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}
#else
static bool can_fold(void)
{
	return false;
}

static uint32_t by_folding(uint32_t c, const uint8_t *at, size_t size)
{
	return by_table(c, at, size);
}
#endif

uint32_t crc32_of(const uint8_t *at, size_t size)
{
	return ~(size >= 128 && can_fold() ? by_folding(~0u, at, size) : by_table(~0u, at, size));
}
