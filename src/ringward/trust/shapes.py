"""The shapes of JSON: what `ringward trust` prints and exchanges. Their schema: `schema.py`."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import msgspec

from ringward.trust.compare import Mismatch
from ringward.trust.entry import Entry, Item, Kind, Pending, Who, plain

VERSION = 1
"""Of all shapes here."""


class Code(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A digest, and what has it."""

    digest: str
    """SHA-256, hexadecimal."""
    kind: str
    """program, library, script, module file (compressed), module image or alias."""
    path: str | None = None
    """Where it was seen; bytes that are no UTF-8 as ``\\xNN``. None: nowhere."""
    path_bytes: str | None = None
    """The path's bytes, hexadecimal. None: `path` says it all."""
    package: str | None = None
    """That it is of. None: of none."""
    version: str | None = None
    """Of the package; of a module of none, the kernel's release. None: neither."""
    module: str | None = None
    """Name of the module. None: it is none."""
    alias: str | None = None
    """What the kernel asks for; the digest is that of this text. None: it is no alias."""
    signer: str | None = None
    """Key id that the module's signature names, hexadecimal. None: it has none."""
    signature: str | None = None
    """What came of checking the signature: valid, invalid, unknown key, unsigned, could not look. None: no module."""


class Trusted(Code, frozen=True, kw_only=True, omit_defaults=True):
    """A trusted digest."""

    source: str
    """Why: dpkg, directory, modules, hand, approved, import."""
    login: int | None = None
    """Login uid of who added it. None: nobody was logged in."""
    uid: int
    """Real user id of who added it."""
    added: str
    """When: RFC 3339, UTC."""
    reason: str | None = None
    """In somebody's words. None: nobody gave one."""


class Waiting(Code, frozen=True, kw_only=True, omit_defaults=True):
    """A digest that waits for a decision."""

    seen: str
    """How it was noticed: survey, learned, denied."""
    why: str
    """Nothing vouches for it."""
    first: str
    """When it was noticed: RFC 3339, UTC."""
    last: str
    """When it was noticed last."""
    times: int
    """How often."""


class Differs(Code, frozen=True, kw_only=True, omit_defaults=True):
    """A file that is not as the database says."""

    state: str
    """changed, missing, new."""
    why: str | None = None
    """Nothing vouches for it. None: it is missing."""


class Place(msgspec.Struct, frozen=True):
    """What could not be looked at."""

    path: str
    """Of the file or directory."""
    why: str
    """It could not."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What ``trust list`` and ``trust show`` print."""

    v: int = VERSION
    """Version of this schema."""
    tool: str
    """trust list, or trust show."""
    database: str
    """Path of it."""
    warning: str | None
    """Why the last good copy was read. None: it was not."""
    trusted: list[Trusted]
    """Entries, in the order of their digests."""
    pending: list[Waiting]
    """What waits for a decision."""


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What a command that changes trust prints."""

    v: int = VERSION
    """Version of this schema."""
    tool: str
    """As ``trust init``."""
    database: str
    """Path of it."""
    warning: str | None
    """Why the last good copy was used. None: it was not."""
    done: bool
    """False: nothing was changed, as --dry-run asks."""
    added: list[Trusted]
    """Entries that are new."""
    renewed: int
    """Entries that were there, and of whose module more is known."""
    removed: list[Trusted]
    """Entries that are gone."""
    waiting: list[Waiting]
    """Digests that wait for a decision from now on."""
    settled: list[Waiting]
    """Digests that wait no longer."""
    digests: int
    """That are trusted afterwards."""
    pending: int
    """Digests that wait for a decision afterwards."""
    unseen: list[Place]
    """What could not be looked at."""


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What ``trust verify`` prints."""

    v: int = VERSION
    """Version of this schema."""
    tool: str = "trust verify"
    """The command."""
    database: str
    """Path of it."""
    warning: str | None
    """Why the last good copy was read. None: it was not."""
    mismatches: list[Differs]
    """In the order of the paths."""
    same: int
    """Files that are as the database says."""
    old: int
    """Entries of what is not installed any more."""
    unseen: list[Place]
    """What could not be looked at."""


class RuleShown(msgspec.Struct, frozen=True, kw_only=True):
    """A rule."""

    id: str
    """Name of it."""
    action: str
    """allow or deny."""
    on: list[str]
    """Operations that it is for: modules, autoload, unload, programs."""
    conditions: str
    """What it wants, in one line."""
    message: str | None
    """For whoever is blocked. None: there is none."""
    link: str | None
    """For whoever is blocked. None: there is none."""
    where: str
    """File and line."""
    idle: bool | None
    """Whether no digest of the database is what it wants. None: that was not looked up."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What ``trust rule list`` prints."""

    v: int = VERSION
    """Version of this schema."""
    tool: str = "trust rule"
    """The command."""
    warning: str | None
    """Why not all of it could be looked up. None: it could."""
    rules: list[RuleShown]
    """In the order in which they count."""


def moment(seconds: int) -> str:
    """Return a time for JSON."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _code(item: Item) -> dict[str, str | None]:
    shown = plain(item.path)
    return {
        "digest": item.digest.hex(),
        "kind": str(item.kind),
        "path": shown or None,
        "path_bytes": None if shown == item.path else os.fsencode(item.path).hex(),
        "package": plain(item.package) or None,
        "version": plain(item.version) or None,
        "module": None if item.kind == Kind.ALIAS else plain(item.name) or None,
        "alias": plain(item.name) if item.kind == Kind.ALIAS else None,
        "signer": item.signer or None,
        "signature": item.signature or None,
    }


def trusted(entry: Entry) -> Trusted:
    """Return an entry as JSON has it."""
    who = entry.who
    return Trusted(
        **_code(entry.item),  # type: ignore[arg-type]
        source=str(entry.source),
        login=who.login,
        uid=who.uid,
        added=moment(who.time),
        reason=plain(entry.reason) or None,
    )


def waiting(one: Pending) -> Waiting:
    """Return what waits as JSON has it."""
    times = {"first": moment(one.first), "last": moment(one.last), "times": one.times}
    return Waiting(**_code(one.item), seen=str(one.seen), why=plain(one.why), **times)  # type: ignore[arg-type]


def differs(one: Mismatch) -> Differs:
    """Return a mismatch as JSON has it."""
    return Differs(**_code(one.item), state=str(one.state), why=plain(one.why) or None)  # type: ignore[arg-type]


def item(code: Code) -> Item:
    """Return what a shape says of a digest.

    Raises:
        ValueError: it is not well-formed.

    """
    digest = bytes.fromhex(code.digest)
    path = os.fsdecode(bytes.fromhex(code.path_bytes)) if code.path_bytes else code.path or ""
    if len(digest) != 32 or code.digest != digest.hex():
        raise ValueError("digest is not 64 hexadecimal digits")
    if path and not path.startswith("/"):
        raise ValueError("path is not absolute")
    words = (code.package, code.version, code.alias or code.module, code.signer, code.signature)
    return Item(digest, code.kind, path, *(word or "" for word in words))


def entry(shape: Trusted, who: Who) -> Entry:
    """Return what a shape says, as an entry that `who` adds.

    Raises:
        ValueError: it is not well-formed.

    """
    return Entry(item(shape), shape.source, who, shape.reason or "")
