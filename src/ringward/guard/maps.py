"""Policies into maps: the bank that is not in use is filled, then it is used. No decision sees half of a policy."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ringward.guard.layouts import layout, pack, unpack, words
from ringward.guard.policy import Compiled
from ringward.sensor import _native
from ringward.trust.rules import MOST_RULES

if TYPE_CHECKING:
    from typing_extensions import Buffer

SPARE = 8192
"""Digests that can be added to a policy without loading it again."""
_DIGEST = 32
_VALUE = struct.Struct("<I")
_KEY = struct.Struct("<I")
_FIRST = _KEY.pack(0)
_BANKS = 2


class Digests(Protocol):
    """The known digests of a policy, all of them: `ringward.trust.packed.PackedDigests`."""

    @property
    def digests(self) -> bytes:
        """Return them, 32 bytes each."""

    @property
    def values(self) -> Buffer:
        """Return the value of each, u32, in the same order."""

    def __len__(self) -> int:
        """Return how many there are."""


class PolicyMaps:
    """The maps of one kernel part.

    Args:
        maps: descriptor of each map, by name.

    """

    def __init__(self, maps: Mapping[str, int]) -> None:
        self._maps = maps
        self._digests: list[int | None] = [None] * _BANKS

    def close(self) -> None:
        """Let go of the descriptors; the kernel part keeps its maps."""
        for bank, fd in enumerate(self._digests):
            if fd is not None:
                os.close(fd)
            self._digests[bank] = None

    def state(self) -> dict[str, Any]:
        """Return the members of struct guard_policy."""
        data = _native.map_lookup(self._maps["guard_policy"], _FIRST)
        return unpack("guard_policy", data or bytes(layout("guard_policy").size))

    def write(self, policy: Compiled, digests: Digests, enforce_until: int | None = 0) -> None:
        """Replace the policy at once.

        Args:
            policy: compiled.
            digests: that are known.
            enforce_until: nanoseconds since boot (CLOCK_BOOTTIME); 0: no end; None: as it is, also where another
                process confirms a trial meanwhile.

        Raises:
            BpfError: the kernel refused a map, or it was too small.

        """
        bank = 1 - self.state()["bank"]
        self._fill_digests(bank, digests)
        self._fill_classes(bank, policy)
        self._fill_rules(bank, policy)
        # Filling takes a while, and another process may have said something.
        before = self.state()
        banked = {"closed": words([policy.closed]), "rules": words([policy.count]), "modes": policy.modes}
        after = {**before, **{name: _with_bank(before[name], bank, value) for name, value in banked.items()}}
        # The kernel does not copy the value at once: the bank is changed when all that belongs to it is there.
        self._put(after)
        until = before["enforce_until"] if enforce_until is None else enforce_until
        self._put({**after, "bank": bank, "enforce_until": until})

    def set_modes(self, modes: bytes, enforce_until: int = 0) -> None:
        """Change the modes of the policy that is in use: u32 of each enum operation."""
        state = self.state()
        now = _with_bank(state["modes"], state["bank"], modes)
        self._put({**state, "modes": now, "enforce_until": enforce_until})

    def confirm(self) -> None:
        """Let enforcing go on without an end."""
        self._put({**self.state(), "enforce_until": 0})

    def add(self, digest: bytes, value: int) -> None:
        """Make one more digest known to the policy that is in use.

        Raises:
            BpfError: the map is full (E2BIG).

        """
        fd = self._digests[self.state()["bank"]]
        if fd is None:
            raise RuntimeError("a digest can be added to a policy that this process has written")
        _native.map_update(fd, digest, _VALUE.pack(value))

    def _put(self, values: Mapping[str, int | bytes]) -> None:
        _native.map_update(self._maps["guard_policy"], _FIRST, pack("guard_policy", values))

    def _fill_digests(self, bank: int, digests: Digests) -> None:
        fd = _native.map_hash("guard_digests", _DIGEST, _VALUE.size, len(digests) + SPARE)
        try:
            _native.map_fill(fd, digests.digests, digests.values)
            _native.map_update(self._maps["guard_digests"], _KEY.pack(bank), _VALUE.pack(fd))
        except BaseException:
            os.close(fd)
            raise
        old, self._digests[bank] = self._digests[bank], fd
        if old is not None:
            os.close(old)

    def _fill_classes(self, bank: int, policy: Compiled) -> None:
        count = len(policy.class_keys) // _KEY.size
        fd = _native.map_hash("guard_classes", _KEY.size, layout("class").size, max(count, 1))
        try:
            _native.map_fill(fd, policy.class_keys, policy.class_values)
            _native.map_update(self._maps["guard_classes"], _KEY.pack(bank), _VALUE.pack(fd))
        finally:
            os.close(fd)

    def _fill_rules(self, bank: int, policy: Compiled) -> None:
        keys = struct.pack(f"<{policy.count}I", *range(bank * MOST_RULES, bank * MOST_RULES + policy.count))
        _native.map_fill(self._maps["guard_rules"], keys, policy.rules)


def _with_bank(both: bytes, bank: int, value: bytes) -> bytes:
    """Return an array of two banks with one of them replaced."""
    return both[: bank * len(value)] + value + both[(bank + 1) * len(value) :]
