"""``ringward trust`` for people: tables, and the lines that say what changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ringward.output.text import columns, cut, fit, safe
from ringward.trust.change import Change
from ringward.trust.entry import Entry, Item, Kind, Pending, short
from ringward.trust.sources.fault import Fault

MOST = 20
"""Lines of one kind that are shown unless all are asked for."""
_GAP = "  "
_NARROW = 12
"""Columns that each column has, if it needs them."""


def plural(number: int, what: str) -> str:
    """Return a number and what is counted: ``1 file``, ``12,345 files``, ``2 entries``, ``2 mismatches``."""
    several = what[:-1] + "ies" if what.endswith("y") else what + ("es" if what.endswith("ch") else "s")
    return f"{number:,} {what if number == 1 else several}"


def table(heads: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Yield lines with columns; the last one has half of the width if it needs it, and takes what is left.

    Args:
        heads: of the columns.
        cells: of each row, as many.
        width: of a line, in terminal columns.

    """
    shown = [[safe(cell) for cell in row] for row in cells]
    sizes = [max(columns(row[at]) for row in (heads, *shown)) for at in range(len(heads))]
    *front, last = sizes
    room = width - len(_GAP) * len(front)
    while front and sum(front) > room - min(last, width // 2) and max(front) > _NARROW:
        front[front.index(max(front))] -= 1
    left = max(room - sum(front), columns(heads[-1]))
    for row in (heads, *shown):
        shown_cells = [fit(cell, size) for cell, size in zip(row, front, strict=False)]
        yield _GAP.join([*shown_cells, cut(row[-1], left)]).rstrip()


def whose(item: Item) -> str:
    """Return what an item is of: ``coreutils 9.1-1``; "": nothing."""
    return f"{item.package} {item.version}".strip()


def where(item: Item) -> str:
    """Return where an item was seen, or the alias that it is; "": nowhere."""
    return item.path or (item.name if item.kind == Kind.ALIAS else "")


def entry_rows(entries: Iterable[Entry]) -> list[list[str]]:
    """Return the cells of entries: id, kind, source, of, path."""
    return [[short(one.item.digest), one.item.kind, one.source, whose(one.item), where(one.item)] for one in entries]


ENTRY_HEADS = ("ID", "KIND", "SOURCE", "OF", "PATH")
PENDING_HEADS = ("ID", "KIND", "SEEN", "WHY", "PATH")


def pending_rows(pendings: Iterable[Pending]) -> list[list[str]]:
    """Return the cells of what waits: id, kind, how it was noticed, why, path."""
    return [[short(one.item.digest), one.item.kind, one.seen, one.why, where(one.item)] for one in pendings]


def _line(mark: str, item: Item, note: str) -> str:
    return safe(f"  {mark} {short(item.digest)}  {item.kind:<12}  {where(item) or '-'}{f'  ({note})' if note else ''}")


def some(lines: Sequence[str], most: int | None) -> Iterator[str]:
    """Yield lines, and how many were left out if there are more than `most`; None: all."""
    yield from lines[:most]
    if most is not None and len(lines) > most:
        yield f"    ... and {len(lines) - most:,} more: --verbose lists them"


def change_lines(change: Change, most: int | None = MOST) -> Iterator[str]:
    """Yield what a change does, or will do.

    Args:
        change: the change.
        most: lines of each kind; None: all.

    """
    parts: list[tuple[str, list[str]]] = [
        (
            f"to be trusted: {plural(len(change.add), 'entry')}",
            [_line("+", one.item, whose(one.item) or one.reason) for one in change.add],
        ),
        (f"signature looked at again: {plural(len(change.renew), 'entry')}", []),
        (
            f"not to be trusted any more: {plural(len(change.remove), 'entry')}",
            [_line("-", one.item, whose(one.item)) for one in change.remove],
        ),
        (
            f"waiting for a decision: {plural(len(change.wait), 'digest')}",
            [_line("?", one.item, one.why) for one in sorted(change.wait, key=_place)],
        ),
        (f"waiting no longer: {plural(len(change.forget), 'digest')}", []),
    ]
    groups = (change.add, change.renew, change.remove, change.wait, change.forget)
    for (head, lines), group in zip(parts, groups, strict=True):
        if group:
            yield head
            yield from some(lines, most)


def _place(one: Pending) -> tuple[bool, str]:
    # What differs from its package is worse than what no package has: first.
    return not one.item.package, one.item.path


def fault_lines(faults: Sequence[Fault], most: int | None = MOST) -> Iterator[str]:
    """Yield what could not be looked at."""
    if faults:
        yield f"could not look: {plural(len(faults), 'place')}"
        yield from some([safe(f"  ! {fault.path}: {fault.why}") for fault in faults], most)
