// SPDX-License-Identifier: Apache-2.0
/* LZMA2 (tukaani.org/xz/xz-file-format.txt 5.3.1) over LZMA (Igor Pavlov's specification in lzma-sdk). */
#include <string.h>
#include "xz.h"

#define TOP (1u << 24)		/* the range gets another byte below it */
#define BITS 11			/* of a probability */
#define MOVE 5			/* how fast a probability follows */
#define STATES 12
#define POS_STATES 16
#define ROOM 64			/* a symbol is at most 48 decisions, each of which reads at most one byte */
#define CHUNK (1 << 16)		/* bytes of a packed chunk */
#define WORD 16			/* bytes copied at once */

typedef uint16_t prob;

struct lengths {
	prob choice, choice2;
	prob low[POS_STATES][8], mid[POS_STATES][8], high[256];
};

struct probs {
	prob is_match[STATES][POS_STATES];
	prob is_rep[STATES], is_rep0[STATES], is_rep1[STATES], is_rep2[STATES];
	prob is_rep0_long[STATES][POS_STATES];
	prob slot[4][64];
	prob special[128];
	prob align[16];
	struct lengths match, rep;
	/* The last 0x100 are read ahead of what is decided, never used. */
	prob literal[16 * 0x300 + 0x100];
};

struct lzma2 {
	struct probs p;
	uint32_t rep[4];	/* the last distances, less one */
	uint32_t state;
	uint32_t lc, lp, pb;
	uint64_t dictionary;
	uint8_t padded[CHUNK + ROOM];
};

const size_t lzma2_size = sizeof(struct lzma2);

#define NORMALIZE() do { if (range < TOP) { range <<= 8; code = code << 8 | *in++; } } while (0)

/*
 * One bit without a branch, since it is hard to predict. none: all ones for a 0, else 0; right becomes left
 * for a 0. As instructions, because compilers make a branch of what is written otherwise.
 */
#if defined(__x86_64__)
#define DECIDE(bound, none, left, right) do { \
	uint32_t kept_ = code, rest_ = range - (bound); \
	__asm__("subl %[b], %[c]\n\tcmovbl %[k], %[c]\n\tcmovbl %[b], %[x]\n\tcmovbl %[l], %[r]\n\tsbbl %[n], %[n]" \
		: [c] "+&r" (code), [x] "+&r" (rest_), [r] "+&r" (right), [n] "=&r" (none) \
		: [b] "r" (bound), [k] "r" (kept_), [l] "r" (left) : "cc"); \
	range = rest_; \
} while (0)
#else
#define DECIDE(bound, none, left, right) do { \
	none = -(uint32_t)(code < (bound)); \
	range = (range - (bound)) ^ (((range - (bound)) ^ (bound)) & none); \
	code -= (bound) & ~none; \
	right ^= (left ^ right) & none; \
} while (0)
#endif
#define MOVED(p, none) ((p) - ((int32_t)((p) + ((none) & ((1 << MOVE) - 1 - (1 << BITS)))) >> MOVE))

/* One bit of a tree. */
#define TREE_BIT(at, symbol) do { \
	prob *q_ = (at) + (symbol); \
	uint32_t p_ = *q_, bound_, none_, unused_ = 0; \
	NORMALIZE(); \
	bound_ = (range >> BITS) * p_; \
	DECIDE(bound_, none_, p_, unused_); \
	*q_ = MOVED(p_, none_); \
	symbol = 2 * (symbol) + 1 + none_; \
} while (0)

/* A whole tree of n bits: both probabilities that may be next are read before it is known which. */
#define TREE(n, at, symbol) do { \
	prob *t_ = (at); \
	uint32_t next_ = t_[1]; \
	symbol = 1; \
	_Pragma("GCC unroll 8") \
	for (int k_ = 0; k_ < (n) - 1; k_++) { \
		prob *at_ = t_ + symbol; \
		uint32_t now_ = next_, left_ = t_[2 * symbol], bound_, none_; \
		next_ = t_[2 * symbol + 1]; \
		NORMALIZE(); \
		bound_ = (range >> BITS) * now_; \
		DECIDE(bound_, none_, left_, next_); \
		*at_ = MOVED(now_, none_); \
		symbol = 2 * symbol + 1 + none_; \
	} \
	TREE_BIT(t_, symbol); \
} while (0)

/* One bit that decides where to go on. */
#define IF_0(q) \
	NORMALIZE(); \
	where = (q); \
	bound = (range >> BITS) * *where; \
	if (code < bound)
#define WAS_0() do { range = bound; *where += ((1 << BITS) - *where) >> MOVE; } while (0)
#define WAS_1() do { range -= bound; code -= bound; *where -= *where >> MOVE; } while (0)

static void reset(struct lzma2 *d)
{
	prob *p = (prob *)&d->p;
	size_t i;

	for (i = 0; i < sizeof(d->p) / sizeof(prob); i++)
		p[i] = 1 << (BITS - 1);
	d->state = 0;
	memset(d->rep, 0, sizeof(d->rep));
}

static bool properties(struct lzma2 *d, uint8_t byte)
{
	if (byte >= 9 * 5 * 5)
		return false;
	d->lc = byte % 9;
	d->lp = byte / 9 % 5;
	d->pb = byte / 45;
	return d->lc + d->lp <= 4;
}

static inline uint8_t *copy(uint8_t *out, const uint8_t *room, uint32_t distance, uint32_t length)
{
	const uint8_t *from = out - distance;
	uint8_t *end = out + length;

	if (distance >= WORD && (size_t)(room - out) >= length + WORD) {
		do {
			memcpy(out, from, WORD);
			out += WORD;
			from += WORD;
		} while (out < end);
	} else {
		do
			*out++ = *from++;
		while (out < end);
	}
	return end;
}

/*
 * One chunk. base: where the dictionary begins; room: the end of what may be written to, at or past out + out_size.
 * Up to ROOM bytes past in + in_size are read.
 */
static bool chunk(struct lzma2 *d, const uint8_t *in, size_t in_size, uint8_t *base, uint8_t *out, size_t out_size, uint8_t *room)
{
	const uint8_t *in_end = in + in_size;
	uint8_t *out_end = out + out_size;
	uint32_t range = 0xffffffff, code, bound, state = d->state;
	uint32_t rep0 = d->rep[0], rep1 = d->rep[1], rep2 = d->rep[2], rep3 = d->rep[3];
	uint32_t pos_mask = (1u << d->pb) - 1, literal_mask = (1u << d->lp) - 1, lc = d->lc;
	struct probs *p = &d->p;
	prob *where;

	if (in_size < 5 || in[0])
		return false;
	code = (uint32_t)in[1] << 24 | in[2] << 16 | in[3] << 8 | in[4];
	in += 5;
	while (out < out_end) {
		size_t pos = out - base;
		uint32_t pos_state = pos & pos_mask, length;
		struct lengths *l;

		if (in > in_end)
			return false;
		IF_0(&p->is_match[state][pos_state]) {
			uint32_t previous = pos ? out[-1] : 0, symbol = 1;
			prob *q = p->literal + 0x300 * (((pos & literal_mask) << lc) + (previous >> (8 - lc)));

			WAS_0();
			if (state < 7) {
				TREE(8, q, symbol);
				state = state < 4 ? 0 : state - 3;
			} else {
				/* After a match: the byte that it would have gone on with says which tree. */
				uint32_t match = (uint32_t)out[-(ptrdiff_t)rep0 - 1] << 1, offset = 0x100, bit = match & offset;
				uint32_t next = q[offset + bit + 1];

				_Pragma("GCC unroll 8")
				for (int k = 0; k < 8; k++) {
					prob *at = q + offset + bit + symbol;
					uint32_t now = next, if_0 = offset & ~bit, if_1 = offset & bit, left, none;

					match <<= 1;
					left = q[if_0 + (match & if_0) + 2 * symbol];
					next = q[if_1 + (match & if_1) + 2 * symbol + 1];
					NORMALIZE();
					bound = (range >> BITS) * now;
					DECIDE(bound, none, left, next);
					*at = MOVED(now, none);
					symbol = 2 * symbol + 1 + none;
					offset &= bit ^ none;
					bit = match & offset;
				}
				state = state < 10 ? state - 3 : state - 6;
			}
			*out++ = symbol;
			continue;
		}
		WAS_1();
		IF_0(&p->is_rep[state]) {
			WAS_0();
			rep3 = rep2;
			rep2 = rep1;
			rep1 = rep0;
			l = &p->match;
			state = state < 7 ? 7 : 10;
		} else {
			WAS_1();
			IF_0(&p->is_rep0[state]) {
				WAS_0();
				IF_0(&p->is_rep0_long[state][pos_state]) {
					WAS_0();
					if (rep0 >= pos)
						return false;
					state = state < 7 ? 9 : 11;
					*out = out[-(ptrdiff_t)rep0 - 1];
					out++;
					continue;
				}
				WAS_1();
			} else {
				uint32_t distance;

				WAS_1();
				IF_0(&p->is_rep1[state]) {
					WAS_0();
					distance = rep1;
				} else {
					WAS_1();
					IF_0(&p->is_rep2[state]) {
						WAS_0();
						distance = rep2;
					} else {
						WAS_1();
						distance = rep3;
						rep3 = rep2;
					}
					rep2 = rep1;
				}
				rep1 = rep0;
				rep0 = distance;
			}
			l = &p->rep;
			state = state < 7 ? 8 : 11;
		}
		IF_0(&l->choice) {
			WAS_0();
			TREE(3, l->low[pos_state], length);
			length += 2 - 8;
		} else {
			WAS_1();
			IF_0(&l->choice2) {
				WAS_0();
				TREE(3, l->mid[pos_state], length);
				length += 10 - 8;
			} else {
				WAS_1();
				TREE(8, l->high, length);
				length += 18 - 256;
			}
		}
		if (l == &p->match) {
			uint32_t slot, n, k, symbol = 1, value = 0;
			prob *q = p->slot[length < 6 ? length - 2 : 3];

			TREE(6, q, slot);
			slot -= 64;
			rep0 = slot;
			if (slot >= 4) {
				n = (slot >> 1) - 1;
				rep0 = (2 | (slot & 1)) << n;
				if (slot < 14) {
					q = p->special + (rep0 - slot);
				} else {
					for (n -= 4; n; n--) {
						uint32_t none;

						NORMALIZE();
						range >>= 1;
						none = (uint32_t)((int32_t)(code - range) >> 31);
						code -= range & ~none;
						value = 2 * value + 1 + none;
					}
					rep0 += value << 4;
					value = 0;
					n = 4;
					q = p->align;
				}
				/* The lowest bit comes first. */
				for (k = 0; k < n; k++) {
					TREE_BIT(q, symbol);
					value |= (symbol & 1) << k;
				}
				rep0 += value;
			}
		}
		if (rep0 >= pos || rep0 >= d->dictionary || length > (size_t)(out_end - out))
			return false;
		out = copy(out, room, rep0 + 1, length);
	}
	NORMALIZE();
	d->state = state;
	d->rep[0] = rep0;
	d->rep[1] = rep1;
	d->rep[2] = rep2;
	d->rep[3] = rep3;
	return in == in_end && !code;
}

/* What a chunk starts with. */
enum { END = 0, COPY_RESET = 1, COPY = 2, PACKED = 0x80, NEW_STATE = 0xa0, NEW_PROPERTIES = 0xc0, NEW_DICTIONARY = 0xe0 };

size_t lzma2_decode(struct lzma2 *d, const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size, uint64_t dictionary)
{
	const uint8_t *at = in, *in_end = in + in_size;
	uint8_t *to = out, *out_end = out + out_size, *base = NULL;
	bool has_properties = false, has_state = false;

	d->dictionary = dictionary;
	while (at < in_end) {
		uint8_t control = *at++;
		size_t plain, packed;

		if (control == END)
			return to == out_end ? (size_t)(at - in) : 0;
		if (control >= NEW_DICTIONARY || control == COPY_RESET) {
			base = to;
			has_state = false;
		}
		if (!base)
			return 0;
		if (control < PACKED) {
			if (control > COPY || in_end - at < 2)
				return 0;
			plain = (at[0] << 8 | at[1]) + 1;
			at += 2;
			if (plain > (size_t)(in_end - at) || plain > (size_t)(out_end - to))
				return 0;
			memcpy(to, at, plain);
			at += plain;
			to += plain;
			continue;
		}
		if (in_end - at < 5)
			return 0;
		plain = ((control & 0x1f) << 16 | at[0] << 8 | at[1]) + 1;
		packed = (at[2] << 8 | at[3]) + 1;
		at += 4;
		if (control >= NEW_PROPERTIES)
			has_properties = properties(d, *at++);
		if (control >= NEW_STATE) {
			reset(d);
			has_state = true;
		}
		if (!has_properties || !has_state || packed > (size_t)(in_end - at) || plain > (size_t)(out_end - to))
			return 0;
		if (in_end - at < (ptrdiff_t)packed + ROOM) {
			memcpy(d->padded, at, packed);
			memset(d->padded + packed, 0, ROOM);
			if (!chunk(d, d->padded, packed, base, to, plain, out_end))
				return 0;
		} else if (!chunk(d, at, packed, base, to, plain, out_end)) {
			return 0;
		}
		at += packed;
		to += plain;
	}
	return 0;
}
