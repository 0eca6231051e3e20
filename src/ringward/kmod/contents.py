"""What depmod reads of every module: what it says of itself, what it exports and what it needs."""

from __future__ import annotations

from ringward.kmod import _elf
from ringward.kmod.compression import LIMIT, read_module
from ringward.kmod.errors import KmodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_AT_ONCE = 32


class Contents:
    """Of one module's file.

    Attributes:
        path: of the file.
        modinfo: the strings of `.modinfo`, ``key=value`` each, in file order.
        exports: the names of the exported symbols, in kmod's order.
        export_crcs: of each its CRC; 0: the module was built without symbol versions.
        wants: the names of the symbols that it needs, in kmod's order (see `elf.Elf.wants`).
        want_crcs: of each its CRC; an array of C's uint32_t: ``memoryview(want_crcs).cast("I")``.
        want_flags: of each a byte: `elf.WEAK`, `elf.HAS_CRC` (without it the CRC is not known).

    """

    __slots__ = ("export_crcs", "exports", "modinfo", "path", "want_crcs", "want_flags", "wants")

    def __init__(self, path: str, modinfo: list[str], symbols: _elf.Symbols) -> None:
        self.path = path
        self.modinfo = modinfo
        self.exports, self.export_crcs, self.wants, self.want_crcs, self.want_flags = symbols


def scan(path: str, limit: int = LIMIT) -> Contents:
    """Read one file; of one that is not compressed only the sections that are needed.

    Args:
        path: of the file.
        limit: bytes that are read, or that it may have when unpacked.

    Raises:
        OSError: it cannot be read.
        KmodError: it is damaged; see `compression.read_module` and `elf.Elf`.

    """
    found = _elf.scan_file(path, limit)
    if found is None:
        found = _elf.scan(read_module(path, limit), path)
    return Contents(path, *found)


def scan_many(paths: Iterable[str], threads: int | None = None) -> Iterator[tuple[str, Contents | Exception]]:
    """Yield path and contents of each file, in the order of `paths`; compressed ones are unpacked several at once.

    Args:
        paths: of the files.
        threads: how many are used; None: one for each processor that this process may use.

    Instead of contents there is the OSError or KmodError that `scan` raised.

    """

    def read(path: str) -> tuple[str, Contents | Exception]:
        try:
            return path, scan(path)
        except (OSError, KmodError) as error:
            return path, error

    paths = list(paths)
    # What is not compressed takes less time than it takes to hand it to another thread.
    if all(path.endswith(".ko") for path in paths):
        return map(read, paths)
    from ringward.kmod.threads import in_threads  # noqa: PLC0415 - nor are threads imported

    return in_threads(read, paths, threads, _AT_ONCE)
