"""Processes that nobody has followed: told when they do something, their ancestors with them. Whole: tests/kernel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ringward.sensor import process_context, process_table, procfs
from ringward.sensor.process_table import KEPT_ALIVE, KEPT_DEAD, key_of
from ringward.sensor.procfs import TICK_NS
from tests.sensor.fed import INIT, Fed
from tests.sensor.kernel_records import Proc


@pytest.fixture
def fed() -> Fed:
    return Fed()


def test_a_start_is_no_context(fed: Fed) -> None:
    child = fed.kernel.process(INIT)
    start, context = fed.kernel.exec(child, path=None), fed.kernel.context(child, "/usr/bin/x", ("x",))
    found = [process_context.is_context(fed.decoder.one(raw).args) for raw in (start, context)]
    assert found == [False, True]


def test_a_process_that_is_told_of_when_it_does_something(fed: Fed) -> None:
    """Its ancestors come after it, and before what it did."""
    outer = fed.kernel.process(INIT, "sshd")
    inner = fed.kernel.process(outer)
    child = fed.kernel.process(inner, "insmod")
    fed.apply(fed.kernel.context(child, "/usr/bin/insmod", ("insmod", "x"), cwd="/srv", cgroup_path="/a"))
    assert fed.context(child).ancestors[0].exe is None
    fed.apply(fed.kernel.context(inner, "/usr/bin/bash"))
    fed.apply(fed.kernel.context(outer, "/usr/sbin/sshd"))
    found = fed.context(child)
    assert (found.exe, found.args, found.cwd, found.cgroup, found.unread) == (
        "/usr/bin/insmod",
        ("insmod", "x"),
        "/srv",
        "/a",
        {},
    )
    line = [(a.pid, a.comm, a.exe, a.args) for a in found.ancestors[:2]]
    assert line == [(inner.pid, "bash", "/usr/bin/bash", None), (outer.pid, "sshd", "/usr/sbin/sshd", None)]
    assert all(a.unread and "/proc" in a.unread for a in found.ancestors[:2])
    assert found.ancestors[2].pid == INIT.pid
    fed.apply(fed.kernel.context(inner, "/usr/bin/python3", ("python3",)))
    assert fed.context(child).ancestors[0].args == ("python3",)


def test_arguments_of_an_ancestor_are_those_of_the_program_that_was_told() -> None:
    fed = Fed(live=True)
    stat = procfs.read_stat(os.getpid())
    assert stat is not None
    me = Proc(os.getpid(), stat.ticks * TICK_NS + 5, INIT, "pytest")
    status = Path("/proc/self/exe").stat()
    same = {"exe__inode": status.st_ino, "exe__ctime": status.st_ctime_ns}
    fed.apply(fed.kernel.context(me, "/usr/bin/python3", **same))
    found = fed.table.find(key_of(me.pid, me.start))
    assert (found.args, found.unread) == (procfs.read_args(os.getpid()), None)
    for other in ({"exe__inode": status.st_ino + 1}, {"exe__ctime": status.st_ctime_ns - 1}):
        fed.apply(fed.kernel.context(me, "/usr/bin/python3", **(same | other)))
        assert (found.args, bool(found.unread)) == (None, True)
    later = Proc(me.pid, me.start + 100 * TICK_NS, INIT)
    fed.apply(fed.kernel.context(later, "/usr/bin/python3", **same))
    assert fed.table.find(key_of(later.pid, later.start)).args is None


def test_the_request_of_an_ancestor_is_that_of_its_descendants(fed: Fed) -> None:
    """Also where nobody was told that they were forked."""
    helper = fed.kernel.process(Proc(2, 20_000_000), "kworker/u8:1")
    shell = fed.kernel.process(helper, "sh")
    child = fed.kernel.process(shell, "modprobe")
    fed.apply(fed.kernel.helper(helper, 42))
    for proc, args in ((child, ("modprobe",)), (shell, None), (helper, None)):
        fed.apply(fed.kernel.context(proc, "/usr/bin/x", args))
    keys = [key_of(proc.pid, proc.start) for proc in (helper, shell, child)]
    assert [fed.table.request(key) for key in keys] == [42, 42, 42]
    stranger = fed.kernel.process(INIT)
    fed.apply(fed.kernel.context(stranger, "/usr/bin/x", ("x",)))
    assert [fed.table.request(key_of(proc.pid, proc.start)) for proc in (stranger, INIT)] == [0, 0]


def test_memory_is_bounded_where_nothing_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    fed = Fed(live=True)
    monkeypatch.setattr(process_table.procfs, "pids", list)
    monkeypatch.setattr(process_table.procfs, "read_stat", lambda _pid: None)
    for number in range(3 * KEPT_ALIVE):
        child = fed.kernel.process(INIT)
        if number % 2:
            fed.apply(fed.kernel.helper(child, number))
        else:
            fed.apply(fed.kernel.context(child, "/usr/bin/x", ("x",)))
    assert len(fed.table) <= KEPT_ALIVE + KEPT_DEAD + 2
    assert fed.table.request(key_of(child.pid, child.start)) == 3 * KEPT_ALIVE - 1
