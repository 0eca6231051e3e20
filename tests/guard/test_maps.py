"""Policies into maps, without a kernel; with one: tests/kernel/test_guard_decision.py."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ringward.guard.layouts import unpack
from ringward.guard.maps import SPARE, PolicyMaps
from ringward.guard.policy import compile_policy
from ringward.sensor import _native
from ringward.trust.packed import PackedDigests
from ringward.trust.rules import MOST_RULES, Action, Mode, Rule
from tests.guard.fake_kernel import Maps, use_maps
from tests.trust.policies import policy

NAMES = ("guard_policy", "guard_rules", "guard_digests", "guard_classes")
DIGESTS = PackedDigests(b"\1" * 32 + b"\2" * 32, array("I", [1, 2]))
ZERO = bytes(4)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Maps:
    return use_maps(monkeypatch, tmp_path)


@pytest.fixture
def fds(kernel: Maps) -> dict[str, int]:
    return {name: kernel.made() for name in NAMES}


@pytest.fixture
def maps(fds: dict[str, int]) -> Iterator[PolicyMaps]:
    made = PolicyMaps(fds)
    yield made
    made.close()


def compiled(rules: int = 1, mode: Mode = Mode.MONITOR):  # type: ignore[no-untyped-def]
    return compile_policy(policy([Rule(str(i), Action.DENY) for i in range(rules)], mode))


def test_the_first_policy_is_written_to_the_other_bank(kernel: Maps, fds: dict[str, int], maps: PolicyMaps) -> None:
    assert maps.state()["bank"] == 0
    maps.write(compiled(2), DIGESTS)
    state = maps.state()
    assert state["bank"] == 1
    assert struct.unpack("<2I", state["rules"]) == (0, 2)
    assert struct.unpack("<16I", state["modes"])[8:] == (2, 2, 2, 2, 2, 0, 0, 0)
    keys = [struct.unpack("<I", key)[0] for key in kernel.contents[fds["guard_rules"]]]
    assert keys == [MOST_RULES, MOST_RULES + 1]
    (inner,) = (struct.unpack("<I", fd)[0] for fd in [kernel.contents[fds["guard_digests"]][b"\1\0\0\0"]])
    assert kernel.contents[inner] == {b"\1" * 32: b"\1\0\0\0", b"\2" * 32: b"\2\0\0\0"}
    assert kernel.sizes[inner] == 2 + SPARE


def test_the_bank_changes_last_and_the_old_policy_stays_whole(
    kernel: Maps, fds: dict[str, int], maps: PolicyMaps
) -> None:
    maps.write(compiled(2), DIGESTS)
    kernel.writes.clear()
    maps.write(compiled(5, Mode.ENFORCE), DIGESTS, enforce_until=77)
    states = [unpack("guard_policy", value) for fd, _key, value in kernel.writes if fd == fds["guard_policy"]]
    assert [state["bank"] for state in states] == [1, 0]
    assert struct.unpack("<2I", states[0]["rules"]) == (5, 2)
    assert states[0]["modes"][32:] == struct.pack("<8I", 2, 2, 2, 2, 2, 0, 0, 0)
    assert states[1]["enforce_until"] == 77
    last = [fd for fd, _key, _value in kernel.writes][-2:]
    assert last == [fds["guard_policy"]] * 2


def test_a_trial_that_is_confirmed_while_a_policy_is_written(
    fds: dict[str, int], maps: PolicyMaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps.write(compiled(1, Mode.ENFORCE), DIGESTS, enforce_until=77)
    maps.write(compiled(2, Mode.ENFORCE), DIGESTS, enforce_until=None)
    assert maps.state()["enforce_until"] == 77
    fill = maps._fill_rules

    def confirmed(*args: Any) -> None:
        fill(*args)
        PolicyMaps(fds).confirm()

    monkeypatch.setattr(maps, "_fill_rules", confirmed)
    maps.write(compiled(3, Mode.ENFORCE), DIGESTS, enforce_until=None)
    assert maps.state()["enforce_until"] == 0
    assert struct.unpack("<2I", maps.state()["rules"])[maps.state()["bank"]] == 3


def test_the_modes_alone(maps: PolicyMaps) -> None:
    maps.write(compiled(), DIGESTS)
    maps.set_modes(struct.pack("<8I", 3, *[0] * 7), 9)
    state = maps.state()
    assert (state["bank"], state["enforce_until"]) == (1, 9)
    assert struct.unpack("<16I", state["modes"]) == (*[0] * 8, 3, *[0] * 7)


def test_a_digest_is_added_to_the_bank_in_use(kernel: Maps, fds: dict[str, int], maps: PolicyMaps) -> None:
    with pytest.raises(RuntimeError, match="that this process has written"):
        maps.add(b"\3" * 32, 1)
    maps.write(compiled(), DIGESTS)
    maps.write(compiled(), DIGESTS)
    maps.add(b"\3" * 32, 1)
    inner = struct.unpack("<I", kernel.contents[fds["guard_digests"]][ZERO])[0]
    assert kernel.contents[inner][b"\3" * 32] == b"\1\0\0\0"


def test_what_the_kernel_refuses_leaves_the_policy(kernel: Maps, maps: PolicyMaps) -> None:
    maps.write(compiled(), DIGESTS)
    before = maps.state()
    kernel.full = True
    with pytest.raises(_native.BpfError):
        maps.write(compiled(3), DIGESTS)
    assert maps.state() == before
