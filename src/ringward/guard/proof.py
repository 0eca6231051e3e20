"""Proof that the hooks which judge decide: a thread of its own whose calls are counted, and go no further.

In each mode what it asks of modules is refused by the hooks themselves, and leaves no trace: no event, no line in the
kernel's log, no modprobe. Which calls these are: `ringward.guard.module_proof`, `ringward.guard.programs_proof`.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ringward.guard.layouts import constants
from ringward.sensor import _native
from ringward.sensor.canary_thread import PROOF, canary_thread
from ringward.sensor.clock import now

_KEY = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_FIRST = _KEY.pack(0)
LASTS_NS = 10_000_000_000
"""How long such a thread is known as one, at most: where it is killed, its number may be another's next."""


class Hook(NamedTuple):
    """A hook that can be proved."""

    label: str
    """As `ringward.sensor.ebpf.Elsewhere.attachments` has it."""
    proof: str
    """Its place in the map of counts: a constant of `enum proof` (bpf/guard_proof.bpf.h), in lower case."""
    name: str
    """What it decides on, for a person."""
    reach: Callable[[], bool]
    """Makes it decide, where it is not deaf; returns whether the kernel can have got to it."""


class Proof:
    """Makes hooks decide.

    Args:
        maps: descriptor of each map of the kernel part, by name.
        hooks: that are attached, in the order of their calls.
        kind: what the thread is marked as: PROOF, or THREAD, whose requests are let pass.

    """

    def __init__(self, maps: Mapping[str, int], hooks: Iterable[Hook], kind: int = PROOF) -> None:
        self._maps = maps
        self._hooks = tuple(hooks)
        self._kind = kind
        self._unreached: set[Hook] = set()

    @property
    def unreached(self) -> dict[str, str]:
        """The hooks that could not be made to decide by the last proof, and on what."""
        return _by_label(hook for hook in self._hooks if hook in self._unreached)

    def undecided(self) -> dict[str, str]:
        """Return the hooks that the kernel has got to and that did not decide just now, and on what."""
        if not self._hooks:
            return {}
        before = self._counts()
        self._unreached.clear()
        thread = threading.Thread(target=self._sing, name="ringward-proof")
        thread.start()
        thread.join()
        after = self._counts()
        silent = (hook for hook in self._hooks if after[hook.proof] <= before[hook.proof])
        return _by_label(hook for hook in silent if hook not in self._unreached)

    def _counts(self) -> dict[str, int]:
        counts, numbers = self._maps["guard_hits"], constants("proof")
        return {
            hook.proof: _U64.unpack(_native.map_lookup(counts, _KEY.pack(numbers[hook.proof])) or bytes(8))[0]
            for hook in self._hooks
        }

    def _sing(self) -> None:
        with canary_thread(self._maps, self._kind):
            until = now() + LASTS_NS
            _native.map_update(self._maps["guard_proof"], _FIRST, _U64.pack(until))
            try:
                self._unreached.update(hook for hook in self._hooks if not hook.reach() or now() > until)
            finally:
                _native.map_update(self._maps["guard_proof"], _FIRST, _U64.pack(0))


def _by_label(hooks: Iterable[Hook]) -> dict[str, str]:
    found: dict[str, str] = {}
    for hook in hooks:
        found[hook.label] = ", ".join(filter(None, (found.get(hook.label), hook.name)))
    return found
