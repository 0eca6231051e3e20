"""Racing calls: a second thread changes what a call was given while the kernel works on it.

Each test goes on until differences were seen, and fails when none could be provoked. What is
shown is then compared with what the kernel worked with, as its own result tells it.
"""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringward.events import Event
from tests.kernel.conftest import Watch
from tests.kernel.programs import folder_fixture, preemptible, program_fixture  # noqa: F401 - fixtures
from tests.kernel.witness import SECONDS, attribute, call_of, listed, own_module, remove, stat_of

CALLS = 60
"""Calls of one run of the program."""
FEW = 8
"""The same, where only the first ones count."""
ROUNDS = 30
"""Runs before it is given up."""
ENOUGH = 3
"""Differences that must be seen."""


@pytest.fixture
def race(program: Callable[[str], Path]) -> Iterator[Callable[..., list[tuple[int, int]]]]:
    path = program("race")

    def run(*args: object) -> list[tuple[int, int]]:
        """Run the program; return process and result of each call, in order, as it printed them."""
        process = subprocess.Popen([path, how, *map(str, args)], stdout=subprocess.PIPE, text=True)
        out, _ = process.communicate(timeout=4 * SECONDS)
        assert process.returncode == 0, f"the race program ended with {process.returncode}"
        return [(int(pid), int(result)) for pid, result in (line.split() for line in out.splitlines())]

    with preemptible() as how:
        yield run


@pytest.fixture(scope="module")
def opened() -> Iterator[Watch]:
    w = Watch("init_module", "finit_module", "delete_module")
    yield w
    w.sensor.close()


@pytest.fixture
def w(opened: Watch) -> Iterator[Watch]:
    opened.clear()
    yield opened
    remove("rw_param", "rw_fail", "fat", "crc16")


def provoke(w: Watch, run: Callable[[], list[tuple[int, int]]]) -> list[tuple[Event, int]]:
    """Run until there were differences; return each call's event with the result that the caller got."""
    found: list[tuple[Event, int]] = []
    for _ in range(ROUNDS):
        results = run()
        pid, count = results[0][0], len(results)
        w.until(lambda events, pid=pid, count=count: len(call_of(events, pid)) >= count, 2 * SECONDS)
        events = call_of(w.events, pid)
        assert [event.result for event in events] == [result for _, result in results]
        found += [(event, result) for event, (_, result) in zip(events, results, strict=True)]
        w.events.clear()
        if sum(bool(event.differences) for event, _ in found) >= ENOUGH:
            return found
    differences = sum(bool(event.differences) for event, _ in found)
    raise AssertionError(f"only {differences} differences in {len(found)} calls: the race was not provoked")


def check_differences(found: list[tuple[Event, int]], field: str, values: set[str]) -> None:
    """Check that each difference has both values, one at entry and the shown one in the kernel."""
    for event, _ in found:
        for difference in event.differences:
            assert difference.field == field
            assert {difference.entry, difference.kernel} == values
            assert difference.kernel == getattr(event.args, field)


@pytest.mark.guest
@pytest.mark.modules
def test_parameters(w, race):
    # The error that init fails with is the parameter that the kernel parsed.
    found = provoke(w, lambda: race("params", own_module("rw_fail"), "error=5", "error=6", CALLS))
    check_differences(found, "param_values", {"error=5", "error=6"})
    for event, result in found:
        assert event.sources["param_values"] == "kernel"
        assert event.args.param_values == f"error={-result}"
    assert {result for _, result in found} == {-5, -6}, "only one of the two was ever used"


@pytest.mark.guest
@pytest.mark.modules
def test_parameters_that_stay(w, race):
    found: list[tuple[Event, int]] = []
    for _ in range(2 * ROUNDS):
        ((pid, result),) = race("params", own_module("rw_param"), "text=aa", "text=bb", 1)
        w.until(lambda events, pid=pid: call_of(events, pid, 0), SECONDS)
        (event,) = call_of(w.events, pid)
        assert (result, event.args.param_values) == (0, f"text={attribute('rw_param', 'parameters/text')}")
        remove("rw_param")
        found.append((event, result))
        if event.differences:
            break
    check_differences(found, "param_values", {"text=aa", "text=bb"})
    assert found[-1][0].differences, f"no difference in {len(found)} loads: the race was not provoked"


@pytest.mark.guest
@pytest.mark.modules
def test_name_that_is_refused(w, race):
    # Two reasons to refuse tell which name the kernel looked up.
    held = next(name for name, line in listed().items() if line.holders and len(name) < 8)
    found = provoke(w, lambda: race("delete", held, "rw_none", 4 * CALLS))
    check_differences(found, "name", {held, "rw_none"})
    names = {-errno.EWOULDBLOCK: held, -errno.ENOENT: "rw_none"}
    for event, result in found:
        assert event.sources["name"] == "kernel"
        assert (event.args.name, event.args.refcount is None) == (names[result], result == -errno.ENOENT)
    assert {result for _, result in found} == set(names), "only one of the two was ever used"


@pytest.mark.guest
@pytest.mark.modules
def test_name_that_goes(w, race):
    found: list[tuple[Event, int]] = []
    for _ in range(ROUNDS):
        subprocess.run(["modprobe", "-a", "fat", "crc16"], check=True)
        results = race("delete", "fat", "crc16", FEW)
        pid = results[0][0]
        w.until(lambda events, pid=pid: len(call_of(events, pid)) == FEW, SECONDS)
        events = call_of(w.events, pid)
        gone = {event.args.name for event in events if event.result == 0}
        assert {"fat", "crc16"} - set(listed()) == gone, "another module is gone than was shown"
        for event, (_, result) in zip(events, results, strict=True):
            assert event.result == result
            found.append((event, result))
        w.events.clear()
        if any(event.differences and event.result == 0 for event, _ in found):
            break
    check_differences(found, "name", {"fat", "crc16"})
    told = sum(bool(event.differences) for event, _ in found)
    assert any(event.differences and event.result == 0 for event, _ in found), f"none among {told} differences went"


@pytest.mark.guest
@pytest.mark.modules
def test_file_behind_the_descriptor(w, race, folder):
    module, text = folder / "a.ko", folder / "b.ko"
    shutil.copy(own_module("rw_fail"), module)
    text.write_text("no module\n" * 20)
    found = provoke(w, lambda: race("fd", module, text, CALLS))
    used = {-errno.EIO: module, -errno.ENOEXEC: text}
    assert {result for _, result in found} == set(used), "only one of the two was ever used"
    for event, result in found:
        file = event.args.file
        assert (file.path, event.sources["file"]) == (str(used[result]), "kernel")
        assert (file.dev, file.inode, file.ctime) == stat_of(used[result])
        for difference in event.differences:
            assert (difference.field, difference.kernel) == ("file", file)
            assert difference.entry.path == str(module if used[result] == text else text)


def ran(w: Watch) -> dict[int, Event]:
    """Return the exec of each process."""
    return {event.process.pid: event for event in w.of("process_exec")}


def test_path_of_a_program(watch, race, program):
    paths = [Path("/tmp/ra"), Path("/tmp/rb")]
    for path in paths:
        shutil.copy(program("end"), path)
    try:
        w = watch("process_exec")
        found: list[tuple[Event, int]] = []
        for _ in range(ROUNDS):
            results = dict(race("exec", *paths, CALLS // 2))
            w.until(lambda _, results=results: results.keys() <= ran(w).keys(), 2 * SECONDS)
            found += [(event, results[pid]) for pid, event in ran(w).items() if pid in results]
            w.events.clear()
            if sum(bool(event.differences) for event, _ in found) >= ENOUGH:
                break
        check_differences(found, "path", set(map(str, paths)))
        assert sum(bool(event.differences) for event, _ in found) >= ENOUGH, "the race was not provoked"
        for event, status in found:
            # It exits with 1 when the file that ran is the first one, with 2 when it is the second.
            assert event.args.path == event.args.exe.path == str(paths[status - 1])
            assert event.sources["path"] == "kernel"
    finally:
        for path in paths:
            path.unlink()
