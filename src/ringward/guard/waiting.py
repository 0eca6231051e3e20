"""What waits for a decision, gathered for a while: each time it is written the whole database is copied."""

from __future__ import annotations

from ringward.sensor.clock import NS
from ringward.trust.entry import Pending

KEEP_NS = NS
"""How long it is gathered."""


class Waiting:
    """Digests on their way into the database.

    Args:
        most: digests that are taken in all, where anybody can make new ones; None: no limit.

    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._taken: set[bytes] = set()
        self._waiting: list[Pending] = []
        self._since: int | None = None

    def add(self, one: Pending) -> bool:
        """Gather one; return whether it is the first that had no room."""
        if self._most is None:
            self._waiting.append(one)
            return False
        digest = one.item.digest
        if digest in self._taken or len(self._taken) > self._most:
            return False
        self._taken.add(digest)
        if len(self._taken) > self._most:
            return True
        self._waiting.append(one)
        return False

    def due(self, time: int, *, at_once: bool = False) -> list[Pending]:
        """Return what is to be written.

        Args:
            time: nanoseconds since boot.
            at_once: all of it, however new.

        """
        if not self._waiting:
            return []
        if self._since is None:
            self._since = time
        if not at_once and time - self._since < KEEP_NS:
            return []
        found, self._waiting, self._since = self._waiting, [], None
        return found
