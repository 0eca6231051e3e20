"""The article's module (vmtest/kmod/rw_syscall.c) and Ringward see the same calls: what each of them sees."""

from __future__ import annotations

import ctypes
import errno
import os
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
WAYS = ["64-bit"] * 20 + ["ia32"] * 3
LINE = "HEY! sys_exit called with error_code={args.error_code}"


class Round(NamedTuple):
    """The same calls as Ringward and as the module saw them."""

    folder: Path
    events: list[Event]
    seen: tuple[int, int, int]
    """Calls of 64-bit and of 32-bit programs that the module saw, and those of them that failed."""
    entry: str | None
    """What the system call table has for the call."""
    hooked: set[str]


def counts() -> tuple[int, int, int]:
    """Return what the module has counted; zeros when it is not there."""
    seen, seen_ia32, failed = (int(attribute(MODULE, f"parameters/{n}") or 0) for n in ("seen", "seen_ia32", "failed"))
    return seen, seen_ia32, failed


def hooked() -> set[str]:
    """Return the functions whose callers the module is in the way of."""
    return {line.split()[0] for line in HOOKED.read_text().splitlines() if f"[{MODULE}]" in line}


@contextmanager
def loaded(mode: str, call: str = "unlink") -> Iterator[None]:
    """Load the module for the calls of this process's children."""
    command = ["insmod", str(own_module(MODULE)), f"mode={mode}", f"call={call}", f"pid={os.getpid()}"]
    subprocess.run(command, check=True)
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
    before = counts()[0]  # insmod has ended by exit_group, too
    assert subprocess.run([binary, folder], check=False).returncode == 3
    assert counts()[0] == before + 1
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
    for mode in ("table", "ftrace"):
        with loaded(mode):
            play(f"Ringward, then {mode}", watch)
    play("after", watch)
    with loaded("ftrace", "exit_group"):
        watch.events.clear()
        said = module_says(binary, folder)
        watch.until(lambda events: any(event.event == "exit_group" for event in events))
    line = said, watch.of("exit_group")[0]
    watch.sensor.close()
    for mode in ("table", "ftrace"):
        with loaded(mode):
            watch = start()
            play(f"{mode}, then Ringward", watch)
        play(f"{mode} went first", watch)
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
    assert len(rounds) == 8
    for name, one in rounds.items():
        *unlinks, end = one.events
        assert [event.event for event in unlinks] == ["unlink"] * 23, name
        assert [event.abi for event in unlinks] == WAYS, name
        assert [event.args.pathname.path for event in unlinks] == [f"{one.folder}/{n}" for n in range(23)], name
        assert [event.result for event in unlinks] == [0, -errno.ENOENT] * 11 + [0], name
        assert [event.error for event in unlinks] == [None, "ENOENT"] * 11 + [None], name
        assert (end.event, end.args.error_code) == ("exit_group", 3), name
        assert list(one.folder.iterdir()) == [], f"{name}: the calls were called through"


def test_an_entry_of_the_table_is_replaced_and_never_called(rounds: dict[str, Round]) -> None:
    for name in ("Ringward, then table", "table, then Ringward"):
        assert rounds[name].seen == (0, 0, 0), name
        assert rounds[name].entry == f"fake_x64 [{MODULE}]", name
        assert rounds[name].hooked == set(), name


def test_the_handler_is_hooked_and_sees_the_calls_of_both_ways_in(rounds: dict[str, Round]) -> None:
    for name in ("Ringward, then ftrace", "ftrace, then Ringward"):
        assert rounds[name].seen == (20, 3, 11), name
        assert rounds[name].entry == "__x64_sys_unlink", "the table was restored, and is as the kernel made it"
        assert rounds[name].hooked == HANDLERS, name


def test_nothing_stays_of_the_module(rounds: dict[str, Round]) -> None:
    for name in ("before", "after", "table went first", "ftrace went first"):
        assert (rounds[name].seen, rounds[name].entry, rounds[name].hooked) == ((0, 0, 0), None, set()), name
    assert MODULE not in listed()


def test_where_the_table_is_used_the_replaced_entry_sees_the_call(tmp_path: Path) -> None:
    """The same replaced entry, called as kernels called it when the article was written."""
    file = tmp_path / "file"
    file.touch()
    with loaded("table"):
        file.unlink()
        assert counts() == (0, 0, 0), "by the kernel's own way"
        file.touch()
        assert (by_table(file), by_table(file)) == (0, -errno.ENOENT)
        assert counts() == (2, 0, 1)
    assert not file.exists()


def test_the_line_of_the_article(line: tuple[str, Event]) -> None:
    said, event = line
    shown = Template(LINE, ("exit_group",)).render(event)
    assert shown == "HEY! sys_exit called with error_code=3"
    assert said.replace("sys_exit_group", "sys_exit").endswith(shown)
