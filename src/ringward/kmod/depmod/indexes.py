"""The binary indexes: what they hold, and their bytes."""

from __future__ import annotations

from ringward.kmod.depmod import _native
from ringward.kmod.depmod.module import WARNING, DepmodError
from ringward.kmod.names import BracketError, alias_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.depmod.module import Module, Report

_NOWHERE = "\N{NO-BREAK SPACE}"
"""Key of what cannot be in an index."""


def _content(keys: list[str], values: list[str], priorities: list[int]) -> bytes:
    """Return an index; what has a key that is not ASCII is left out, it cannot be in one.

    Raises:
        DepmodError: there would be more than the 256 MiB that offsets reach.

    """
    if not "".join(keys).isascii():
        kept = [number for number, key in enumerate(keys) if key.isascii()]
        keys, values = [keys[number] for number in kept], [values[number] for number in kept]
        priorities = [priorities[number] for number in kept]
    try:
        return _native.index(keys, values, priorities)
    except OverflowError as error:
        raise DepmodError(f"could not write an index: {error}") from None


def dep(modules: list[Module], lines: list[str]) -> bytes:
    """Return modules.dep.bin: module name -> its line of modules.dep."""
    return _content([module.name for module in modules], lines, [module.number for module in modules])


def alias(modules: list[Module], report: Report, *, warn_duplicates: bool) -> bytes:
    """Return modules.alias.bin: normalised alias -> module name; the module that comes first is found first."""
    texts = [text for module in modules for text in module.aliases]
    owners = [module for module in modules for _text in module.aliases]
    keys = _keys(texts, report, owners if warn_duplicates else None)
    return _content(keys, [owner.name for owner in owners], [owner.number for owner in owners])


def _keys(texts: list[str], report: Report, owners: list[Module] | None = None) -> list[str]:
    """Return aliases as they stand in an index; one that cannot be there, after a message, as no ASCII.

    Args:
        texts: the aliases as modules have them.
        report: is told of those that cannot be there.
        owners: of each its module, when it is to be told that a module has one twice.

    """
    keys = [text.replace("-", "_") for text in texts]
    joined = "".join(texts)
    if not owners and joined.isascii() and "[" not in joined and "]" not in joined:
        return keys
    seen = set()
    for number, text in enumerate(texts):
        if "[" in text or "]" in text:
            try:
                keys[number] = alias_name(text)
            except BracketError:
                report(WARNING, f"Unmatched bracket in {text}")
                keys[number] = _NOWHERE
                continue
        if not text.isascii():
            report(WARNING, f"alias {text} is not ASCII: it is in no index")
        elif owners:
            pair = (keys[number], owners[number])
            if pair in seen:
                report(WARNING, f"duplicate module alias:\n{pair[0]} {pair[1].name}")
            seen.add(pair)
    return keys


def symbols(exported: list[tuple[str, Module]]) -> bytes:
    """Return modules.symbols.bin: ``symbol:`` and name -> the module that exports it."""
    owners = [owner for _name, owner in exported]
    keys = [f"symbol:{name}" for name, _owner in exported]
    return _content(keys, [owner.name for owner in owners], [owner.number for owner in owners])


def builtin(names: list[str] | None) -> bytes:
    """Return modules.builtin.bin: name -> nothing; without a modules.builtin an empty file."""
    return b"" if names is None else _content(names, [""] * len(names), [0] * len(names))


def builtin_alias(aliases: list[tuple[str, str]] | None, report: Report) -> bytes:
    """Return modules.builtin.alias.bin: normalised alias -> name; without a modules.builtin.modinfo an empty file."""
    if aliases is None:
        return b""
    keys = _keys([text for text, _name in aliases], report)
    return _content(keys, [name for _text, name in aliases], [0] * len(keys))
