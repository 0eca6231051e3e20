"""Threads of the kernel are no programs: their starts and ends are no events of programs."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ringward.events import Event
from tests.kernel.calls import awaited
from tests.kernel.conftest import Watch
from tests.kernel.programs import folder_fixture, program_fixture  # noqa: F401 - fixtures
from tests.kernel.witness import SECONDS

MODPROBE = Path("/proc/sys/kernel/modprobe")
PINNED = Path("/sys/fs/bpf/cpumap_of_a_test")
PF_KTHREAD = 0x00200000
UNKNOWN_FAMILY = os.strerror(errno.EAFNOSUPPORT)
FIRST = ("0", "0", "0", "0")


def bpftool(*words: str) -> None:
    done = subprocess.run(["bpftool", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"bpftool {' '.join(words)}: {done.stdout}{done.stderr}"


def cpumap_threads() -> set[int]:
    """Return the pids of the kernel's threads for entries of CPU maps, by /proc."""
    found = set()
    for path in Path("/proc").iterdir():
        try:
            head, _, rest = (path / "stat").read_text().rpartition(")")
        except OSError:
            continue
        if "(cpumap/" in head and int(rest.split()[6]) & PF_KTHREAD:
            found.add(int(path.name))
    return found


@contextmanager
def kernel_thread() -> Iterator[int]:
    """Have the kernel start a thread of its own (kernel/bpf/cpumap.c), which ends with the block; give its pid."""
    bpftool("map", "create", str(PINNED), "type", "cpumap", "key", "4", "value", "4", "entries", "1", "name", "test")
    before = cpumap_threads()
    try:
        bpftool("map", "update", "pinned", str(PINNED), "key", *FIRST, "value", "8", "0", "0", "0")
        (pid,) = cpumap_threads() - before
        yield pid
        bpftool("map", "delete", "pinned", str(PINNED), "key", *FIRST)
        awaited(lambda: pid not in cpumap_threads(), "the thread ends")
    finally:
        PINNED.unlink()


def ended(w: Watch) -> Event:
    """Start a program and wait for its end: what came before has then been told."""
    done = subprocess.Popen(["/bin/true", "marker"])
    done.wait()
    w.until(lambda _: [e for e in w.of("process_exit") if e.process.pid == done.pid], SECONDS)
    (found,) = [e for e in w.of("process_exit") if e.process.pid == done.pid]
    return found


def test_by_default_neither_start_nor_end_leaves_the_kernel(watch: Callable[..., Watch]) -> None:
    w = watch("programs")
    with kernel_thread() as pid:
        pass
    ended(w)
    assert [e for e in w.events if e.process and (e.process.pid == pid or e.process.kthread)] == []
    table = w.sensor._source._joiner._table
    assert [key for key in table._known if key[0] == pid] == [], "a record of its start has come"


def test_a_start_is_told_to_who_asks_for_forks_by_name(watch: Callable[..., Watch]) -> None:
    w = watch("programs", "process_fork")
    with kernel_thread() as pid:
        pass
    ended(w)
    (start,) = w.of("process_fork", child_pid=pid)
    assert (start.process.comm, start.process.pid, start.process.kthread) == ("kthreadd", 2, True)
    assert [e for e in w.of("process_exit") if e.process.pid == pid] == []


@pytest.mark.guest
@pytest.mark.modules
@pytest.mark.parametrize("path", ["/nonexistent/modprobe", "/etc/passwd"], ids=["no file", "no program"])
def test_a_helper_that_cannot_be_run_is_no_program(watch: Callable[..., Watch], path: str) -> None:
    """The kernel's new task ends without having become a program; its request is told, and its helper."""
    w = watch("modules", "programs", "usermodehelper", canary_seconds=None)
    before = MODPROBE.read_text()
    MODPROBE.write_text(path)
    try:
        with pytest.raises(OSError, match=UNKNOWN_FAMILY):
            socket.socket(35, socket.SOCK_STREAM)
    finally:
        MODPROBE.write_text(before)
    w.until(lambda _: w.of("usermodehelper"), SECONDS)
    ended(w)
    (asked,) = w.of("module_request", alias="net-pf-35")
    (helper,) = w.of("usermodehelper")
    assert (helper.args.path, helper.load.id) == (path, asked.load.id)
    assert [e for e in w.events if e.event.startswith("process_") and e.process.pid == helper.process.pid] == []
    # One that can be run is a program like any other, until its end.
    with pytest.raises(OSError, match=UNKNOWN_FAMILY):
        socket.socket(14, socket.SOCK_STREAM)
    w.until(lambda _: w.of("module_request", alias="net-pf-14"), SECONDS)
    second = w.of("usermodehelper")[1]
    w.until(lambda _: [e for e in w.of("process_exit") if e.process.id == second.process.id], SECONDS)


@pytest.mark.guest
@pytest.mark.modules
def test_a_helper_whose_last_thread_is_not_its_first_is_a_program(
    watch: Callable[..., Watch], program: Callable[[str], Path], folder: Path
) -> None:
    """A new thread has the flag of a task that has become no program, and the first one's parent, the kernel's."""
    script = folder / "modprobe"
    script.write_text(f"#!/bin/sh\nexec {program('end')} threads 7\n")
    script.chmod(0o755)
    w = watch("modules", "programs", canary_seconds=None)
    before = MODPROBE.read_text()
    MODPROBE.write_text(str(script))
    try:
        with pytest.raises(OSError, match=UNKNOWN_FAMILY):
            socket.socket(35, socket.SOCK_STREAM)
    finally:
        MODPROBE.write_text(before)
    exe = str(program("end"))
    w.until(lambda _: [e for e in w.of("process_exit") if e.process.exe == exe], SECONDS)
    (end,) = [e for e in w.of("process_exit") if e.process.exe == exe]
    assert (end.args.code, end.process.pid == end.process.tid) == (7, False)
