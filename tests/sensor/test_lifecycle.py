"""Loads under one id: steps, dependencies, and what is kept."""

from __future__ import annotations

import pytest

from ringward.events import Event, Need, Origin
from ringward.events.fields import UNREAD_TEXT
from ringward.sensor.attempts import PENDING_NS
from ringward.sensor.join import HELD_NS
from ringward.sensor.lifecycle import KEPT_LOADS, Lifecycles, LoadState
from tests.sensor.joined import WORKER, Joined
from tests.sensor.kernel_records import Proc, finit

NO_HOOK, NOT_REACHED = UNREAD_TEXT["NO_HOOK"], UNREAD_TEXT["NOT_REACHED"]
ORIGIN = Origin("command", "modprobe")


def begin(loads: Lifecycles, attempt: int, chain: str = "a") -> LoadState:
    return loads.begin(attempt, chain, "1@1", ORIGIN)


def test_a_load_begins_once() -> None:
    loads = Lifecycles()
    first = begin(loads, 1)
    assert begin(loads, 1) is first
    assert loads.of(1) is first
    assert loads.of(2) is None
    assert first.view().id == "a.1"
    assert first.view().origin == ORIGIN


def test_loads_of_a_chain_are_numbered() -> None:
    loads = Lifecycles()
    assert [begin(loads, n, c).id for n, c in enumerate("aabab", 1)] == ["a.1", "a.2", "b.1", "a.3", "b.2"]


def test_a_dependency_names_the_load_that_needed_it() -> None:
    loads = Lifecycles()
    fat, msdos = begin(loads, 1), begin(loads, 2)
    assert loads.linked(fat, "fat", "0x1", ()) == []
    assert loads.linked(msdos, "msdos", "0x2", ("fat", "nls")) == [fat]
    assert fat.needed_by == Need("msdos", "a.2")
    assert msdos.uses == (Need("fat", "a.1"), Need("nls", None))
    assert (fat.loaded, fat.module, fat.base) == (True, "fat", "0x1")


def test_a_dependency_of_another_chain_was_not_loaded_for_this_one() -> None:
    loads = Lifecycles()
    fat, msdos = begin(loads, 1, "a"), begin(loads, 2, "b")
    loads.linked(fat, "fat", "0x1", ())
    assert loads.linked(msdos, "msdos", "0x2", ("fat",)) == []
    assert fat.needed_by is None
    assert msdos.uses == (Need("fat", "a.1"),)


def test_the_first_that_needs_a_load_is_what_it_was_made_for() -> None:
    loads = Lifecycles()
    fat, msdos, vfat = begin(loads, 1), begin(loads, 2), begin(loads, 3)
    loads.linked(fat, "fat", "0x1", None)
    assert loads.linked(msdos, "msdos", "0x2", ("fat",)) == [fat]
    assert loads.linked(vfat, "vfat", "0x3", ("fat",)) == []
    assert fat.needed_by == Need("msdos", "a.2")


def test_the_call_that_unloads_has_the_id_of_the_load() -> None:
    loads = Lifecycles()
    fat = begin(loads, 1)
    loads.linked(fat, "fat", "0x1", ())
    assert loads.loaded("fat") is fat
    assert loads.freed(9, "fat") is fat
    assert loads.of(9) is fat
    assert loads.loaded("fat") is None
    assert loads.freed(10, "fat") is None
    assert loads.of(10) is None


def test_a_module_without_a_name_is_not_found_by_name() -> None:
    loads = Lifecycles()
    loads.linked(begin(loads, 1), None, "0x1", ())
    assert loads.loaded(None) is None
    assert loads.freed(2, None) is None


def test_the_same_name_loaded_again_is_another_load() -> None:
    loads = Lifecycles()
    first = begin(loads, 1)
    loads.linked(first, "fat", "0x1", ())
    loads.freed(2, "fat")
    second = begin(loads, 3)
    loads.linked(second, "fat", "0x1", ())
    assert loads.loaded("fat") is second
    assert first.id != second.id


def test_ids_are_never_given_twice_and_memory_is_bounded() -> None:
    loads = Lifecycles()
    seen = set()
    for n in range(1, 4 * KEPT_LOADS):
        # One long-lived process among many short ones, as udevd is.
        state = begin(loads, n, "daemon" if n % 3 == 0 else f"c{n}")
        assert state.id not in seen
        seen.add(state.id)
        loads.linked(state, "fat", "0x1", ())
        loads.freed(10**6 + n, "fat")
    assert len(loads._by_attempt) <= KEPT_LOADS + 1
    assert len(loads._chains) <= KEPT_LOADS
    assert loads.of(1) is None


def racing(file: tuple[str, int] | None = ("8:1", 5)) -> tuple[Lifecycles, LoadState, LoadState]:
    loads = Lifecycles()
    winner, other = begin(loads, 1, "a"), begin(loads, 2, "b")
    winner.file, other.file = ("8:1", 5), file
    winner.steps.add("module_load")
    return loads, winner, other


def test_a_call_that_waited_for_the_same_file_finds_the_load_that_did_the_work() -> None:
    loads, winner, other = racing()
    assert loads.shared(other, 100) is winner
    winner.ended = 150
    assert loads.shared(other, 100) is winner


def test_one_that_was_over_before_is_not_it() -> None:
    loads, winner, other = racing()
    winner.ended = 99
    assert loads.shared(other, 100) is None


def test_another_file_is_not_it() -> None:
    for file in (("8:1", 6), ("8:2", 5), None):
        loads, _winner, other = racing(file)
        assert loads.shared(other, 100) is None


def test_a_load_that_took_steps_shares_with_nobody() -> None:
    loads, winner, other = racing()
    other.steps.add("do_init_module")
    assert loads.shared(other, 100) is None
    assert loads.shared(winner, 100) is None


def only(events: list[Event], name: str = "finit_module") -> Event:
    (found,) = [event for event in events if event.event == name]
    return found


def test_a_call_that_has_not_returned() -> None:
    j = Joined()
    call = finit(j.kernel, j.program())
    j.feed(call.enter())
    event = only(j.tick(2 * PENDING_NS))
    assert (event.result, event.duration, event.error) == (None, None, None)
    members = {"result", "duration", "load.module", "load.digest"}
    assert {name: event.unread[name] for name in members} == dict.fromkeys(members, event.unread["result"])
    assert "has not returned after 2.0 s" in event.unread["result"]


def test_a_call_that_had_not_returned_at_the_end() -> None:
    j = Joined()
    j.feed(finit(j.kernel, j.program()).enter())
    event = only(j.flush())
    assert event.unread["duration"] == event.unread["result"] == "the call had not returned when Ringward ended"


def test_a_call_whose_process_ended_inside() -> None:
    j = Joined()
    proc = j.program()
    j.feed(finit(j.kernel, proc).enter())
    event = only(j.feed(j.kernel.exit(proc)))
    assert event.unread["duration"] == event.unread["result"] == "the process ended inside the call"


@pytest.mark.parametrize("result", [-1, 313])
def test_a_call_that_was_stopped_before_its_entry(result: int) -> None:
    j = Joined()
    event = only(j.feed(finit(j.kernel, j.program(), attempt__nr=313).stopped(result)))
    assert event.duration is None
    assert "entry was not seen" in event.unread["duration"]
    assert (event.result is None) == ("result" in event.unread) == (result == 313)


def test_a_load_that_the_kernel_refused_early() -> None:
    j = Joined()
    call = finit(j.kernel, j.program())
    event = only(j.feed(call.enter(), call.returns(-8)))
    assert event.load
    assert (event.load.module, event.load.digest) == (None, None)
    assert (event.unread["load.module"], event.unread["load.digest"]) == (NOT_REACHED, NOT_REACHED)
    call = finit(j.kernel, j.program())
    event = only(j.feed(call.enter(), call.digest(), call.returns(-8)))
    assert event.load
    assert event.load.digest == "ab" * 32
    assert (event.unread["load.module"], "load.digest" in event.unread) == (NOT_REACHED, False)


def test_a_load_whose_image_could_not_be_hashed() -> None:
    j = Joined()
    call = finit(j.kernel, j.program())
    events = j.feed(call.enter(), call.digest(error=-12), *call.steps("x")[2:])
    events += j.tick(2 * HELD_NS)
    assert only(events, "module_digest").unread["digest"] == "hashing failed with error -12"
    assert only(events).unread["load.digest"] == "see the module_digest of this load"


def test_a_load_without_the_hooks_of_its_steps() -> None:
    j = Joined(steps=frozenset())
    call = finit(j.kernel, j.program())
    event = only(j.feed(call.enter(), call.returns()))
    assert (event.unread["load.module"], event.unread["load.digest"]) == (NO_HOOK, NO_HOOK)


def test_a_load_of_which_a_step_may_be_lost() -> None:
    j = Joined()
    j.joiner._lost_since = lambda _time: True
    call = finit(j.kernel, j.program())
    event = only(j.feed(call.enter(), call.returns(-8)))
    assert "records were lost" in event.unread["load.digest"]


def test_an_init_that_was_under_way_when_ringward_came() -> None:
    j = Joined()
    call = finit(j.kernel, j.program())
    name = j.decoder.reasons
    no_hook = next(value for value, text in name.items() if text == NO_HOOK)
    record = j.kernel.record("do_init_module", call.proc, attempt=0, duration=0, result=0, name=no_hook)
    event = only(j.feed(record), "do_init_module")
    assert (event.duration, event.args.name, event.result) == (None, None, 0)
    assert "its entry was not seen" in event.unread["duration"]
    assert event.unread["name"] == NO_HOOK


def test_a_request_that_was_not_seen() -> None:
    j = Joined()
    helper = j.kernel.process(WORKER, "kworker/u8:1")
    modprobe = Proc(helper.pid, helper.start, WORKER, "modprobe")
    j.feed(j.kernel.helper(helper, 99), j.kernel.exec(modprobe, "/usr/bin/kmod", ("/sbin/modprobe", "x")))
    call = finit(j.kernel, modprobe)
    event = only(j.feed(call.enter(), call.returns(-8)))
    assert event.load
    assert event.load.origin
    assert (event.load.origin.alias, event.load.origin.unread) == (
        None,
        {"alias": "the record of the request was not seen"},
    )
