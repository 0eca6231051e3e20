"""Directories as a source: every regular file below them, once."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator

from ringward.trust import _files
from ringward.trust.look import identity
from ringward.trust.sources.fault import Fault

USUAL = ("/usr", "/opt", "/etc", "/boot", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Where programs, libraries and modules are; others are looked at when they are named, or a package owns them."""

Listed = tuple[str, bytes, int, int]
"""Name of a regular file, its identity (`ringward.trust.look.identity`), its size, and ctime in nanoseconds."""


def listed(path: str, found: os.stat_result) -> tuple[str, Listed]:
    """Return a file by itself as `walk` yields those of a directory: the directory, and the file."""
    folder, _, name = path.rpartition("/")
    return folder or "/", (name, identity(found), found.st_size, found.st_ctime_ns)


def walk(
    tops: Iterable[str], fault: Callable[[Fault], None], *, missing_is_fault: bool = False
) -> Iterator[tuple[str, list[Listed]]]:
    """Yield directories, and the regular files in each; links are not followed, and no directory is entered twice.

    Args:
        tops: real paths of directories, or of files.
        fault: called for each directory or file that could not be looked at.
        missing_is_fault: whether a top has to be there.

    """
    entered: set[tuple[int, int]] = set()
    for top in tops:
        try:
            found = os.lstat(top)
        except FileNotFoundError as error:
            if missing_is_fault:
                fault(Fault.of(top, error))
            continue
        except OSError as error:
            fault(Fault.of(top, error))
            continue
        if stat.S_ISREG(found.st_mode):
            folder, one = listed(top, found)
            yield folder, [one]
        elif stat.S_ISDIR(found.st_mode):
            yield from _below(top, (found.st_dev, found.st_ino), entered, fault)


def _below(
    top: str, number: tuple[int, int], entered: set[tuple[int, int]], fault: Callable[[Fault], None]
) -> Iterator[tuple[str, list[Listed]]]:
    if number in entered:
        return
    entered.add(number)
    left = [top]
    while left:
        folder = left.pop()
        try:
            folders, files, faults = _files.scan(folder)
        except FileNotFoundError:
            continue  # removed since its parent was read
        except OSError as error:
            fault(Fault.of(folder, error))
            continue
        above = folder.rstrip("/")
        for name, why in faults:
            fault(Fault(f"{above}/{name}", os.strerror(why)))
        if files:
            yield folder, files
        for name, device, inode in folders:
            if (device, inode) not in entered:
                entered.add((device, inode))
                left.append(f"{above}/{name}")
