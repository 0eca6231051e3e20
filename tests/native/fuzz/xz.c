// SPDX-License-Identifier: Apache-2.0
/*
 * libFuzzer: what native/xz unpacks, liblzma must unpack to the same. The first byte tells whether the rest is an
 * xz file, whose checksums are then made right so that the decoder is reached, or bare LZMA2: three bytes that
 * say how much it is to make, and the chunks.
 */
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include "xz.h"

#define MOST (1 << 22)

static void put(uint8_t *at, uint32_t value)
{
	int i;

	for (i = 0; i < 4; i++)
		at[i] = value >> 8 * i;
}

/* Makes the checksums right of a file whose layout is. */
static void repair(uint8_t *in, size_t size)
{
	size_t index, header;

	if (size < 36)
		return;
	memcpy(in, "\xfd" "7zXZ\0\0\1", 8);
	put(in + 8, crc32_of(in + 6, 2));
	memcpy(in + size - 4, "\0\1YZ", 4);
	index = ((size_t)in[size - 8] | in[size - 7] << 8) * 4 + 4;
	put(in + size - 12, crc32_of(in + size - 8, 6));
	if (index <= size - 24)
		put(in + size - 16, crc32_of(in + size - 12 - index, index - 4));
	header = (in[12] + 1) * 4;
	if (header >= 8 && 12 + header <= size)
		put(in + 12 + header - 4, crc32_of(in + 12, header - 4));
}

static void file(struct lzma2 *state, uint8_t *in, size_t size)
{
	uint64_t memory = UINT64_MAX;
	size_t used = 0, made = 0;
	uint8_t *out, *other;
	struct xz xz;

	repair(in, size);
	if (!xz_open(&xz, in, size) || xz.size > MOST)
		return;
	out = malloc(xz.size + 1);
	other = malloc(xz.size + 1);
	if (xz_decode(&xz, state, out) &&
	    (lzma_stream_buffer_decode(&memory, 0, NULL, in, &used, size, other, &made, xz.size + 1) != LZMA_OK ||
	     made != xz.size || memcmp(out, other, made)))
		abort();
	free(other);
	free(out);
}

static void bare(struct lzma2 *state, const uint8_t *in, size_t size, size_t out_size)
{
	lzma_options_lzma options = { .dict_size = 1 << 16 };
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options }, { LZMA_VLI_UNKNOWN, NULL } };
	uint8_t *out = malloc(out_size + 1), *other = malloc(out_size + 1);
	size_t used = 0, made = 0, mine;

	mine = lzma2_decode(state, in, size, out, out_size, options.dict_size);
	if (mine && (lzma_raw_buffer_decode(filters, NULL, in, &used, mine, other, &made, out_size + 1) != LZMA_OK ||
		     made != out_size || memcmp(out, other, made)))
		abort();
	free(other);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lzma2 *state;
	uint8_t *in;
	size_t out_size;

	if (size < 4)
		return 0;
	crc32_start();
	state = malloc(lzma2_size);
	/* Of its very size, so that AddressSanitizer sees what is read past it. */
	in = malloc(size - 1);
	memcpy(in, data + 1, size - 1);
	out_size = in[0] | in[1] << 8 | (in[2] & 3) << 16;
	if (data[0] & 1)
		file(state, in, size - 1);
	else
		bare(state, in + 3, size - 4, out_size);
	free(in);
	free(state);
	return 0;
}
