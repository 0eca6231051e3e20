from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.events import BY_NAME, Event
from ringward.events.context import Process
from ringward.sensor import _native
from ringward.sensor.calls import PLAIN, plain_calls
from tests.sensor.joined import INIT, Joined, Judge, Twins
from tests.sensor.kernel_records import CANARY, SECOND, Call, Value, batch, decoder, delete, finit

NUMBERS = {"create_module": 174, "query_module": 178, "get_kernel_syms": 177, "init_module": 175}
NAMES = ("msdos", "fat", "rw", "é", "")


def create(twins: Twins, name: Value = "rw", **given: Value) -> Call:
    proc = twins.kernel.process(INIT, "probe")
    return Call(twins.kernel, proc, "create_module", 174, {"name": name, "code": 1, "len": 2, "flags": 4, **given})


def test_a_plain_call_is_told_at_its_return() -> None:
    twins = Twins(modules={"rw"})
    call = create(twins)
    assert twins.feed(call.enter()) == []
    (event,) = twins.feed(call.returns(-38))
    assert (event.event, event.result, event.error, event.duration) == ("create_module", -38, "ENOSYS", 1000)
    assert (event.args.name, event.args.name_is_loaded, event.args.flags) == ("rw", True, ("0x4",))
    assert (event.sources, event.unread, event.differences, event.load) == ({"name": "entry"}, {}, (), None)
    assert event.process is not None
    assert event.process.comm == "probe"
    assert twins.tick(2 * SECOND) == []


def test_both_returns_in_one_batch_as_in_two() -> None:
    twins = Twins()
    one, two = create(twins), create(twins)
    assert len(twins.feed(one.enter(), two.enter(), two.returns(-38), one.returns(-38))) == 2


def test_a_name_that_was_not_read_has_its_reason() -> None:
    (event,) = (twins := Twins(modules=set())).feed((call := create(twins, None)).enter(), call.returns(-14))
    assert event.args.name is None
    assert set(event.unread) == {"name", "name_is_loaded"}


def test_a_list_of_modules_that_is_not_known_has_its_reason() -> None:
    (event,) = (twins := Twins()).feed((call := create(twins)).enter(), call.returns(-38))
    assert (event.args.name_is_loaded, list(event.unread)) == (None, ["name_is_loaded"])


@pytest.mark.parametrize("result", [0, 5, -1, -38, -255, -256, -512, -4095, -(1 << 63), (1 << 63) - 1])
def test_every_result_has_the_same_error(result: int) -> None:
    twins = Twins()
    call = create(twins)
    (event,) = twins.feed(call.enter(), call.returns(result))
    assert event.result == result
    assert (event.error is None) == (result >= 0)


@pytest.mark.parametrize("time", [0, 1, SECOND - 1, (1 << 62) - 1, 1 << 62])
def test_every_time_is_written_alike(time: int) -> None:
    twins = Twins()
    call = create(twins)
    entered = call.enter()
    (event,) = twins.feed(entered, call.returns(0, time=time))
    assert event.ktime == time


def test_the_wall_clock_can_be_set_between_batches() -> None:
    twins = Twins()
    for offset in (0, -5 * SECOND, 1_800_000_000 * SECOND, -2000 * SECOND):
        for joined in (twins.whole, twins.single):
            joined.joiner._clock.offset = offset
        call = create(twins)
        twins.feed(call.enter(), call.returns(0))
    assert len({event.time[:4] for event in twins.whole.events}) == 3


def test_a_call_that_names_a_loaded_module_belongs_to_its_load() -> None:
    twins = Twins(modules=set())
    proc = twins.kernel.process(INIT, "insmod")
    load = finit(twins.kernel, proc)
    twins.feed(*load.steps("msdos"), twins.kernel.exit(proc))
    call = create(twins, "msdos")
    (event,) = twins.feed(call.enter(), call.returns(-38))
    assert event.load is not None
    assert event.load.module == "msdos"
    assert event.args.name_is_loaded is True
    assert twins.whole.joiner._attempts.pending == {}
    unload = delete(twins.kernel, twins.kernel.process(INIT, "rmmod"), "msdos")
    twins.feed(unload.enter(), unload.free("msdos"), unload.returns())
    call = create(twins, "msdos")
    (event,) = twins.feed(call.enter(), call.returns(-38))
    assert (event.load, event.args.name_is_loaded) == (None, False)


def test_a_canary_goes_to_the_canary_alone() -> None:
    twins = Twins()
    proc = twins.kernel.process(INIT, "ringward", flags=CANARY)
    call = Call(twins.kernel, proc, "create_module", 174)
    assert twins.feed(call.enter(), call.returns(-38)) == []
    assert [len(one.canaries) for one in (twins.whole, twins.single)] == [2, 2]


def test_what_nobody_asked_for_is_followed_and_not_told() -> None:
    twins = Twins(emit=frozenset({"query_module"}))
    call = create(twins)
    assert twins.feed(call.enter(), call.returns(-38)) == []
    assert twins.whole.joiner._attempts.pending == {}


def test_a_program_that_changes_within_a_batch_has_its_own_context() -> None:
    twins = Twins()
    proc, fork = twins.kernel.fork(INIT, comm="sh")
    records = [fork]
    for exe in ("/bin/one", "/bin/two"):
        call = Call(twins.kernel, proc, "create_module", 174, {"name": exe})
        records += [twins.kernel.exec(proc, exe, (exe,)), call.enter(), call.returns(-38)]
    calls = [event for event in twins.feed(*records) if event.event == "create_module"]
    assert [event.process.exe for event in calls if event.process] == ["/bin/one", "/bin/two"]


def test_many_tasks_keep_their_own_context() -> None:
    twins = Twins()
    calls = [create(twins, str(number)) for number in range(50)]
    events = twins.feed(*(raw for call in calls for raw in (call.enter(), call.returns(0))))
    assert [event.process.pid for event in events if event.process] == [call.proc.pid for call in calls]


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["enter", "returns", "returns", "stopped", "load", "free", "exit", "exec", "tick"]),
        st.sampled_from([*NUMBERS, "delete_module", "finit_module"]),
        st.integers(0, 3),
        st.sampled_from([*NAMES, None]),
        st.sampled_from([0, -38, -1, 3]),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(ACTIONS, st.sets(st.sampled_from(NAMES)) | st.none(), st.integers(1, 8))
def test_any_stream_gives_the_same_events_either_way(
    actions: list[tuple[str, str, int, str | None, int]], modules: set[str] | None, size: int
) -> None:
    twins = Twins(modules=modules)
    procs = [twins.kernel.process(INIT, "probe") for _ in range(4)]
    opened: dict[tuple[str, int], Call] = {}
    waiting: list[bytes] = []
    for action, name, number, text, result in actions:
        proc = procs[number]
        given: dict[str, Value] = {"name": text} if name in {"create_module", "query_module", "delete_module"} else {}
        call = opened.get((name, number)) or Call(twins.kernel, proc, name, NUMBERS.get(name, 313), given)
        match action:
            case "enter":
                opened[name, number] = call
                waiting.append(call.enter())
            case "returns" | "stopped":
                opened.pop((name, number), None)
                waiting.append(getattr(call, action)(result))
            case "load" | "free":
                waiting.append(getattr(call, action)(text or "msdos"))
            case "exit" | "exec":
                waiting.append(getattr(twins.kernel, action)(proc))
            case "tick":
                twins.feed(*waiting)
                waiting.clear()
                twins.tick(SECOND)
        if len(waiting) >= size:
            twins.feed(*waiting)
            waiting.clear()
    twins.feed(*waiting)
    twins.flush()


def taker(**given: Any) -> tuple[_native.Calls, Any, dict[int, bytes]]:
    """Return what takes plain calls, a decoder, and the calls that wait."""
    one, pending = decoder(), given.pop("pending", {})
    values: dict[str, Any] = {"loaded": {}, "context": lambda _task: process(), "modules": set(), "programs": None}
    values |= given
    return plain_calls(one, frozenset(BY_NAME), "h", pending, **values), one, pending


def process() -> Process:
    return Joined().joiner._table.context(bytes(96))


def test_what_is_not_plain_is_handed_back() -> None:
    calls, one, pending = taker()
    twins = Twins()
    call = create(twins)
    exit_ = twins.kernel.exit(twins.kernel.process())
    out: list[Event] = []
    found = one.records(batch(call.enter(), exit_, call.returns(0)))
    record = calls.take(found, 0, out)
    assert record is not None
    assert (record.name, out, list(pending)) == ("process_exit", [], [call.id])
    assert calls.take(found, 0, out) is None
    assert [event.event for event in out] == ["create_module"]
    assert pending == {}
    assert calls.take(found, 0, out) is None


def test_a_fault_in_python_is_not_swallowed() -> None:
    def broken(_task: bytes) -> Process:
        raise LookupError("no such task")

    calls, one, _pending = taker(context=broken)
    call = create(Twins())
    with pytest.raises(LookupError, match="no such task"):
        calls.take(one.records(batch(call.enter(), call.returns(0))), 0, [])


def test_a_batch_of_another_decoder_is_refused() -> None:
    calls, _one, _pending = taker()
    for wrong in (decoder().records(b""), None):
        with pytest.raises((TypeError, ValueError)):
            calls.take(wrong, 0, [])  # type: ignore[arg-type]


def test_plain_calls_are_those_that_begin_no_load() -> None:
    assert all(BY_NAME[name].group == "modules" for name in PLAIN)
    assert not {"init_module", "finit_module", "delete_module"} & set(PLAIN)


def test_only_calls_that_begin_no_load_are_judged_so() -> None:
    judge = Judge()
    j = Joined(judge=judge)
    proc = j.program()
    j.load(proc, "x")
    call = delete(j.kernel, proc, "x")
    j.feed(call.enter(), call.returns(0), j.kernel.exit(proc))
    assert (len(j.of("finit_module")), len(j.of("delete_module"))) == (1, 1)
    assert judge.causes == []
