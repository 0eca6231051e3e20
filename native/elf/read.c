// SPDX-License-Identifier: Apache-2.0
/* What is read of an image, as Python's values. NULL: an exception is set, or the image's fault. */
#include "read.h"
#include <elf.h>
#include <string.h>

#define CRC_PREFIX "__crc_"

/* Of what a module needs; src/ringward/kmod/elf.py. */
enum { WEAK = 1, HAS_CRC = 2 };

static PyObject *text(const char *s, size_t n)
{
	return PyUnicode_DecodeUTF8(s, n, "surrogateescape");
}

/* Steals the value. */
static bool append(PyObject *list, PyObject *value)
{
	bool ok = value && !PyList_Append(list, value);

	Py_XDECREF(value);
	return ok;
}

/* The name of a symbol. */
static PyObject *symbol_name(const struct elf *elf, const char *name)
{
	size_t length = strnlen(name, NAME_MOST);

	if (length < NAME_MOST)
		return text(name, length);
	fail(elf->fault, "a symbol's name is longer than any module's", 0);
	return NULL;
}

/* The strings of a section, without the empty ones between them; the last may lack its end. */
static bool strings(const struct elf *elf, const char *name, PyObject *list)
{
	struct section *section = elf_section(elf, name);
	struct span span;
	const char *at, *end, *stop;

	if (!section)
		return true;
	if (!elf_span(elf, section, &span) || !elf_small(elf, &span, STRINGS_MOST))
		return false;
	at = (const char *)span.at;
	for (end = at + span.size; at < end; at = stop + 1) {
		stop = memchr(at, 0, end - at);
		if (!stop)
			stop = end;
		if (stop > at && !append(list, text(at, stop - at)))
			return false;
	}
	return true;
}

/* __versions: include/linux/module.h, struct modversion_info. */
static bool versions(const struct elf *elf, bool (*each)(PyObject *to, PyObject *name, PyObject *crc), PyObject *to)
{
	struct section *section = elf_section(elf, "__versions");
	int word = elf->wide ? 8 : 4;
	PyObject *name, *crc;
	struct span span;
	uint64_t at;
	long length;
	bool ok;

	if (!section)
		return true;
	if (!elf_span(elf, section, &span) || !elf_small(elf, &span, TABLE_MOST))
		return false;
	if (span.size % 64)
		return fail(elf->fault, "__versions is not made of whole entries of 64 bytes", span.offset);
	for (at = 0; at < span.size; at += 64) {
		length = elf_name_length(span.at + at + word, 64 - word);
		if (length < 0)
			return fail(elf->fault, "a name in __versions has no end", span.offset + at);
		name = text((const char *)span.at + at + word, length);
		crc = PyLong_FromUnsignedLong((uint32_t)elf_number(elf, span.at + at, word));
		ok = name && crc && each(to, name, crc);
		Py_XDECREF(name);
		Py_XDECREF(crc);
		if (!ok)
			return false;
	}
	return true;
}

static bool pair(PyObject *list, PyObject *name, PyObject *crc)
{
	return append(list, PyTuple_Pack(2, name, crc));
}

static bool entry(PyObject *dict, PyObject *name, PyObject *crc)
{
	return PyDict_SetDefault(dict, name, crc) != NULL;
}

static bool exports(const struct elf *elf, const struct symtab *table, PyObject *names, PyObject *crcs)
{
	struct symbol symbol;
	Py_ssize_t i, n;
	uint32_t crc;

	for (i = 1; (uint64_t)i < table->count; i++) {
		if (!elf_symbol(elf, table, i, &symbol))
			return false;
		if (strncmp(symbol.name, CRC_PREFIX, strlen(CRC_PREFIX)))
			continue;
		symbol.name += strlen(CRC_PREFIX);
		if (!elf_crc(elf, &symbol, &crc) || !append(names, symbol_name(elf, symbol.name)) ||
		    !append(crcs, PyLong_FromUnsignedLong(crc)))
			return false;
	}
	if (PyList_GET_SIZE(names))
		return true;
	if (!strings(elf, "__ksymtab_strings", names))
		return false;
	for (i = 0, n = PyList_GET_SIZE(names); i < n; i++)
		if (!append(crcs, PyLong_FromLong(0)))
			return false;
	return true;
}

struct wants {
	PyObject *names;
	PyObject *crcs;		/* bytes: of each a uint32_t */
	PyObject *flags;	/* bytes: of each one */
};

static bool want(struct wants *wants, PyObject *name, PyObject *crc, char flags)
{
	Py_ssize_t at = PyList_GET_SIZE(wants->names);
	uint32_t value = crc ? PyLong_AsUnsignedLong(crc) : 0;

	if (crc)
		flags |= HAS_CRC;
	memcpy(PyBytes_AS_STRING(wants->crcs) + at * sizeof(value), &value, sizeof(value));
	PyBytes_AS_STRING(wants->flags)[at] = flags;
	return !PyList_Append(wants->names, name);
}

static bool undefined(const struct elf *elf, const struct symtab *table, PyObject *seen, struct wants *wants)
{
	struct symbol symbol;
	PyObject *name, *crc;
	uint64_t i;
	bool ok;

	for (i = 1; i < table->count; i++) {
		if (!elf_symbol(elf, table, i, &symbol))
			return false;
		if (symbol.section != SHN_UNDEF || !*symbol.name)
			continue;
		/* Registers of SPARC are such symbols too. */
		if (elf->machine == EM_SPARCV9 && ELF64_ST_TYPE(symbol.info) == STT_SPARC_REGISTER)
			continue;
		name = symbol_name(elf, symbol.name);
		if (!name)
			return false;
		crc = PyDict_GetItemWithError(seen, name);
		Py_XINCREF(crc);
		ok = !PyErr_Occurred() && want(wants, name, crc, ELF64_ST_BIND(symbol.info) == STB_WEAK ? WEAK : 0) &&
		     (!crc || !PyDict_DelItem(seen, name));
		Py_XDECREF(crc);
		Py_DECREF(name);
		if (!ok)
			return false;
	}
	return true;
}

/* The undefined symbols, then what only __versions names. */
static bool wanted(const struct elf *elf, const struct symtab *table, struct wants *wants)
{
	PyObject *seen = PyDict_New(), *name, *crc;
	Py_ssize_t position = 0, most, used;
	bool ok;

	ok = seen && versions(elf, entry, seen);
	if (ok) {
		most = PyDict_GET_SIZE(seen) + table->count;
		wants->crcs = PyBytes_FromStringAndSize(NULL, most * sizeof(uint32_t));
		wants->flags = PyBytes_FromStringAndSize(NULL, most);
		ok = wants->crcs && wants->flags && undefined(elf, table, seen, wants);
		while (ok && PyDict_Next(seen, &position, &name, &crc))
			ok = want(wants, name, crc, 0);
	}
	Py_XDECREF(seen);
	used = PyList_GET_SIZE(wants->names);
	return ok && !_PyBytes_Resize(&wants->crcs, used * sizeof(uint32_t)) && !_PyBytes_Resize(&wants->flags, used);
}

/* (exports, their CRCs, wants, their CRCs, their flags) */
PyObject *read_symbols(const struct elf *elf)
{
	PyObject *names = PyList_New(0), *crcs = PyList_New(0), *answer = NULL;
	struct wants wants = { .names = PyList_New(0) };
	struct symtab table;

	if (names && crcs && wants.names && elf_symtab(elf, &table) && exports(elf, &table, names, crcs) && wanted(elf, &table, &wants))
		answer = PyTuple_Pack(5, names, crcs, wants.names, wants.crcs, wants.flags);
	Py_XDECREF(names);
	Py_XDECREF(crcs);
	Py_XDECREF(wants.names);
	Py_XDECREF(wants.crcs);
	Py_XDECREF(wants.flags);
	return answer;
}

PyObject *read_modinfo(const struct elf *elf)
{
	PyObject *list = PyList_New(0);

	if (list && !strings(elf, ".modinfo", list))
		Py_CLEAR(list);
	return list;
}

PyObject *read_scan(const struct elf *elf)
{
	PyObject *modinfo = read_modinfo(elf), *symbols = modinfo ? read_symbols(elf) : NULL, *answer = NULL;

	if (symbols)
		answer = PyTuple_Pack(2, modinfo, symbols);
	Py_XDECREF(modinfo);
	Py_XDECREF(symbols);
	return answer;
}

/* include/linux/module_signature.h: the signature, its description, this mark. */
static const char appended_mark[] = "~Module signature appended~\n";
enum { DESCRIPTION = 12, SIGNER_LENGTH = 3, KEY_LENGTH = 4, SIGNATURE_LENGTH = 8 };

/* What is appended to the image; of a description that does not fit, only that and the mark. */
static PyObject *appended(const struct elf *elf)
{
	uint64_t mark = sizeof(appended_mark) - 1, size = elf->source->size, all = mark;
	const uint8_t *d;
	struct span span;

	if (size < mark)
		return Py_NewRef(Py_None);
	if (!source_get(elf->source, size - mark, mark, "", &span, elf->fault))
		return NULL;
	if (memcmp(span.at, appended_mark, mark))
		return Py_NewRef(Py_None);
	if (size >= mark + DESCRIPTION) {
		all += DESCRIPTION;
		if (!source_get(elf->source, size - all, DESCRIPTION, "", &span, elf->fault))
			return NULL;
		d = span.at + SIGNATURE_LENGTH;
		all += (uint64_t)span.at[SIGNER_LENGTH] + span.at[KEY_LENGTH] + ((uint32_t)d[0] << 24 | d[1] << 16 | d[2] << 8 | d[3]);
		if (all > size)
			all = mark + DESCRIPTION;
	}
	if (!source_get(elf->source, size - all, all, "", &span, elf->fault))
		return NULL;
	return PyBytes_FromStringAndSize((const char *)span.at, all);
}

static PyObject *section_bytes(const struct elf *elf, const char *name)
{
	struct section *section = elf_section(elf, name);
	struct span span;

	if (!section)
		return Py_NewRef(Py_None);
	return elf_span(elf, section, &span) ? PyBytes_FromStringAndSize((const char *)span.at, span.size) : NULL;
}

PyObject *read_info(const struct elf *elf)
{
	PyObject *modinfo, *note, *signature, *answer = NULL;

	modinfo = elf_section(elf, ".modinfo") ? read_modinfo(elf) : Py_NewRef(Py_None);
	note = modinfo ? section_bytes(elf, ".note.gnu.build-id") : NULL;
	signature = note ? appended(elf) : NULL;
	if (signature)
		answer = Py_BuildValue("OOOOK", modinfo, note, elf->big ? Py_True : Py_False, signature, (unsigned long long)elf->source->size);
	Py_XDECREF(modinfo);
	Py_XDECREF(note);
	Py_XDECREF(signature);
	return answer;
}

PyObject *read_versions(const struct elf *elf)
{
	PyObject *list = PyList_New(0);

	if (list && !versions(elf, pair, list))
		Py_CLEAR(list);
	return list;
}

PyObject *read_sections(const struct elf *elf)
{
	PyObject *list = PyList_New(0);
	const struct section *s;
	uint32_t i;

	for (i = 0; list && i < elf->count; i++) {
		s = elf->sections + i;
		if (!append(list, Py_BuildValue("NIKKKKIIK", text(s->name, strlen(s->name)), s->type, s->flags, s->address, s->offset,
						s->size, s->link, s->info, s->entry)))
			Py_CLEAR(list);
	}
	if (!list)
		return NULL;
	return Py_BuildValue("iNHHN", elf->wide ? 64 : 32, PyBool_FromLong(elf->big), elf->type, elf->machine, list);
}

PyObject *read_table(const struct elf *elf)
{
	PyObject *list = PyList_New(0);
	struct symtab table = { .count = 0 };
	struct symbol s;
	PyObject *name;
	uint64_t i;

	if (list && !elf_symtab(elf, &table))
		Py_CLEAR(list);
	for (i = 1; list && i < table.count; i++) {
		name = elf_symbol(elf, &table, i, &s) ? symbol_name(elf, s.name) : NULL;
		if (!name || !append(list, Py_BuildValue("NKKBH", name, s.value, s.size, s.info, s.section)))
			Py_CLEAR(list);
	}
	return list;
}
