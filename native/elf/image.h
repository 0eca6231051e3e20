// SPDX-License-Identifier: Apache-2.0
/*
 * ELF files of any class and byte order (elf(5)), read from memory or from an open file. Every
 * offset, size and string that a file gives is checked before it is used.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What becomes of a file in memory is a multiple of its size; a small compressed file can unpack to a large one.
 * The largest of Debian 12's modules have 76 KiB of .modinfo, 1 MiB of symbols, names of 95 bytes.
 */
#define STRINGS_MOST (4 << 20)	/* bytes of a section of strings */
#define TABLE_MOST (16 << 20)	/* bytes of a table of symbols or versions */
#define NAME_MOST 1024		/* bytes of a name, its NUL included */

/* What is wrong with a file: why is NULL as long as nothing is. */
struct fault {
	const char *why;
	uint64_t offset;	/* bytes from the image's start */
	int error;		/* errno of a failed system call, else 0 */
};

struct block {
	struct block *next;
	uint8_t bytes[];
};

struct span {
	const uint8_t *at;
	uint64_t size;
	uint64_t offset;
};

/* Where the bytes are: in memory, or in a file of which only what is needed is read. */
struct source {
	const uint8_t *data;	/* NULL: in the file */
	uint64_t size;
	int fd;
	struct block *blocks;	/* what was read of the file */
	uint64_t read, limit;	/* bytes of them; at most */
	struct span head, tail;	/* parts that are read at once: the ELF header; section headers and signature */
};

struct section {
	const char *name;	/* ends with NUL inside the table of names */
	uint32_t type, link, info;
	uint64_t flags, address, offset, size, entry;
	const uint8_t *bytes;	/* once they were asked for */
};

struct elf {
	struct source *source;
	struct fault *fault;
	bool wide;		/* ELFCLASS64 */
	bool swap;		/* its byte order is not this machine's */
	bool big;
	uint16_t type, machine;
	uint32_t count;
	struct section *sections;
};

struct symbol {
	const char *name;	/* NUL ended */
	uint64_t value, size;
	uint8_t info;
	uint16_t section;
};

/* One symbol table and its names. */
struct symtab {
	struct span table, names;
	uint64_t count;
};

bool fail(struct fault *fault, const char *why, uint64_t offset);
bool source_open(struct source *source, const char *path, uint64_t limit, struct fault *fault);
bool source_get(struct source *source, uint64_t offset, uint64_t size, const char *why, struct span *span, struct fault *fault);
void source_close(struct source *source);

bool elf_open(struct elf *elf, struct source *source, struct fault *fault);
void elf_close(struct elf *elf);
struct section *elf_section(const struct elf *elf, const char *name);
bool elf_span(const struct elf *elf, struct section *section, struct span *span);
uint64_t elf_number(const struct elf *elf, const uint8_t *at, int size);

/* An absent table has no symbols. */
bool elf_symtab(const struct elf *elf, struct symtab *table);
bool elf_small(const struct elf *elf, const struct span *span, uint64_t most);
bool elf_symbol(const struct elf *elf, const struct symtab *table, uint64_t index, struct symbol *symbol);
/* The CRC that a __crc_ symbol stands for: its value, or the four bytes that it points at. */
bool elf_crc(const struct elf *elf, const struct symbol *symbol, uint32_t *crc);
/* Bytes of a name at the start of a field; -1: it has no end within it, or within NAME_MOST. */
long elf_name_length(const uint8_t *at, uint64_t size);
