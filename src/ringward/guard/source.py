"""What the guard decides by: the trust database and the rules, followed while they change."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import cast

from ringward.trust import rows
from ringward.trust.entry import Pending
from ringward.trust.packed import PackedDigests
from ringward.trust.resolve_rules import load_policy
from ringward.trust.rule_files import ENDING, read_rules
from ringward.trust.rules import Mode, Operation, Policy, Rule
from ringward.trust.store import open_store

_Identity = tuple[tuple[int, ...], tuple[tuple[str, int, int, int], ...]]


class Source:
    """A database and a directory of rules.

    Args:
        database: path of it.
        rules: the directory.
        modes: of the operations.
        closed: operations in which what nothing allows is denied.

    Attributes:
        idle: ids of the rules for which no known digest is what they want, as of the last policy.
        warning: why the database is its last good copy, and what to do; "": it is not.

    Raises:
        StoreError: the database cannot be used.

    """

    def __init__(
        self, database: str, rules: str, modes: Mapping[Operation, Mode], closed: frozenset[Operation]
    ) -> None:
        self._path = database
        self._directory = rules
        self._modes = dict(modes)
        self._closed = closed
        self._waiting: set[bytes] = set()
        self._rules: dict[str, Rule] = {}
        self.idle: tuple[str, ...] = ()
        self._store = open_store(database, write=True)
        self.warning = self._store.warning
        self._loaded = self._identity()

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def policy(self) -> tuple[Policy, PackedDigests]:
        """Return the policy as it is to be from now on, and its digests.

        Raises:
            StoreError: the database cannot be used, or nothing is trusted.
            RulesError: the rules cannot be used.

        """
        now = self._identity()
        if now[0][:2] != self._loaded[0][:2]:
            # Another file has taken its place.
            store = open_store(self._path, write=True)
            self._store.close()
            self._store, self.warning = store, store.warning
            now = self._identity()
        # Kept also when what follows fails: it is not tried again before something changes.
        self._loaded = now
        self._waiting.clear()
        rules = read_rules(self._directory)
        policy, self.idle = load_policy(self._store.connection, rules, self._modes, self._closed)
        self._rules = {rule.id: rule for rule in rules}
        return policy, cast(PackedDigests, policy.known)

    def changed(self) -> bool:
        """Return whether somebody else has changed the database or the rules since the policy was made."""
        return self._identity() != self._loaded

    def rule(self, name: str | None) -> Rule | None:
        """Return a rule of the policy, by its name."""
        return self._rules.get(name or "")

    def wait(self, new: Iterable[Pending]) -> None:
        """Let digests wait for somebody's decision; each is written once.

        Raises:
            StoreError: they could not be written.

        """
        fresh = {one.item.digest: one for one in new if one.item.digest not in self._waiting}
        if fresh:
            with self._store.change() as connection:
                rows.wait(connection, fresh.values())
            self._waiting.update(fresh)

    def _identity(self) -> _Identity:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - paths are text here
            file: tuple[int, ...] = found.st_dev, found.st_ino
        except OSError as error:
            file = (-1, error.errno or 0)
        # Of changes by other connections than this one: https://www.sqlite.org/pragma.html#pragma_data_version
        (version,) = self._store.connection.execute("PRAGMA data_version").fetchone()
        return (*file, version), tuple(sorted(_files(self._directory)))


def _files(directory: str) -> Iterable[tuple[str, int, int, int]]:
    try:
        with os.scandir(directory) as found:
            for entry in found:
                if entry.name.endswith(ENDING):
                    stat = entry.stat()
                    yield entry.name, stat.st_ino, stat.st_size, stat.st_mtime_ns
    except OSError as error:
        # It is told when the rules are read.
        yield "", error.errno or 0, 0, 0
