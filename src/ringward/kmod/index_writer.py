"""Writer of the binary indexes; the format is described in `index`.

Nodes are written in kmod 34's order: a parent, then each child with all below it.
"""

from __future__ import annotations

import os
from itertools import pairwise

from ringward.kmod.errors import KmodError
from ringward.kmod.index import CHILDS, HEADER, MAGIC, MAX_KEY, OFFSET, PREFIX, VALUES, VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

_HIGHEST_PRIORITY = (1 << 32) - 1


def _shared(a: bytes, b: bytes) -> int:
    """Return the number of bytes at the begin of both."""
    size = min(len(a), len(b))
    differs = int.from_bytes(a[:size], "big") ^ int.from_bytes(b[:size], "big")
    return size - (differs.bit_length() + 7) // 8


class IndexWriter:
    """Collects keys and values, then writes them sorted. A key may be given many values."""

    def __init__(self) -> None:
        self._entries: dict[str, list[tuple[int, str]]] = {}

    def insert(self, key: str, value: str, priority: int) -> None:
        """Add an entry. Of equal priorities of a key the later one stands before the earlier one.

        Raises:
            ValueError: a key that is not of 1 to 65,536 ASCII characters, a NUL, a priority outside of u32.

        """
        if not key.isascii() or "\0" in key or not 0 < len(key) <= MAX_KEY:
            raise ValueError(f"key {key[:80]!r}: a key is 1 to {MAX_KEY} ASCII characters")
        if "\0" in value:
            raise ValueError(f"value {value[:80]!r} has a NUL")
        if not 0 <= priority <= _HIGHEST_PRIORITY:
            raise ValueError(f"priority {priority} is not a u32")
        self._entries.setdefault(key, []).append((priority, value))

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._entries)

    def write(self, file: BinaryIO) -> None:
        """Write the index to a file that is open for bytes.

        Raises:
            OSError: the file cannot be written.
            KmodError: more than the 256 MiB that offsets reach.

        """
        file.write(self.content())

    def content(self) -> bytes:
        """Return the index as the bytes of a file. Raises KmodError as `write`."""
        keys = sorted(key.encode("ascii") for key in self._entries)
        values = [self._values(self._entries[key.decode("ascii")]) for key in keys]
        out = _layout(keys, values)
        if len(out) > OFFSET:
            raise KmodError("index", f"{len(out)} bytes; an index reaches {OFFSET}: too many or too long entries")
        return bytes(out)

    @staticmethod
    def _values(entries: list[tuple[int, str]]) -> bytes:
        """Return the VALUES part of a node."""
        if len(entries) > 1:  # the sort is stable, so equal priorities stay in the reversed order
            entries = [*reversed(entries)]
            entries.sort(key=lambda entry: entry[0])
        parts = [len(entries).to_bytes(4, "big")]
        parts += [priority.to_bytes(4, "big") + os.fsencode(value) + b"\0" for priority, value in entries]
        return b"".join(parts)


def _layout(keys: list[bytes], values: list[bytes]) -> bytearray:
    """Return the file for sorted different keys and the VALUES part of each."""
    out = bytearray(MAGIC.to_bytes(4, "big") + VERSION.to_bytes(4, "big") + bytes(4))
    # shared[i]: how much keys i - 1 and i share; the minimum of a range is what all its keys share.
    shared = [0, *map(_shared, keys, keys[1:])]

    def put(reference: int, first: int, end: int, depth: int, length: int) -> list[tuple[int, int, int]]:
        """Write the node of a range of keys, whose prefix is the bytes from depth to length.

        Return for each child: where its reference stands, its range.
        """
        flags = 0
        start = len(out)
        if length > depth:
            flags |= PREFIX
            out.extend(keys[first][depth:length])
            out.append(0)
        own = len(keys[first]) == length if first < end else False
        below = first + own
        children: list[tuple[int, int, int]] = []
        if below < end:
            flags |= CHILDS
            edges = [below, *(i for i in range(below + 1, end) if shared[i] == length), end]
            low, high = keys[below][length], keys[end - 1][length]
            out.append(low)
            out.append(high)
            table = len(out) - 4 * low
            out.extend(bytes(4 * (high - low + 1)))
            children = [(table + 4 * keys[a][length], a, b) for a, b in pairwise(edges)]
        if own:
            flags |= VALUES
            out.extend(values[first])
        out[reference : reference + 4] = (flags << 28 | start & OFFSET).to_bytes(4, "big")
        return children

    # The root has no prefix even where all keys share one.
    todo = [(reference, a, b, 1) for reference, a, b in reversed(put(HEADER - 4, 0, len(keys), 0, 0))]
    while todo:
        reference, first, end, depth = todo.pop()
        length = len(keys[first]) if end - first == 1 else min(shared[first + 1 : end])
        children = put(reference, first, end, depth, length)
        todo += [(place, a, b, length + 1) for place, a, b in reversed(children)]
    return out
