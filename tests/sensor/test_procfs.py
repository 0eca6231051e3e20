"""/proc as it is for this process and its children, and files made up where this kernel has none."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ringward.sensor import procfs
from ringward.sensor.info import ModuleCounts

NOBODY = 2**22 + 1
"""No process has it: above PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h)."""


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(["sleep", "60"], cwd=tmp_path)
    # The exec has begun; the arguments come a little later.
    end = time.monotonic() + 10
    while Path(f"/proc/{child.pid}/cmdline").read_bytes() != b"sleep\x0060\0":
        assert time.monotonic() < end
    yield child
    child.kill()
    child.wait()


def test_a_tick_is_that_of_the_system() -> None:
    hertz = subprocess.run(["getconf", "CLK_TCK"], check=True, capture_output=True, text=True).stdout
    assert 10**9 // int(hertz) == procfs.TICK_NS


def test_which_file_a_process_runs(sleeper: subprocess.Popen[bytes]) -> None:
    program = Path("/bin/sleep").stat()
    assert procfs.exe_is(sleeper.pid, program.st_ino, program.st_ctime_ns)
    assert not procfs.exe_is(sleeper.pid, program.st_ino, program.st_ctime_ns + 1)
    assert not procfs.exe_is(os.getpid(), program.st_ino, program.st_ctime_ns)
    assert not procfs.exe_is(NOBODY, program.st_ino, program.st_ctime_ns)


def test_the_state_of_this_process() -> None:
    found = procfs.read_stat(os.getpid())
    assert found is not None
    assert (found.pid, found.ppid) == (os.getpid(), os.getppid())
    assert found.comm == Path("/proc/self/comm").read_text().rstrip("\n")
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME) * 10**9 // procfs.TICK_NS
    assert 0 < found.ticks <= since_boot


def test_the_start_is_that_of_ps(sleeper: subprocess.Popen[bytes]) -> None:
    found = procfs.read_stat(sleeper.pid)
    assert found is not None
    done = subprocess.run(
        ["ps", "-o", "etimes=,ppid=,comm=", "-p", str(sleeper.pid)], check=True, capture_output=True, text=True
    )
    elapsed, ppid, comm = done.stdout.split()
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - found.ticks * procfs.TICK_NS / 1e9
    assert abs(age - int(elapsed)) < 2
    assert (found.ppid, found.comm) == (int(ppid), comm)


def test_a_thread_belongs_to_its_process() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert thread.native_id is not None
        assert thread.native_id != os.getpid()
        assert procfs.thread_group(thread.native_id) == procfs.thread_group(os.getpid()) == os.getpid()
    finally:
        over.set()
        thread.join()
    assert procfs.thread_group(NOBODY) is None


def test_a_name_with_brackets_and_blanks_is_read_whole() -> None:
    code = "import sys; open('/proc/self/comm', 'w').write('a) 1 (b'); print(flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        found = procfs.read_stat(child.pid)
        assert found is not None
        assert (found.comm, found.ppid) == ("a) 1 (b", os.getpid())
    finally:
        child.communicate()


def test_what_a_process_runs_and_where(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    assert procfs.read_args(sleeper.pid) == ("sleep", "60")
    assert procfs.read_link(sleeper.pid, "cwd") == str(tmp_path)
    exe = procfs.read_link(sleeper.pid, "exe")
    assert exe is not None
    assert Path(exe).samefile(f"/proc/{sleeper.pid}/exe")


def test_names_that_are_no_utf8_are_written_as_records_have_them(tmp_path: Path) -> None:
    """Python's own way, lone surrogates, could not be written as JSON."""
    folder = os.path.join(os.fsencode(tmp_path), b"\xff\xc3(")  # noqa: PTH118 - a name of bytes
    os.mkdir(folder)  # noqa: PTH102
    with subprocess.Popen(["sleep", "60"], cwd=folder) as child:
        found = procfs.read_link(child.pid, "cwd")
        child.kill()
    assert found == f"{tmp_path}/\\xff\\xc3("


def test_the_name_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert procfs.host() == os.uname().nodename
    odd = os.uname_result(("Linux", os.fsdecode(b"a\xff"), "6", "#1", "x86_64"))
    monkeypatch.setattr(procfs.os, "uname", lambda: odd)
    assert procfs.host() == "a\\xff"


def test_a_cgroup_that_is_no_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procfs.Path, "read_bytes", lambda _path: b"1:name=x:/y\n0::/a\xff.slice\n")
    assert procfs.read_cgroup(1) == "/a\\xff.slice"


def test_the_cgroup_is_that_of_the_default_hierarchy() -> None:
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    expected = [line.removeprefix("0::") for line in lines if line.startswith("0::")]
    assert procfs.read_cgroup(os.getpid()) == (expected[0] if expected else None)


def test_a_kernel_thread_has_no_arguments() -> None:
    thread = procfs.read_stat(2)
    if thread is None or thread.comm != "kthreadd":
        pytest.skip("no kernel threads are to be seen: a pid namespace of its own")
    assert procfs.read_args(2) == ()
    assert procfs.read_link(2, "exe") is None


def test_what_is_gone_is_none() -> None:
    assert procfs.read_stat(NOBODY) is None
    assert procfs.read_args(NOBODY) is None
    assert procfs.read_link(NOBODY, "exe") is None
    assert procfs.read_cgroup(NOBODY) is None


def test_all_thread_groups(sleeper: subprocess.Popen[bytes]) -> None:
    found = procfs.pids()
    assert {os.getpid(), sleeper.pid, 1} <= set(found)
    assert len(set(found)) == len(found)


MODULES = """\
msdos 20480 0 - Live 0xffffffffc08f0000
fat 102400 2 msdos,vfat, Live 0xffffffffc08d0000
dummy 16384 0 - Live 0xffffffffc08c0000 (OE)
nvidia 39174144 0 [permanent], Live 0xffffffffc1000000 (POE)
starting 16384 1 - Loading 0xffffffffc08b0000 (O+)
unsigned 16384 0 - Live 0x0000000000000000 (E)
"""

Fake = Callable[[str | OSError], None]


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Give /proc/modules a text, or an error."""
    real = Path.read_text

    def fake(content: str | OSError) -> None:
        def read_text(self: Path, *args: Any, **kwargs: Any) -> str:
            if str(self) != "/proc/modules":
                return real(self, *args, **kwargs)
            if isinstance(content, OSError):
                raise content
            return content

        monkeypatch.setattr(Path, "read_text", read_text)

    return fake


def test_taints_of_each_module(modules: Fake) -> None:
    modules(MODULES)
    assert procfs.loaded_modules() == {
        "msdos": "",
        "fat": "",
        "dummy": "OE",
        "nvidia": "POE",
        "starting": "O+",
        "unsigned": "E",
    }
    assert procfs.module_names() == {"msdos", "fat", "dummy", "nvidia", "starting", "unsigned"}
    assert procfs.module_counts() == (ModuleCounts(loaded=6, unsigned=3, out_of_tree=3), None)


def test_no_module_is_loaded(modules: Fake) -> None:
    modules("")
    assert procfs.module_names() == set()
    assert procfs.module_counts() == (ModuleCounts(0, 0, 0), None)


def test_a_kernel_without_modules_says_so(modules: Fake) -> None:
    modules(FileNotFoundError(2, "No such file or directory"))
    assert procfs.module_names() == set()
    assert procfs.module_counts() == (None, "this kernel has no module support (no /proc/modules)")


def test_a_list_that_may_not_be_read_is_not_empty(modules: Fake) -> None:
    modules(PermissionError(13, "Permission denied"))
    assert procfs.module_names() is None
    assert procfs.module_counts() == (None, "/proc/modules: Permission denied")


def test_modules_are_those_of_lsmod() -> None:
    if not Path("/proc/modules").exists():
        assert not Path("/proc/sys/kernel/modules_disabled").exists(), "module support, and no /proc/modules"
        pytest.skip("this kernel has no module support: there is no list to compare")
    lines = subprocess.run(["lsmod"], check=True, capture_output=True, text=True).stdout.splitlines()[1:]
    assert procfs.module_names() == {line.split()[0] for line in lines}
