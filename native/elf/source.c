// SPDX-License-Identifier: Apache-2.0
/* Bytes of an image in memory, or read piece by piece: never mapped, since a file that shrinks would end the process. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "image.h"

#define HEAD 256			/* bytes; the build ID is there too */
#define TAIL (12 << 10)

bool fail(struct fault *fault, const char *why, uint64_t offset)
{
	fault->why = why;
	fault->offset = offset;
	return false;
}

static bool fail_call(struct fault *fault, const char *why)
{
	fault->error = errno;
	return fail(fault, why, 0);
}

bool source_open(struct source *source, const char *path, uint64_t limit, struct fault *fault)
{
	struct span head, tail;
	struct stat status;
	uint64_t n;

	*source = (struct source){ .fd = -1, .limit = limit };
	/* O_NONBLOCK: a FIFO without a writer would be waited for. */
	source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (source->fd < 0 || fstat(source->fd, &status))
		return fail_call(fault, "cannot be read");
	if (S_ISDIR(status.st_mode)) {
		errno = EISDIR;
		return fail_call(fault, "cannot be read");
	}
	if (!S_ISREG(status.st_mode))
		return fail(fault, "not a regular file", 0);
	source->size = status.st_size;
	n = source->size < HEAD ? source->size : HEAD;
	if (!source_get(source, 0, n, "", &head, fault))
		return false;
	n = source->size < TAIL ? source->size : TAIL;
	if (!source_get(source, source->size - n, n, "", &tail, fault))
		return false;
	source->head = head;
	source->tail = tail;
	return true;
}

static bool holds(const struct span *part, uint64_t offset, uint64_t size)
{
	return offset >= part->offset && size <= part->size && offset - part->offset <= part->size - size;
}

static bool read_all(int fd, uint8_t *at, uint64_t size, uint64_t offset, struct fault *fault)
{
	ssize_t n;

	for (; size; at += n, offset += n, size -= n) {
		n = pread(fd, at, size, offset);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return fail_call(fault, "cannot be read");
		else if (!n)
			return fail(fault, "the file became shorter while it was read", offset);
	}
	return true;
}

bool source_get(struct source *source, uint64_t offset, uint64_t size, const char *why, struct span *span, struct fault *fault)
{
	const struct span *part = holds(&source->head, offset, size) ? &source->head : &source->tail;
	struct block *block;

	if (offset > source->size || size > source->size - offset)
		return fail(fault, why, offset);
	*span = (struct span){ (const uint8_t *)"", size, offset };
	if (!size)
		return true;
	if (source->data) {
		span->at = source->data + offset;
		return true;
	}
	if (holds(part, offset, size)) {
		span->at = part->at + (offset - part->offset);
		return true;
	}
	/* Sections that do not overlap are together no larger than the file. */
	if (size > 2 * source->size + 2 * TAIL - source->read)
		return fail(fault, "its sections overlap", offset);
	if (size > source->limit || source->read > source->limit - size)
		return fail(fault, "larger than the limit for a module", offset);
	source->read += size;
	block = malloc(sizeof(*block) + size);
	if (!block)
		return fail(fault, "out of memory", offset);
	block->next = source->blocks;
	source->blocks = block;
	span->at = block->bytes;
	return read_all(source->fd, block->bytes, size, offset, fault);
}

void source_close(struct source *source)
{
	struct block *block;

	while ((block = source->blocks)) {
		source->blocks = block->next;
		free(block);
	}
	if (source->fd >= 0)
		close(source->fd);
	source->fd = -1;
}
