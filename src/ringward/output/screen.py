"""The first screen: what is watched, how, and what is not. Pure: the sensor's word in, lines out."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ringward.events import BY_NAME
from ringward.output.text import safe, wrap
from ringward.sensor.info import SensorInfo
from ringward.version import VERSION

_NAME = 11
"""Columns of a line's name, with the space in front."""


def _item(name: str, text: str, width: int) -> list[str]:
    lines = wrap(safe(text), width, " " * _NAME)
    return [f"  {name:<{_NAME - 2}}" + lines[0][_NAME:], *lines[1:]]


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
        lines += _item("degraded", info.degraded, width)
    wanted = [name for name in BY_NAME if name in selected]
    seen = _group((info.attached[name].rung, name) for name in wanted if name in info.attached)
    for rung, names in seen.items():
        lines += _item(rung, " ".join(names), width)
    losing = _group((info.attached[name].loses, name) for name in wanted if name in info.attached)
    for loses, names in losing.items():
        if loses:
            lines += _item("unseen", f"{loses} ({', '.join(names)})", width)
    lines += _missing(info, wanted, width)
    if info.modules:
        count = info.modules
        lines += _item(
            "modules",
            f"{count.loaded} loaded, {count.unsigned} unsigned, {count.out_of_tree} out of tree",
            width,
        )
    else:
        lines += _item("modules", info.modules_unread or "could not be counted", width)
    return lines


def lacks(info: SensorInfo, selected: Collection[str]) -> list[str]:
    """Return, one line a reason, what of `selected` cannot be seen; helping hooks are not told."""
    reasons = _group((info.missing[name], name) for name in BY_NAME if name in selected and name in info.missing)
    found = [safe(f"not seen: {' '.join(names)}: {reason}") for reason, names in reasons.items()]
    return [safe(f"degraded: {info.degraded}"), *found] if info.degraded else found


def _missing(info: SensorInfo, wanted: list[str], width: int) -> Iterator[str]:
    def mine(label: str) -> bool:
        return label.partition(":")[0] in wanted

    for reason, labels in _group((reason, label) for label, reason in info.missing.items() if mine(label)).items():
        events = [label for label in labels if ":" not in label]
        # Of an event that is missing, its aids go without saying; several events share an aid.
        aids = dict.fromkeys(
            label.partition(": ")[2] for label in labels if label.partition(":")[0] not in info.missing
        )
        parts = [" ".join(events)] if events else []
        kept = [aid for aid in aids if aid]
        if kept:
            parts.append(f"what {', '.join(kept)} would add" if not events else f"and what {', '.join(kept)} would add")
        if parts:
            yield from _item("missing", f"{' '.join(parts)}: {reason}", width)
