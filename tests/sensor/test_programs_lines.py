"""Programs that are told by their lines: byte for byte those of their events, and the table learns the same."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from ringward.events import BY_NAME
from ringward.sensor import process_table
from ringward.sensor.calls import plain_calls
from ringward.sensor.clock import Clock
from ringward.sensor.exec_path import ExecPaths
from ringward.sensor.join import Joiner
from ringward.sensor.process_table import ProcessTable
from ringward.sensor.programs import Programs
from tests.sensor.joined import INIT, create
from tests.sensor.kernel_records import Kernel, batch, decoder, finit
from tests.sensor.written import DEFAULT, Written

FIXED = b'{"v":2,"event":"process_e'


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that keeps little."""
    for name, number in (("DEAD", 6), ("ALIVE", 12), ("CONTEXTS", 8), ("LINES", 3)):
        monkeypatch.setattr(process_table, f"KEPT_{name}", number)


def test_the_third_of_the_same_program_is_told_by_its_lines() -> None:
    written = Written()
    for number in range(10):
        lines = written.feed(*written.life(), look=False)
        assert lines.count(FIXED) == 2
        assert written.fast == 2 * max(0, number - 1)
    written.look()
    written.feed(*written.life())
    assert written.fast == 18


def test_what_differs_stands_in_the_lines() -> None:
    written = Written()
    for number in range(6):
        written.at(number * 999_999_999_999)
        child, fork = written.kernel.fork(written.shell)
        start = replace(child, tid=child.pid * 7)
        records = [written.kernel.record("process_exit", start, cpu=number * 1000, code=2)]
        for line in written.feed(fork, written.kernel.exec(start), *records, look=number == 2).splitlines():
            found = msgspec.json.decode(line)
            assert (found["process"]["pid"], found["process"]["tid"]) == (child.pid, child.pid * 7)
    assert written.fast >= 6


def test_another_program_is_told_by_events() -> None:
    written = Written()
    for number in range(12):
        written.feed(*written.life("x", str(number // 4)), look=False)
    assert written.fast == 3 * 4
    written.feed(*written.life("x", "2", code=3))
    written.feed(*written.life("x", "2"))
    written.look()


@pytest.mark.parametrize(
    "emit", [frozenset({"process_exec"}), frozenset({"process_exit"}), frozenset(BY_NAME), frozenset({"module_load"})]
)
def test_what_nobody_asked_for_is_no_line(emit: frozenset[str]) -> None:
    written = Written(emit)
    for _ in range(5):
        written.feed(*written.life())
        written.feed(*written.life(), look=False)
    assert (written.fast > 0) == (emit == {"process_exec"})


def test_events_between_lines_are_lines_too() -> None:
    written = Written()
    for _ in range(3):
        written.feed(*written.life())
    assert written.fast == 2
    written.feed(*written.life(), *written.life("y"), *written.life(), *written.life("z"))
    assert written.fast == 2 + 6


def test_what_others_do_does_not_matter() -> None:
    written = Written()
    other, fork = written.kernel.fork(INIT)
    written.feed(fork, written.kernel.exec(other, "/bin/other"))
    for _ in range(3):
        written.feed(*written.life())
    before = written.fast
    for number in range(5):
        fork, start, end = written.life()
        others = written.life(str(number), parent=other)
        written.feed(fork, others[0], start, *others[1:], end, look=False)
    # At the first of the others, the table is asked who they descend from.
    assert written.fast == before + 1 + 4 * 4
    written.look()


@pytest.mark.usefixtures("small")
def test_others_that_end_go_in_their_order() -> None:
    written = Written()
    others = []
    for _ in range(3):
        other, fork = written.kernel.fork(written.shell)
        written.feed(fork, written.kernel.exec(other, "/bin/other"), *written.life())
        others.append(other)
    for number in range(30):
        written.feed(*written.life(), look=False)
        if others and number % 4 == 1:
            written.feed(written.kernel.exit(others.pop()), look=False)
        if number % 9 == 8:
            written.look()


def test_the_parent_can_end_before_the_table_learns() -> None:
    written = Written()
    for _ in range(5):
        written.feed(*written.life(), look=False)
    written.feed(written.kernel.exit(written.shell), look=False)
    assert written.fast == 6
    late = written.life()
    written.feed(*late)


def test_without_lines_they_are_events() -> None:
    written = Written()
    for _ in range(3):
        written.feed(*written.life())
    data = batch(*written.life())
    events = written.joiner.take(written.plain.decoder.records(data))
    assert [event.event for event in events] == ["process_exec", "process_exit"]
    assert written.ready == []


def test_whoever_looks_into_the_table_finds_all_of_it() -> None:
    written = Written()
    for _ in range(3):
        written.feed(*written.life(), look=False)
    child, fork = written.kernel.fork(written.shell)
    written.feed(fork, look=False)
    known = written.joiner._table.find(process_table.key_of(child.pid, child.start))
    assert known.parent == process_table.key_of(written.shell.pid, written.shell.start)
    written.feed(written.kernel.exec(child, "/bin/x", ("x",)), look=False)
    call = create(written.plain, child)
    written.feed(call.enter(), call.returns(-38))
    written.feed(written.kernel.exit(child))


def test_a_child_of_its_own_descends_from_it() -> None:
    written = Written()
    for _ in range(3):
        written.feed(*written.life())
    child, fork = written.kernel.fork(written.shell)
    written.feed(fork, written.kernel.exec(child, "/bin/x", ("x",)), look=False)
    told = written.feed(*written.life(parent=child))
    assert msgspec.json.decode(told.splitlines()[0])["process"]["ancestors"][0]["exe"] == "/bin/x"


def test_a_parent_that_becomes_another_program_is_told_anew() -> None:
    written = Written()
    shell = written.shell
    for program in ("/bin/one", "/bin/two"):
        child, fork = written.kernel.fork(shell)
        written.feed(fork, written.kernel.exec(child, "/bin/x", ("x",)), look=False)
        written.feed(written.kernel.exec(shell, program), written.kernel.exit(child))
        for _ in range(4):
            told = written.feed(*written.life(parent=shell), look=False)
            assert f'"exe":"{program}"'.encode() in told
    assert written.fast >= 6


@pytest.mark.usefixtures("small")
def test_an_ancestor_that_goes_from_the_table_is_told_as_gone() -> None:
    written = Written()
    shell = written.shell
    middle, fork = written.kernel.fork(shell)
    written.feed(fork, written.kernel.exec(middle, "/bin/middle"))
    written.feed(*written.life(parent=middle), written.kernel.exit(shell))
    found = set()
    for _ in range(40):
        told = written.feed(*written.life(parent=middle), look=False)
        found.add(b'"exe":"/bin/sh"' in told)
    assert found == {False, True}
    assert written.fast > 40
    written.look()


@pytest.mark.usefixtures("small")
def test_more_than_is_kept_end_unseen() -> None:
    written = Written()
    for _ in range(50):
        written.feed(*written.life(), look=False)
    # The first process is not known: it is among those that have ended, and goes again and again.
    assert 60 < written.fast < 96
    written.look()
    opened = []
    for _ in range(20):
        child, fork = written.kernel.fork(written.shell)
        written.feed(fork, written.kernel.exec(child, "/bin/x", ("x",)), look=False)
        opened.append(child)
    written.look()
    for child in opened:
        written.feed(written.kernel.exit(child))


def test_a_load_that_waits_is_released_by_the_end_of_its_process() -> None:
    written = Written()
    for _ in range(3):
        written.feed(*written.life())
    child, fork = written.kernel.fork(written.shell)
    start = written.kernel.exec(child, "/bin/x", ("x",))
    written.feed(fork, start, finit(written.kernel, child).enter(), written.kernel.exit(child))


@pytest.mark.parametrize("spec", [(), (print,), (print, ()), (print, None), 5])
def test_what_lines_are_made_with_is_checked(spec: Any) -> None:
    one = decoder()
    table = ProcessTable(one.task, live=False)
    programs = Programs(table, ExecPaths()).native(one, DEFAULT)
    with pytest.raises((TypeError, ValueError)):
        plain_calls(one, DEFAULT, "h", {}, {}, table.context, set(), programs, spec)
    with pytest.raises(ValueError, match="lines are made of programs"):
        plain_calls(one, DEFAULT, "h", {}, {}, table.context, set(), None, (lambda _events: b"", []))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}\n",
        b'"time":"2000',
        b'"time":"","ktime":1,"cpu":0,"seq":1,"id":"","pid":1,"tid":1,"start_time":1}',
    ],
)
def test_a_line_in_which_the_numbers_are_not_found_is_not_used(line: bytes) -> None:
    written = Written()
    ready: list[tuple[bytes, int]] = []
    joiner = Joiner(
        written.plain.decoder,
        ProcessTable(written.plain.decoder.task, live=False),
        Clock(0),
        "h",
        DEFAULT,
        lines=(lambda _events: line, ready),
    )
    for _ in range(5):
        assert len(joiner.take(written.plain.decoder.records(batch(*written.life())), lines=True)) == 2
    assert ready == []


def test_a_fault_where_a_line_is_made_is_not_swallowed() -> None:
    def broken(_events: Any) -> bytes:
        raise LookupError("no line")

    def nothing(_events: Any) -> Any:
        return "text"

    for encode, fault in ((broken, LookupError), (nothing, TypeError)):
        one = decoder()
        kernel = Kernel()
        joiner = Joiner(one, ProcessTable(one.task, live=False), Clock(0), "h", DEFAULT, lines=(encode, []))
        records = []
        for _ in range(2):
            child, fork = kernel.fork(INIT)
            records += [fork, kernel.exec(child)]
        with pytest.raises(fault):
            joiner.take(one.records(batch(*records)), lines=True)


def test_nothing_of_it_stays() -> None:
    written = Written()
    for _ in range(5):
        written.feed(*written.life(), look=False)
    table, calls = weakref.ref(written.joiner._table), weakref.ref(written.joiner._calls)
    written.joiner = written.plain.joiner
    gc.collect()
    assert (table(), calls()) == (None, None)
