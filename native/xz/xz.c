// SPDX-License-Identifier: Apache-2.0
/* The container of an xz file (tukaani.org/xz/xz-file-format.txt): header, blocks, index, footer. */
#include <string.h>
#include "xz.h"

#define HEADER 12		/* bytes of the stream's header, and of its footer */
#define LZMA2_FILTER 0x21
#define CHECK_CRC32 1

static uint32_t number(const uint8_t *at)
{
	return (uint32_t)at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

/* A number of seven bits a byte, the shortest way to write it. */
static bool variable(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
	int shift;

	*value = 0;
	for (shift = 0; shift < 63 && *at < end; shift += 7) {
		uint8_t byte = *(*at)++;

		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return byte || !shift;
	}
	return false;
}

static bool zeros(const uint8_t *at, const uint8_t *end)
{
	while (at < end)
		if (*at++)
			return false;
	return true;
}

bool xz_open(struct xz *xz, const uint8_t *in, size_t in_size)
{
	static const uint8_t start[8] = { 0xfd, '7', 'z', 'X', 'Z', 0, 0, CHECK_CRC32 };
	const uint8_t *footer, *at, *end;
	uint64_t size, i, packed, unpacked;

	if (in_size < 2 * HEADER + 8 || memcmp(in, start, sizeof(start)) || number(in + 8) != crc32_of(in + 6, 2))
		return false;
	footer = in + in_size - HEADER;
	if (memcmp(footer + 8, "\0\1YZ", 4) || number(footer) != crc32_of(footer + 4, 6))
		return false;
	size = ((uint64_t)number(footer + 4) + 1) * 4;
	if (size > in_size - 2 * HEADER)
		return false;
	at = footer - size;
	end = footer - 4;
	*xz = (struct xz){ .in = in, .in_size = in_size, .index = at - in };
	if (number(end) != crc32_of(at, size - 4) || *at++ || !variable(&at, end, &xz->count))
		return false;
	xz->records = at;
	xz->index_end = end;
	for (i = 0; i < xz->count; i++) {
		if (!variable(&at, end, &packed) || !variable(&at, end, &unpacked) || xz->size + unpacked > SIZE_MAX / 2)
			return false;
		xz->size += unpacked;
	}
	return end - at < 4 && zeros(at, end);
}

/* Of a block's header: the size of the dictionary. */
static bool block_header(const uint8_t *at, size_t size, uint64_t packed, uint64_t unpacked, uint64_t *dictionary)
{
	const uint8_t *p = at + 2, *end = at + size - 4;
	uint64_t value;
	uint8_t flags = at[1], bits;

	if (number(end) != crc32_of(at, size - 4) || flags & 0x3f)
		return false;
	if (flags & 0x40 && (!variable(&p, end, &value) || value != packed))
		return false;
	if (flags & 0x80 && (!variable(&p, end, &value) || value != unpacked))
		return false;
	if (end - p < 3 || p[0] != LZMA2_FILTER || p[1] != 1 || p[2] > 40)
		return false;
	bits = p[2];
	*dictionary = bits == 40 ? UINT32_MAX : (uint64_t)(2 | (bits & 1)) << (bits / 2 + 11);
	return zeros(p + 3, end);
}

bool xz_decode(const struct xz *xz, struct lzma2 *state, uint8_t *out)
{
	const uint8_t *record = xz->records;
	size_t at = HEADER;
	uint64_t i, unpadded, unpacked, dictionary;

	for (i = 0; i < xz->count; i++) {
		size_t header, data;

		if (!variable(&record, xz->index_end, &unpadded) || !variable(&record, xz->index_end, &unpacked))
			return false;
		if (unpadded > xz->index - at || unpadded < 8)
			return false;
		header = (xz->in[at] + 1) * 4;
		if (!xz->in[at] || header > unpadded - 4)
			return false;
		data = unpadded - 4 - header;
		if (!block_header(xz->in + at, header, data, unpacked, &dictionary))
			return false;
		at += header;
		if (lzma2_decode(state, xz->in + at, data, out, unpacked, dictionary) != data)
			return false;
		at += data;
		while (at & 3)
			if (at == xz->index || xz->in[at++])
				return false;
		if (xz->index - at < 4 || number(xz->in + at) != crc32_of(out, unpacked))
			return false;
		at += 4;
		out += unpacked;
	}
	return at == xz->index;
}
