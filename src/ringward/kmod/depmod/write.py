"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from ringward.kmod.depmod.module import DepmodError, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.depmod.module import Place

MODE = 0o644
"""Of a new file; the process's umask is taken away."""


def make_directory(directory: Place) -> None:
    """Make a directory, and those above it, unless it is there.

    Raises:
        DepmodError: it cannot be made.

    """
    try:
        Path(directory.real).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DepmodError(f"could not make directory {directory.shown}: {reason(error)}") from None


def write(directory: Place, files: list[tuple[str, bytes]]) -> None:
    """Write files into a directory.

    All are written beside their places and brought to the disk before the first one is put into its place, so that
    a full disk changes nothing.

    Raises:
        DepmodError: a file could not be written. What stood in the directory is as it was, or, when it is the
            last step that failed, new in a part of the files; nothing else is left behind.

    """
    try:
        folder = os.open(directory.real, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise DepmodError(f"could not open directory {directory.shown}: {reason(error)}") from None
    drafts: dict[str, str] = {}
    try:
        for name, content in files:
            _check(folder, name, directory)
            drafts[name] = f"{name}.{os.getpid()}.{os.urandom(4).hex()}"
            _draft(folder, drafts[name], content, directory)
        for draft in drafts.values():
            _sync(folder, draft, directory)
        for name, _content in files:
            try:
                os.replace(drafts[name], name, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError as error:
                raise DepmodError(f"could not put {directory.shown}/{name} in its place: {reason(error)}") from None
            del drafts[name]
        os.fsync(folder)
    finally:
        for draft in drafts.values():
            try:
                os.unlink(draft, dir_fd=folder)
            except OSError:  # it was not made, or the file system is read-only by now
                continue
        os.close(folder)


def _check(folder: int, name: str, directory: Place) -> None:
    """Refuse to begin when the last step is bound to fail."""
    try:
        # An entry that can be opened as a directory is one; O_PATH needs no permission.
        os.close(os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder))
    except OSError:
        return
    raise DepmodError(f"could not write {directory.shown}/{name}: a directory is in its place")


def _draft(folder: int, draft: str, content: bytes, directory: Place) -> None:
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE, dir_fd=folder)
        with os.fdopen(fd, "wb", buffering=0) as file:
            left = memoryview(content)
            while left:
                left = left[file.write(left) :]
    except OSError as error:
        raise DepmodError(f"could not write {directory.shown}/{draft}: {reason(error)}") from None


def _sync(folder: int, draft: str, directory: Place) -> None:
    try:
        fd = os.open(draft, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=folder)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise DepmodError(f"could not bring {directory.shown}/{draft} to the disk: {reason(error)}") from None
