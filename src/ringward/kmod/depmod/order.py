"""The order of the modules: that of kmod's hash tables, that of modules.order, and who is needed by whom."""

from __future__ import annotations

from ringward.kmod.compression import read_file
from ringward.kmod.depmod import _native
from ringward.kmod.depmod.module import ERROR, LIMIT, WARNING, reason, uncompressed
from ringward.kmod.errors import KmodError
from ringward.kmod.names import strcmp_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringward.kmod.depmod.module import Module, Place, Report

MODULE_BUCKETS = 512
SYMBOL_BUCKETS = 2048
"""Sizes of kmod's hash tables: of modules by name, of symbols."""
_LONGEST_LINE = 4095
"""Bytes of a line of modules.order or modules.builtin, its end included: kmod's buffer has PATH_MAX."""


def hash_order(names: Iterable[str], buckets: int) -> list[str]:
    """Return names in the order in which kmod walks a hash table: by bucket, then as strcmp(3) sorts them."""
    names = list(names)
    keys = {name: (number & (buckets - 1), name) for name, number in zip(names, _native.hashes(names), strict=True)}
    if not "".join(names).isascii():  # code points are not in the order of the bytes
        return sorted(names, key=lambda name: (keys[name][0], strcmp_key(name)))
    return sorted(names, key=keys.__getitem__)


def module_order(modules: dict[str, Module], directory: Place, report: Report) -> list[Module]:
    """Return the modules as modules.order lists them, and behind them the others in hash order; number them."""
    array = [modules[name] for name in hash_order(modules, MODULE_BUCKETS)]
    places = _modules_order(directory, report)
    if places:
        last = max(places.values()) + 1
        array.sort(key=lambda module: places.get(uncompressed(module.relative or ""), last))
    for number, module in enumerate(array):
        module.number = number
    return array


def _modules_order(directory: Place, report: Report) -> dict[str, int]:
    """Return path -> place from modules.order; nothing, and a message, when it cannot be used."""
    try:
        rows = read_file(directory.file("modules.order").real, LIMIT).split(b"\n")
    except IsADirectoryError:
        return {}
    except (OSError, KmodError) as error:
        report(WARNING, f"could not open modules.order at {directory.shown}: {reason(error)}")
        return {}
    bad = next((n for n, row in enumerate(rows[:-1], 1) if len(row) >= _LONGEST_LINE or b"\0" in row), 0)
    if not bad and rows[-1]:
        bad = len(rows)
    if bad:
        # kmod does not use what it has read so far.
        report(ERROR, f"{directory.shown}/modules.order:{bad} corrupted line misses '\\n'")
        return {}
    # Of a line that is there twice the second counts.
    return {row.decode("utf-8", "surrogateescape"): number for number, row in enumerate(rows[:-1]) if row}


def rank(modules: list[Module]) -> list[Module]:
    """Set `rank`: each module before what it needs; return those that cannot be so, for a cycle.

    A module of which nobody is left that needs it is taken from a stack: the last one first, as kmod does.
    What is in or below a cycle gets a place behind all others.
    """
    users = [0] * len(modules)
    for module in modules:
        for need in module.needs:
            users[need.number] += 1
    ready = [module for module in modules if not users[module.number]]
    place = _take(ready, users, 0)
    left = [module for module in modules if module.rank < 0]
    for module in left:
        if module.rank < 0:
            place = _take([module], users, place)
    return left


def _rank(module: Module) -> int:
    return module.rank


def _take(ready: list[Module], users: list[int], place: int) -> int:
    """Set the rank of what is ready and of what becomes so; return the next rank."""
    while ready:
        module = ready.pop()
        module.rank = place
        place += 1
        for need in module.needs:
            users[need.number] -= 1
            if not users[need.number] and need.rank < 0:
                ready.append(need)
    return place


def closures(modules: list[Module]) -> list[list[Module]]:
    """Return for each module all that it needs, directly or not, in the order of their ranks; never itself."""
    found: list[set[Module] | None] = [None] * len(modules)
    for module in sorted(modules, key=_rank, reverse=True):
        needs = set(module.needs)
        for need in module.needs:
            below = found[need.number]
            if below is None:  # a cycle: what it needs is not known yet
                below = _reached(need)
            needs |= below
        needs.discard(module)
        found[module.number] = needs
    return [sorted(needs, key=_rank) if needs else [] for needs in found]


def _reached(module: Module) -> set[Module]:
    """Return all that a module needs, by walking there."""
    seen: set[Module] = set()
    todo = [module]
    while todo:
        fresh = [need for need in todo.pop().needs if need not in seen]
        seen.update(fresh)
        todo += fresh
    return seen
