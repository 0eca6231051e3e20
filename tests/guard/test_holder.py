"""The kernel part put together, with a kernel that takes and refuses what a test wants."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ringward.guard import holder, pins
from ringward.guard.holder import EVENTS, HOLDER, GuardError, Holder, refusals, started
from ringward.guard.layouts import unpack
from ringward.guard.maps import PolicyMaps
from ringward.guard.policy import PolicyError
from ringward.sensor import _native
from ringward.trust.patterns import parse_name
from ringward.trust.rules import Action, Mode, Operation, Rule
from tests.guard.fake_kernel import Maps, use_maps
from tests.sensor.made_up_kernel import MadeUp
from tests.trust.policies import policy

ALL = tuple(EVENTS)
KEEP = Rule("keep", Action.DENY, frozenset({Operation.UNLOAD}), names=(parse_name("a"),))


class NoDigests:
    digests = b""
    values = b""

    def __len__(self) -> int:
        return 0


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Maps:
    monkeypatch.setattr(holder, "never_run", dict)
    monkeypatch.setattr(holder.preemption, "current", lambda: "voluntary")
    return use_maps(monkeypatch, tmp_path / "pins")


def made(*operations: Operation, enforce: bool = True, stays: bool = False) -> Holder:
    return Holder(operations or ALL, enforce=enforce, stays=stays, folder=pins.FOLDER)


def test_what_does_not_run_is_not_used() -> None:
    assert refusals(enforce=True, rungs={"lsm": "not active"}, preempts="full") == {
        "lsm": "not active",
        "fmod_ret": "full",
    }
    # Watching by it is weaker, and better than nothing.
    assert refusals(enforce=False, rungs={}, preempts="full") == {}
    assert refusals(enforce=True, rungs={"fmod_ret": "x"}, preempts="full") == {"fmod_ret": "x"}


def test_each_operation_by_its_best_hook(kernel: Maps) -> None:
    one = made()
    one.attach()
    assert {name: one.attachments[name].rung for name in EVENTS.values()} == dict.fromkeys(EVENTS.values(), "lsm")
    assert one.missing == {}
    assert {"fexit_judge_parameters", "lsm_judge_folder", "fentry_helper"} <= set(MadeUp.current.attached)
    one.close()
    assert MadeUp.current.attached == []
    assert not kernel.pinned


def test_fmod_ret_where_lsm_programs_do_not_run(kernel: Maps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holder, "never_run", lambda: {"lsm": "bpf is not among the active security modules"})
    one = made(Operation.MODULES, Operation.AUTOLOAD)
    one.attach()
    assert {one.attachments[name].rung for name in ("module_verdict", "autoload_verdict")} == {"fmod_ret"}
    assert "fmod_ret_judge_file" in MadeUp.current.attached
    one.close()
    # Removals have no such way.
    with pytest.raises(GuardError, match=r"cannot guard unload: lsm: bpf is not among .* see: ringward doctor"):
        made().attach()
    assert MadeUp.current.attached == []
    watching = made(enforce=False)
    watching.attach()
    assert watching.missing["unload_verdict"].startswith("lsm: bpf is not among")
    watching.close()


def test_not_where_the_kernel_preempts(kernel: Maps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holder, "never_run", lambda: {"lsm": "not active"})
    monkeypatch.setattr(holder.preemption, "current", lambda: "full")
    with pytest.raises(GuardError, match=r"fmod_ret: the kernel preempts \(full\)"):
        made(Operation.MODULES).attach()


def test_where_programs_can_do_neither(kernel: Maps) -> None:
    MadeUp.current.refuse_load = {"lsm_judge_request", "fmod_ret_judge_request"}
    for enforce in (True, False):
        with pytest.raises(GuardError, match="cannot guard autoload: lsm: Invalid argument"):
            made(Operation.AUTOLOAD, enforce=enforce).attach()


def test_without_the_second_look_at_parameters_it_still_judges(kernel: Maps) -> None:
    MadeUp.current.refuse_attach = {"fexit_judge_parameters"}
    one = made(Operation.MODULES)
    one.attach()
    assert one.attachments["module_verdict"].rung == "lsm"
    assert "module_verdict: strndup_user" in one.missing
    one.close()


def test_a_kernel_without_modules(kernel: Maps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holder.Path, "exists", lambda _self: False)
    with pytest.raises(GuardError, match="no module support"):
        made().attach()


def test_what_watches_cannot_be_told_to_enforce(kernel: Maps) -> None:
    one = made(enforce=False)
    one.attach()
    with pytest.raises(GuardError, match="start the guard again with --mode enforce"):
        one.decide_by(policy(), NoDigests(), {Operation.MODULES: Mode.ENFORCE})
    with pytest.raises(RuntimeError, match="no policy"):
        _ = one.policy_maps
    one.close()


def test_a_policy_is_written_and_modules_are_held(kernel: Maps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringward.guard.hold.loaded", lambda _text: ["a", "b"])
    monkeypatch.setattr("ringward.guard.hold.Path.read_text", lambda *_a, **_k: "")
    one = made(stays=True)
    one.attach()
    modes = {Operation.UNLOAD: Mode.ENFORCE}
    one.decide_by(policy([KEEP]), NoDigests(), modes, 7)
    assert set(kernel.held) == {"a"}
    assert one.policy_maps.state()["enforce_until"] == 7
    monkeypatch.undo()
    one.close()


def test_rules_that_race_are_refused_before_anything_changes(kernel: Maps) -> None:
    one = made()
    one.attach()
    racy = Rule("racy", Action.DENY, frozenset({Operation.UNLOAD}), names=(parse_name("a"),), uids=((1, 2),))
    with pytest.raises(PolicyError, match="rule racy"):
        one.decide_by(policy([racy]), NoDigests(), {Operation.UNLOAD: Mode.ENFORCE})
    with pytest.raises(RuntimeError, match="no policy"):
        _ = one.policy_maps
    one.close()


def test_what_stays_is_pinned_and_told(kernel: Maps) -> None:
    one = made(stays=True)
    one.attach()
    one.decide_by(policy(), NoDigests(), {Operation.MODULES: Mode.MONITOR})
    one.take_over({"database": "d"})
    one.close()
    names = {Path(path).parent.name.split("-")[0]: Path(path).name for path in kernel.pinned}
    assert set(names) == {"maps", "links"}
    (held,) = (fd for path, fd in kernel.pinned.items() if path.endswith(HOLDER))
    told = json.loads(kernel.contents[held][bytes(4)].rstrip(b"\0"))
    assert (told["pid"], told["ticks"], told["stays"]) == (os.getpid(), started(os.getpid()), True)
    assert told["database"] == "d"
    assert pins.FOLDER.exists()


def test_what_does_not_stay_leaves_nothing(kernel: Maps) -> None:
    one = made()
    one.attach()
    one.decide_by(policy(), NoDigests(), {Operation.MODULES: Mode.MONITOR})
    one.take_over({})
    assert pins.FOLDER.exists()
    assert not [path for path in kernel.pinned if "links-" in path]
    one.close()
    assert not pins.FOLDER.exists()


def test_the_start_of_a_process() -> None:
    assert started(os.getpid()) is not None
    assert started(2**22 + 1) is None


def test_the_policy_of_a_kernel_part_is_read_from_its_map(kernel: Maps) -> None:
    one = made()
    one.attach()
    one.decide_by(policy(), NoDigests(), {Operation.MODULES: Mode.MONITOR}, 11)
    data = _native.map_lookup(one.maps["guard_policy"], bytes(4))
    assert data is not None
    assert unpack("guard_policy", data)["enforce_until"] == 11
    PolicyMaps(one.maps).confirm()
    assert one.policy_maps.state()["enforce_until"] == 0
    one.close()


def test_the_modes_of_a_time_are_those_of_the_kernel_part(kernel: Maps) -> None:
    one = made()
    one.attach()
    assert one.policy_at(0) is None
    one.decide_by(policy(), NoDigests(), {Operation.MODULES: Mode.ENFORCE, Operation.AUTOLOAD: Mode.LEARN}, 11)

    def at(time: int) -> tuple[Mode, Mode]:
        found = one.policy_at(time)
        assert found is not None
        return found.mode(Operation.MODULES), found.mode(Operation.AUTOLOAD)

    assert [at(time) for time in (10, 11, 12)] == [(mode, Mode.LEARN) for mode in (Mode.ENFORCE, *[Mode.MONITOR] * 2)]
    # As another process does it.
    PolicyMaps(one.maps).confirm()
    assert at(12) == (Mode.ENFORCE, Mode.LEARN)
    one.close()
