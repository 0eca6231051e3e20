"""One module file as depmod sees it, and what is told to the user on the way."""

from __future__ import annotations

from ringward.kmod.compression import SUFFIXES
from ringward.kmod.errors import KmodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Report = Callable[[str, str], None]
    """Is called with ERROR or WARNING and a text, in the order in which things are found."""

LIMIT = 1 << 28
"""Bytes of modules.order and the like; Debian's have 170 KB."""
ERROR = "ERROR"
WARNING = "WARNING"
LIST = "LIST"
"""What `depmod -v` lists: no complaint."""
_KEYS = ("alias", "softdep", "weakdep")


class DepmodError(Exception):
    """depmod cannot do its work; the message says what was attempted and why it failed."""


class Place:
    """A directory or file by two names.

    Attributes:
        shown: its path as the user has it, which is what stands in messages and in modules.dep.
        real: the path to open; another one only below a sysroot.

    """

    __slots__ = ("real", "shown")

    def __init__(self, shown: str, real: str | None = None) -> None:
        self.shown = shown
        self.real = shown if real is None else real

    def file(self, name: str) -> Place:
        """Return a file of that name in this directory."""
        return Place(f"{self.shown}/{name}", f"{self.real}/{name}")


class Module:
    """A module file that takes part.

    Attributes:
        name: of the module.
        path: of the file, as the user has it.
        real: the path to open.
        relative: the path below the module directory; None: the file is elsewhere.
        aliases: the values of ``alias=`` in `.modinfo`, in file order.
        softdeps: those of ``softdep=``.
        weakdeps: those of ``weakdep=``.
        exports: the names of its exported symbols.
        export_crcs: of each its CRC.
        wants: the names of the symbols that it needs, in the order in which they are looked up.
        want_crcs: of each its CRC: an array of uint32_t.
        want_flags: of each a byte, `elf.WEAK` and `elf.HAS_CRC`.
        needs: modules that it needs itself, in the order of first use, then in that of `rank`.
        rank: place in the topological order; users before what they use.
        number: place among all modules: its priority in the indexes.

    """

    __slots__ = (
        "aliases",
        "export_crcs",
        "exports",
        "name",
        "needs",
        "number",
        "path",
        "rank",
        "real",
        "relative",
        "softdeps",
        "want_crcs",
        "want_flags",
        "wants",
        "weakdeps",
    )

    def __init__(self, name: str, path: str, relative: str | None = None, real: str | None = None) -> None:
        self.name = name
        self.path = path
        self.relative = relative
        self.real = path if real is None else real
        self.aliases: list[str] = []
        self.softdeps: list[str] = []
        self.weakdeps: list[str] = []
        self.exports: list[str] = []
        self.export_crcs: list[int] = []
        self.wants: list[str] = []
        self.want_crcs = b""
        self.want_flags = b""
        self.needs: list[Module] = []
        self.rank = -1
        self.number = -1

    @property
    def listed(self) -> str:
        """The path that modules.dep has: relative where the file is in the module directory."""
        return self.path if self.relative is None else self.relative

    def take_modinfo(self, lines: list[str]) -> None:
        """Take from the strings of `.modinfo` what matters here; one without '=' has the value ""."""
        lines = [line for line in lines if line.startswith(_KEYS)]
        self.aliases = [line[6:] for line in lines if line.startswith("alias=") or line == "alias"]
        if len(self.aliases) < len(lines):
            self.softdeps = [line[8:] for line in lines if line.startswith("softdep=") or line == "softdep"]
            self.weakdeps = [line[8:] for line in lines if line.startswith("weakdep=") or line == "weakdep"]

    def __repr__(self) -> str:
        return f"Module({self.listed!r})"


def is_module(name: str) -> bool:
    """Return whether a file of that name is a module, compressed or not."""
    return name.endswith(SUFFIXES) and not name.startswith(SUFFIXES)


def uncompressed(path: str) -> str:
    """Return a path without the suffix of a compressed module, as modules.order has it."""
    for suffix in SUFFIXES:
        if path.endswith(suffix):
            return path[: -len(suffix)] + ".ko"
    return path


def reason(error: Exception) -> str:
    """Return why a file cannot be used, without its path."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, KmodError):
        return error.why if error.offset is None else f"offset {error.offset}: {error.why}"
    return str(error)
