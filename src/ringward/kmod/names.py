"""Names of modules and aliases as the kernel tools compare them: '-' and '_' are one character."""

from __future__ import annotations

import os


class BracketError(ValueError):
    """A pattern with a ']' before its '[', or a '[' without a ']'."""


def module_name(text: str) -> str:
    """Return the module that `text` names: up to the first '.', each '-' an '_'.

    ``snd-hda.ko.xz`` is ``snd_hda``; the name of a ``.ko`` file gives the module's.
    """
    return text.partition(".")[0].replace("-", "_")


def path_to_name(path: str) -> str:
    """Return the name of the module in the file `path`; "" when `path` ends in '/'."""
    return module_name(path.rpartition("/")[2])


def alias_name(text: str) -> str:
    """Return `text` with each '-' an '_', except inside brackets, where it makes a range.

    A bracket ends at the next ']', even at the one that fnmatch(3) would take as a member (``[]-]``).

    Raises:
        BracketError: a bracket is not closed, or not opened.

    """
    if "[" not in text and "]" not in text:
        return text.replace("-", "_")
    parts = []
    rest = text
    while rest:
        outside, opened, rest = rest.partition("[")
        if "]" in outside:
            raise BracketError(f"']' without '[' in '{text}'")
        parts.append(outside.replace("-", "_"))
        if not opened:
            break
        inside, closed, rest = rest.partition("]")
        if not closed:
            raise BracketError(f"'[' without ']' in '{text}'")
        parts.append(f"[{inside}]")
    return "".join(parts)


def strcmp_key(name: str) -> bytes:
    """Return what sorts a name as strcmp(3) does: its bytes."""
    return os.fsencode(name)


def printable(text: str) -> str:
    """Return `text` with what a terminal or an XML reader would obey or refuse written out, as ``\\x1b``."""
    return "".join([char if char.isprintable() else ascii(char)[1:-1] for char in text])
