"""How many of an event are shown: the options --rate and --sample of `watch`."""

from __future__ import annotations

from collections.abc import Iterable

from ringward.cli.errors import UsageError
from ringward.events.registry import GROUPS, UnknownNameError, select
from ringward.sensor.limits import MOST, Limit


def limits_of(rates: Iterable[str], samples: Iterable[str], events: tuple[str, ...]) -> dict[str, Limit]:
    """Return the limit of each event.

    Args:
        rates: texts like ``read=1000``: a second.
        samples: texts like ``read=1/100``: one of so many.
        events: that are watched.

    Raises:
        UsageError: a text that says something else, or an event that is none of these, or one of the stream itself.

    """
    found: dict[str, Limit] = {}
    for text in rates:
        names, number = _parts("--rate", text, "EVENT=N: so many a second")
        for name in _names("--rate", names, events):
            found[name] = found.get(name, Limit())._replace(rate=_number("--rate", text, number))
    for text in samples:
        names, number = _parts("--sample", text, "EVENT=1/N: one of so many")
        if not number.startswith("1/"):
            raise UsageError(f"--sample needs EVENT=1/N: one of so many; not '{text}'")
        for name in _names("--sample", names, events):
            found[name] = found.get(name, Limit())._replace(every=_number("--sample", text, number[2:]))
    return found


def _parts(option: str, text: str, form: str) -> tuple[list[str], str]:
    names, equals, number = text.partition("=")
    if not equals or not names.strip():
        raise UsageError(f"{option} needs {form}; not '{text}'")
    return [name.strip() for name in names.split(",")], number.strip()


def _number(option: str, text: str, number: str) -> int:
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= MOST):
        raise UsageError(f"{option}: a number from 1 to {MOST}, not '{number}' as in '{text}'")
    return int(number)


def _names(option: str, names: Iterable[str], events: tuple[str, ...]) -> list[str]:
    """Return the events that names stand for, of those that are watched."""
    found = []
    for name in names:
        try:
            meant = set(select([name])) - set(GROUPS["stream"])
        except UnknownNameError as error:
            raise UsageError(f"{option}: {error}") from None
        if not meant:
            raise UsageError(f"{option}: {name} is what the stream says of itself, and has no limits")
        watched = [event for event in events if event in meant]
        if not watched:
            raise UsageError(f"{option}: {name} is not among the events that are watched: name it there, too")
        found += watched
    return found
