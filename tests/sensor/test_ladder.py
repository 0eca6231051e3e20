"""Which hook each event gets: the first that the kernel takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.events import BY_NAME
from ringward.events.hooks import RUNGS
from ringward.sensor.ladder import CONTEXT_EVENTS, ORIGIN_EVENTS, Refusals, choose

RECORDS = sorted(name for name, cls in BY_NAME.items() if cls.record and cls.group != "guard")
PROGRAMS = sorted(
    {p for cls in BY_NAME.values() for ladder in (cls.hooks, *cls.aids) for hook in ladder for p in hook.programs}
)
OBJECTS = sorted({hook.object for cls in BY_NAME.values() for hook in cls.hooks if hook.object})


def test_the_best_hook_of_all_is_taken_where_nothing_is_refused() -> None:
    choice = choose(RECORDS, Refusals())
    assert choice.missing == {}
    assert choice.hooks == {name: BY_NAME[name].hooks[0] for name in RECORDS}
    for name in RECORDS:
        for ladder in BY_NAME[name].aids:
            assert choice.aids[f"{name}: {ladder[0].name}"] == ladder[0]


def test_what_the_sensor_needs_itself_comes_with_it() -> None:
    programs = choose(["process_exec"], Refusals())
    assert set(programs.hooks) == set(CONTEXT_EVENTS)
    modules = choose(["module_load"], Refusals())
    assert set(modules.hooks) == {"module_load", *CONTEXT_EVENTS, *ORIGIN_EVENTS}


def test_what_adds_to_an_event_comes_only_with_it() -> None:
    assert choose(["module_load"], Refusals()).aids == {}
    assert set(choose(["process_exec"], Refusals()).aids) == {"process_exec: sys_enter"}
    refused = Refusals(rungs=dict.fromkeys(("tp_btf", "fentry", "kprobe"), "no"))
    labels = {label for label in choose(["delete_module"], refused).missing if ": " in label}
    assert labels == {"delete_module: find_module"}


def test_where_processes_are_not_followed_only_the_kernel_parts_tables_are_kept() -> None:
    choice = choose(["module_load"], Refusals(), follow=False)
    assert set(choice.hooks) == {"module_load", *ORIGIN_EVENTS}
    assert choice.aids == {f"canaries: {name}": BY_NAME[name].hooks[0] for name in ("process_fork", "process_exit")}
    assert "tp_btf_exec" not in choice.programs()["process"]
    nothing = choose(["events_lost"], Refusals(), follow=False)
    assert (nothing.hooks, set(nothing.programs())) == ({}, {"process"})
    refused = choose(["module_load"], Refusals(programs={"tp_btf_fork": "no"}), follow=False)
    assert refused.missing == {"canaries: process_fork": "no"}


def test_where_processes_are_not_followed_other_calls_pass_as_few_hooks_as_can_be() -> None:
    calls = ("finit_module", "delete_module", "create_module")
    assert {choose(calls, Refusals()).hooks[name].every_call for name in calls} == {2}
    choice = choose(calls, Refusals(), follow=False)
    found = {name: (choice.hooks[name].rung, choice.hooks[name].every_call) for name in calls}
    assert found == {"finit_module": ("fentry", 0), "delete_module": ("fentry", 0), "create_module": ("tp_btf", 1)}
    assert "tp_btf_sys_enter" not in choice.programs()["module_syscall"]
    assert choice.aids.keys() >= {"delete_module: find_module"}


def test_where_nothing_cheaper_is_taken_all_is_seen_as_before() -> None:
    refused = Refusals(rungs=dict.fromkeys(("fentry", "kprobe"), "ftrace is switched off"))
    choice = choose(["finit_module", "create_module"], refused, follow=False)
    assert choice.hooks["finit_module"] == BY_NAME["finit_module"].hooks[0]
    assert choice.hooks["create_module"].programs == ("tp_btf_sys_exit",)


def test_where_no_module_can_be_loaded_no_origin_is_looked_for() -> None:
    refused = Refusals(objects=dict.fromkeys(("request", "udev"), "no module support"))
    choice = choose(["create_module"], refused)
    assert set(choice.hooks) == {"create_module", *CONTEXT_EVENTS}
    assert choice.missing == {}
    assert set(choose(["module_request"], refused).missing) == {"module_request"}


def test_events_that_user_space_makes_have_no_hook() -> None:
    assert set(choose(["events_lost", "sensor_status"], Refusals()).hooks) == set(CONTEXT_EVENTS)


def test_what_is_no_ebpf_is_no_rung_of_the_ladder() -> None:
    """The uevents take the place of eBPF altogether (`ringward.sensor.degraded`); none is taken beside it."""
    choice = choose(["module_load"], Refusals(rungs={"tp_btf": "no"}))
    assert choice.missing["module_load"] == "no"
    assert "uevent" not in {hook.rung for hook in choose(RECORDS, Refusals()).hooks.values()}


def test_a_refused_rung_is_left_for_the_next() -> None:
    choice = choose(["module_digest"], Refusals(rungs={"lsm": "not among the active ones"}))
    assert choice.hooks["module_digest"] == BY_NAME["module_digest"].hooks[1]
    reason = "Operation not permitted"
    for rung in ("lsm", "fentry", "kprobe"):
        hook = choose(["module_digest"], Refusals(rungs=dict.fromkeys({"lsm", "fentry", "kprobe"} - {rung}, reason)))
        assert hook.hooks["module_digest"].rung == rung


def test_a_program_that_was_refused_takes_its_hook_along() -> None:
    first = BY_NAME["finit_module"].hooks[0]
    choice = choose(["finit_module"], Refusals(programs={first.programs[-1]: "no"}))
    assert choice.hooks["finit_module"] == BY_NAME["finit_module"].hooks[1]


def test_reasons_are_told_by_rung_or_once_when_they_are_the_same() -> None:
    rungs = [hook.rung for hook in BY_NAME["module_digest"].hooks]
    different = choose(["module_digest"], Refusals(rungs={rung: f"no {rung}" for rung in rungs}))
    assert different.missing["module_digest"] == "; ".join(f"{rung}: no {rung}" for rung in rungs)
    two = choose(["module_digest"], Refusals(rungs=dict.fromkeys(rungs[:2], "no") | {rungs[2]: "off"}))
    assert two.missing["module_digest"] == f"{rungs[0]}, {rungs[1]}: no; {rungs[2]}: off"
    same = choose(["module_digest"], Refusals(objects={"digest": "no module support"}))
    assert same.missing["module_digest"] == "no module support"


def test_an_aid_that_is_missing_does_not_take_the_event_along() -> None:
    choice = choose(["finit_module"], Refusals(objects={"copies": "no module support"}))
    assert "finit_module" in choice.hooks
    assert {label for label in choice.missing if label.startswith("finit_module: ")} == {
        f"finit_module: {ladder[0].name}" for ladder in BY_NAME["finit_module"].aids
    }


@pytest.mark.parametrize("forced", [rung for rung in RUNGS if rung not in ("uevent", "sensor", "fmod_ret")])
def test_a_forced_rung_is_taken_by_all_that_have_it(forced: str) -> None:
    choice = choose(RECORDS, Refusals(), forced)
    forced_ones = 0
    for name, hook in choice.hooks.items():
        has = any(rung.rung == forced for rung in BY_NAME[name].hooks)
        forced_ones += has
        assert hook.rung == (forced if has else BY_NAME[name].hooks[0].rung)
    assert forced_ones


def test_a_forced_rung_that_is_refused_is_not_replaced() -> None:
    choice = choose(["module_digest"], Refusals(rungs={"kprobe": "switched off"}), "kprobe")
    assert choice.missing["module_digest"] == "switched off"
    assert "module_digest" not in choice.hooks


REFUSALS = st.builds(
    Refusals,
    st.dictionaries(st.sampled_from(PROGRAMS), st.sampled_from(["a", "b"]), max_size=40),
    st.dictionaries(st.sampled_from(sorted(RUNGS)), st.sampled_from(["a", "b"]), max_size=3),
    st.dictionaries(st.sampled_from(OBJECTS), st.sampled_from(["a", "b"]), max_size=3),
)


@given(st.sets(st.sampled_from(sorted(BY_NAME))), REFUSALS)
def test_each_event_has_the_first_hook_that_is_not_refused_or_a_reason(wanted: set[str], refused: Refusals) -> None:
    choice = choose(wanted, refused)
    assert {name for name in wanted if BY_NAME[name].record} <= set(choice.hooks) | set(choice.missing)
    for name, hook in choice.hooks.items():
        assert name not in choice.missing
        free = [rung for rung in BY_NAME[name].hooks if refused.reason(rung) is None]
        assert hook == free[0]
    for hook in (*choice.hooks.values(), *choice.aids.values()):
        assert not set(hook.programs) & set(refused.programs)
        assert hook.rung not in refused.rungs
        assert hook.object not in refused.objects
        assert set(hook.programs) <= choice.programs()[hook.object]
    assert all(choice.missing.values())
    named = {p for hook in (*choice.hooks.values(), *choice.aids.values()) for p in hook.programs}
    assert {p for programs in choice.programs().values() for p in programs} == named
