"""Every field of every event of a real stream: null only with a reason, or where null is an answer."""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ringward.events import BY_NAME
from ringward.output.jsonl import JsonLines
from ringward.output.schema import PUBLISHED
from ringward.sensor import _native
from tests import nulls
from tests.kernel.calls import NUMBERS, call, marked
from tests.kernel.conftest import Watch
from tests.kernel.programs import NOBODY, folder_fixture  # noqa: F401 - a fixture
from tests.kernel.witness import SECONDS

CALLS = NUMBERS["64"]
BAD = 1 << 40


def programs() -> list[int]:
    """Run programs of many kinds; return their pids."""
    commands = [
        ["/bin/true"],
        ["/bin/sh", "-c", "(exit 3) & echo x | cat >/dev/null; wait"],
        ["/bin/sh", "-c", "kill -SEGV $$"],
        ["/bin/true", *["x" * 90] * 60],
        ["setpriv", "--reuid", str(NOBODY), "--clear-groups", "/bin/true"],
        ["unshare", "-mn", "sh", "-c", "cd /proc/self; exec /bin/true"],
    ]
    started = [subprocess.Popen(command, cwd="/") for command in commands]
    for process in started:
        process.wait()
    return [process.pid for process in started]


def calls() -> None:
    """Make each module call with good, empty and bad arguments, in a thread of its own."""
    name = ctypes.addressof(text := ctypes.create_string_buffer(b"rw_nothing"))
    cold = mmap.mmap(-1, mmap.PAGESIZE)
    file = os.open("/etc/passwd", os.O_RDONLY)
    for number in CALLS.values():
        for arguments in ((0,) * 5, (BAD,) * 5, (name,) * 5, (1, 2, 3, 4, 5)):
            _native.raw_syscall(number, *arguments)
    address = ctypes.addressof(ctypes.c_char.from_buffer(cold))
    for number in CALLS.values():
        _native.raw_syscall(number, address, address, address, 0, 0)
    for fd in (file, os.open("/etc", os.O_PATH), os.memfd_create("rw")):
        _native.raw_syscall(CALLS["finit_module"], fd, name, 0)
        os.close(fd)
    assert text.value == b"rw_nothing"


def test_a_real_stream_has_no_null_without_a_reason(watch: Callable[..., Watch]) -> None:
    w = watch("all")
    pids = programs()
    thread = threading.Thread(target=calls)
    thread.start()
    thread.join()
    stopped = [call("64", name, "s:rw_stopped", 0, 0, 0, 0, stop=how) for name in CALLS for how in ("errno", "kill")]
    marked(w)
    w.until(lambda _: {e.process.pid for e in w.of("process_exit")} >= set(pids), SECONDS)
    w.settle(1.5)
    events = [*w.events, *w.sensor.close()]
    told = {event.event for event in events}
    assert told >= {"process_exec", "process_exit", "process_fork", "sensor_status", *CALLS}
    assert {e.process.pid for e in events if e.process} >= {*(one.pid for one in stopped), os.getpid()}
    assert [fault for event in events for fault in nulls.faults(event)] == []


def test_names_that_are_no_utf8_do_not_end_the_stream(watch: Callable[..., Watch], folder: Path) -> None:
    """Anyone can make such a folder: what is known of the process comes from /proc, and from the records."""
    name = os.path.join(os.fsencode(folder), b"\xff\xfe")  # noqa: PTH118 - a name of bytes
    os.mkdir(name)  # noqa: PTH102
    shutil.copy("/bin/true", os.path.join(name, b"\xf0"))  # noqa: PTH118
    os.symlink(os.path.join(name, b"\xf0"), os.fsencode(folder / "link"))  # noqa: PTH118, PTH211
    shell = ["/bin/sh", "-c", f"read go; ./$(printf '\\360') $(printf '\\303'); {folder}/link"]
    before = subprocess.Popen(shell, cwd=name, stdin=subprocess.PIPE)
    w = watch("programs", canary_seconds=None)
    before.communicate(b"go\n")
    w.until(lambda _: [e for e in w.of("process_exit") if e.process.pid == before.pid], SECONDS)
    (end,) = [e for e in w.of("process_exit") if e.process.pid == before.pid]
    assert end.process.cwd == f"{folder}/\\xff\\xfe"
    exes = [e for e in w.of("process_exec") if e.process.cwd == end.process.cwd]
    assert [e.args.exe.path for e in exes] == [f"{folder}/\\xff\\xfe/\\xf0"] * 2
    assert [e.args.args for e in exes] == [("./\\xf0", "\\xc3"), (f"{folder}/link",)]
    # A link that leads there explains it; a path that cannot be written back cannot be followed.
    assert [(e.differences, list(e.unread)) for e in exes] == [((), ["exe.explained"]), ((), [])]
    lines = JsonLines().encode(w.events).decode().splitlines()
    assert len(lines) == len(w.events)
    assert json.loads(lines[w.events.index(end)])["process"]["cwd"] == end.process.cwd


def without(part: Any, member: str) -> Any:
    """Return an event, or a part of one, that has lost a member, as ``process.exe``, and all reasons on the way."""
    first, _, rest = member.partition(".")
    unread = {"unread": {}} if "unread" in part.__struct_fields__ else {}
    return msgspec.structs.replace(part, **{first: without(getattr(part, first), rest) if rest else None}, **unread)


def test_the_check_finds_what_is_taken_out_of_a_real_event(watch: Callable[..., Watch]) -> None:
    w = watch("process_exec", "create_module", "finit_module")
    subprocess.run(["/bin/true"], check=True)
    call("64", "finit_module", "fd:/etc/passwd", "s:a=1", 0)
    marked(w)
    w.until(lambda _: w.of("process_exec") and w.of("finit_module"), SECONDS)
    create, load = w.of("create_module")[-1], w.of("finit_module")[-1]
    whole = next(e for e in w.of("process_exec") if not e.unread)
    for event in (whole, create, load):
        assert nulls.faults(event) == []
    for event, lost, said in (
        (whole, "process", "process: only the stream's own events have none"),
        (whole, "cpu", "cpu: only the stream's own events have none"),
        (whole, "process.exe", "process.exe"),
        (whole, "process.cwd", "process.cwd"),
        (whole, "process.cgroup", "process.cgroup"),
        (whole, "args.exe", "args.exe"),
        (whole, "args.exe.path", "args.exe.path"),
        (whole, "args.old_credentials", "args.old_credentials"),
        (create, "result", "result: every create_module has one"),
        (create, "duration", "duration: every create_module has one"),
        (create, "abi", "abi: every create_module has one"),
        (create, "error", "error"),
        (load, "load", "load: each of these calls is a load"),
        (load, "load.origin", "load.origin"),
    ):
        assert f"{event.event}: {said}" in nulls.faults(without(event, lost)), lost
    bare = msgspec.structs.replace(load, unread={})
    assert {"finit_module: load.digest", "finit_module: load.module"} <= set(nulls.faults(bare))
    parent = msgspec.structs.replace(whole.process.ancestors[0], exe=None)
    gone = msgspec.structs.replace(whole.process, ancestors=(parent,))
    assert nulls.process_faults(gone) == ("process.ancestors[0].exe",)
    nowhere = msgspec.structs.replace(whole.process, namespaces={"mnt": 1, "pid": 2, "net": 0})
    assert nulls.process_faults(nowhere) == ("process.namespaces.net", "process.namespaces.user")


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_an_argument_that_says_what_null_means_has_no_tag_that_promises_a_reason(name: str) -> None:
    for field, spec in BY_NAME[name].specs().items():
        assert not (spec.none and "OPT" in spec.tags), field


def test_the_reasons_are_in_the_catalogue() -> None:
    """The record of the check itself: members that it lets be null are said to be so in the published schema."""
    schema = msgspec.json.decode((Path(__file__).parents[2] / PUBLISHED).read_bytes())
    for cls in (nulls.Process, nulls.Origin, nulls.Need):
        for member in nulls.answers(cls):
            assert "None:" in schema["$defs"][cls.__name__]["properties"][member]["description"]
