from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.events import BY_NAME, Event
from ringward.sensor import _native, process_table
from ringward.sensor.calls import plain_calls
from ringward.sensor.decode import Decoder
from ringward.sensor.exec_path import ExecPaths
from ringward.sensor.process_table import ProcessTable
from ringward.sensor.programs import ROLES, Programs
from tests.sensor.joined import INIT, Twins
from tests.sensor.kernel_records import (
    CANARY,
    FAULT,
    NO_ENTRY,
    Call,
    Kernel,
    Proc,
    Value,
    batch,
    decoder,
    delete,
    finit,
)

DEFAULT = frozenset(BY_NAME) - {"process_fork"}


def taken(
    *records: bytes,
    emit: frozenset[str] = DEFAULT,
    idle: bool = True,
    paths: ExecPaths | None = None,
    one: Decoder | None = None,
) -> tuple[list[Event], str | None]:
    """Return the events that the native part makes by itself, and the name of the record that it gives back."""
    one = one or decoder()
    table = ProcessTable(one.task, live=False)
    programs = Programs(table, paths or ExecPaths(), () if idle else (1,)).native(one, emit)
    calls = plain_calls(one, emit, "h", {}, {}, table.context, set(), programs)
    out: list[Event] = []
    record = calls.take(one.records(batch(*records)), 0, out)
    return out, record.name if record else None


def life(kernel: Kernel, **exec_: Value) -> list[bytes]:
    proc, fork = kernel.fork(INIT, comm="sh")
    return [fork, kernel.exec(proc, **exec_), kernel.exit(proc, 3)]


def test_a_plain_life_is_told_by_the_native_part_alone() -> None:
    events, back = taken(*life(Kernel()))
    assert back is None
    start, end = events
    assert (start.event, start.args.path, start.args.exe.path) == ("process_exec", "/usr/bin/kmod", "/usr/bin/kmod")
    assert (start.result, start.duration, start.abi, start.load) == (None, None, None, None)
    assert start.process is not None
    assert (start.process.exe, start.process.cgroup, start.process.ppid) == ("/usr/bin/kmod", "/user.slice", 1)
    assert (end.event, end.args.code, end.process) == ("process_exit", 3, start.process)


def test_it_is_told_as_python_tells_it() -> None:
    twins = Twins(emit=DEFAULT)
    assert [event.event for event in twins.feed(*life(twins.kernel))] == ["process_exec", "process_exit"]


@pytest.mark.parametrize("emit", [frozenset(), frozenset({"process_exit"}), frozenset(BY_NAME)])
def test_what_nobody_asked_for_is_followed_and_not_told(emit: frozenset[str]) -> None:
    twins = Twins(emit=emit)
    assert {event.event for event in twins.feed(*life(twins.kernel))} == emit & ROLES.keys()
    twins.feed(*life(twins.kernel))


def test_a_fork_that_was_asked_for_is_given_back() -> None:
    assert taken(*life(Kernel()), emit=frozenset(BY_NAME)) == ([], "process_fork")


def test_a_path_that_is_not_the_files_is_given_back() -> None:
    assert taken(*life(Kernel(), interpreter="/bin/sh")) == ([], "process_exec")


def test_an_end_while_a_call_is_under_way_is_given_back() -> None:
    events, back = taken(*life(Kernel()), idle=False)
    assert ([event.event for event in events], back) == (["process_exec"], "process_exit")


def test_the_end_of_a_process_that_is_not_known_is_given_back() -> None:
    kernel = Kernel()
    assert taken(kernel.exit(kernel.process())) == ([], "process_exit")


def test_a_second_end_of_the_same_process_is_none() -> None:
    twins = Twins(emit=DEFAULT)
    proc, fork = twins.kernel.fork(INIT)
    assert len(twins.feed(fork, twins.kernel.exit(proc), twins.kernel.exit(proc))) == 1


def test_the_kernels_helper_has_its_request() -> None:
    twins = Twins(emit=DEFAULT)
    number, request = twins.kernel.request(INIT, "net-pf-5")
    proc = twins.kernel.process()
    child, fork = twins.kernel.fork(proc)
    records = [request, twins.kernel.helper(proc, number), twins.kernel.exec(proc), fork, twins.kernel.exec(child)]
    told = twins.feed(*records, twins.kernel.exit(child), twins.kernel.exit(proc))
    programs = [event for event in told if event.event in ROLES]
    assert len(programs) == 4
    assert {event.load.id for event in programs if event.load} == {f"{number:x}"}


def test_a_canary_goes_to_the_canary_alone() -> None:
    twins = Twins(emit=DEFAULT)
    proc = twins.kernel.process(INIT, flags=CANARY)
    assert twins.feed(twins.kernel.exec(proc), twins.kernel.exit(proc)) == []
    assert [len(one.canaries) for one in (twins.whole, twins.single)] == [2, 2]


def test_the_end_of_a_process_inside_a_call_tells_of_the_call() -> None:
    twins = Twins(emit=DEFAULT, modules=set())
    proc, fork = twins.kernel.fork(INIT)
    call = finit(twins.kernel, proc)
    told = twins.feed(fork, twins.kernel.exec(proc), call.enter(), twins.kernel.exit(proc))
    assert [event.event for event in told] == ["process_exec", "finit_module", "process_exit"]


def test_a_fault_in_python_is_not_swallowed() -> None:
    def broken(*_given: Any) -> Any:
        raise LookupError("no such process")

    one = decoder()
    programs = Programs(ProcessTable(one.task, live=False), ExecPaths())
    kernel = Kernel()
    proc = kernel.process()
    odd = {
        "forked": kernel.fork(INIT)[1],
        "started": kernel.exec(proc, interpreter="/bin/sh"),
        "ended": kernel.exit(proc),
    }
    for place, (name, record) in enumerate(odd.items(), 4):
        plain = programs.native(one, DEFAULT)
        assert plain is not None
        assert plain[place].__name__ == name
        spec: Any = (*plain[:place], broken, *plain[place + 1 :])
        calls = plain_calls(one, DEFAULT, "h", {}, {}, ProcessTable(one.task, live=False).context, set(), spec)
        with pytest.raises(LookupError, match="no such process"):
            calls.take(one.records(batch(record)), 0, [])


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, {999: (1, True, {})}),
        (0, {-1: (1, True, {})}),
        (0, {4: (9, True, {})}),
        (0, {4: (0, True, {})}),
        (0, {4: None}),
        (1, (0, 8, 24, 16, 1 << 20)),
        (1, (0, 1 << 31, 24, 16, 80)),
        (2, (1 << 31, 0, 0)),
        (3, 0),
    ],
)
def test_a_place_outside_of_the_record_is_refused(place: int, value: object) -> None:
    one = decoder()
    plain = Programs(ProcessTable(one.task, live=False), ExecPaths()).native(one, DEFAULT)
    assert plain is not None
    spec: Any = (*plain[:place], value, *plain[place + 1 :])
    with pytest.raises((ValueError, TypeError)):
        plain_calls(one, DEFAULT, "h", {}, {}, ProcessTable(one.task, live=False).context, set(), spec)


def test_objects_without_programs_need_nothing() -> None:
    one = decoder()
    del one.kinds["process_exit"]
    assert Programs(ProcessTable(one.task, live=False), ExecPaths()).native(one, DEFAULT) is None
    assert isinstance(plain_calls(one, DEFAULT, "h", {}, {}, lambda _task: None, set(), None), _native.Calls)  # type: ignore[arg-type, return-value]


def tables(twins: Twins) -> list[tuple[Any, ...]]:
    """Return what the tables of processes of both keep; the order in which things go is part of it."""
    found = []
    for one in (twins.whole, twins.single):
        table, paths = one.joiner._table, one.joiner._exec_paths
        known = {key: (*msgspec.structs.astuple(known),) for key, known in table._known.items()}
        found.append((known, list(table._dead), list(table._contexts.items()), table._lines, paths.explained))
    return found


VARIANTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"flags": 8}, {}),
    ({"flags": 2}, {}),
    ({"mnt": 0}, {}),
    ({"uid": 1000}, {"old_uid": 5}),
    ({}, {"old_unread": NO_ENTRY}),
    ({}, {"exe__path": FAULT}),
    ({}, {"cwd": FAULT}),
    ({}, {"args": FAULT}),
    ({}, {"cgroup_path": FAULT}),
    ({}, {"cgroup_path": "/docker/" + "ab" * 32}),
    ({}, {"exe__nlink": 0}),
    ({}, {"interpreter": "/dev/fd/3"}),
    ({}, {"interpreter": FAULT}),
    ({}, {"path": "/é", "path_kernel": "/é", "interpreter": "/é", "exe__path": "/é"}),
]


@pytest.mark.parametrize(("proc", "exec_"), VARIANTS)
def test_what_is_not_plain_is_kept_and_told_as_python_does(proc: dict[str, Any], exec_: dict[str, Any]) -> None:
    twins = Twins(emit=DEFAULT)
    for _ in range(2):
        child, fork = twins.kernel.fork(INIT)
        child = replace(child, **proc)
        told = twins.feed(fork, twins.kernel.exec(child, **exec_), twins.kernel.exit(child))
        assert [event.event for event in told] == ["process_exec", "process_exit"]
        one, other = tables(twins)
        assert one == other


def test_the_same_goes_first_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, number in (("DEAD", 3), ("ALIVE", 4), ("CONTEXTS", 4), ("LINES", 2)):
        monkeypatch.setattr(process_table, f"KEPT_{name}", number)
    twins = Twins(emit=DEFAULT)
    shell, fork = twins.kernel.fork(INIT, comm="sh")
    twins.feed(fork, twins.kernel.exec(shell, "/bin/sh", ("sh",)))
    procs = [shell]
    for number in range(40):
        child, fork = twins.kernel.fork(procs[number % len(procs)])
        records = [fork, twins.kernel.exec(child, f"/bin/x{number % 3}")]
        procs.append(child)
        if number % 3:
            records.append(twins.kernel.exit(procs.pop(number % len(procs))))
        if number % 7 == 0:
            records.append(twins.kernel.exec(shell, f"/bin/sh{number}"))
        twins.feed(*records)
        one, other = tables(twins)
        assert one == other, number
    assert len(twins.whole.joiner._table) <= 3 + len(procs) + 4


def test_whoever_changes_is_told_anew_to_those_that_descend_from_it() -> None:
    twins = Twins(emit=DEFAULT)
    shell, fork = twins.kernel.fork(INIT, comm="sh")
    twins.feed(fork, twins.kernel.exec(shell, "/bin/sh"))
    for program in ("/bin/one", "/bin/two"):
        twins.feed(twins.kernel.exec(shell, program))
        for _ in range(2):
            child, fork = twins.kernel.fork(shell)
            (start,) = twins.feed(fork, twins.kernel.exec(child, "/bin/child"))
            assert start.process is not None
            assert [one.exe for one in start.process.ancestors] == [program, None]


def test_what_comes_again_is_the_same_object() -> None:
    kernel, one = Kernel(), decoder()
    table = ProcessTable(one.task, live=False)
    programs = Programs(table, ExecPaths()).native(one, DEFAULT)
    calls = plain_calls(one, DEFAULT, "h", {}, {}, table.context, set(), programs)
    out: list[Event] = []
    assert table.ancestors((1, 1))
    for _ in range(3):
        assert calls.take(one.records(batch(*life(kernel))), 0, out) is None
    first, *others = (event.process for event in out if event.event == "process_exec")
    assert first is not None
    assert len(others) == 2
    for process in others:
        assert process is not None
        for name in ("comm", "exe", "args", "cwd", "cgroup", "namespaces", "ancestors"):
            assert getattr(process, name) is getattr(first, name), name


def test_who_says_the_same_has_the_same_arguments_and_nobody_else() -> None:
    twins = Twins(emit=DEFAULT)
    one, other = ("/bin/one", ("one",)), ("/bin/one", ("one", "more"))
    starts = [(one, 0), (one, 0), (other, 0), (one, 3), (one, 3)]
    records: list[bytes] = []
    for (exe, argv), code in starts:
        child, fork = twins.kernel.fork(INIT)
        records += [fork, twins.kernel.exec(child, exe, argv), twins.kernel.exit(child, code)]
    told = twins.feed(*records)
    begun, ended = told[::2], told[1::2]
    assert [event.args.args for event in begun] == [argv for (_exe, argv), _code in starts]
    assert [event.args.code for event in ended] == [code for _start, code in starts]
    assert [a.args is b.args for a, b in pairwise(begun)] == [True, False, False, True]
    assert [a.args is b.args for a, b in pairwise(ended)] == [True, True, False, True]
    assert len({event.process.id for event in told if event.process}) == len(starts)


@pytest.mark.parametrize("odd", [{"args": FAULT}, {"path_kernel": FAULT}, {"path": "/other"}, {"old_unread": NO_ENTRY}])
def test_what_is_said_of_one_start_is_said_of_no_other(odd: dict[str, Value]) -> None:
    twins = Twins(emit=DEFAULT)
    records: list[bytes] = []
    for values in ({}, odd, odd, {}):
        child, fork = twins.kernel.fork(INIT)
        records += [fork, twins.kernel.exec(child, **values), twins.kernel.exit(child)]
    plain, first, second, last = (event for event in twins.feed(*records) if event.event == "process_exec")
    for a, b in ((plain, last), (first, second)):
        assert (a.args, a.sources, a.unread, a.differences) == (b.args, b.sources, b.unread, b.differences)
    assert (plain.unread, plain.differences) == ({}, ())
    assert first.unread or first.differences or first.sources != plain.sources


def test_processes_whose_numbers_share_a_place_are_told_apart() -> None:
    twins = Twins(emit=DEFAULT)
    procs = [replace(twins.kernel.process(INIT), pid=500 + 64 * number) for number in range(3)]
    again = replace(procs[0], start=procs[0].start + 5_000_000_000)
    for proc in (*procs, again, *procs):
        (start,) = twins.feed(twins.kernel.exec(proc))
        assert start.process is not None
        assert start.process.id == f"{proc.pid}@{proc.start // 10_000_000}"


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["fork", "exec", "exit", "helper", "enter", "returns", "load", "free", "tick"]),
        st.integers(0, 5),
        st.sampled_from(["/bin/one", "/bin/two", "/é", None]),
        st.sampled_from([None, None, None, "/bin/link", "/dev/fd/3", "./one", "two", "link", "/bin/none"]),
    ),
    max_size=50,
)


@settings(max_examples=150, deadline=None)
@given(ACTIONS, st.integers(1, 8), st.sampled_from([DEFAULT, frozenset(BY_NAME), frozenset({"process_exit"})]))
def test_any_stream_gives_the_same_events_either_way(
    actions: list[tuple[str, int, str | None, str | None]], size: int, emit: frozenset[str]
) -> None:
    twins = Twins(emit=emit)
    leads = {"link": "/bin/one", "none": None}
    for joined in (twins.whole, twins.single):
        joined.joiner._exec_paths._lead = lambda _process, path, *_from: leads.get(path.rpartition("/")[2], "/x")
    procs: list[Proc] = [twins.kernel.process(INIT, "probe") for _ in range(6)]
    opened: dict[int, Call] = {}
    waiting: list[bytes] = []
    for action, number, exe, asked in actions:
        waiting += records_of(twins.kernel, procs, opened, (action, number, exe, asked))
        if len(waiting) >= size or action == "tick":
            twins.feed(*waiting)
            waiting.clear()
        if action == "tick":
            twins.tick(10**9)
    twins.feed(*waiting)
    twins.flush()
    one, other = tables(twins)
    assert one == other


def records_of(
    kernel: Kernel, procs: list[Proc], opened: dict[int, Call], what: tuple[str, int, str | None, str | None]
) -> list[bytes]:
    """Return the records that one action of a process makes."""
    action, number, exe, asked = what
    proc = procs[number]
    if action == "fork":
        procs[(number + 1) % 6], record = kernel.fork(proc)
        return [record]
    if action == "exec":
        led = asked or exe
        return [kernel.exec(proc, exe__path=exe, interpreter=led, path_kernel=led, path=exe, cwd="/bin")]
    if action == "helper":
        return [kernel.helper(proc, kernel.next_number())]
    if action == "exit":
        return [kernel.exit(proc)]
    if action == "enter":
        opened[number] = delete(kernel, proc, "msdos") if exe is None else finit(kernel, proc)
    return call_records(action, number, opened)


def call_records(action: str, number: int, opened: dict[int, Call]) -> list[bytes]:
    """Return the record of a call that is under way."""
    call = opened.get(number)
    if call is None:
        return []
    match action:
        case "enter":
            return [call.enter()]
        case "returns":
            return [opened.pop(number).returns()]
        case "load" | "free":
            return [getattr(call, action)("msdos")]
    return []
