"""What modules say of themselves that are a part of the kernel: modules.builtin.modinfo, ``module.key=value``."""

from __future__ import annotations

from itertools import dropwhile, takewhile

from ringward.kmod.compression import read_file

FILE = "modules.builtin.modinfo"
LIMIT = 1 << 26
"""Bytes that the file may have; Debian's 6.12 has 140 KiB."""


def builtin_strings(directory: str, name: str) -> list[str]:
    """Return the strings ``key=value`` of one built in module; none when nothing is said of it.

    They stand together, in the file's order. What follows after another module's is not read, as by kmod.

    Args:
        directory: the module directory, lib/modules/VERSION.
        name: of the module, with '_'.

    Raises:
        OSError: the file cannot be read.
        KmodError: it is too large.

    """
    try:
        data = read_file(f"{directory}/{FILE}", LIMIT)
    except FileNotFoundError:
        return []
    start = f"{name}.".encode(errors="surrogateescape")
    texts = dropwhile(lambda text: not text.startswith(start), data.split(b"\0"))
    found = takewhile(lambda text: text.startswith(start), texts)
    return [text[len(start) :].decode(errors="surrogateescape") for text in found]
