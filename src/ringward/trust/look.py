"""Looks at one file: what it is, and its digests, all of one state of it."""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import threading
import time
from typing import NamedTuple

from ringward.kmod.compression import LIMIT, decompress
from ringward.kmod.errors import KmodError
from ringward.kmod.modinfo import ModInfo, image_info
from ringward.kmod.names import module_name, path_to_name
from ringward.kmod.verify import COULD_NOT_LOOK, UNSIGNED, Trusted, verify
from ringward.trust import kinds
from ringward.trust.entry import Kind, plain

PIECE = 1 << 20
"""Bytes that are read and hashed at once: they stay in a processor's cache for the second digest."""
PASSED = 20_000_000
"""Nanoseconds after a change within which another one may leave no other ctime: the clock behind it stands still for a
jiffy (10 ms at most; not since Linux 6.13 on the file systems that have FS_MGTIME), exFAT counts in hundredths."""
SETTLED = 2_000_000_000 + PASSED
"""The same on any file system: some have whole seconds, or every second one."""
_TRIES = 3
# O_NONBLOCK: a FIFO without a writer would be waited for.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_IDENTITY = struct.Struct("=QQqqq")
_own = threading.local()


class Looked(NamedTuple):
    """What was found in a file.

    Attributes:
        kind: None: nothing that the database is about; the rest is empty then.
        digest: SHA-256 of the file.
        image: SHA-256 of the module's image; b"": it is no module.
        md5: of the file; b"": nobody asked.
        name: of the module.
        signer: key id that its signature names.
        signature: what came of checking it; "": it is no module.

    """

    kind: Kind | None = None
    digest: bytes = b""
    image: bytes = b""
    md5: bytes = b""
    name: str = ""
    signer: str = ""
    signature: str = ""


NOTHING = Looked()


class LookError(Exception):
    """A file that could not be looked at. The message says why."""


def identity(found: os.stat_result) -> bytes:
    """Return what stays the same as long as a file does: device, inode, size, mtime and ctime.

    Nobody but root can set ctime (by setting the clock, or by writing to the disk beneath the file system); an
    unchanged ctime therefore means unchanged bytes, except of a file that somebody keeps mapped for writing: its
    ctime moves with the first write to a page, and again only after the page was written back; and while a single
    write(2) lasts, which sets ctime as it begins.
    """
    return _IDENTITY.pack(
        found.st_dev & (1 << 64) - 1, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    )


def look(
    path: str, *, md5: bool = False, trusted: Trusted | None = None, name: str | None = None
) -> tuple[Looked, bytes, int]:
    """Look at a file; its last component is not followed if it is a link.

    One that was changed just now is read a little later (`PASSED`, or `SETTLED`): a change meanwhile must show.

    Args:
        path: of the file.
        md5: whether that digest is wanted, too.
        trusted: certificates that a module's signature is checked with.
        name: of the file, for errors and for its ending; the path's if None.

    Returns:
        What it is; its identity, b"" where that may not stay (it was changed just now); bytes that were hashed.

    Raises:
        LookError: it cannot be read, is no regular file, is damaged, or changes as it is read.

    """
    shown = name or path
    try:
        fd = os.open(path, _FLAGS)
    except OSError as error:
        raise LookError(error.strerror) from error
    try:
        for _ in range(_TRIES):
            before = os.fstat(fd)
            now = time.time_ns()
            if not stat.S_ISREG(before.st_mode):
                raise LookError("not a regular file")
            _wait_for_the_clock(before.st_ctime_ns, now)
            found, size = _read(fd, before, shown, md5=md5, trusted=trusted)
            same = identity(before)
            if found is not None and identity(os.fstat(fd)) == same:
                return found, same if before.st_ctime_ns < now - SETTLED else b"", size
    except OSError as error:
        raise LookError(error.strerror) from error
    except KmodError as error:
        raise LookError(str(error).removeprefix(f"{shown}: ")) from error
    finally:
        os.close(fd)
    raise LookError(f"it changed while it was read, {_TRIES} times in a row")


def _wait_for_the_clock(changed: int, now: int) -> None:
    """Wait until each further change of a file has another ctime than its last change."""
    still = SETTLED if changed % 1_000_000_000 == 0 else PASSED
    if changed <= now <= changed + still:
        time.sleep((changed + still - now) / 1e9)


def _read(
    fd: int, status: os.stat_result, path: str, *, md5: bool, trusted: Trusted | None
) -> tuple[Looked | None, int]:
    """Return what is in the file, and bytes that were hashed; None: it did not hold as many bytes as it says."""
    head = os.pread(fd, kinds.HEAD, 0)
    # A damaged file may name an offset that no file has.
    kind = kinds.kind(
        head, path, status.st_mode, lambda size, at: os.pread(fd, size, at) if at <= status.st_size else b""
    )
    if kind is None:
        return NOTHING, 0
    if kind in {Kind.MODULE_FILE, Kind.MODULE_IMAGE}:
        return _module(fd, status.st_size, path, kind, md5=md5, trusted=trusted)
    first, second = hashlib.sha256(), hashlib.md5(usedforsecurity=False) if md5 else None
    if not hasattr(_own, "piece"):
        _own.piece = bytearray(PIECE)
    piece = memoryview(_own.piece)
    at = 0
    while count := os.preadv(fd, [piece], at):
        part = piece[:count]
        first.update(part)
        if second:
            second.update(part)
        at += count
    found = Looked(kind, first.digest(), md5=second.digest() if second else b"")
    return found if at == status.st_size else None, at


def _module(
    fd: int, size: int, path: str, kind: Kind, *, md5: bool, trusted: Trusted | None
) -> tuple[Looked | None, int]:
    if size > LIMIT:
        raise KmodError(path, f"larger than the limit of {LIMIT} bytes for a module")
    parts = []
    at = 0
    while part := os.pread(fd, min(1 << 24, size + 1 - at), at):
        parts.append(part)
        at += len(part)
        if at > size:
            return None, at
    data = b"".join(parts)
    if len(data) != size:
        return None, at
    image = decompress(data, path)
    try:
        info = image_info(image, path)
    except KmodError:
        if kinds.is_module_name(path):
            raise
        return NOTHING, 0  # an object file that is no module
    digest = hashlib.sha256(data).digest()
    found = Looked(
        kind,
        digest,
        digest if image is data else hashlib.sha256(image).digest(),
        hashlib.md5(data, usedforsecurity=False).digest() if md5 else b"",
        plain(module_name((info.values("name") or [path_to_name(path)])[0])),
        *signed(info, image, trusted, path),
    )
    return found, len(data)


def signed(info: ModInfo, image: bytes, trusted: Trusted | None, path: str = "") -> tuple[str, str]:
    """Return the key id that a module's signature names, and what came of checking it.

    Args:
        info: of the module.
        image: its bytes.
        trusted: the certificates; None: there are none.
        path: named in errors.

    """
    if info.appended is None:
        return "", UNSIGNED
    fields = dict(info.appended.fields())
    signer = "".join(fields.get("sig_key", "").split()).replace(":", "").lower()
    if not signer and not info.appended.why:
        signer = key_id(info)
    return signer, verify(image, trusted, path).word if trusted else COULD_NOT_LOOK


def key_id(info: ModInfo) -> str:
    """Return the key id of a signature that names the key itself, not its certificate; "": there is none."""
    from ringward.kmod.der import DerError  # noqa: PLC0415 - rare: kmod's tools cannot read such ones either

    try:
        signers = info.appended.message().signers if info.appended else []
    except DerError:
        return ""
    return signers[0].key_id.hex() if signers else ""
