// SPDX-License-Identifier: Apache-2.0
/* Headers, sections and symbols of an ELF file. Layouts: elf(5). */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include "image.h"

static uint64_t swapped(uint64_t value, int size)
{
	return __builtin_bswap64(value) >> (64 - 8 * size);
}

uint64_t elf_number(const struct elf *elf, const uint8_t *at, int size)
{
	uint64_t value;

	switch (size) {
	case 2: { uint16_t v; memcpy(&v, at, 2); value = v; break; }
	case 4: { uint32_t v; memcpy(&v, at, 4); value = v; break; }
	default: memcpy(&value, at, 8); break;
	}
	return elf->swap ? swapped(value, size) : value;
}

/* A field of a structure that differs between the classes only in offsets and the size of a word. */
#define FIELD(elf, at, kind, field) \
	((elf)->wide ? elf_number(elf, (at) + offsetof(Elf64_##kind, field), sizeof(((Elf64_##kind *)0)->field)) \
		     : elf_number(elf, (at) + offsetof(Elf32_##kind, field), sizeof(((Elf32_##kind *)0)->field)))
#define SIZE(elf, kind) ((elf)->wide ? sizeof(Elf64_##kind) : sizeof(Elf32_##kind))

static bool read_section(struct elf *elf, const uint8_t *at, uint64_t offset, const struct span *names, struct section *section)
{
	uint64_t name = FIELD(elf, at, Shdr, sh_name);

	section->type = FIELD(elf, at, Shdr, sh_type);
	section->link = FIELD(elf, at, Shdr, sh_link);
	section->info = FIELD(elf, at, Shdr, sh_info);
	section->flags = FIELD(elf, at, Shdr, sh_flags);
	section->address = FIELD(elf, at, Shdr, sh_addr);
	section->offset = FIELD(elf, at, Shdr, sh_offset);
	section->size = FIELD(elf, at, Shdr, sh_size);
	section->entry = FIELD(elf, at, Shdr, sh_entsize);
	if (section->type != SHT_NOBITS && section->type != SHT_NULL &&
	    (section->offset > elf->source->size || section->size > elf->source->size - section->offset))
		return fail(elf->fault, "a section reaches past the end of the file", offset);
	if (!names)
		return true;
	if (name >= names->size || elf_name_length(names->at + name, names->size - name) < 0)
		return fail(elf->fault, "a section's name is not in the table of names", offset);
	section->name = (const char *)names->at + name;
	return true;
}

static bool section_headers(struct elf *elf, uint64_t start, uint32_t names_index)
{
	uint64_t entry = SIZE(elf, Shdr);
	struct span table, names;
	uint32_t i;

	if (!source_get(elf->source, start, entry * elf->count, "the section headers reach past the end of the file", &table, elf->fault))
		return false;
	if (names_index >= elf->count)
		return fail(elf->fault, "no section holds the names of the sections", start);
	elf->sections = calloc(elf->count, sizeof(*elf->sections));
	if (!elf->sections)
		return fail(elf->fault, "out of memory", start);
	if (!read_section(elf, table.at + names_index * entry, start + names_index * entry, NULL, elf->sections + names_index) ||
	    !elf_span(elf, elf->sections + names_index, &names))
		return false;
	for (i = 0; i < elf->count; i++)
		if (!read_section(elf, table.at + i * entry, start + i * entry, &names, elf->sections + i))
			return false;
	return true;
}

bool elf_open(struct elf *elf, struct source *source, struct fault *fault)
{
	static const uint16_t one = 1;
	struct span header;
	uint64_t start;

	*elf = (struct elf){ .source = source, .fault = fault };
	if (!source_get(source, 0, EI_NIDENT, "too short for an ELF file", &header, fault))
		return false;
	if (memcmp(header.at, ELFMAG, SELFMAG))
		return fail(fault, "not an ELF file", 0);
	if (header.at[EI_CLASS] != ELFCLASS32 && header.at[EI_CLASS] != ELFCLASS64)
		return fail(fault, "neither a 32-bit nor a 64-bit ELF file", EI_CLASS);
	if (header.at[EI_DATA] != ELFDATA2LSB && header.at[EI_DATA] != ELFDATA2MSB)
		return fail(fault, "an ELF file of no known byte order", EI_DATA);
	elf->wide = header.at[EI_CLASS] == ELFCLASS64;
	elf->big = header.at[EI_DATA] == ELFDATA2MSB;
	elf->swap = elf->big == *(const uint8_t *)&one;
	if (!source_get(source, 0, SIZE(elf, Ehdr), "the ELF header is cut off", &header, fault))
		return false;
	elf->type = FIELD(elf, header.at, Ehdr, e_type);
	elf->machine = FIELD(elf, header.at, Ehdr, e_machine);
	elf->count = FIELD(elf, header.at, Ehdr, e_shnum);
	start = FIELD(elf, header.at, Ehdr, e_shoff);
	if (FIELD(elf, header.at, Ehdr, e_shentsize) != SIZE(elf, Shdr))
		return fail(fault, "section headers of an unknown size", elf->wide ? offsetof(Elf64_Ehdr, e_shentsize) : offsetof(Elf32_Ehdr, e_shentsize));
	if (section_headers(elf, start, FIELD(elf, header.at, Ehdr, e_shstrndx)))
		return true;
	elf_close(elf);
	return false;
}

void elf_close(struct elf *elf)
{
	free(elf->sections);
	elf->sections = NULL;
}

struct section *elf_section(const struct elf *elf, const char *name)
{
	uint32_t i;

	/* The first section is none. */
	for (i = 1; i < elf->count; i++)
		if (!strcmp(elf->sections[i].name, name))
			return elf->sections + i;
	return NULL;
}

bool elf_span(const struct elf *elf, struct section *section, struct span *span)
{
	*span = (struct span){ section->bytes, section->size, section->offset };
	if (section->type == SHT_NOBITS || section->type == SHT_NULL)
		*span = (struct span){ (const uint8_t *)"", 0, section->offset };
	else if (!section->bytes) {
		if (!source_get(elf->source, section->offset, section->size, "a section reaches past the end of the file", span, elf->fault))
			return false;
		section->bytes = span->at;
	}
	return true;
}

bool elf_small(const struct elf *elf, const struct span *span, uint64_t most)
{
	return span->size <= most || fail(elf->fault, "a section is larger than any module's", span->offset);
}

bool elf_symtab(const struct elf *elf, struct symtab *table)
{
	struct section *symbols = elf_section(elf, ".symtab"), *names = elf_section(elf, ".strtab");

	*table = (struct symtab){ .count = 0 };
	if (!symbols || !names)
		return true;
	if (!elf_span(elf, symbols, &table->table) || !elf_span(elf, names, &table->names))
		return false;
	if (!elf_small(elf, &table->table, TABLE_MOST))
		return false;
	if (table->table.size % SIZE(elf, Sym))
		return fail(elf->fault, "the symbol table is not made of whole symbols", table->table.offset);
	if (table->names.size && table->names.at[table->names.size - 1])
		return fail(elf->fault, "the last name of a symbol has no end", table->names.offset + table->names.size - 1);
	table->count = table->table.size / SIZE(elf, Sym);
	return true;
}

bool elf_symbol(const struct elf *elf, const struct symtab *table, uint64_t index, struct symbol *symbol)
{
	const uint8_t *at = table->table.at + index * SIZE(elf, Sym);
	uint64_t name = FIELD(elf, at, Sym, st_name);

	symbol->value = FIELD(elf, at, Sym, st_value);
	symbol->size = FIELD(elf, at, Sym, st_size);
	symbol->section = FIELD(elf, at, Sym, st_shndx);
	symbol->info = at[elf->wide ? offsetof(Elf64_Sym, st_info) : offsetof(Elf32_Sym, st_info)];
	if (name >= table->names.size)
		return fail(elf->fault, "a symbol's name is not in the table of names", table->table.offset + index * SIZE(elf, Sym));
	/* The table ends with NUL. */
	symbol->name = (const char *)table->names.at + name;
	return true;
}

bool elf_crc(const struct elf *elf, const struct symbol *symbol, uint32_t *crc)
{
	struct section *section;
	struct span span;

	*crc = symbol->value;
	if (symbol->section == SHN_ABS || symbol->section == SHN_UNDEF)
		return true;
	if (symbol->section >= elf->count)
		return fail(elf->fault, "the checksum of a symbol is in no section", 0);
	section = elf->sections + symbol->section;
	if (!elf_span(elf, section, &span))
		return false;
	if (span.size < 4 || symbol->value > span.size - 4)
		return fail(elf->fault, "the checksum of a symbol is not in its section", section->offset);
	*crc = elf_number(elf, span.at + symbol->value, 4);
	return true;
}

long elf_name_length(const uint8_t *at, uint64_t size)
{
	const uint8_t *end = memchr(at, 0, size < NAME_MOST ? size : NAME_MOST);

	return end ? end - at : -1;
}
