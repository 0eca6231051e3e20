"""What the kernel part leaves out: filters by name, user and process, and what descends from one."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ringward.events.filter import Filter
from tests.kernel.conftest import Watch
from tests.kernel.programs import NOBODY, folder_fixture, program_fixture  # noqa: F401 - fixtures
from tests.kernel.witness import SECONDS

OWNER = 4711


def bpftool(*words: str) -> list[dict[str, Any]]:
    """Return what bpftool prints."""
    done = subprocess.run(["bpftool", "-j", *words], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def left_out() -> int:
    """Return how many events the kernel parts have left out, out of their own maps."""
    found = 0
    for one_map in bpftool("map", "list"):
        if one_map.get("name") == "counters":
            for entry in bpftool("map", "dump", "id", str(one_map["id"])):
                found += sum(value["value"]["filtered"] for value in entry["formatted"]["values"])
    return found


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
