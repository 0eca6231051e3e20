"""What the guard keeps from others: the database, itself, and what would go behind its back."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from ringward.events import Event
from ringward.events.catalogue.self_verdict import HOOKS
from ringward.guard import holder, launch, status
from ringward.guard.pins import FOLDER
from ringward.guard.protect import Protected
from ringward.guard.storage import source_of
from ringward.sensor import _native
from ringward.trust.rules import Mode, Operation
from ringward.trust.store import open_store
from tests.kernel.conftest import PATIENCE
from tests.kernel.guarding import BOTH, Guarded, policy_of, started
from tests.kernel.programs import open_folder
from tests.kernel.replaced import TASK_STORAGE_GET, answers, replaced

pytestmark = [pytest.mark.guest]

ONLY = (Operation.SELF,)
# arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/linux/ptrace.h, sched.h, mount.h
_CLONE, _PTRACE, _MOUNT, _UMOUNT, _PIDFD_GETFD = 56, 101, 165, 166, 438
_TRACEME, _CONT, _SEIZE, _CLONE_FS, _MNT_EXPIRE = 0, 7, 0x4206, 0x200, 4
REFUSED = errno.EPERM


def other(do: Callable[[], object]) -> int:
    """Do something in a process that is none of the guard's; return 0 or the error's number."""
    pid = os.fork()
    if pid == 0:
        try:
            do()
        except OSError as error:
            os._exit(error.errno or 255)
        except _native.BpfError as error:
            os._exit(error.args[0] or 255)
        except BaseException:  # noqa: BLE001 - the child must not go on as the test
            os._exit(255)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture(scope="module", name="place")
def place_fixture() -> Iterator[Path]:
    """Give the directory of a database on an ext4 of its own, on a loop device."""
    folder = open_folder()
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["modprobe", "-a", "loop", "ext4"], check=True)
    subprocess.run(["mount", "-o", "loop", image, disk], check=True)
    (disk / "ringward").mkdir()
    yield disk / "ringward"
    subprocess.run(["umount", disk], check=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="module", name="database")
def database_fixture(place: Path) -> Path:
    """Give a trust database with nothing in it."""
    path = place / "trust.db"
    open_store(str(path), write=True, create=True).close()
    return path


def ringward() -> Path:
    return Path(sys.executable).with_name("ringward")


@contextlib.contextmanager
def protecting(database: Path) -> Iterator[Guarded]:
    with started(operations=ONLY) as guard:
        package = Path(__import__("ringward").__file__).parent
        failed = guard.holder.protect([Protected(database.parent, tree=True), Protected(package, tree=True)])
        assert not failed
        yield guard


def add_by_tool(database: Path, digest: str) -> subprocess.CompletedProcess[str]:
    command = [ringward(), "trust", "add", "--database", database, "--digest", digest, "--kind", "program"]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_who_is_ringwards_own_and_cannot_be_kept_with_its_task(database: Path) -> None:
    """It counts as another. Before the other tests, whose guard stays."""
    before = database.read_bytes()
    unkept = answers(TASK_STORAGE_GET, 0, "lsm/bprm_committed_creds")
    with replaced({"guard_self": (unkept,)}), protecting(database) as guard:
        with guard.deciding(*policy_of(), Mode.ENFORCE, ONLY) as w:
            done = add_by_tool(database, "44" * 32)
            assert done.returncode != 0, done.stderr
            w.until(lambda _: w.of("self_verdict", access="open", verdict="deny"), PATIENCE)
            assert w.of("self_verdict", access="become") == []
        assert database.read_bytes() == before


@pytest.fixture(scope="module", name="guard")
def guard_fixture(database: Path) -> Iterator[Guarded]:
    with protecting(database) as guard:
        yield guard


def mount(kind: str, where: str) -> None:
    checked(_native.raw_syscall(_MOUNT, address(kind), address(where), address(kind), 0, 0))


def expire(where: str) -> None:
    """Begin to unmount what nobody uses: the first try only marks it."""
    checked(_native.raw_syscall(_UMOUNT, address(where), _MNT_EXPIRE))


def checked(result: int) -> None:
    if result < 0:
        raise OSError(-result, os.strerror(-result))


_KEPT: list[object] = []


def address(text: str) -> int:
    buffer = ctypes.create_string_buffer(text.encode())
    _KEPT.append(buffer)
    return ctypes.addressof(buffer)


def told(w: Guarded, access: str, **fields: object) -> Event:
    return w.verdict(Operation.SELF, access=access, verdict="deny", **fields)


@BOTH
def test_the_database(guard: Guarded, mode: Mode, database: Path) -> None:
    before = database.read_bytes()
    away, beside = database.with_name("away"), Path(f"{database}-journal")
    outside = database.parents[1] / "linked"
    there = away if mode is Mode.MONITOR else database
    tries: list[tuple[str, Path, Callable[[], object]]] = [
        ("open", database, lambda: os.close(os.open(database, os.O_WRONLY))),
        ("open", database, lambda: os.close(os.open(database, os.O_RDONLY | os.O_TRUNC))),
        ("truncate", database, lambda: os.truncate(database, 0)),
        ("link", database, partial(outside.hardlink_to, database)),
        ("create", beside, lambda: os.close(os.open(beside, os.O_CREAT | os.O_WRONLY))),
        ("create", away, lambda: away.symlink_to("/nowhere")),
        ("rename", database, lambda: database.rename(away)),
        ("unlink", there, there.unlink),
        ("rename", database.parent, lambda: database.parent.rename(database.parents[1] / "moved")),
    ]
    with guard.deciding(*policy_of(), mode, ONLY) as w:
        for access, path, do in tries:
            w.events.clear()
            result = other(do)
            event = told(w, access)
            assert (event.args.object, event.process.uid) == ("file", 0)
            assert Path(event.args.file.path).name == path.name, (access, event.args.file)
            assert result == (REFUSED if w.enforces else 0), access
        assert database.exists() == w.enforces
    if mode is Mode.MONITOR:
        (database.parents[1] / "moved").rename(database.parent)
        for left in (*database.parent.iterdir(), outside):
            left.unlink()
        database.write_bytes(before)
        database.chmod(0o600)
    assert database.read_bytes() == before


def opened(path: str | Path) -> Callable[[], object]:
    return lambda: os.close(os.open(path, os.O_WRONLY))


@BOTH
def test_behind_its_back(guard: Guarded, mode: Mode, place: Path) -> None:
    """The disk that holds it, memory, and the switches that turn hooks off."""
    source = source_of(Path("/proc/self/mountinfo").read_text(), place)
    assert source is not None
    image = Path(f"/sys/block/{Path(source).name}/loop/backing_file").read_text().strip()
    tries = [
        ("device", source),
        ("file", image),
        ("memory", "/dev/mem"),
        ("memory", "/dev/port"),
        ("switch", "/proc/sys/kernel/ftrace_enabled"),
        ("switch", "/sys/kernel/debug/kprobes/enabled"),
        ("switch", "/sys/kernel/debug/sched/preempt"),
    ]
    with guard.deciding(*policy_of(), mode, ONLY) as w:
        for kind, path in tries:
            w.events.clear()
            result = other(opened(path))
            event = told(w, "open", object=kind)
            assert event.args.file.path == path
            assert result == (REFUSED if w.enforces else 0), path
        w.events.clear()
        assert other(opened("/proc/sys/kernel/printk")) == 0
        assert other(opened("/dev/null")) == 0
        w.settle()
        assert w.of("self_verdict") == []


@BOTH
def test_the_kernel_part(guard: Guarded, mode: Mode) -> None:
    """Its pins, maps and programs, and its process."""
    pid, ids = os.getpid(), guard.holder.attachments["self_verdict"].programs
    program = _native.program_open(ids[0])
    maps = _native.program_maps(program)
    os.close(program)
    pin = next(FOLDER.glob("maps-*")) / "scratch"
    fd = _native.map_open(maps[0])
    _native.pin(fd, str(pin))
    os.close(fd)
    tries: list[tuple[str, str, Callable[[], object]]] = [
        ("change", "map", lambda: os.close(_native.map_open(maps[0]))),
        ("change", "map", lambda: os.close(_native.pinned(str(pin)))),
        ("change", "program", lambda: os.close(_native.program_open(ids[0]))),
        ("trace", "process", lambda: checked(_native.raw_syscall(_PTRACE, _SEIZE, pid, 0, 0))),
        ("unlink", "pin", pin.unlink),
        ("create", "pin", (FOLDER / "links-99").mkdir),
        ("mount", "pin", lambda: mount("tmpfs", str(FOLDER))),
    ]
    with guard.deciding(*policy_of(), mode, ONLY) as w:
        for access, kind, do in tries:
            w.events.clear()
            result = other(do)
            event = told(w, access, object=kind)
            assert (event.args.target is not None) == (kind in {"map", "program", "process"})
            assert result == (REFUSED if w.enforces else 0), (access, kind)
        if not w.enforces:
            subprocess.run(["umount", FOLDER], check=True)
            (FOLDER / "links-99").rmdir()
        result = other(lambda: expire("/sys/fs/bpf"))
        assert told(w, "unmount", object="pin").args.file.path == "/sys/fs/bpf"
        # Without the guard it is the files that its process has open.
        assert result == (REFUSED if w.enforces else errno.EBUSY)
        assert guard.holder.deaf() == []
    pin.unlink(missing_ok=True)


def test_a_hook_that_is_silenced(guard: Guarded) -> None:
    """In monitor the switch is told of and not kept; the next canary finds every hook deaf."""
    switch = Path("/proc/sys/kernel/ftrace_enabled")
    with guard.deciding(*policy_of(), Mode.MONITOR, ONLY):
        switch.write_text("0")
        try:
            silent = guard.holder.deaf()
        finally:
            switch.write_text("1")
        assert set(silent) == set(HOOKS)
        assert guard.holder.deaf() == []


def test_the_database_by_the_tool(guard: Guarded, database: Path) -> None:
    digest = "22" * 32
    with guard.deciding(*policy_of(), Mode.ENFORCE, ONLY) as w:
        done = add_by_tool(database, digest)
        assert done.returncode == 0, done.stderr
        w.until(lambda _: w.of("self_verdict", access="become"), PATIENCE)
        w.until(lambda _: w.of("self_verdict", access="open", verdict="allow"), PATIENCE)
        denied = [event.args.file.path for event in w.of("self_verdict", verdict="deny")]
        # The interpreter that came before the helper may not cache what it has compiled.
        assert [path for path in denied if "/__pycache__" not in path] == []
    assert bytes.fromhex(digest) in database.read_bytes()


def started_helper(*, before: Callable[[], object] = lambda: None, clone: int = 0) -> int:
    """Start the helper as a child that shares `clone` with this process; return its number."""
    pid = _native.raw_syscall(_CLONE, clone | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        try:
            before()
            os.execv(launch.KEEPER, [str(launch.KEEPER), "--version"])
        finally:
            os._exit(255)  # the child must not go on as the test
    return pid


def interprets(pid: int) -> bool:
    """Return whether the helper has become the interpreter."""
    return Path(f"/proc/{pid}/exe").readlink() == Path(launch.interpreter())


def test_the_helper_with_somebody_beside_or_above_it(guard: Guarded) -> None:
    """Traced, or with a root and working directory that another process changes: it is nobody of Ringward's own."""
    with guard.deciding(*policy_of(), Mode.MONITOR, ONLY) as w:
        shares = started_helper(clone=_CLONE_FS)
        w.until(lambda _: interprets(shares))
        traced = started_helper(before=lambda: checked(_native.raw_syscall(_PTRACE, _TRACEME, 0, 0, 0)))
        for _ in range(2):  # it stops at each exec: the helper's, the interpreter's
            assert os.WIFSTOPPED(os.waitpid(traced, 0)[1])
            became = interprets(traced)
            if not became:
                checked(_native.raw_syscall(_PTRACE, _CONT, traced, 0, 0))
        assert became
        w.settle()
        assert w.of("self_verdict", access="become") == []
        for pid in (shares, traced):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def written_into(pid: int) -> None:
    """Write to the memory of a process, from and to no matter where."""
    vector = ctypes.create_string_buffer(struct.pack("<QQ", address("x"), 1))
    if ctypes.CDLL(None, use_errno=True).process_vm_writev(pid, vector, 1, vector, 1, 0) < 0:
        raise OSError(ctypes.get_errno(), "process_vm_writev")


def test_what_the_helper_has_started(guard: Guarded) -> None:
    """It is held in the middle by a full pipe, and cannot be traced, written to or robbed of a descriptor."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writes, bytes(4096))
    os.set_blocking(writes, True)
    with guard.deciding(*policy_of(), Mode.ENFORCE, ONLY) as w:
        pid = started_helper(before=lambda: os.dup2(writes, 1))
        pidfd = os.pidfd_open(pid)
        w.until(lambda _: [e for e in w.of("self_verdict", access="become") if e.process.pid == pid], PATIENCE)
        tries: dict[str, tuple[Callable[[], object], int]] = {
            "ptrace": (lambda: checked(_native.raw_syscall(_PTRACE, _SEIZE, pid, 0, 0)), REFUSED),
            "mem": (lambda: os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR)), errno.EACCES),
            "vm": (lambda: written_into(pid), REFUSED),
            "descriptor": (lambda: checked(_native.raw_syscall(_PIDFD_GETFD, pidfd, 1, 0)), REFUSED),
        }
        for how, (do, refusal) in tries.items():
            w.events.clear()
            assert other(do) == refusal, how
            assert told(w, "trace", object="process").args.target == pid, how
        assert interprets(pid)
    # Without the guard the same are no one's to refuse.
    assert [other(do) for do, _ in (tries["mem"], tries["descriptor"])] == [0, 0]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for fd in (reads, writes, pidfd):
        os.close(fd)


def test_the_helper_elsewhere(guard: Guarded, tmp_path: Path) -> None:
    """Where others decide what its files are, what it starts is nobody of Ringward's own."""
    command = [launch.KEEPER, "--version"]
    subprocess.run(["mount", "--rbind", "/", tmp_path], check=True)
    try:
        with guard.deciding(*policy_of(), Mode.MONITOR, ONLY) as w:
            for start in (("unshare", "--mount"), ("chroot", str(tmp_path))):
                done = subprocess.run([*start, *command], check=True, capture_output=True, text=True)
                assert done.stdout.startswith("ringward ")
            w.settle()
            assert w.of("self_verdict", access="become") == []
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            w.until(lambda _: w.of("self_verdict", access="become"), PATIENCE)
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", tmp_path], check=True)


def test_who_guards_is_told_to_anyone(guard: Guarded) -> None:
    with guard.deciding(*policy_of(), Mode.ENFORCE, ONLY) as w:
        assert other(status.process) == 0
        assert status.process() == f"{os.getpid()}@{holder.started(os.getpid())}"
        w.settle(1)
        assert w.of("self_verdict", access="change") == []
