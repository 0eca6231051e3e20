"""What the kernel part leaves out: filters by name, user and process, and what descends from one."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ringward.events.filter import Filter
from ringward.sensor import _native
from tests.kernel.conftest import Watch
from tests.kernel.programs import NOBODY, folder_fixture, program_fixture  # noqa: F401 - fixtures
from tests.kernel.witness import SECONDS

OWNER = 4711


def bpftool(*words: str) -> list[dict[str, Any]]:
    """Return what bpftool prints."""
    done = subprocess.run(["bpftool", "-j", *words], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def dumped(name: str) -> list[dict[str, Any]]:
    """Return the entries of the maps of that name that this process has open: others' come and go."""
    own = set()
    for file in Path("/proc/self/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the folder's own descriptor
            own |= set(re.findall(r"^map_id:\s*(\d+)", file.read_text(), re.MULTILINE))
    numbers = [str(one_map["id"]) for one_map in bpftool("map", "list") if one_map.get("name") == name]
    entries = [entry for number in numbers if number in own for entry in bpftool("map", "dump", "id", number)]
    return [entry["formatted"] for entry in entries]


def left_out() -> int:
    """Return how many events the kernel parts have left out, out of their own maps."""
    return sum(value["value"]["filtered"] for entry in dumped("counters") for value in entry["values"])


def names(w: Watch) -> set[tuple[str, ...]]:
    """Return the arguments of all programs that were shown."""
    return {event.args.args for event in w.of("process_exec")}


def user(command: list[str], number: int) -> None:
    subprocess.run(command, check=False, user=number, group=number, extra_groups=[])


def test_only_one_name(watch):
    w = watch("programs", only=Filter(comms=("printf",)))
    subprocess.run(["/bin/true", "other"], check=True)
    subprocess.run(["/usr/bin/printf", "shown"], check=True)
    w.until(lambda _: w.of("process_exit"), SECONDS)
    assert names(w) == {("/usr/bin/printf", "shown")}
    assert {e.process.comm for e in w.events if e.process} == {"printf"}
    assert left_out() >= 2


def test_only_one_user(watch):
    w = watch("programs", only=Filter(uids=frozenset({NOBODY})))
    user(["/bin/true", "other"], OWNER)
    user(["/bin/true", "shown"], NOBODY)
    w.until(lambda _: w.of("process_exit"), SECONDS)
    assert names(w) == {("/bin/true", "shown")}
    assert {e.process.uid for e in w.events if e.process} == {NOBODY}
    assert left_out() >= 2


@contextlib.contextmanager
def waiting(program: Callable[[str], Path], *command: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process that becomes a command when a line is written to it."""
    process = subprocess.Popen([program("exec"), "wait", *command], stdin=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_only_one_process(watch, program):
    with waiting(program, "sh", "-c", "/bin/true child; exec /bin/true shown") as process:
        w = watch("programs", only=Filter(pids=frozenset({process.pid})))
        subprocess.run(["/bin/true", "other"], check=True)
        process.stdin.write("go\n")
        process.stdin.flush()
        process.wait()
        w.until(lambda _: w.of("process_exit"), SECONDS)
        assert ("/bin/true", "shown") in names(w)
        assert not names(w) & {("/bin/true", "other"), ("/bin/true", "child")}
        assert {e.process.pid for e in w.events if e.process} == {process.pid}
        assert left_out() >= 2


class Caller(threading.Thread):
    """A thread of this process that makes a call when it is told to, and then ends."""

    def __init__(self, name: bytes) -> None:
        super().__init__()
        self._text = ctypes.create_string_buffer(name)
        self._go = threading.Event()
        self.start()

    def run(self) -> None:
        self._go.wait()
        _native.raw_syscall(174, ctypes.addressof(self._text))

    def call(self) -> None:
        self._go.set()
        self.join()


def wanted_pids() -> set[int]:
    """Return what the kernel parts let pass, out of their own maps."""
    return {entry["key"] for entry in dumped("wanted_pids")}


def test_a_thread_is_no_process_and_a_process_all_its_threads(watch):
    """The kernel part and the filter of the reader mean the same."""
    one, two = Caller(b"rw_one"), Caller(b"rw_two")
    tid, pid = one.native_id, os.getpid()
    thread = watch("create_module", only=Filter(pids=frozenset({tid})), canary_seconds=None)
    process = watch("create_module", only=Filter(pids=frozenset({pid})), canary_seconds=None)
    assert {tid, pid} <= wanted_pids()
    two.call()
    one.call()
    _native.raw_syscall(174, 0)
    for w in (thread, process):
        w.settle(0.5)
    assert [(e.args.name, e.process.tid, e.process.pid) for e in thread.events if e.process] == [("rw_one", tid, pid)]
    assert [e.args.name for e in process.events if e.process] == ["rw_two", "rw_one", None]
    for w in (thread, process):
        assert w.sensor.totals.unjudged == 0
        assert all(w.sensor._only.match(e) for e in w.events)
    # The thread's number may be another's next.
    assert tid not in wanted_pids()
    assert pid in wanted_pids()


def test_one_process_and_what_it_starts(watch, program):
    with waiting(program, "sh", "-c", "sh -c '/bin/true grandchild; :'; /bin/true child") as process:
        w = watch("programs", follow=process.pid)
        subprocess.run(["/bin/true", "other"], check=True)
        process.stdin.write("go\n")
        process.stdin.flush()
        process.wait()
        w.until(lambda _: [e for e in w.of("process_exit") if e.process.pid == process.pid], SECONDS)
        assert {("/bin/true", "grandchild"), ("/bin/true", "child")} <= names(w)
        assert ("/bin/true", "other") not in names(w)
        for event in (e for e in w.events if e.process):
            assert process.pid in (event.process.pid, *(a.pid for a in event.process.ancestors))
        assert left_out() >= 2


@pytest.mark.guest
@pytest.mark.modules
def test_one_process_and_the_modules_that_it_causes(watch, program, folder):
    command = (str(program("autoload")), "socket:35")
    with waiting(program, *command) as process:
        w = watch("modules", "programs", follow=process.pid)
        try:
            subprocess.run([program("autoload"), "socket:41"], check=True, cwd=folder)
            process.stdin.write("go\n")
            process.stdin.flush()
            process.wait()
            w.until(lambda _: [e for e in w.of("process_exit") if e.process.pid == process.pid], SECONDS)
            w.until(lambda _: [e for e in w.events if e.load and e.load.module == "phonet" and e.result == 0], SECONDS)
            assert w.of("module_request", alias="net-pf-41") == []
            assert {e.args.name for e in w.of("module_load")} == {"phonet"}
            (load,) = [e for e in w.events if e.event in ("init_module", "finit_module")]
            assert process.pid in {a.pid for a in w.of("module_request")[0].process.ancestors}
            assert load.load.origin.alias == "net-pf-35"
            # Its modprobe is no descendant: the kernel started it.
            assert process.pid not in {a.pid for a in load.process.ancestors}
            assert ("/sbin/modprobe", "-q", "--", "net-pf-35") in names(w)
        finally:
            subprocess.run(["rmmod", "phonet", "kcm"], check=False)
