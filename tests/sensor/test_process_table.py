"""Who each process is and descends from: fed by hand, and by /proc of this process itself."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.events import Ancestor
from ringward.sensor import process_table, procfs
from ringward.sensor.process_table import (
    ANCESTOR_ARGS,
    ANCESTORS,
    CONTEXTS_OF_ONE,
    KEPT_ALIVE,
    KEPT_CONTEXTS,
    KEPT_DEAD,
    NO_AUDIT,
    key_id,
    key_of,
    short_args,
)
from ringward.sensor.procfs import TICK_NS
from tests.sensor.fed import INIT, Fed
from tests.sensor.kernel_records import FAULT, KTHREAD, Proc, decoded


@pytest.fixture
def fed() -> Fed:
    return Fed()


def test_a_process_is_its_number_and_the_tick_of_its_start() -> None:
    assert key_of(7, 5 * TICK_NS) == key_of(7, 6 * TICK_NS - 1) == (7, 5)
    assert key_of(7, 6 * TICK_NS) != key_of(7, 5 * TICK_NS)
    assert key_id((7, 5)) == "7@5"


def test_an_exec_is_what_the_process_runs(fed: Fed) -> None:
    child = fed.fork(INIT)
    fed.exec(child, "/usr/bin/kmod", ("modprobe", "dummy"), cwd="/srv/a b", cgroup_path="/system.slice/x.service")
    found = fed.context(child)
    assert (found.pid, found.tid, found.ppid, found.start_time) == (child.pid, child.pid, 1, child.start)
    assert (found.exe, found.args, found.cwd) == ("/usr/bin/kmod", ("modprobe", "dummy"), "/srv/a b")
    assert found.cgroup == "/system.slice/x.service"
    assert found.id == f"{child.pid}@{child.start // TICK_NS}"
    assert found.parent == "1@1"
    assert (found.loginuid, found.sessionid) == (None, None)
    assert found.unread == {}


def test_a_fork_has_what_its_parent_had(fed: Fed) -> None:
    parent = fed.fork(INIT)
    fed.exec(parent, "/usr/bin/bash", ("bash", "x.sh"), cgroup_path="/docker/" + "ab" * 32)
    child = fed.fork(parent)
    found = fed.context(child)
    assert (found.exe, found.args, found.cwd) == ("/usr/bin/bash", ("bash", "x.sh"), "/home/user")
    assert found.container == "ab" * 32
    assert found.parent == fed.context(parent).id
    fed.exec(child, "/usr/bin/kmod", ("modprobe",))
    assert fed.context(child).exe == "/usr/bin/kmod"
    assert fed.context(parent).exe == "/usr/bin/bash"


def test_a_number_used_again_is_another_process(fed: Fed) -> None:
    first = fed.fork(INIT)
    fed.exec(first, "/usr/bin/old", ("old",))
    fed.apply(fed.kernel.exit(first))
    fed.kernel.pid = first.pid - 1
    second = fed.fork(INIT)
    assert second.pid == first.pid
    fed.exec(second, "/usr/bin/new", ("new",))
    assert (fed.context(first).exe, fed.context(second).exe) == ("/usr/bin/old", "/usr/bin/new")
    assert fed.context(first).id != fed.context(second).id


def test_the_same_bytes_are_the_same_object_until_the_next_exec(fed: Fed) -> None:
    child = fed.fork(INIT)
    fed.exec(child, "/usr/bin/a", ("a",))
    before = fed.context(child)
    assert fed.context(child) is before
    fed.exec(child, "/usr/bin/b", ("b",))
    after = fed.context(child)
    assert after is not before
    assert (before.exe, after.exe) == ("/usr/bin/a", "/usr/bin/b")


def test_other_bytes_of_a_process_are_another_context_of_the_same_one(fed: Fed) -> None:
    child = fed.fork(INIT)
    one = fed.context(child)
    other = fed.context(Proc(child.pid, child.start, INIT, "thread", uid=5, tid=child.pid + 1))
    assert (one.id, one.comm, one.uid) == (other.id, "systemd", 0)
    assert (other.comm, other.uid, other.tid) == ("thread", 5, child.pid + 1)


def test_ancestors_are_nearest_first_and_end(fed: Fed) -> None:
    procs = [INIT]
    for n in range(ANCESTORS + 5):
        procs.append(fed.fork(procs[-1]))
        fed.exec(procs[-1], f"/bin/p{n}", (f"p{n}",))
    found = fed.context(procs[-1])
    pids = [proc.pid for proc in reversed(procs[:-1])]
    assert [a.pid for a in found.ancestors] == pids[:ANCESTORS]
    assert found.ancestors[0].exe == f"/bin/p{ANCESTORS + 3}"
    few = fed.context(procs[2])
    assert [a.pid for a in few.ancestors] == [procs[1].pid, 1]
    # Each line goes on as that of the parent, which is known by then.
    last = fed.fork(procs[-1])
    lines = [fed.context(proc).ancestors for proc in (*procs[1:-1], last)]
    for line, proc in zip(lines, (*procs[1:-1], last), strict=True):
        at = procs.index(proc) if proc in procs else len(procs)
        assert [a.pid for a in line] == [one.pid for one in reversed(procs[:at])][:ANCESTORS]


def test_an_ancestor_that_ended_is_still_known(fed: Fed) -> None:
    parent = fed.fork(INIT)
    fed.exec(parent, "/usr/bin/bash", ("bash",))
    child = fed.fork(parent)
    fed.apply(fed.kernel.exit(parent))
    assert fed.context(child).ancestors[0] == Ancestor(
        fed.context(parent).id, parent.pid, "systemd", "/usr/bin/bash", ("bash",)
    )


def test_what_is_not_known_has_a_reason(fed: Fed) -> None:
    stranger = fed.kernel.process(INIT)
    found = fed.context(stranger)
    assert (found.exe, found.args, found.cwd, found.cgroup) == (None, None, None, None)
    # Whether it is in a container is not known without the cgroup.
    assert set(found.unread) == {"exe", "args", "cwd", "cgroup", "container"}
    assert all(found.unread.values())
    (parent,) = found.ancestors
    assert parent.exe is None
    assert parent.unread


def test_what_an_exec_could_not_tell_is_not_blamed_on_proc(fed: Fed) -> None:
    child = fed.fork(INIT)
    fed.exec(child, "/usr/bin/a", ("a",), args=FAULT, cwd=FAULT)
    found = fed.context(child)
    assert (found.exe, found.args, found.cwd) == ("/usr/bin/a", None, None)
    assert set(found.unread) == {"args", "cwd"}
    assert not any("/proc" in reason for reason in found.unread.values())


def test_a_kernel_thread_has_no_program(fed: Fed) -> None:
    thread = fed.kernel.process(Proc(2, 20_000_000, comm="kthreadd"), "kworker/0:1", flags=KTHREAD)
    found = fed.context(thread)
    assert found.kthread
    assert found.unread["exe"] == "a kernel thread has none"


def test_what_the_kernel_does_not_keep_is_no_answer(fed: Fed) -> None:
    found = fed.context(fed.fork(INIT))
    assert (found.loginuid, found.sessionid, {"loginuid", "sessionid"} & set(found.unread)) == (None, None, set())
    without = fed.context(fed.fork(INIT, flags=NO_AUDIT, mnt=0))
    assert (without.loginuid, without.sessionid, set(without.namespaces)) == (None, None, {"pid", "net", "user"})
    assert {"loginuid", "sessionid", "namespaces.mnt"} <= set(without.unread)


def test_a_helper_has_the_request_and_its_children_too(fed: Fed) -> None:
    worker = Proc(50, 500_000_000, Proc(2, 20_000_000), "kworker/u8:1")
    helper = fed.kernel.process(worker, "kworker/u8:1")
    fed.apply(fed.kernel.helper(helper, 42))
    fed.exec(helper)
    child = fed.fork(helper)
    keys = [key_of(proc.pid, proc.start) for proc in (helper, child)]
    assert [fed.table.find(key).request for key in keys] == [42, 42]
    assert fed.table.find(keys[0]).exe == "/usr/bin/kmod"


def test_an_end_is_an_end_only_once_it_was_told(fed: Fed) -> None:
    """Also of a process that nothing was known of: that is no end."""
    stranger = fed.kernel.process(INIT)
    fed.context(stranger)
    assert not fed.table.ended(fed.task(stranger))
    fed.apply(fed.kernel.exit(stranger))
    assert fed.table.ended(fed.task(stranger))


def test_memory_is_bounded_over_many_processes() -> None:
    fed = Fed()
    shell = fed.fork(INIT)
    living = fed.table.find(key_of(shell.pid, shell.start))
    for _ in range(3 * KEPT_DEAD):
        child = fed.fork(shell)
        fed.exec(child)
        fed.context(child)
        fed.apply(fed.kernel.exit(child))
    assert len(fed.table) <= KEPT_DEAD + 3
    assert len(fed.table._contexts) <= KEPT_CONTEXTS + 1
    # The living is not forgotten for the dead.
    assert fed.table.find(key_of(shell.pid, shell.start)) is living
    assert fed.table.find(key_of(child.pid, child.start)).exe == "/usr/bin/kmod"


def test_memory_is_bounded_when_the_ends_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    fed = Fed(live=True)
    there: list[int] = []
    looks = 0

    def pids() -> list[int]:
        nonlocal looks
        looks += 1
        return there

    monkeypatch.setattr(process_table.procfs, "pids", pids)
    monkeypatch.setattr(process_table.procfs, "read_stat", lambda _pid: None)
    shell = fed.fork(INIT)
    fed.exec(shell, "/usr/bin/bash", ("bash",))
    living = fed.table.find(key_of(shell.pid, shell.start))
    there += [INIT.pid, shell.pid]
    total = 5 * KEPT_ALIVE
    for _ in range(total):
        child = fed.fork(shell)
    assert len(fed.table) <= KEPT_ALIVE + KEPT_DEAD + 2
    assert 0 < looks <= total / KEPT_ALIVE + 1, "a look at /proc is not made for each process"
    # The living is not forgotten, and what has just gone is still known.
    assert fed.table.find(key_of(shell.pid, shell.start)) is living
    assert fed.context(child).ancestors[0].exe == "/usr/bin/bash"
    # Nobody has been told that these ended: an end that comes late is one.
    assert not fed.table.ended(fed.task(child))


def test_a_number_that_was_used_again_is_gone_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_table, "KEPT_ALIVE", 10)
    fed = Fed()
    first = fed.kernel.pid
    for _ in range(KEPT_DEAD + 100):
        fed.kernel.pid = first
        fed.fork(INIT)
    assert len(fed.table) <= KEPT_DEAD + 12


def test_more_living_processes_than_are_kept_at_first_are_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_table, "KEPT_ALIVE", 10)
    fed = Fed(live=True)
    there: list[int] = []
    monkeypatch.setattr(process_table.procfs, "pids", lambda: there)
    monkeypatch.setattr(process_table.procfs, "read_stat", lambda _pid: None)
    for _ in range(KEPT_DEAD + 500):
        there.append(fed.kernel.pid + 1)
        assert fed.fork(INIT).pid == there[-1]
    assert len(fed.table) >= len(there)


def test_memory_is_bounded_over_many_threads_of_one() -> None:
    fed = Fed()
    daemon = fed.fork(INIT)
    for n in range(4 * CONTEXTS_OF_ONE):
        fed.context(Proc(daemon.pid, daemon.start, INIT, tid=daemon.pid + n))
    assert len(fed.table.find(key_of(daemon.pid, daemon.start)).contexts) <= CONTEXTS_OF_ONE
    assert len(fed.table._contexts) <= CONTEXTS_OF_ONE


@given(st.lists(st.tuples(st.sampled_from(["fork", "exec", "exit"]), st.integers(0, 1 << 30)), max_size=60))
def test_descent_is_kept_whatever_comes(steps: list[tuple[str, int]]) -> None:
    """A model of parents and programs beside the table."""
    fed = Fed()
    living = [INIT]
    runs: dict[Proc, str | None] = {INIT: None}
    for number, (what, which) in enumerate(steps):
        proc = living[which % len(living)]
        if what == "fork":
            child = fed.fork(proc)
            living.append(child)
            runs[child] = runs[proc]
        elif what == "exec":
            runs[proc] = f"/bin/x{number}"
            fed.exec(proc, runs[proc])
        elif proc is not INIT:
            living.remove(proc)
            fed.apply(fed.kernel.exit(proc))
    for proc in living:
        found = fed.context(proc)
        assert found.exe == runs[proc]
        line = []
        at = proc.parent
        while at:
            line.append(at.pid)
            at = at.parent
        assert [ancestor.pid for ancestor in found.ancestors] == line[:ANCESTORS]


def test_this_process_is_completed_from_proc() -> None:
    fed = Fed(live=True)
    stat = procfs.read_stat(os.getpid())
    assert stat is not None
    me = Proc(os.getpid(), stat.ticks * TICK_NS + 5, Proc(os.getppid(), 0), "pytest")
    found = fed.context(me)
    assert found.exe == os.path.realpath("/proc/self/exe")
    assert found.args == tuple(Path("/proc/self/cmdline").read_text().split("\0")[:-1])
    assert found.cwd == str(Path.cwd())
    assert found.cgroup == procfs.read_cgroup(os.getpid())
    assert set(found.unread) == ({"cgroup"} if found.cgroup is None else set())


def test_a_number_of_proc_with_another_start_is_another_process() -> None:
    fed = Fed(live=True)
    stat = procfs.read_stat(os.getpid())
    assert stat is not None
    found = fed.context(Proc(os.getpid(), (stat.ticks - 100) * TICK_NS, INIT))
    assert found.exe is None
    assert found.unread["exe"] == "the process ended before /proc could be read"


def test_seeding_takes_in_what_runs_and_its_descent() -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        deadline = time.monotonic() + 10
        while procfs.read_args(child.pid) != ("sleep", "60"):
            assert time.monotonic() < deadline
        fed = Fed(live=False)
        fed.table.seed()
        stat, own = procfs.read_stat(child.pid), procfs.read_stat(os.getpid())
        assert stat is not None
        assert own is not None
        known = fed.table.find((child.pid, stat.ticks))
        assert known.args == ("sleep", "60")
        assert known.parent == (os.getpid(), own.ticks)
        line = [ancestor.pid for ancestor in fed.table.ancestors((child.pid, stat.ticks))]
        assert line[:3] == [child.pid, os.getpid(), os.getppid()]
    finally:
        child.kill()
        child.wait()


def test_a_kernel_thread_as_ancestor_has_a_reason() -> None:
    thread = procfs.read_stat(2)
    if thread is None or thread.comm != "kthreadd":
        pytest.skip("no kernel threads are to be seen: a pid namespace of its own")
    found = Fed(live=True).table.as_ancestor((2, thread.ticks))
    assert (found.comm, found.exe) == ("kthreadd", None)
    assert found.unread


def test_nothing_of_proc_is_read_when_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procfs, "read_stat", lambda _pid: pytest.fail("it was read"))
    fed = Fed(live=False)
    assert fed.context(fed.kernel.process(INIT)).unread["exe"] == "not in the recording"


@given(st.lists(st.text(max_size=60), max_size=12))
def test_arguments_of_ancestors_are_short_and_say_so(given_args: list[str]) -> None:
    found = short_args(tuple(given_args))
    assert found is not None
    assert sum(len(arg) + 1 for arg in found) <= ANCESTOR_ARGS + 4
    if found != tuple(given_args):
        assert found[-1] == "..."
        assert found[:-1] == tuple(given_args)[: len(found) - 1]


def test_no_arguments_known_is_none() -> None:
    assert short_args(None) is None
    assert short_args(()) == ()


def test_a_record_of_a_fork_names_a_child_that_is_then_found(fed: Fed) -> None:
    child, raw = fed.kernel.fork(INIT)
    fed.apply(decoded(raw).tail.data)
    assert fed.table.find(key_of(child.pid, child.start)).parent == (1, 1)
