"""Kinds of arguments: which members of a record they are read from, and how.

A spec is the metadata of an ``Annotated`` field of a catalogue class. Its `convert` gets a
`Tail` (the record's bytes, and where to leave reasons) and the values of its members.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ringward.events.context import Difference, FileId

K, U, TOCTOU, OPT = "K", "U", "TOCTOU", "OPT"

TAGS = {
    K: "Originated from kernel space.",
    U: "Originated from user space: memory of the caller, or a pointer into it.",
    TOCTOU: "User memory that another thread can change between this reading and the kernel's.",
    OPT: "Not always available; null with a reason in `unread`.",
}

UNREAD_TEXT = {
    "NONE": "it was not read, and the kernel part does not say why",
    "FAULT": "the page was not in memory, or nothing is mapped there",
    "NULL": "the caller passed NULL",
    "NO_COPY": "the kernel made no copy of it",
    "NOT_NEEDED": "another reading of it succeeded",
    "NO_ROOM": "the record was full",
    "NOT_REACHED": "the kernel refused before it got there",
    "NO_HOOK": "the hook that reads it is not attached",
    "NO_FIELD": "this kernel's structure has no such field",
    "NO_FILE": "the call has no file, or the descriptor is not open",
    "ABSENT": "the kernel has none",
    "NO_ENTRY": "no system call was seen: the kernel itself started the program, or it began before Ringward",
}


class Tail:
    """The bytes behind a record's fixed part, and what is to be said about its fields."""

    __slots__ = ("base", "data", "differences", "reasons", "sources", "unread")

    def __init__(self, data: bytes, base: int, reasons: Mapping[int, str]) -> None:
        self.data = data
        self.base = base  # of the record in data, bytes
        self.reasons = reasons  # enum unread -> text
        self.unread: dict[str, str] | None = None
        self.sources: dict[str, str] | None = None
        self.differences: tuple[Difference, ...] = ()

    def missing(self, field: str, reason: int | str) -> None:
        """Say why `field` is None (or cut, when it is not)."""
        if self.unread is None:
            self.unread = {}
        self.unread[field] = reason if isinstance(reason, str) else self.reasons.get(reason, f"code {reason}")

    def raw(self, loc: int) -> bytes:
        """Return the bytes that a str_loc points at."""
        start = self.base + (loc >> 16)
        return self.data[start : start + (loc & 0x7FFF)]

    def text(self, field: str, loc: int) -> str | None:
        """Return the string of a str_loc; None and a reason when it was not read."""
        if not loc >> 16:
            self.missing(field, loc)
            return None
        if loc & 0x8000:
            self.missing(field, f"cut after {loc & 0x7FFF} bytes")
        return decode(self.raw(loc))

    def source(self, field: str, name: str) -> None:
        """Say which reading of a racy field is shown."""
        if self.sources is None:
            self.sources = {}
        self.sources[field] = name


def decode(raw: bytes) -> str:
    """Return text for bytes of unknown encoding; what is not UTF-8 becomes ``\\xNN``."""
    return raw.decode("utf-8", "backslashreplace")


def join_path(raw: bytes) -> str:
    """Return the path of a path_loc: components, each with its NUL, from the last to the first."""
    return "/" + "/".join(decode(part) for part in reversed(raw.split(b"\0")[:-1]))


def file_name(raw: bytes) -> str:
    """Return a path, or the name of what has none (pipe, socket, anonymous inode), which ends without a NUL."""
    return join_path(raw) if not raw or raw.endswith(b"\0") else decode(raw)


def split_list(raw: bytes) -> tuple[str, ...]:
    """Return the strings of a str_list_loc, each with its NUL."""
    parts = raw.split(b"\0")
    return tuple(decode(part) for part in (parts[:-1] if parts[-1] == b"" else parts))


def device(dev: int) -> str:
    """Return ``major:minor`` of a kernel dev_t (include/linux/kdev_t.h: MINORBITS is 20)."""
    return f"{dev >> 20}:{dev & 0xFFFFF}"


class Spec:
    """A number, taken as it is.

    Args:
        ctype: C type, as the documents print it.
        doc: what it is, one sentence.
        tags: of the catalogue.
        members: of the record; the field's own name when not given.
        none: what null says, where it is an answer and needs no reason in `unread`.

    """

    direct = True
    """The member's value is the field's: no call is needed."""

    def __init__(
        self, ctype: str, doc: str, *tags: str, members: tuple[str, ...] | None = None, none: str = ""
    ) -> None:
        self.ctype = ctype
        self.doc = f"{doc} Null: {none}." if none else doc
        self.none = none
        self.tags = tags or (K,)
        self.members = members

    def names(self, field: str) -> tuple[str, ...]:
        """Return the record's members that the field is read from."""
        return self.members or (field,)

    def convert(self, field: str) -> Callable[..., Any]:
        """Return a function of (tail, *members) that gives the field's value."""
        raise NotImplementedError(field)


class Hex(Spec):
    """An address, as ``0x...``: no JSON reader keeps 64 bits."""

    direct = False

    def convert(self, field: str) -> Callable[..., str]:  # noqa: ARG002
        """Return a function of (tail, address)."""
        return lambda _tail, value: hex(value)


class Truth(Spec):
    """A number that is 0 or not."""

    direct = False

    def convert(self, field: str) -> Callable[..., bool]:  # noqa: ARG002
        """Return a function of (tail, number)."""
        return lambda _tail, value: bool(value)


class Numbers(Spec):
    """Numbers by their names, or a reason why they could not be read.

    Args:
        ctype: as `Spec`.
        doc: as `Spec`.
        tags: as `Spec`.
        members: one for each name, and the reason (enum unread) as the last.
        keys: the names.

    """

    direct = False

    def __init__(self, ctype: str, doc: str, *tags: str, members: tuple[str, ...], keys: tuple[str, ...]) -> None:
        super().__init__(ctype, doc, *tags, members=members)
        self.keys = keys

    def convert(self, field: str) -> Callable[..., dict[str, int] | None]:
        """Return a function of (tail, number, ..., reason)."""

        def read(tail: Tail, *values: int) -> dict[str, int] | None:
            *numbers, reason = values
            if reason:
                tail.missing(field, reason)
                return None
            return dict(zip(self.keys, numbers, strict=True))

        return read


class Text(Spec):
    """A string of the tail."""

    direct = False

    def convert(self, field: str) -> Callable[..., str | None]:
        """Return a function of (tail, str_loc)."""
        return lambda tail, loc: tail.text(field, loc)


class Texts(Spec):
    """A list of strings of the tail."""

    direct = False

    def convert(self, field: str) -> Callable[..., tuple[str, ...] | None]:
        """Return a function of (tail, str_list_loc)."""

        def read(tail: Tail, loc: int) -> tuple[str, ...] | None:
            if not loc >> 16:
                tail.missing(field, loc)
                return None
            if loc & 0x8000:
                tail.missing(field, f"cut after {loc & 0x7FFF} bytes")
            return split_list(tail.raw(loc))

        return read


class Path(Spec):
    """A path that the kernel's dentries were walked for."""

    direct = False

    def convert(self, field: str) -> Callable[..., str | None]:
        """Return a function of (tail, path_loc)."""

        def read(tail: Tail, loc: int) -> str | None:
            if not loc >> 16:
                tail.missing(field, loc)
                return None
            if loc & 0x8000:
                tail.missing(field, "the first components are cut")
            return join_path(tail.raw(loc))

        return read


def _comparable(tail: Tail, *locs: int) -> list[bytes]:
    """Return the strings of some str_locs, as far as none of them is cut."""
    raws = [tail.raw(loc) for loc in locs]
    whole = min((len(raw) for raw, loc in zip(raws, locs, strict=True) if loc & 0x8000), default=None)
    return [raw[:whole] for raw in raws]


class RacyText(Spec):
    """A string in user memory, read at entry, again from the kernel's own copy, and at exit.

    The kernel's copy is shown where there is one, else the reading at entry, else that at
    exit. A difference between entry and copy is reported with both values.
    """

    direct = False

    def __init__(self, ctype: str, doc: str, *tags: str, members: tuple[str, ...], limit: int | None = None) -> None:
        super().__init__(ctype, doc, *(tags or (U, TOCTOU)), members=members)
        self.limit = limit
        """Bytes after which the kernel cuts its copy; None: it does not."""

    def differs(self, entry: bytes, kernel: bytes) -> bool:
        """Return whether the two readings are of different strings."""
        return entry != kernel and not (len(kernel) == self.limit and entry.startswith(kernel))

    def convert(self, field: str) -> Callable[..., str | None]:
        """Return a function of (tail, entry, exit) or (tail, entry, kernel, exit)."""

        def read(tail: Tail, entry: int, *later: int) -> str | None:
            kernel = later[0] if len(later) > 1 else 0
            if kernel >> 16:
                tail.source(field, "kernel")
                value = tail.text(field, kernel)
                if entry >> 16 and self.differs(*_comparable(tail, entry, kernel)):
                    tail.differences += (Difference(field, decode(tail.raw(entry)), value),)
                return value
            if entry >> 16:
                tail.source(field, "entry")
                return tail.text(field, entry)
            if later[-1] >> 16:
                tail.source(field, "exit")
                return tail.text(field, later[-1])
            tail.missing(field, entry)
            return None

        return read


def file_members(name: str) -> tuple[str, ...]:
    """Return the members of a `struct file_id` called `name`."""
    return tuple(f"{name}.{part}" for part in ("dev", "path", "inode", "ctime", "nlink"))


def read_file(tail: Tail, field: str, values: tuple[int, ...]) -> FileId | None:
    """Return the file of a `struct file_id`; None and a reason when there was none."""
    dev, loc, inode, ctime, nlink = values
    if not loc >> 16 and not inode:
        tail.missing(field, loc)
        return None
    path = join_path(tail.raw(loc)) if loc >> 16 else None
    if path is None:
        tail.missing(f"{field}.path", loc)
    elif loc & 0x8000:
        tail.missing(f"{field}.path", "the first components are cut")
    return FileId(path, device(dev), inode, ctime, nlink == 0)


class File(Spec):
    """A file that the kernel holds."""

    direct = False

    def names(self, field: str) -> tuple[str, ...]:
        """Return the members of the field's `struct file_id`."""
        return file_members(field)

    def convert(self, field: str) -> Callable[..., FileId | None]:
        """Return a function of (tail, dev, path, inode, ctime, nlink)."""
        return lambda tail, *values: read_file(tail, field, values)


class RacyFile(Spec):
    """The file of a descriptor: the one that the kernel read from, else the descriptor's at entry."""

    direct = False

    def names(self, field: str) -> tuple[str, ...]:
        """Return the members of both `struct file_id`."""
        return file_members(field) + file_members(f"{field}_kernel")

    def convert(self, field: str) -> Callable[..., FileId | None]:
        """Return a function of (tail, *entry's five, *kernel's five)."""

        def read(tail: Tail, *values: int) -> FileId | None:
            entry, kernel = values[:5], values[5:]
            if not kernel[2]:
                found = read_file(tail, field, entry)
                if found:
                    tail.source(field, "entry")
                return found
            value = read_file(tail, field, kernel)
            tail.source(field, "kernel")
            if entry[2] and (entry[0], entry[2]) != (kernel[0], kernel[2]):
                tail.differences += (Difference(field, read_file(tail, field, entry), value),)
            return value

        return read


def flag_names(value: int, names: Mapping[int, str]) -> tuple[str, ...]:
    """Return the names of the bits that are set; unknown ones together as one hexadecimal number."""
    found = tuple(name for bit, name in names.items() if value & bit)
    rest = value & ~sum(names)
    return (*found, hex(rest)) if rest else found


class Flags(Spec):
    """Bits by their names, in a 32-bit register."""

    direct = False

    def __init__(self, ctype: str, doc: str, *tags: str, names: Mapping[int, str]) -> None:
        super().__init__(ctype, doc, *tags)
        self.bits = names

    def convert(self, field: str) -> Callable[..., tuple[str, ...]]:  # noqa: ARG002
        """Return a function of (tail, value)."""
        return lambda _tail, value: flag_names(value & 0xFFFFFFFF, self.bits)


class Convert(Spec):
    """Any other reading: a function of (tail, *members)."""

    direct = False

    def __init__(
        self, ctype: str, doc: str, *tags: str, members: tuple[str, ...], function: Callable[..., Any], none: str = ""
    ) -> None:
        super().__init__(ctype, doc, *tags, members=members, none=none)
        self.function = function

    def convert(self, field: str) -> Callable[..., Any]:  # noqa: ARG002
        """Return the function."""
        return self.function


class Joined(Spec):
    """A value that no record has: the joiner knows it and fills it in."""

    direct = False

    def names(self, field: str) -> tuple[str, ...]:  # noqa: ARG002
        """Return no members."""
        return ()

    def convert(self, field: str) -> Callable[..., None]:  # noqa: ARG002
        """Return a function of (tail) that gives None."""
        return _nothing


def _nothing(_tail: Tail) -> None:
    return None
