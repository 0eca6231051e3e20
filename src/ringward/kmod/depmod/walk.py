"""The module files below a directory, in the order in which the file system lists them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ringward.kmod.depmod.module import ERROR, is_module, reason
from ringward.kmod.sysroot import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringward.kmod.depmod.module import Place, Report

ALWAYS_EXCLUDED = frozenset({"build", "source"})
"""Links from a module directory into the kernel's sources."""


class _Directory:
    """A directory that is being walked.

    Attributes:
        shown, real: its paths, see `module.Place`.
        entries: what is still to be looked at.
        above: device and inode numbers of this one and of all above it.

    """

    __slots__ = ("above", "entries", "real", "shown")

    def __init__(self, shown: str, real: str, above: frozenset[tuple[int, int]]) -> None:
        self.shown = shown
        self.real = real
        status = Path(real).stat()
        here = (status.st_dev, status.st_ino)
        # kmod goes round until a path is too long.
        if here in above:
            raise OSError(0, "a link to a directory above it, not followed")
        with os.scandir(real) as entries:
            self.entries = iter(list(entries))
        self.above = above | {here}


def walk(top: Place, excluded: frozenset[str], report: Report, root: str = "") -> Iterator[tuple[str, str]]:
    """Yield both paths (see `module.Place`) of each module file below a directory.

    Args:
        top: of the tree.
        excluded: names of directories and files that are left out, besides `ALWAYS_EXCLUDED`.
        report: is told what cannot be looked at; the rest is walked.
        root: of the system that is looked at, which links do not lead out of; "" is this one.

    Raises:
        OSError: `top` itself cannot be read.

    """
    excluded = ALWAYS_EXCLUDED | excluded
    todo = [_Directory(top.shown, top.real, frozenset())]
    while todo:
        directory = todo[-1]
        for entry in directory.entries:
            name = entry.name
            if name in excluded:
                continue
            shown = f"{directory.shown}/{name}"
            if entry.is_file(follow_symlinks=False):
                if is_module(name):
                    yield shown, entry.path
                continue
            try:
                found = _other(shown, entry, directory, root)
            except OSError as error:
                report(ERROR, f"could not open {shown}: {reason(error)}")
                continue
            if isinstance(found, _Directory):
                todo.append(found)
                break
            if isinstance(found, int):
                report(ERROR, f"unsupported file type {shown}: {found:o}")
            elif is_module(name):
                yield shown, found
        else:
            todo.pop()


def _other(shown: str, entry: os.DirEntry[str], above: _Directory, root: str) -> _Directory | str | int:
    """Return what an entry is that is no file: a directory, the path of the file that it leads to, or a type."""
    real = entry.path
    if entry.is_dir(follow_symlinks=False):
        return _Directory(shown, real, above.above)
    if root:
        real = inside(root, real[len(root.rstrip("/")) :])
    mode = Path(real).stat().st_mode
    if stat.S_ISDIR(mode):
        return _Directory(shown, real, above.above)
    return real if stat.S_ISREG(mode) else stat.S_IFMT(mode)
