// SPDX-License-Identifier: Apache-2.0
/*
 * xz files from memory to memory. Kernel modules are small and wholly in memory, so that the output is its
 * own dictionary, nothing is ever resumed, and the hard to predict bits are decided without branches.
 * What is not plain (other filters, other checks, several streams, any damage) is left to liblzma.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lzma2;			/* the state of a decoder; about 28 KiB */

extern const size_t lzma2_size;

/*
 * Decodes LZMA2 chunks up to the end mark into the whole of out.
 * Returns the bytes of input that were used, 0 when it is not what LZMA2 makes of out_size bytes.
 */
size_t lzma2_decode(struct lzma2 *state, const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size, uint64_t dictionary);

void crc32_start(void);
/* As in xz, zlib and Ethernet; of an empty input 0. */
uint32_t crc32_of(const uint8_t *at, size_t size);

/* The layout of a file: a stream of blocks. */
struct xz {
	const uint8_t *in;
	size_t in_size;
	const uint8_t *records;	/* of the index */
	uint64_t count;
	const uint8_t *index_end;	/* of the records */
	size_t index;		/* offset of it */
	uint64_t size;		/* bytes when unpacked */
};

/* False: liblzma has to look at it. */
bool xz_open(struct xz *xz, const uint8_t *in, size_t in_size);
bool xz_decode(const struct xz *xz, struct lzma2 *state, uint8_t *out);
