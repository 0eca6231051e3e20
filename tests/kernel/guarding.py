"""A guard in the kernel for one test, with a policy put together by hand and a sensor that reads its verdicts."""

from __future__ import annotations

import ctypes
import hashlib
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from ringward.events import Event
from ringward.guard.holder import EVENTS, Holder
from ringward.guard.pins import FOLDER
from ringward.sensor import _native
from ringward.trust.rules import CLASS_SHIFT, NAMED, TRUSTED, UNKNOWN, Mode, Operation, Policy, Rule
from tests.kernel.calls import NUMBERS
from tests.kernel.conftest import PATIENCE, Watch
from tests.kernel.guest_only import only_in_guest

BOTH = pytest.mark.parametrize("mode", [Mode.MONITOR, Mode.ENFORCE], ids=["monitor", "enforce"])
JUDGED = frozenset(EVENTS) - {Operation.SELF}


class Packed:
    """Known digests as the maps take them."""

    def __init__(self, values: Mapping[bytes, int]) -> None:
        self.digests = b"".join(values)
        self.values = array("I", values.values())
        self._known = dict(values)

    def __len__(self) -> int:
        return len(self.values)

    def find(self, digest: bytes) -> int:
        return self._known.get(digest, UNKNOWN)


def digest_of(path: Path) -> bytes:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).digest()


def policy_of(
    rules: Iterable[Rule] = (),
    trusted: Collection[bytes] = (),
    holds: Mapping[bytes, Collection[str]] | None = None,
    closed: frozenset[Operation] = frozenset({Operation.MODULES}),
) -> tuple[Policy, Packed]:
    """Return a policy and its digests.

    Args:
        rules: in their order.
        trusted: digests.
        holds: of a digest, ids of the rules for which the database says that it is what they want.
        closed: operations in which what nothing allows is denied.

    """
    rules = tuple(rules)
    classes = [sum((not rule.resolved) << index for index, rule in enumerate(rules))]
    values = {}
    for digest in dict.fromkeys([*trusted, *(holds or {})]):
        ids = (holds or {}).get(digest, ())
        classes.append(sum((not rule.resolved or rule.id in ids) << index for index, rule in enumerate(rules)))
        values[digest] = (len(classes) - 1) << CLASS_SHIFT | TRUSTED * (digest in trusted) & ~NAMED
    packed = Packed(values)
    return Policy(rules, packed, tuple(classes), closed=closed), packed


class Guarded(Watch):
    """An open sensor that reads the verdicts of a guard."""

    def __init__(self, holder: Holder) -> None:
        self.holder = holder
        self.mode = Mode.OFF
        super().__init__(
            *holder.attachments.keys() & set(EVENTS.values()),
            "init_module",
            "finit_module",
            "delete_module",
            "module_request",
            elsewhere=holder,
            canary_seconds=None,
            on_demand=True,
        )

    def verdict(self, operation: Operation, pid: int | None = None, **fields: object) -> Event:
        """Wait for a verdict with these arguments, and return it; check that it says what the mode allows."""

        def found() -> list[Event]:
            events = self.of(EVENTS[operation], **fields)
            return [event for event in events if pid is None or (event.process and event.process.pid == pid)]

        self.until(lambda _: found(), PATIENCE)
        event = found()[-1]
        assert event.args.mode == self.mode.name.lower()
        assert event.args.refused == (event.args.verdict == "deny" and self.mode is Mode.ENFORCE)
        return event

    @property
    def enforces(self) -> bool:
        return self.mode is Mode.ENFORCE

    @contextmanager
    def deciding(
        self, policy: Policy, digests: Packed, mode: Mode, operations: Collection[Operation] = JUDGED
    ) -> Iterator[Self]:
        """Decide by a policy in a mode; by none afterwards."""
        only_in_guest()
        self.clear()
        self.mode = mode
        self.holder.decide_by(policy, digests, dict.fromkeys(operations, mode))
        try:
            yield self
        finally:
            self.holder.decide_by(*policy_of(), {})


@contextmanager
def started(
    *, enforce: bool = True, operations: Collection[Operation] = JUDGED, ring_bytes: int | None = None
) -> Iterator[Guarded]:
    """Give a guard without a policy; nothing of it is left afterwards."""
    only_in_guest()
    holder = Holder(operations, enforce=enforce, stays=False, ring_bytes=ring_bytes)
    try:
        holder.attach()
        holder.decide_by(*policy_of(), {})
        holder.take_over({})
        watch = Guarded(holder)
        try:
            yield watch
        finally:
            watch.sensor.close()
    finally:
        holder.close()
        assert not FOLDER.exists()


def load(path: Path, parameters: str = "", flags: int = 0) -> int:
    """Call finit_module(2) in this process; return 0 or the negative error."""
    text = ctypes.create_string_buffer(parameters.encode())
    with path.open("rb") as file:
        return _native.raw_syscall(NUMBERS["64"]["finit_module"], file.fileno(), ctypes.addressof(text), flags)


def load_data(image: bytes) -> int:
    """Call init_module(2) in this process; return 0 or the negative error."""
    return _native.raw_syscall(
        NUMBERS["64"]["init_module"],
        ctypes.addressof(ctypes.create_string_buffer(image, len(image))),
        len(image),
        ctypes.addressof(ctypes.create_string_buffer(b"")),
    )


@pytest.fixture(scope="module", name="guard")
def guard_fixture() -> Iterator[Guarded]:
    """Give a guard for all tests of a file: attaching it takes long in an emulated guest."""
    with started() as guard:
        yield guard
