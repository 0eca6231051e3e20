"""The article's module (vmtest/kmod/rw_syscall.c) and Ringward see the same calls: what each of them sees."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from ringward.events import Event
from ringward.events.filter import Filter
from ringward.output.template import Template
from tests.kernel.conftest import Watch
from tests.kernel.programs import open_folder, program_fixture  # noqa: F401 - a fixture
from tests.kernel.witness import attribute, listed, own_module

pytestmark = [pytest.mark.guest, pytest.mark.modules]
HOOKED = Path("/sys/kernel/tracing/enabled_functions")
"""Functions that ftrace leads elsewhere, with the name of the module that asked for it."""
MODULE = "rw_syscall"
HANDLERS = {"__x64_sys_unlink", "__ia32_sys_unlink"}
FIRST, SECOND = "the module, then Ringward", "Ringward, then the module"
WAYS = ["64-bit"] * 20 + ["ia32"] * 3
LINE = "HEY! sys_exit called with error_code={args.error_code}"


class Counts(NamedTuple):
    """What the module has counted: calls that came by the table, by ftrace from either way in, and the failed ones."""

    by_table: int
    by_ftrace: int
    by_ftrace_ia32: int
    failed: int


class Round(NamedTuple):
    """The same calls as Ringward and as the module saw them."""

    folder: Path
    events: list[Event]
    counts: Counts
    entry: str | None
    """What the system call table has for the call."""
    hooked: set[str]


def counts() -> Counts:
    """Return what the module has counted; zeros when it is not there."""
    names = ("seen_table", "seen", "seen_ia32", "failed")
    return Counts(*(int(attribute(MODULE, f"parameters/{name}") or 0) for name in names))


def hooked() -> set[str]:
    """Return the functions whose callers the module is in the way of."""
    return {line.split()[0] for line in HOOKED.read_text().splitlines() if f"[{MODULE}]" in line}


@contextmanager
def loaded(call: str, *ways: str) -> Iterator[None]:
    """Load the module for the calls of this process's children."""
    words = [f"call={call}", f"pid={os.getpid()}", *(f"{way}=1" for way in ways)]
    subprocess.run(["insmod", str(own_module(MODULE)), *words], check=True)
    try:
        yield
    finally:
        subprocess.run(["rmmod", MODULE], check=True)


def by_table(path: Path) -> int:
    """Make the call as kernels did before v6.9, by the table; return 0 or a negative errno."""
    text = ctypes.create_string_buffer(bytes(path))
    # Not by a file object: its close() writes once more what a write has failed for.
    parameter = os.open(f"/sys/module/{MODULE}/parameters/dispatch", os.O_WRONLY)
    try:
        os.write(parameter, str(ctypes.addressof(text)).encode())
    except OSError as error:
        return -(error.errno or 0)
    finally:
        os.close(parameter)
    return 0


def module_says(binary: Path, folder: Path) -> str:
    """Return what the module says in the kernel's log of the end of a program."""
    kmsg = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    os.lseek(kmsg, 0, os.SEEK_END)
    before = counts().by_ftrace  # insmod has ended by exit_group, too
    assert subprocess.run([binary, folder], check=False).returncode == 3
    assert counts().by_ftrace == before + 1
    records = iter(lambda: os.read(kmsg, 8192).decode(), "")
    said = next(record for record in records if "HEY!" in record).splitlines()[0]
    os.close(kmsg)
    return said


@pytest.fixture(scope="module", name="played")
def played_fixture(program: Callable[[str], Path]) -> Iterator[tuple[dict[str, Round], tuple[str, Event]]]:
    """Make the same 23 calls with Ringward and the module, whichever was there first, and without the module."""
    binary = program("unlinks")
    folder = open_folder()
    found: dict[str, Round] = {}

    def play(name: str, watch: Watch) -> None:
        place = folder / name.replace(" ", "-")
        place.mkdir()
        for number in range(0, 23, 2):
            (place / str(number)).touch()
        before = len(watch.events)
        assert subprocess.run([binary, place], check=False).returncode == 3
        watch.until(lambda events: any(event.event == "exit_group" for event in events[before:]))
        entry = attribute(MODULE, "parameters/entry")
        events = [event for event in watch.events[before:] if event.hook != "sensor"]
        found[name] = Round(place, events, counts(), entry, hooked())

    def start() -> Watch:
        return Watch("unlink", "exit_group", only=Filter(comms=("unlinks",)), canary_seconds=None)

    watch = start()
    play("before", watch)
    with loaded("unlink", "by_table", "by_ftrace"):
        play(SECOND, watch)
    play("after", watch)
    with loaded("exit_group", "by_ftrace"):
        watch.events.clear()
        said = module_says(binary, folder)
        watch.until(lambda events: any(event.event == "exit_group" for event in events))
    line = said, watch.of("exit_group")[0]
    watch.sensor.close()
    with loaded("unlink", "by_table", "by_ftrace"):
        watch = start()
        play(FIRST, watch)
    play("after it went first", watch)
    watch.sensor.close()
    yield found, line
    subprocess.run(["rm", "-r", folder], check=True)


@pytest.fixture(name="rounds")
def rounds_fixture(played: tuple[dict[str, Round], tuple[str, Event]]) -> dict[str, Round]:
    return played[0]


@pytest.fixture(name="line")
def line_fixture(played: tuple[dict[str, Round], tuple[str, Event]]) -> tuple[str, Event]:
    return played[1]


def test_ringward_sees_each_call_with_its_result_whoever_was_there_first(rounds: dict[str, Round]) -> None:
    assert len(rounds) == 5
    for name, one in rounds.items():
        *unlinks, end = one.events
        assert [event.event for event in unlinks] == ["unlink"] * 23, name
        assert [event.abi for event in unlinks] == WAYS, name
        assert [event.args.pathname.path for event in unlinks] == [f"{one.folder}/{n}" for n in range(23)], name
        assert [event.result for event in unlinks] == [0, -errno.ENOENT] * 11 + [0], name
        assert [event.error for event in unlinks] == [None, "ENOENT"] * 11 + [None], name
        assert (end.event, end.args.error_code) == ("exit_group", 3), name
        assert list(one.folder.iterdir()) == [], f"{name}: the calls were called through"


@pytest.mark.parametrize("order", [FIRST, SECOND])
def test_an_entry_of_the_table_is_replaced_and_never_called(rounds: dict[str, Round], order: str) -> None:
    assert rounds[order].entry == f"fake_entry [{MODULE}]"
    assert rounds[order].counts.by_table == 0


@pytest.mark.parametrize("order", [FIRST, SECOND])
def test_the_handlers_are_hooked_and_see_the_calls_of_both_ways_in(rounds: dict[str, Round], order: str) -> None:
    assert rounds[order].hooked == HANDLERS
    assert rounds[order].counts == Counts(by_table=0, by_ftrace=20, by_ftrace_ia32=3, failed=11)


def test_nothing_stays_of_the_module(rounds: dict[str, Round]) -> None:
    for name in rounds.keys() - {FIRST, SECOND}:
        assert (rounds[name].counts, rounds[name].entry, rounds[name].hooked) == (Counts(0, 0, 0, 0), None, set()), name
    assert MODULE not in listed()


def test_where_the_table_is_used_the_replaced_entry_sees_the_call(tmp_path: Path) -> None:
    """The same replaced entry, called as kernels called it when the article was written."""
    file = tmp_path / "file"
    file.touch()
    with loaded("unlink", "by_table"):
        file.unlink()
        assert counts() == (0, 0, 0, 0), "by the kernel's own way"
        file.touch()
        assert (by_table(file), by_table(file)) == (0, -errno.ENOENT)
        assert counts() == (2, 0, 0, 1)
    assert not file.exists()
    with loaded("unlink"):
        assert attribute(MODULE, "parameters/entry") == "__x64_sys_unlink", "the entry was put back"


def test_it_can_be_unloaded_while_callers_are_inside(program: Callable[[str], Path], tmp_path: Path) -> None:
    loop = f"while :; do {program('unlinks')} {tmp_path}; done"
    callers = [subprocess.Popen(["sh", "-c", loop], start_new_session=True) for _ in range(2)]
    for call in ("unlink", "exit_group"):  # one that returns, and one that does not
        with loaded(call, "by_ftrace"):
            subprocess.run([program("unlinks"), tmp_path], check=False)
            assert counts().by_ftrace > 1
    for caller in callers:
        assert caller.poll() is None
        os.killpg(caller.pid, signal.SIGKILL)
        caller.wait()
    died, warned = 7, 9  # Documentation/admin-guide/tainted-kernels.rst
    assert not int(Path("/proc/sys/kernel/tainted").read_text()) & (1 << died | 1 << warned)


def test_the_line_of_the_article(line: tuple[str, Event]) -> None:
    said, event = line
    shown = Template(LINE, ("exit_group",)).render(event)
    assert shown == "HEY! sys_exit called with error_code=3"
    assert said.replace("sys_exit_group", "sys_exit").endswith(shown)
