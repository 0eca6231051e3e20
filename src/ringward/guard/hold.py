"""References on modules that nobody may remove: without one, the name in user memory could be changed in time."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ringward.sensor import _native
from ringward.trust.patterns import Pattern, underscored

PREFIX = "hold-"
"""Of a link's name: ``hold-softdog``."""


def loaded(text: str) -> list[str]:
    """Return the names of the modules in the text of /proc/modules."""
    return [line.split(" ", 1)[0] for line in text.splitlines()]


def to_keep(names: Iterable[str], patterns: Iterable[Pattern]) -> list[str]:
    """Return those of some modules that match one of some patterns."""
    patterns = tuple(patterns)
    return [
        name for name in names if any(p.matches(underscored(name.encode("utf-8", "surrogateescape"))) for p in patterns)
    ]


class Holds:
    """The references of one guard. `failed`: modules that could not be held, with the reason."""

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}
        self._links: dict[str, int] = {}

    def keep(self, patterns: Iterable[Pattern], names: Iterable[str] | None = None) -> list[str]:
        """Hold the modules that match; return the ones that were not held before.

        Args:
            patterns: of names.
            names: of modules that are loaded; None: all that are.

        """
        patterns = tuple(patterns)
        if not patterns:
            return []
        found = loaded(Path("/proc/modules").read_text()) if names is None else names
        added = []
        for name in to_keep(found, patterns):
            if name in self._links:
                continue
            try:
                self._links[name] = _native.module_hold(name)
            except _native.BpfError as error:
                self.failed[name] = f"{error.args[2]}: {error.args[1]}"
                continue
            self.failed.pop(name, None)
            added.append(name)
        return added

    def let_go(self, patterns: Iterable[Pattern]) -> list[str]:
        """Let go of the modules that do not match; return them."""
        gone = sorted(set(self._links) - set(to_keep(self._links, patterns)))
        for name in gone:
            os.close(self._links.pop(name))
        return gone

    def links(self) -> dict[str, int]:
        """Return the descriptor of each reference, by the name that its link gets."""
        return {f"{PREFIX}{name}": fd for name, fd in self._links.items()}

    def close(self) -> None:
        """Let go of all; what is pinned stays."""
        for fd in self._links.values():
            os.close(fd)
        self._links.clear()
