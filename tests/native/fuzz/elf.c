// SPDX-License-Identifier: Apache-2.0
/* libFuzzer: everything that native/elf reads of an image. AddressSanitizer sees each byte that it should not touch. */
#include <stdlib.h>
#include <string.h>
#include "image.h"

static volatile uint64_t sink;

static void look(const struct span *span)
{
	uint64_t i;

	for (i = 0; i < span->size; i++)
		sink += span->at[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source source = { .data = data, .size = size, .fd = -1 };
	struct fault fault = { 0 };
	struct symbol symbol;
	struct symtab table;
	struct span span;
	struct elf elf;
	uint32_t i, crc;
	uint64_t n;

	if (!elf_open(&elf, &source, &fault))
		return 0;
	for (i = 0; i < elf.count; i++) {
		sink += strlen(elf.sections[i].name);
		if (i && elf_section(&elf, elf.sections[i].name) > elf.sections + i)
			abort();
		if (i < 64 && elf_span(&elf, elf.sections + i, &span))
			look(&span);
	}
	if (elf_symtab(&elf, &table))
		for (n = 0; n < table.count; n++)
			if (elf_symbol(&elf, &table, n, &symbol)) {
				sink += strlen(symbol.name);
				elf_crc(&elf, &symbol, &crc);
			}
	elf_close(&elf);
	source_close(&source);
	return 0;
}
