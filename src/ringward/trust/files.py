"""The database's files: whose they are, and how one takes the place of another so that no moment shows half of it."""

from __future__ import annotations

import contextlib
import os
import stat

GOOD = ".good"
"""Ending of the last good copy, beside the database."""
DRAFT = ".new"
"""Ending of a copy that is being written."""
BAD = ".bad"
"""Ending of a database that could not be used, kept for whoever wants to know why."""
JOURNAL = "-journal"
"""Ending of SQLite's rollback journal."""


def fault(path: str) -> str | None:
    """Return why a file must not be trusted; "" when there is none; None: it may be."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return error.strerror or str(error)
    if not stat.S_ISREG(found.st_mode):
        return "it is not a regular file"
    if found.st_uid not in {0, os.geteuid()}:
        return f"it belongs to user {found.st_uid}"
    if found.st_mode & 0o022:
        return f"others may write to it (mode {stat.S_IMODE(found.st_mode):04o})"
    return None


def make_private(path: str) -> None:
    """Create an empty file that only its owner may read, and the directories above it.

    Raises:
        OSError: it cannot be made, or there is one.

    """
    os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120 - as all of os here
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def sync(path: str) -> None:
    """Wait until a file, and its name in its directory, are on the disk."""
    for each in (path, os.path.dirname(path) or "."):  # noqa: PTH120 - as above
        fd = os.open(each, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def replace(draft: str, path: str) -> None:
    """Put a finished file in the place of another."""
    sync(draft)
    os.replace(draft, path)  # noqa: PTH105 - as above
    sync(path)


def remove(path: str) -> None:
    """Remove a file if there is one."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 - as above
