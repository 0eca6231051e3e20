"""Inputs taken apart, and a place for those that a parser reads from a file."""

from __future__ import annotations

import tempfile
from pathlib import Path

_REPEATED = 0xF0
LONGEST = 1 << 14
SEPARATOR = b"\xff"
"""Between the parts of an input; UTF-8 never has it."""
_folders: list[tempfile.TemporaryDirectory[str]] = []


def stretched(data: bytes, longest: int = LONGEST) -> bytes:
    """Return an input without its first byte; one from 0xf0 on says that the rest is repeated, up to `longest` bytes.

    What takes more than linear time shows in long inputs, which chance alone does not make.
    """
    times = 1 << (data[0] & 15) if data and data[0] >= _REPEATED else 1
    return (data[1:] * times)[:longest]


def plain(data: bytes) -> bytes:
    """Return what `stretched` makes of `data`."""
    return b"\0" + data


def text(data: bytes) -> str:
    """Return bytes as the module tools read a file's text."""
    return data.decode("utf-8", "surrogateescape")


def parts(data: bytes, count: int) -> list[bytes]:
    """Return an input's parts, missing ones empty; the last one has what is left."""
    found = data.split(SEPARATOR, count - 1)
    return found + [b""] * (count - len(found))


def folder() -> Path:
    """Return a new folder, which lasts as long as this process."""
    _folders.append(tempfile.TemporaryDirectory())
    return Path(_folders[-1].name)
