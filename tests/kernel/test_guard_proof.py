"""The hooks that judge are made to decide, and nothing of that is left anywhere."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ringward.guard.proof import Proof
from ringward.trust.rules import Action, Mode, Operation, Rule
from tests.kernel.guarding import JUDGED, Guarded, policy_of, started

pytestmark = [pytest.mark.guest, pytest.mark.modules]

FTRACE = Path("/proc/sys/kernel/ftrace_enabled")
CLOSED = frozenset(JUDGED)


class Case(NamedTuple):
    """A guard, the most that its programs can do, and which operations can be proved then."""

    guard: Guarded
    mode: Mode
    proved: list[Operation]

    @property
    def proof(self) -> Proof:
        return Proof(self.guard.holder.maps, JUDGED, refuses=self.mode is Mode.ENFORCE)


@pytest.fixture(scope="module", params=[Mode.ENFORCE, Mode.MONITOR], ids=["enforce", "monitor"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    mode = request.param
    proved = [Operation.MODULES, Operation.AUTOLOAD, Operation.UNLOAD]
    with started(enforce=mode is Mode.ENFORCE) as guard:
        yield Case(guard, mode, proved if mode is Mode.ENFORCE else [Operation.MODULES, Operation.UNLOAD])


def said() -> str:
    """Return the kernel's log."""
    return subprocess.run(["dmesg"], check=True, capture_output=True, text=True).stdout


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
            assert proof.undecided() == case.proved
        finally:
            FTRACE.write_text("1")
        assert proof.undecided() == []


def test_a_hook_without_a_policy_does_not_decide(case: Case) -> None:
    assert case.proof.undecided() == case.proved
