"""The first screen: what is watched, how, and what is not. Pure: the sensor's word in, lines out."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ringward.events import BY_NAME
from ringward.events.registry import CALLS
from ringward.output.text import safe, wrap
from ringward.sensor.info import SensorInfo
from ringward.version import VERSION

OR_REPLAY = "or try: ringward replay"
"""What shows the rest where a live sensor cannot."""
_NAME = 11
"""Columns of a line's name, with the space in front."""
CALLS_NAMED = 16
"""System calls that are told by name; of more, only that they are system calls."""


def _item(name: str, text: str, width: int) -> list[str]:
    lines = wrap(safe(text), width, " " * (_NAME - 2))
    return [f"  {safe(name):<{_NAME - 2}}" + lines[0][_NAME - 2 :], *lines[1:]]


def _group(pairs: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, name in pairs:
        found.setdefault(key, []).append(name)
    return found


def screen(info: SensorInfo, selected: Collection[str], width: int, *, recorded: bool = False) -> list[str]:
    """Return what is to be known before the first event.

    Args:
        info: of the sensor.
        selected: events that were asked for; how the sensor sees others for its own use is not told.
        width: of the terminal, columns.
        recorded: it tells of the past and of another machine.

    """
    tense = "recorded on" if recorded else "on"
    lines = wrap(safe(f"Ringward {VERSION} {tense} {info.host}, kernel {info.kernel}"), width, "")
    if info.degraded:
        lines += _item("degraded", info.degraded if recorded else f"{info.degraded}, {OR_REPLAY}", width)
    wanted = _named(selected)
    seen = _group((info.attached[name].rung, name) for name in wanted if name in info.attached)
    for rung, names in seen.items():
        lines += _item(rung, " ".join(names), width)
    losing = _group((info.attached[name].loses, name) for name in wanted if name in info.attached)
    for loses, names in losing.items():
        if loses:
            lines += _item("partly", f"{', '.join(names)}: not seen: {loses}", width)
    lines += _missing(info, wanted, width)
    if info.modules:
        count = info.modules
        lines += _item(
            "modules",
            f"{count.loaded} loaded, {count.unsigned} unsigned, {count.out_of_tree} out of tree",
            width,
        )
    elif info.degraded or info.modules_unread not in (info.missing.get(name) for name in wanted):
        lines += _item("modules", info.modules_unread or "could not be counted", width)
    return lines


def _named(selected: Collection[str]) -> list[str]:
    """Return the events of `selected` in the catalogue's order; of many system calls what all of them are made of."""
    calls = [name for name in CALLS if name in selected]
    return [*(name for name in BY_NAME if name in selected), *(calls if len(calls) <= CALLS_NAMED else ["syscall"])]


def lacks(info: SensorInfo, selected: Collection[str]) -> list[str]:
    """Return, one line a reason, what of `selected` a live sensor cannot see; helping hooks are not told."""
    reasons = _group((info.missing[name], name) for name in _named(selected) if name in info.missing)
    if info.degraded:
        return [safe(f"degraded: {info.degraded}, {OR_REPLAY}")]
    return [safe(f"not seen: {' '.join(names)}: {reason}") for reason, names in reasons.items()]


def _missing(info: SensorInfo, wanted: list[str], width: int) -> Iterator[str]:
    events = _group((reason, label) for label, reason in info.missing.items() if label in wanted)
    for reason, labels in events.items():
        # Without eBPF there is one reason for all, and it stands above.
        why = "" if info.degraded else f": {reason}"
        yield from _item("missing", f"{' '.join(labels)}{why}", width)
    # An aid is ``event: hook``. What stops whole events for the same reason has been told.
    aids = ((label.partition(": "), reason) for label, reason in info.missing.items() if reason not in events)
    parts = _group((reason, f"{event} without {hook}") for (event, _, hook), reason in aids if hook and event in wanted)
    for reason, texts in parts.items():
        yield from _item("partly", f"{'; '.join(texts)}: {reason}", width)
