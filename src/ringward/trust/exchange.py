"""Entries as a file that another machine takes: JSON lines, with a head that tells the version and an end that seals.

The seal tells a cut or damaged file. It is no signature: who can change the file can make another seal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from ringward.trust.entry import Entry, Kind, Source, Who
from ringward.trust.shapes import VERSION, Trusted, entry, moment, trusted

LONGEST = 1 << 16
"""Bytes of a line."""
_KINDS = frozenset(Kind)
_LARGEST_TEXT = 4096


class Head(msgspec.Struct, frozen=True, tag_field="ringward", tag="trust"):
    """The first line."""

    v: int
    """Version of this schema."""
    exported: str
    """When: RFC 3339, UTC."""


class End(msgspec.Struct, frozen=True, tag_field="ringward", tag="end"):
    """The last line."""

    entries: int
    """How many lines of entries there are."""
    sha256: str
    """Of the lines between the first and this one, with their ends."""


class ExchangeError(Exception):
    """A file that cannot be taken, not even in part.

    Args:
        line: in the file, from 1 on.
        why: what is wrong.

    """

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")
        self.line = line


def export(entries: Iterable[Entry], time: int) -> Iterator[bytes]:
    """Yield the lines of a file.

    Args:
        entries: that go into it.
        time: seconds since 1970.

    """
    yield msgspec.json.encode(Head(VERSION, moment(time))) + b"\n"
    digest = hashlib.sha256()
    count = 0
    for one in entries:
        line = msgspec.json.encode(trusted(one)) + b"\n"
        digest.update(line)
        count += 1
        yield line
    yield msgspec.json.encode(End(count, digest.hexdigest())) + b"\n"


def take(lines: Iterable[bytes], who: Who, reason: str) -> list[Entry]:
    """Return the entries of a file, each once, as imported by `who`.

    Args:
        lines: of the file, with their ends.
        who: imports them.
        reason: why; where each was from is added.

    Raises:
        ExchangeError: the file is damaged, cut off, of another version, or no such file.

    """
    found: dict[tuple[bytes, str], Entry] = {}
    digest = hashlib.sha256()
    count = 0
    number = 0
    end: End | None = None
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST or not line.endswith(b"\n"):
            raise ExchangeError(number, "cut off" if len(line) <= LONGEST else f"longer than {LONGEST} bytes")
        if end is not None:
            raise ExchangeError(number, "there is more behind the end")
        if number == 1:
            _check_head(line)
            continue
        if line.startswith(b'{"ringward"'):
            end = _end(line, number)
            continue
        digest.update(line)
        count += 1
        one = _entry(line, number, who, reason)
        found.setdefault((one.item.digest, one.item.path), one)
    if end is None:
        raise ExchangeError(number + 1, "the end is missing: the file was cut off" if number else "the file is empty")
    if (end.entries, end.sha256) != (count, digest.hexdigest()):
        raise ExchangeError(number, f"{end.entries} entries were written, {count} are here, or they were changed")
    return list(found.values())


def _check_head(line: bytes) -> None:
    try:
        head = msgspec.json.decode(line, type=Head)
    except ValueError as error:
        raise ExchangeError(1, f"not what `ringward trust export` writes: {error}") from error
    if head.v != VERSION:
        raise ExchangeError(1, f"version {head.v}, this Ringward takes {VERSION}: export it again with that one")


def _end(line: bytes, number: int) -> End:
    try:
        return msgspec.json.decode(line, type=End)
    except ValueError as error:
        raise ExchangeError(number, str(error)) from error


def _entry(line: bytes, number: int, who: Who, reason: str) -> Entry:
    try:
        shape = msgspec.json.decode(line, type=Trusted)
        one = entry(shape, who)
    except ValueError as error:  # msgspec's, too
        raise ExchangeError(number, str(error)) from error
    item = one.item
    if item.kind not in _KINDS:
        raise ExchangeError(number, f"no kind '{item.kind[:40]}'; kinds: {', '.join(Kind)}")
    if any(len(text) > _LARGEST_TEXT or "\0" in text for text in (*item[1:], shape.source, one.reason)):
        raise ExchangeError(number, f"a text with a NUL, or longer than {_LARGEST_TEXT} characters")
    told = f"{reason}; there: {shape.source}" + f", {shape.reason}" * bool(shape.reason)
    return Entry(item, Source.IMPORT, who, told)
