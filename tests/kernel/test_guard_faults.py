"""What the guard does when something fails: each row of the table in docs/guard.md that needs a kernel."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ringward.guard.layouts import pack
from ringward.sensor import _native
from ringward.sensor.clock import now
from ringward.trust.rules import Mode, Operation
from tests.kernel.guarding import BOTH, Guarded, load, policy_of, started
from tests.kernel.witness import listed, own_module, remove, sha256sum

pytestmark = [pytest.mark.guest, pytest.mark.modules]

MODULES = (Operation.MODULES,)
FTRACE = Path("/proc/sys/kernel/ftrace_enabled")
RING = 1 << 16
DECISIONS = 128
"""bpf/guard_facts.bpf.h"""
REJECTED = -errno.EKEYREJECTED


@pytest.fixture(scope="module")
def guard() -> Iterator[Guarded]:
    with started(operations=MODULES, ring_bytes=RING) as made:
        yield made


@pytest.fixture
def param() -> Iterator[Path]:
    yield own_module("rw_param")
    remove("rw_param")


def test_a_full_ring_changes_no_decision(guard: Guarded, param: Path) -> None:
    with guard.deciding(*policy_of(), Mode.ENFORCE, MODULES) as w:
        assert {load(param) for _ in range(150)} == {REJECTED}
        w.settle(2)
        assert w.sensor.totals.lost > 0
        assert w.of("events_lost")
        assert w.of("module_verdict", refused=True)


@contextmanager
def busy(guard: Guarded) -> Iterator[None]:
    """Let as many decisions be under way as there is room for."""
    fd = guard.holder.maps["guard_facts"]
    keys = [struct.pack("<I", key) for key in range(DECISIONS)]
    for key in keys:
        _native.map_update(fd, key, pack("facts", {"busy": 1}))
    try:
        yield
    finally:
        for key in keys:
            _native.map_update(fd, key, pack("facts", {}))


@BOTH
def test_no_room_to_decide(guard: Guarded, mode: Mode, param: Path) -> None:
    with guard.deciding(*policy_of(trusted=[bytes.fromhex(sha256sum(param))]), mode, MODULES) as w:
        with busy(w):
            assert load(param) == (REJECTED if w.enforces else 0)
            event = w.verdict(Operation.MODULES, made_by="fault")
        assert event.args.verdict == ("deny" if w.enforces else "allow")
        assert (event.args.digest, event.args.rule) == (None, None)
        if w.enforces:
            assert load(param) == 0


def test_a_hook_that_is_switched_off_lets_pass(guard: Guarded, param: Path) -> None:
    """The links stay, and nothing is denied: the one failure that is open, and the canary's to tell."""
    with guard.deciding(*policy_of(), Mode.ENFORCE, MODULES):
        FTRACE.write_text("0")
        try:
            assert load(param) == 0
        finally:
            FTRACE.write_text("1")
        remove("rw_param")
        assert load(param) == REJECTED


def test_the_end_of_a_trial_needs_no_process(guard: Guarded, param: Path) -> None:
    policy, digests = policy_of()
    with guard.deciding(policy, digests, Mode.ENFORCE, MODULES) as w:
        assert load(param) == REJECTED
        w.holder.decide_by(policy, digests, dict.fromkeys(MODULES, Mode.ENFORCE), now() + 1_000_000_000)
        assert load(param) == REJECTED
        w.settle(1.2)
        w.mode = Mode.MONITOR
        assert load(param) == 0
        w.verdict(Operation.MODULES, verdict="deny", mode="monitor")
        assert "rw_param" in listed()
