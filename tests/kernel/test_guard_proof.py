"""The hooks that judge are made to decide, and nothing of that is left anywhere."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ringward.guard.holder import EVENTS
from ringward.guard.proof import Proof
from ringward.sensor import _native
from ringward.sensor.canary import GARBAGE
from ringward.sensor.canary_thread import PROOF, canary_thread, forget
from ringward.trust.rules import Action, Mode, Operation, Rule
from tests.kernel.guarding import JUDGED, Guarded, load, policy_of, started

pytestmark = [pytest.mark.guest, pytest.mark.modules]

FTRACE = Path("/proc/sys/kernel/ftrace_enabled")
CLOSED = frozenset(JUDGED)
ALL = [Operation.MODULES, Operation.AUTOLOAD, Operation.UNLOAD]


class Case(NamedTuple):
    """A guard, and the most that its programs can do."""

    guard: Guarded
    mode: Mode

    @property
    def proof(self) -> Proof:
        return Proof(self.guard.holder.maps, JUDGED)


@pytest.fixture(scope="module", params=[Mode.ENFORCE, Mode.MONITOR], ids=["enforce", "monitor"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    mode = request.param
    with started(enforce=mode is Mode.ENFORCE, operations=EVENTS) as guard:
        yield Case(guard, mode)


def said() -> str:
    """Return the kernel's log."""
    return subprocess.run(["dmesg"], check=True, capture_output=True, text=True).stdout


def test_nothing_is_refused_to_a_guard_that_does_not_protect_itself(tmp_path: Path) -> None:
    """The first test: the guard of the others stays until they have ended."""
    image = tmp_path / "none.ko"
    image.write_bytes(GARBAGE)
    with started(enforce=False) as guard, guard.deciding(*policy_of(closed=CLOSED), Mode.MONITOR):
        maps = guard.holder.maps
        with canary_thread(maps, PROOF):
            _native.map_update(maps["guard_proof"], bytes(4), b"\xff" * 8)
            assert load(image) == -errno.EBADMSG
            _native.map_update(maps["guard_proof"], bytes(4), bytes(8))


@pytest.mark.parametrize("allowed", [False, True])
def test_each_hook_decides_and_no_trace_is_left(case: Case, allowed: bool) -> None:
    rules = [Rule("any", Action.ALLOW, operations=CLOSED)] if allowed else []
    proof = case.proof
    with case.guard.deciding(*policy_of(rules, closed=CLOSED), case.mode) as w:
        before = said()
        for _ in range(5):
            assert proof.undecided() == []
        w.settle(1)
        assert [event.event for event in w.events if event.event != "sensor_status"] == []
        assert said() == before


def test_a_hook_that_is_switched_off_is_found(case: Case) -> None:
    proof = case.proof
    with case.guard.deciding(*policy_of(), case.mode):
        FTRACE.write_text("0")
        try:
            assert proof.undecided() == ALL
        finally:
            FTRACE.write_text("1")
        assert proof.undecided() == []


def test_a_hook_without_a_policy_does_not_decide(case: Case) -> None:
    assert case.proof.undecided() == ALL


def test_the_mark_of_a_thread_that_was_killed_refuses_nothing(case: Case, tmp_path: Path) -> None:
    """No module, and so short that a kernel which knows signatures says EBADMSG."""
    image = tmp_path / "none.ko"
    image.write_bytes(GARBAGE)
    maps = case.guard.holder.maps
    rules = [Rule("any", Action.ALLOW, operations=CLOSED)]
    with case.guard.deciding(*policy_of(rules, closed=CLOSED), case.mode), canary_thread(maps, PROOF):
        assert load(image) == -errno.EBADMSG
        forget(maps)
        assert _native.map_keys(maps["canaries"]) == []
