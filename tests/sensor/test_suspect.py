"""Guessing a process out of /proc: what is taken, and that it is told as a guess."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ringward.sensor import suspect
from ringward.sensor.suspect import GUESS, LOAD_CALLS, UNLOAD_CALLS, Seen, choose, describe, look
from tests import nulls

SHELL = Seen(10, 10, "/bin/bash", 61)
MODPROBE = Seen(20, 20, "/usr/bin/kmod", 0)
LOADER = Seen(30, 31, "/usr/bin/python3", 313)


def test_the_only_task_in_the_call_is_taken() -> None:
    task, said = choose([SHELL, MODPROBE, LOADER], LOAD_CALLS)
    assert task == LOADER
    assert "guess" in said
    assert GUESS in said


def test_without_one_the_only_module_tool_is_taken() -> None:
    task, said = choose([SHELL, MODPROBE, LOADER], UNLOAD_CALLS)
    assert task == MODPROBE
    assert GUESS in said


def test_threads_of_one_tool_are_one_candidate() -> None:
    task, _ = choose([MODPROBE, MODPROBE._replace(tid=21)], LOAD_CALLS)
    assert task is not None
    assert task.pid == 20


@pytest.mark.parametrize(
    ("tasks", "count"),
    [([MODPROBE, MODPROBE._replace(pid=21, tid=21)], "2"), ([LOADER, LOADER._replace(tid=32)], "2")],
)
def test_of_several_none_is_taken(tasks: list[Seen], count: str) -> None:
    task, said = choose(tasks, LOAD_CALLS)
    assert task is None
    assert f"{count} tasks" in said


def test_of_none_none_is_taken() -> None:
    assert choose([SHELL], LOAD_CALLS) == (
        None,
        "uevents name no process, and /proc shows none that is in the call or runs a module tool",
    )


def test_proc_is_read_as_it_is() -> None:
    found = describe(Seen(os.getpid(), os.getpid(), str(Path("/proc/self/exe").readlink()), None))
    assert found is not None
    assert (found.pid, found.ppid, found.uid, found.euid) == (os.getpid(), os.getppid(), os.getuid(), os.geteuid())
    assert found.exe == str(Path("/proc/self/exe").readlink())
    assert found.cwd == str(Path.cwd())
    assert found.namespaces["mnt"] == Path("/proc/self/ns/mnt").stat().st_ino
    assert found.ancestors[0].pid == os.getppid()
    assert found.ancestors[0].id == found.parent
    assert nulls.process_faults(found) == ()


def test_what_proc_does_not_tell_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspect, "_audit", lambda _pid, _name: None)
    monkeypatch.setattr(suspect, "_namespaces", lambda _pid: {"mnt": 5})
    monkeypatch.setattr(suspect.procfs, "read_cgroup", lambda _pid: None)
    found = describe(Seen(os.getpid(), os.getpid(), str(Path("/proc/self/exe").readlink()), None))
    assert found is not None
    told = {"loginuid", "sessionid", "cgroup", "container", "namespaces.pid", "namespaces.net", "namespaces.user"}
    assert told <= set(found.unread)
    assert nulls.process_faults(found) == ()
    # Nobody logged in: that is an answer.
    monkeypatch.setattr(suspect, "_audit", lambda _pid, _name: 0xFFFFFFFF)
    found = describe(Seen(os.getpid(), os.getpid(), str(Path("/proc/self/exe").readlink()), None))
    assert found is not None
    assert (found.loginuid, found.sessionid, {"loginuid", "sessionid"} & set(found.unread)) == (None, None, set())


def test_a_process_that_runs_something_else_meanwhile_is_not_described() -> None:
    assert describe(Seen(os.getpid(), os.getpid(), "/bin/other", None)) is None
    assert describe(Seen(2**22 + 1, 1, "/bin/other", None)) is None


def test_looking_finds_others_and_not_itself() -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        pids = {task.pid for task in look()}
        other.kill()
    assert os.getpid() not in pids
    assert other.pid in pids


def test_one_that_ends_meanwhile_is_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspect, "look", lambda: [Seen(2**22 + 1, 2**22 + 1, "/usr/bin/kmod", 313)])
    process, said = suspect.suspect(LOAD_CALLS)
    assert process is None
    assert "ended before" in said
