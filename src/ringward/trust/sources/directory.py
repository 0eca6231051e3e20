"""Directories as a source: every regular file below them, once."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator

from ringward.trust.sources.fault import Fault

USUAL = ("/usr", "/opt", "/etc", "/boot", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Where programs, libraries and modules are; others are looked at when they are named, or a package owns them."""

Found = tuple[str, os.stat_result]
"""Real path of a regular file, and its status."""


def walk(tops: Iterable[str], fault: Callable[[Fault], None], *, missing_is_fault: bool = False) -> Iterator[Found]:
    """Yield the regular files below directories; links are not followed, and no directory is entered twice.

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
            yield top, found
        elif stat.S_ISDIR(found.st_mode):
            yield from _below(top, (found.st_dev, found.st_ino), entered, fault)


def _below(
    top: str, identity: tuple[int, int], entered: set[tuple[int, int]], fault: Callable[[Fault], None]
) -> Iterator[Found]:
    if identity in entered:
        return
    entered.add(identity)
    left = [top]
    while left:
        folder = left.pop()
        try:
            # On the whole at once: the directory may be changed meanwhile.
            with os.scandir(folder) as entries:
                some = list(entries)
        except FileNotFoundError:
            continue  # removed since its parent was read
        except OSError as error:
            fault(Fault.of(folder, error))
            continue
        for entry in some:
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            except OSError as error:
                fault(Fault.of(entry.path, error))
                continue
            if stat.S_ISREG(found.st_mode):
                yield entry.path, found
            elif stat.S_ISDIR(found.st_mode) and (found.st_dev, found.st_ino) not in entered:
                entered.add((found.st_dev, found.st_ino))
                left.append(entry.path)
