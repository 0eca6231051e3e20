"""Who exports what, and so who needs whom."""

from __future__ import annotations

from pathlib import Path

from ringward.kmod.depmod.module import ERROR, LIST, WARNING, DepmodError, reason
from ringward.kmod.elf import WEAK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.depmod.module import Module, Place, Report

_KSYMTAB = "__ksymtab_"


class Unresolved:
    """A symbol that a module needs and nobody has, or has in another version.

    Attributes:
        module: that needs it.
        symbol: its name as the module has it, or as its owner has it.
        version: whether somebody has it, with another CRC.

    """

    __slots__ = ("module", "symbol", "version")

    def __init__(self, module: Module, symbol: str, *, version: bool) -> None:
        self.module = module
        self.symbol = symbol
        self.version = version


class Symbols:
    """All exported symbols.

    Args:
        prefix: a character in front of a symbol's name that does not count; "": none.

    Attributes:
        owners: symbol -> the module that exports it; None: the kernel itself. The last one that exports it counts.
        crcs: symbol -> CRC; filled only with `with_crcs`.

    """

    def __init__(self, prefix: str = "", *, with_crcs: bool = False) -> None:
        self.prefix = prefix
        self.with_crcs = with_crcs
        self.owners: dict[str, Module | None] = {}
        self.crcs: dict[str, int] = {}

    def add_modules(self, modules: list[Module]) -> None:
        """Add what the modules export, in their order."""
        for module in modules:
            names = [self._bare(name) for name in module.exports] if self.prefix else module.exports
            self.owners.update(dict.fromkeys(names, module))
            if self.with_crcs:
                self.crcs.update(zip(names, module.export_crcs, strict=True))

    def _bare(self, name: str) -> str:
        return name[1:] if self.prefix and name.startswith(self.prefix) else name

    def key(self, wanted: str) -> str:
        """Return the name by which a wanted symbol is looked up.

        A dot in front does not count: on some machines it marks a function's code.
        """
        return self._bare(wanted.removeprefix("."))

    def _add_kernel(self, name: str, crc: int) -> None:
        self.owners[name] = None
        self.crcs[name] = crc

    def add_symvers(self, file: Place, report: Report) -> None:
        """Add what a Module.symvers says of vmlinux: lines of CRC, symbol, owner and more.

        Raises:
            DepmodError: the file cannot be read.

        """
        for number, row in enumerate(_rows(file), 1):
            # The line end belongs to the last word, so that an owner in the last column is none.
            words = [word for word in row.replace("\t", " ").split(" ") if word]
            if len(words) < 3 or words[2] != "vmlinux":
                continue
            crc = _hex(words[0])
            if crc is None:
                report(ERROR, f"{file.shown}:{number} Invalid symbol version {words[0]}: not a number of base 16")
            else:
                self._add_kernel(self._bare(words[1]), crc)

    def add_system_map(self, file: Place, report: Report) -> None:
        """Add what a System.map says that the kernel exports: lines of address, type and ``__ksymtab_`` symbol.

        Raises:
            DepmodError: the file cannot be read.

        """
        for number, row in enumerate(_rows(file), 1):
            parts = row.split(" ", 2)
            if len(parts) < 3:
                report(ERROR, f"{file.shown}:{number}: invalid line: {row}")
                continue
            # Here the prefix stands in front of the whole, and nowhere else.
            name = self._bare(parts[2].removesuffix("\n"))
            if name.startswith(_KSYMTAB):
                self._add_kernel(name.removeprefix(_KSYMTAB), 0)

    def resolve(self, modules: list[Module]) -> None:
        """Set what each module needs, in the order of first use."""
        owners = self.owners
        marked = (".", self.prefix) if self.prefix else (".",)
        wanted = set[str]().union(*[module.wants for module in modules])
        special = {name: owners.get(self.key(name)) for name in wanted if name.startswith(marked)}
        if special:
            owners = owners | special
        for module in modules:
            found = dict.fromkeys(map(owners.get, module.wants))
            found.pop(None, None)
            module.needs = list(found)  # type: ignore[arg-type]

    def list_needs(self, module: Module, report: Report) -> None:
        """Tell for each module that a module needs the symbol that was met first, and where it is."""
        told = set()
        for want in module.wants:
            name = self.key(want)
            owner = self.owners.get(name)
            if owner is not None and owner not in told:
                told.add(owner)
                report(LIST, f'{module.path} needs "{name}": {owner.path}')

    def check(self, module: Module, report: Report, *, versions: bool) -> list[Unresolved]:
        """Return what a module needs and nobody has, or has with another CRC; a weak need never counts."""
        faults = []
        crcs = memoryview(module.want_crcs).cast("I")
        for want, crc, flags in zip(module.wants, crcs, module.want_flags, strict=True):
            if flags & WEAK:
                continue
            name = self.key(want)
            if name not in self.owners:
                faults.append(Unresolved(module, want, version=False))
                report(WARNING, f"{module.path} needs unknown symbol {want}")
            elif versions and self.crcs.get(name, 0) != crc:
                faults.append(Unresolved(module, name, version=True))
                report(WARNING, f"{module.path} disagrees about version of symbol {name}")
        return faults


def _rows(file: Place) -> list[str]:
    """Return the lines of a file with their ends; of a directory none, as kmod does.

    Raises:
        DepmodError: it cannot be read.

    """
    try:
        with Path(file.real).open(encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
            return list(stream)
    except IsADirectoryError:
        return []
    except OSError as error:
        raise DepmodError(f"could not load {file.shown}: {reason(error)}") from None


def _hex(word: str) -> int | None:
    """Return a number of base 16, with or without 0x; None: it is none."""
    if not word.isascii() or "_" in word:
        return None
    try:
        return int(word, 16)
    except ValueError:
        return None
