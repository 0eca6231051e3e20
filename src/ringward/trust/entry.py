"""What the database holds: digests that are trusted, and those that wait for somebody's decision."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import NamedTuple

from ringward.trust.patterns import underscored


class Kind(StrEnum):
    """What has the digest."""

    PROGRAM = "program"
    """An ELF file that can be started: ET_EXEC, or ET_DYN with an interpreter or DF_1_PIE."""
    LIBRARY = "library"
    """Any other ET_DYN file."""
    SCRIPT = "script"
    """A file that begins with ``#!`` and that somebody may execute."""
    MODULE_FILE = "module file"
    """A compressed kernel module as it is stored: the kernel gets that, or the image, as the loading tool likes."""
    MODULE_IMAGE = "module image"
    """A kernel module's ELF image, with all that is appended to it."""
    ALIAS = "alias"
    """What the kernel asks modprobe for; the digest is that of its text. No code is as short."""


class Source(StrEnum):
    """Why an entry is trusted."""

    DPKG = "dpkg"
    """The file has the checksum that dpkg's database has of it."""
    DIRECTORY = "directory"
    """An administrator named its directory."""
    MODULES = "modules"
    """An administrator named its module tree."""
    HAND = "hand"
    """An administrator named the file, or the digest."""
    APPROVED = "approved"
    """It was pending, and an administrator let it in."""
    IMPORT = "import"
    """It came from another machine's database."""


SURVEYED = frozenset({Source.DPKG, Source.DIRECTORY, Source.MODULES})
"""Sources of entries that follow files: `gc` removes them when the file is another."""


class Seen(StrEnum):
    """How a pending digest came to be noticed."""

    SURVEY = "survey"
    """It is on the machine, and nothing vouches for it."""
    LEARNED = "learned"
    """It was let in while the guard learned."""
    DENIED = "denied"
    """It was refused, or would have been."""


class Item(NamedTuple):
    """A digest, and what has it.

    Attributes:
        digest: SHA-256, 32 bytes.
        kind: what it is.
        path: where it was seen, links in its directories followed; "": nowhere.
        package: that it is of; "": none.
        version: of the package; of a module of none, the kernel's release; "".
        name: of the module, or the alias, with underscores; "": it is neither.
        signer: key id that the module's signature names, lower case hex; "": it has none.
        signature: what came of checking that: a word of `ringward.kmod.verify`; "": it is no module.

    """

    digest: bytes
    kind: str
    path: str
    package: str = ""
    version: str = ""
    name: str = ""
    signer: str = ""
    signature: str = ""


class Who(NamedTuple):
    """Who changed the database, and when.

    Attributes:
        login: login uid (/proc/self/loginuid); None: nobody is logged in.
        uid: real user id.
        time: seconds since 1970.

    """

    login: int | None
    uid: int
    time: int


class Entry(NamedTuple):
    """A trusted digest.

    Attributes:
        item: what.
        source: why.
        who: added it.
        reason: in somebody's words; "".

    """

    item: Item
    source: str
    who: Who
    reason: str = ""


class Pending(NamedTuple):
    """A digest that waits for a decision.

    Attributes:
        item: what.
        seen: how it was noticed.
        why: nothing vouches for it.
        first: when it was noticed, seconds since 1970.
        last: when it was noticed last.
        times: how often.

    """

    item: Item
    seen: str
    why: str
    first: int
    last: int
    times: int = 1


def alias(text: str) -> Item:
    """Return an alias as the guard's kernel part looks it up: by the SHA-256 of its text, each '-' an '_'."""
    name = underscored(text.encode("utf-8", "surrogateescape"))
    return Item(hashlib.sha256(name).digest(), Kind.ALIAS, "", name=plain(name.decode("utf-8", "surrogateescape")))


SHORT = 12
"""Hexadecimal digits of a digest that are shown where all 64 have no room; commands take them as its id."""


def plain(text: str) -> str:
    """Return a text that the database and JSON can hold: bytes that are no UTF-8 as ``\\xNN``."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def short(digest: bytes) -> str:
    """Return the id of a digest."""
    return digest.hex()[:SHORT]
