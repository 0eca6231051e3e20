"""The text files, as lists of lines without line ends: what they say is what kmod's depmod writes."""

from __future__ import annotations

from ringward.kmod.depmod.devname import devname
from ringward.kmod.depmod.order import SYMBOL_BUCKETS, hash_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.depmod.module import Module, Report
    from ringward.kmod.depmod.symbols import Symbols

ALIAS_HEAD = "# Aliases extracted from modules themselves."
SOFTDEP_HEAD = "# Soft dependencies extracted from modules themselves."
WEAKDEP_HEAD = "# Weak dependencies extracted from modules themselves."
SYMBOLS_HEAD = "# Aliases for symbols, used by symbol_request()."
DEVNAME_HEAD = "# Device nodes to trigger on-demand module loading."


def dep(modules: list[Module], closures: list[list[Module]]) -> list[str]:
    """Return the lines of modules.dep: a module's path, and those of all that it needs."""
    paths = [module.listed for module in modules]
    return [
        f"{path}: {' '.join([paths[need.number] for need in needs])}" if needs else f"{path}:"
        for path, needs in zip(paths, closures, strict=True)
    ]


def alias(modules: list[Module]) -> list[str]:
    """Return the lines of modules.alias."""
    return [ALIAS_HEAD, *[f"alias {value} {module.name}" for module in modules for value in module.aliases]]


def softdep(modules: list[Module]) -> list[str]:
    """Return the lines of modules.softdep."""
    return [SOFTDEP_HEAD, *[f"softdep {module.name} {value}" for module in modules for value in module.softdeps]]


def weakdep(modules: list[Module]) -> list[str]:
    """Return the lines of modules.weakdep."""
    return [WEAKDEP_HEAD, *[f"weakdep {module.name} {value}" for module in modules for value in module.weakdeps]]


def symbols(pairs: list[tuple[str, Module]]) -> list[str]:
    """Return the lines of modules.symbols for what `exported` returns."""
    return [SYMBOLS_HEAD, *[f"alias symbol:{name} {owner.name}" for name, owner in pairs]]


def exported(table: Symbols) -> list[tuple[str, Module]]:
    """Return each symbol of a module with its owner, in the order of kmod's hash table."""
    owners = table.owners
    return [(name, owner) for name in hash_order(owners, SYMBOL_BUCKETS) if (owner := owners[name]) is not None]


def devnames(modules: list[Module], report: Report) -> list[str]:
    """Return the lines of modules.devname: none at all when no module wants a device node."""
    lines = [line for module in modules if module.aliases and (line := devname(module, report)) is not None]
    return [DEVNAME_HEAD, *lines] if lines else []
