"""Calls by which a guard of this machine proves its hooks: some every five seconds, which would fill a table."""

from __future__ import annotations

from collections.abc import Callable

from ringward.events import GROUPS, Event
from ringward.guard import status
from ringward.sensor._native import BpfError
from ringward.sensor.clock import now

LOOK_NS = 1_000_000_000
"""How long an answer about who guards is good for."""
_MODULES = frozenset(GROUPS["modules"])


class Proofs:
    """Knows them: what the guard's process does with modules, and fails.

    Args:
        guard: returns that process, as events name it; None: there is none.

    """

    def __init__(self, guard: Callable[[], str | None] = status.process) -> None:
        self._guard = guard
        self._looked: int | None = None
        self._found: str | None = None

    def __call__(self, event: Event) -> bool:
        """Return whether an event is of such a call."""
        if event.event not in _MODULES or event.process is None:
            return False
        if event.error is None and event.event != "module_digest":
            return False
        return event.process.id == self._process()

    def _process(self) -> str | None:
        time = now()
        if self._looked is None or time - self._looked >= LOOK_NS:
            self._looked = time
            try:
                self._found = self._guard()
            except (OSError, BpfError):
                # Not to be had: all is shown.
                self._found = None
        return self._found
