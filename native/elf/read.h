// SPDX-License-Identifier: Apache-2.0
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include "image.h"

typedef PyObject *(*reader)(const struct elf *elf);

/* (bits, big endian, type, machine, [(name, type, flags, address, offset, size, link, info, entry size)]) */
PyObject *read_sections(const struct elf *elf);
/* (exports, their CRCs, wants, their CRCs, their flags) */
PyObject *read_symbols(const struct elf *elf);
/* [string] */
PyObject *read_modinfo(const struct elf *elf);
/* [(symbol, CRC)] */
PyObject *read_versions(const struct elf *elf);
/* [(name, value, size, info, section)] */
PyObject *read_table(const struct elf *elf);
/* (modinfo, symbols) */
PyObject *read_scan(const struct elf *elf);
/* ([string] | None, notes | None, big endian, what is appended | None, bytes of the image) */
PyObject *read_info(const struct elf *elf);
