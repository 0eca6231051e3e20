from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from ringward.guard import pins, status
from ringward.guard.holder import HOLDER, started
from ringward.guard.layouts import pack
from ringward.guard.pins import Pins
from ringward.guard.status import make
from ringward.trust.rules import Mode, Operation
from tests.guard.fake_kernel import PROGRAM, Maps, use_maps

TOLD: dict[str, Any] = {
    "pid": 12,
    "ticks": 34,
    "stays": True,
    "may_deny": True,
    "attached": {"module_verdict": ["lsm", [7, 8]], "autoload_verdict": ["fmod_ret", [9]]},
    "missing": {"unload_verdict": "no bpf"},
}
POLICY = {
    "bank": 1,
    "rules": struct.pack("<2I", 3, 5),
    "modes": struct.pack("<16I", *[0] * 8, 3, 2, *[0] * 6),
    "enforce_until": 99,
}


def test_the_policy_is_that_of_the_bank_in_use() -> None:
    found = make(POLICY, TOLD, alive=False, loaded=frozenset({7, 8, 9}))
    assert (found.rules, found.modes) == (5, {Operation.MODULES: Mode.ENFORCE, Operation.AUTOLOAD: Mode.MONITOR})
    assert (found.pid, found.alive, found.stays, found.may_deny, found.enforce_until) == (12, False, True, True, 99)
    assert found.rungs == {"module_verdict": "lsm", "autoload_verdict": "fmod_ret"}
    assert found.missing == {"unload_verdict": "no bpf"}
    assert found.active
    assert found.programs == {7, 8, 9}


def test_a_verdict_decides_when_all_of_its_programs_are_loaded() -> None:
    found = make(POLICY, TOLD, alive=True, loaded=frozenset({7, 9}))
    assert found.deciding == {"module_verdict": False, "autoload_verdict": True}
    assert not make(POLICY, TOLD, alive=True, loaded=frozenset()).active


def test_programs_are_waited_for_until_none_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    left = {7: 2, 8: 1}

    def is_loaded(program: int) -> bool:
        left[program] -= 1
        return left[program] >= 0

    monkeypatch.setattr(status, "is_loaded", is_loaded)
    assert status.wait_until_gone([7, 8], 60)
    assert left == {7: -1, 8: -1}
    monkeypatch.setattr(status, "is_loaded", lambda _program: True)
    assert not status.wait_until_gone([7], 0)
    assert status.wait_until_gone([], 0)


def test_none_where_nothing_is_pinned(tmp_path: Path) -> None:
    assert status.read(tmp_path / "nothing") is None


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Maps:
    return use_maps(monkeypatch, tmp_path / "pins")


def pinned(kernel: Maps, **told: Any) -> None:
    fds = {HOLDER: kernel.made(), "guard_policy": kernel.made()}
    text = json.dumps(TOLD | told).encode().ljust(4096, b"\0")
    kernel.map_update(fds[HOLDER], bytes(4), text)
    kernel.map_update(fds["guard_policy"], bytes(4), pack("guard_policy", {"enforce_until": 5}))
    Pins("b", pins.FOLDER).pin_maps(fds)


def test_as_it_is_pinned(kernel: Maps) -> None:
    pinned(kernel, pid=os.getpid(), ticks=started(os.getpid()), attached={"a": ["lsm", [PROGRAM]], "b": ["lsm", [99]]})
    found = status.read(pins.FOLDER)
    assert found is not None
    assert (found.alive, found.enforce_until, found.deciding) == (True, 5, {"a": True, "b": False})


def test_a_process_that_has_only_the_number_is_another(kernel: Maps) -> None:
    pinned(kernel, pid=os.getpid(), ticks=1)
    found = status.read(pins.FOLDER)
    assert found is not None
    assert not found.alive


def test_half_of_the_pins_is_nothing(kernel: Maps) -> None:
    Pins("b", pins.FOLDER).pin_maps({HOLDER: kernel.made()})
    assert status.read(pins.FOLDER) is None


def test_the_process_is_named_as_events_name_it(kernel: Maps) -> None:
    assert status.process(pins.FOLDER) is None
    pinned(kernel)
    assert status.process(pins.FOLDER) == "12@34"
