# ruff: noqa: SLF001 - _Hunt is a part of Index
"""Reader of depmod's binary indexes (modules.dep.bin, modules.alias.bin, ...).

A file is a Patricia trie, all numbers big endian u32: magic 0xB007F457, version (only the high
half is compared), reference of the root. A reference is a file offset in the low 28 bits and flags
in the high four; the flags say which parts the node has, in this order::

    PREFIX   characters that all keys below share, NUL
    CHILDS   u8 first, u8 last, reference x (last - first + 1); 0: no child of that character
    VALUES   count, count x (priority, NUL terminated string), priorities ascending

Nodes may stand anywhere: kmod 30 writes children before parents, kmod 34 after them. In a file of
depmod no two nodes overlap, so a walk that has read more bytes than the file has is in a loop.
"""

from __future__ import annotations

import os

from ringward.kmod.errors import KmodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = 0xB007F457
VERSION = 0x00020001
HEADER = 12
"""Bytes before the first node."""
PREFIX, VALUES, CHILDS = 0x8, 0x4, 0x2
OFFSET = 0x0FFFFFFF
"""The part of a reference that is an offset; so no file of use is larger."""
MAX_KEY = 1 << 16
"""Bytes of the longest key that is followed; real aliases have less than 500."""
MOST_STEPS = 16
"""Steps of fnmatch in one search, for each byte of the file; with Debian's files it takes 5,000 in all."""
_SOME_STEPS = 1 << 16
"""Besides, so that few patterns in a small file always do."""
STAR, ANY, BRACKET, ESCAPE = b"*?[\\"
_S_IFMT, _S_IFREG = 0o170000, 0o100000  # stat.py is not worth its import


class Match:
    """An entry whose key, taken as a pattern, matches what was asked for."""

    __slots__ = ("pattern", "priority", "value")

    def __init__(self, priority: int, value: str, pattern: str) -> None:
        self.priority = priority
        self.value = value
        self.pattern = pattern


class Index:
    """One index in memory. Keys and values are text as the file system's encoding gives it.

    Every method raises KmodError, with the offset in bytes, where the file is damaged.

    Args:
        data: the file's content.
        path: its name in messages.

    """

    __slots__ = ("_data", "_root", "path")

    def __init__(self, data: bytes, path: str) -> None:
        if len(data) < HEADER:
            raise KmodError(path, f"an index has {HEADER} bytes of header, this file {len(data)}; run depmod", 0)
        self._data = data
        self.path = path
        magic, version = self._u32(0), self._u32(4)
        if magic != MAGIC:
            raise KmodError(path, f"not an index: magic {magic:#010x}, not {MAGIC:#010x}; run depmod", 0)
        if version >> 16 != VERSION >> 16:
            raise KmodError(path, f"index version {version >> 16}, only {VERSION >> 16} is known; run depmod", 4)
        self._root = self._u32(8)

    @classmethod
    def open(cls, path: str) -> Index:
        """Read a file whole.

        Raises:
            OSError: it cannot be read.
            KmodError: it is not an index.

        """
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            status = os.fstat(fd)
            if status.st_mode & _S_IFMT != _S_IFREG:
                raise KmodError(path, "not a regular file")
            if status.st_size > OFFSET:
                raise KmodError(path, f"{status.st_size} bytes; an index has at most {OFFSET}")
            data = b""
            # One call may give less than was asked for: a 9p mount does so before Linux 6.12.
            while len(data) < status.st_size and (part := os.read(fd, status.st_size - len(data))):
                data += part
        finally:
            os.close(fd)
        return cls(data, path)

    def exact(self, key: str) -> list[str]:
        """Return the values of a key, ascending by priority; kmod uses the first."""
        text = os.fsencode(key)
        at, ref = 0, self._root
        while True:
            prefix, first, last, table, values, _ = self._node(ref)
            if prefix:
                if not text.startswith(prefix, at):
                    return []
                at += len(prefix)
            if at == len(text):
                return [value for _, value in self._values(values)[0]]
            ref = self._child(first, last, table, text[at])
            if not ref:
                return []
            at += 1

    def wild(self, key: str) -> list[str]:
        """Return the values of all keys that match as patterns, ascending by priority."""
        return [match.value for match in self.matches(key)]

    def matches(self, key: str) -> list[Match]:
        """Return all entries whose key matches as a pattern of fnmatch(3), ascending by priority.

        Of entries with one priority the one found later stands first, as in libkmod.
        """
        text = os.fsencode(key)
        hunt = _Hunt(self, text)
        at, ref = 0, self._root
        while ref:
            prefix, first, last, table, values, _ = self._node(ref)
            for place, char in enumerate(prefix):
                if char in b"*?[":
                    hunt.below(prefix[place:], text[:at], (first, last, table, values))
                    return hunt.result()
                if at == len(text) or text[at] != char:
                    return hunt.result()
                at += 1
            for char in b"*?[":
                child = self._child(first, last, table, char)
                if child:
                    hunt.child(char, child, text[:at])
            if at == len(text):
                hunt.end(values)
                break
            ref = self._child(first, last, table, text[at])
            at += 1
        return hunt.result()

    def walk(self) -> Iterator[tuple[str, str]]:
        """Yield every key and value in the order of the trie: a key before those that it begins."""
        for key, value, _ in self.entries():
            yield key, value

    def entries(self) -> Iterator[tuple[str, str, int]]:
        """Yield every key, value and priority in the order of `walk`."""
        budget = len(self._data)
        todo = [(b"", self._root)]
        while todo:
            key, ref = todo.pop()
            prefix, first, last, table, values, size = self._node(ref)
            budget = self.spend(budget, size, ref)
            key = self.grown(key, prefix, ref)
            if values:
                text = os.fsdecode(key)
                entries, size = self._values(values)
                budget = self.spend(budget, size, ref)
                for priority, value in entries:
                    yield text, value, priority
            todo += [(key + bytes((char,)), child) for char, child in self._children(first, last, table)][::-1]

    def spend(self, budget: int, size: int, ref: int) -> int:
        """Return the bytes that a walk may still read. Raises KmodError when they are used up."""
        budget -= size
        if budget < 0:
            raise KmodError(self.path, "nodes overlap or form a loop; run depmod", ref & OFFSET)
        return budget

    def grown(self, key: bytes, more: bytes, ref: int) -> bytes:
        """Return a longer key. Raises KmodError when it is too long."""
        key += more
        if len(key) > MAX_KEY:
            raise KmodError(self.path, f"a key longer than {MAX_KEY} bytes; run depmod", ref & OFFSET)
        return key

    def _u32(self, at: int) -> int:
        word = self._data[at : at + 4]
        if len(word) != 4:
            raise KmodError(self.path, "the file ends in a number; run depmod", at)
        return int.from_bytes(word, "big")

    def _text(self, at: int) -> bytes:
        """Return the NUL terminated string at an offset, without its end."""
        end = self._data.find(0, at, at + MAX_KEY + 1)
        if end < 0:
            raise KmodError(self.path, f"a string without end in {MAX_KEY} bytes; run depmod", at)
        return self._data[at:end]

    def _node(self, ref: int) -> tuple[bytes, int, int, int, int, int]:
        """Return of a node: prefix, first and last character, offsets of children and values (0: none), bytes."""
        at = start = ref & OFFSET
        flags = ref >> 28
        prefix = b""
        first = last = table = values = 0
        if flags & PREFIX:
            prefix = self._text(at)
            at += len(prefix) + 1
        if flags & CHILDS:
            pair = self._data[at : at + 2]
            if len(pair) != 2 or pair[0] > pair[1]:
                raise KmodError(self.path, "a node's range of children is damaged; run depmod", at)
            first, last = pair
            table = at + 2
            at = table + 4 * (last - first + 1)
        if flags & VALUES:
            values = at
        if at > len(self._data) or start < HEADER:
            raise KmodError(self.path, "a node outside the file; run depmod", start)
        return prefix, first, last, table, values, at - start or (0 if values else 1)

    def _child(self, first: int, last: int, table: int, char: int) -> int:
        """Return the reference of a child; 0: none."""
        if not table or not first <= char <= last:
            return 0
        at = table + 4 * (char - first)
        return int.from_bytes(self._data[at : at + 4], "big")

    def _children(self, first: int, last: int, table: int) -> list[tuple[int, int]]:
        """Return characters and references of a node's children, ascending."""
        if not table:
            return []
        data = self._data
        refs = [int.from_bytes(data[at : at + 4], "big") for at in range(table, table + 4 * (last - first + 1), 4)]
        return [(char, ref) for char, ref in enumerate(refs, first) if ref]

    def _values(self, at: int) -> tuple[list[tuple[int, str]], int]:
        """Return the priorities and values of a node, and how many bytes they are in the file."""
        if not at:
            return [], 0
        start = at
        count = self._u32(at)
        at += 4
        if count > (len(self._data) - at) // 5:
            raise KmodError(self.path, f"{count} values do not fit into the file; run depmod", at - 4)
        found = []
        for _ in range(count):
            priority = self._u32(at)
            text = self._text(at + 4)
            at += 5 + len(text)
            found.append((priority, os.fsdecode(text)))
        return found, at - start


class _Hunt:
    """A search below the first wildcard of a branch.

    The keys below are matched while the trie is walked, all positions in the text at once: bit N of
    a state says that the pattern so far matches the text's first N bytes. A branch without a bit is
    left. From a bracket or a backslash on the keys are given to fnmatch.
    """

    def __init__(self, index: Index, text: bytes) -> None:
        self._index = index
        self._text = text
        self._all = (2 << len(text)) - 1
        self._where: dict[int, int] = {}
        self._budget = 0  # bytes that the present branch may still read
        self._steps = MOST_STEPS * len(index._data) + _SOME_STEPS  # of fnmatch, that are left
        self._branches: list[list[Match]] = []

    def result(self) -> list[Match]:
        """Return what was found, ascending by priority, later ones of a priority first."""
        found = [match for branch in reversed(self._branches) for match in branch]
        found.sort(key=lambda match: match.priority)
        return found

    def child(self, char: int, ref: int, key: bytes) -> None:
        """Search the child that a wildcard leads to; `key` matched letter by letter."""
        prefix, first, last, table, values, _ = self._index._node(ref)
        self.below(bytes((char,)) + prefix, key, (first, last, table, values))

    def below(self, more: bytes, key: bytes, node: tuple[int, int, int, int]) -> None:
        """Search a node whose prefix, or its rest, is `more`, and all below it."""
        index, where, start, end = self._index, self._masks(), len(key), len(self._text)
        # libkmod takes what is below a node, ascending, before the node, and a later find goes in
        # front of those of its priority: a node, then what is below it, descending, is that order.
        branch: list[Match] = []
        self._budget = len(index._data)
        todo = [(key, more, 1 << start, node)]
        while todo:
            key, more, state, (first, last, table, values) = todo.pop()
            for char in more:
                if state <= 0:
                    break
                state = self._step(state, char, where)
            if not state:
                continue
            key = index.grown(key, more, table)
            if values and (state >> end & 1 if state > 0 else self._asks_fnmatch(key, start, values)):
                self.add(branch, values, key)
            for char, ref in index._children(first, last, table):
                after = state if state < 0 else self._step(state, char, where)
                if after:
                    prefix, *inner, size = index._node(ref)
                    self._budget = index.spend(self._budget, size, ref)
                    todo.append((key + bytes((char,)), prefix, after, (inner[0], inner[1], inner[2], inner[3])))
        self._branches.append(branch)

    def add(self, branch: list[Match], values: int, pattern: bytes) -> None:
        """Put the values of a node whose key matches behind those of a branch, last one first."""
        if not values:
            return
        entries, size = self._index._values(values)
        self._budget = self._index.spend(self._budget, size, values)
        text = os.fsdecode(pattern)
        branch += [Match(priority, value, text) for priority, value in reversed(entries)]

    def end(self, values: int) -> None:
        """Take the values of the node whose key is the text itself."""
        branch: list[Match] = []
        self._budget = len(self._index._data)
        self.add(branch, values, self._text)
        self._branches.append(branch)

    def _masks(self) -> dict[int, int]:
        """Return for each character of the text the bits of its places."""
        if not self._where:
            for place, char in enumerate(self._text):
                self._where[char] = self._where.get(char, 0) | 1 << place
        return self._where

    def _step(self, state: int, char: int, where: dict[int, int]) -> int:
        """Return the state behind one more character of the pattern; -1: from here on fnmatch is asked."""
        if char == STAR:
            return self._all & -(state & -state)
        if char == ANY:
            return state << 1 & self._all
        if char in (BRACKET, ESCAPE):
            return -1
        return (state & where.get(char, 0)) << 1

    def _asks_fnmatch(self, pattern: bytes, start: int, values: int) -> bool:
        from ringward.kmod.fnmatch import fnmatch  # noqa: PLC0415 - few aliases have brackets

        self._steps -= (len(pattern) - start) * (len(self._text) - start + 1)
        if self._steps < 0:
            raise KmodError(self._index.path, "its patterns would take too long to match; run depmod", values)
        return fnmatch(os.fsdecode(pattern[start:]), os.fsdecode(self._text[start:]))
