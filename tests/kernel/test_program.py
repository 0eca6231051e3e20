"""Programs: what was asked for, what runs, as whom, under which ancestors, and how it ends."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringward.events import Event
from tests.kernel.cgroups import CONTAINER
from tests.kernel.cgroups import scope_fixture as scope_fixture  # noqa: PLC0414 - pytest takes it by its name
from tests.kernel.conftest import IN_GUEST, Watch
from tests.kernel.programs import NOBODY, folder_fixture, program_fixture  # noqa: F401 - fixtures
from tests.kernel.witness import SECONDS, stat_of

OWNER = 4711


@pytest.fixture(scope="module")
def opened() -> Iterator[Watch]:
    w = Watch("programs", "process_fork")
    assert w.info.missing == {}
    yield w
    assert [e.args for e in (*w.events, *w.sensor.close()) if e.event == "events_lost"] == []


@pytest.fixture
def w(opened: Watch) -> Watch:
    opened.clear()
    return opened


def of(w: Watch, event: str, pid: int) -> list[Event]:
    """Return a process's events of one name."""
    return [e for e in w.events if e.event == event and e.process.pid == pid]


def one(w: Watch, event: str, pid: int) -> Event:
    """Wait for the one event of this name of a process."""
    w.until(lambda _: of(w, event, pid), SECONDS)
    (found,) = of(w, event, pid)
    return found


def execs(w: Watch, pid: int, count: int) -> list[Event]:
    """Wait for the execs of a process."""
    w.until(lambda _: len(of(w, "process_exec", pid)) >= count, SECONDS)
    found = of(w, "process_exec", pid)
    assert len(found) == count
    return found


def proc_stat(pid: int) -> tuple[int, int]:
    """Return parent and start, in clock ticks, of a process (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1]), int(fields[19])


def test_arguments_directory_and_file(w, folder):
    copy = folder / "a program"
    shutil.copy("/bin/true", copy)
    args = [str(copy), "two words", "", "Grüße", "\t\n", "x" * 100]
    process = subprocess.Popen(args, cwd=folder)
    process.wait()
    event = one(w, "process_exec", process.pid)
    assert event.args.args == tuple(args)
    assert event.args.argc == len(args)
    assert (event.args.path, event.args.interpreter, event.args.exe.path) == (str(copy), str(copy), str(copy))
    assert (event.args.exe.dev, event.args.exe.inode, event.args.exe.ctime) == stat_of(copy)
    assert (event.args.cwd, event.differences, event.unread) == (str(folder), (), {})
    assert (event.process.exe, event.process.args, event.process.cwd) == (str(copy), tuple(args), str(folder))
    assert (event.process.comm, event.process.ppid) == ("a program", os.getpid())
    ids = {"uid": os.getuid(), "gid": os.getgid(), "euid": os.geteuid(), "egid": os.getegid()}
    assert event.args.old_credentials == ids
    assert {name: getattr(event.process, name) for name in ids} == ids


def test_arguments_that_do_not_fit(w):
    args = ["/bin/true", *("y" * 99 for _ in range(40))]
    process = subprocess.Popen(args)
    process.wait()
    event = one(w, "process_exec", process.pid)
    assert (event.args.argc, event.unread["args"]) == (len(args), "cut after 2048 bytes")
    assert " ".join(args).startswith(" ".join(event.args.args))
    assert len("\0".join(event.args.args)) in (2047, 2048)


def test_the_root_is_a_directory_too(w):
    process = subprocess.Popen(["/bin/true"], cwd="/")
    process.wait()
    event = one(w, "process_exec", process.pid)
    assert event.args.cwd == event.process.cwd == "/"


def test_namespaces_and_login(w):
    process = subprocess.Popen(["sleep", "60"])
    try:
        event = one(w, "process_exec", process.pid)
        links = {"mnt": "mnt", "pid": "pid", "net": "net", "user": "user"}
        found = {key: str(Path(f"/proc/{process.pid}/ns/{name}").readlink()) for key, name in links.items()}
        assert {key: f"{key}:[{number}]" for key, number in event.process.namespaces.items()} == found
        login = Path(f"/proc/{process.pid}/loginuid")
        if login.exists():
            assert event.process.loginuid == (None if login.read_text() == "4294967295" else int(login.read_text()))
        cgroup = Path(f"/proc/{process.pid}/cgroup").read_text().splitlines()
        assert [f"0::{event.process.cgroup}"] == [line for line in cgroup if line.startswith("0::")]
        assert (event.process.container, event.process.kthread) == (None, False)
    finally:
        process.kill()
        process.wait()


def test_ancestors_as_proc_has_them(w):
    process = subprocess.Popen(["sh", "-c", "sh -c '/bin/sleep 60; :'; :"])
    try:
        w.until(lambda _: [e for e in w.of("process_exec") if e.args.args == ("/bin/sleep", "60")], SECONDS)
        (event,) = [e for e in w.of("process_exec") if e.args.args == ("/bin/sleep", "60")]
        expected = []
        pid = event.process.pid
        assert event.process.id == f"{pid}@{proc_stat(pid)[1]}"
        while pid := proc_stat(pid)[0]:
            expected.append((pid, f"{pid}@{proc_stat(pid)[1]}", Path(f"/proc/{pid}/comm").read_text().rstrip("\n")))
        assert [(a.pid, a.id, a.comm) for a in event.process.ancestors] == expected[:16]
        assert event.process.parent == event.process.ancestors[0].id
        inner, outer, test = event.process.ancestors[:3]
        assert (inner.args, outer.pid, test.pid) == (("sh", "-c", "/bin/sleep 60; :"), process.pid, os.getpid())
        assert outer.exe == str(Path(f"/proc/{process.pid}/exe").readlink())
    finally:
        os.kill(event.process.pid, signal.SIGKILL)
        process.wait()


def test_ancestors_that_are_gone(w):
    # The child lives on when its parent has ended, and is found under the parent that it had.
    process = subprocess.Popen(["sh", "-c", "sh -c 'sleep 0.3; exec /bin/true orphan' & exit 0"])
    process.wait()
    w.until(lambda _: [e for e in w.of("process_exec") if e.args.args == ("/bin/true", "orphan")], SECONDS)
    (event,) = [e for e in w.of("process_exec") if e.args.args == ("/bin/true", "orphan")]
    (parent,) = [e for e in w.of("process_fork") if e.args.child_pid == event.process.pid]
    assert parent.process.pid == process.pid
    assert event.process.ppid != process.pid
    assert event.process.ancestors[0].pid == event.process.ppid


def test_a_script_and_its_interpreter(w, folder):
    script, shell, link = folder / "script", folder / "shell", folder / "link"
    shutil.copy("/bin/sh", shell)
    link.symlink_to(shell)
    script.write_text(f"#!{link} -e\nexit 3\n")
    script.chmod(0o755)
    process = subprocess.Popen([script, "argument"])
    assert process.wait() == 3
    event = one(w, "process_exec", process.pid)
    assert (event.args.path, event.args.interpreter) == (str(script), str(link))
    assert event.args.exe.path == str(shell)
    assert (event.args.exe.dev, event.args.exe.inode, event.args.exe.ctime) == stat_of(shell)
    assert event.args.args == (str(link), "-e", str(script), "argument")
    assert (event.differences, event.process.comm) == ((), "script")


def test_a_link_leads_to_the_file(w, folder):
    link = folder / "link"
    link.symlink_to("/bin/true")
    process = subprocess.Popen([link])
    process.wait()
    event = one(w, "process_exec", process.pid)
    assert (event.args.path, event.args.exe.path) == (str(link), os.path.realpath("/bin/true"))
    assert (event.differences, event.process.comm) == ((), "link")


def test_a_memfd_is_deleted(w, program):
    process = subprocess.Popen([program("exec"), "memfd", program("end")])
    process.wait()
    first, second = execs(w, process.pid, 2)
    assert (first.args.exe.deleted, second.args.exe.deleted) == (False, True)
    assert "memfd:program" in second.args.exe.path
    assert second.args.args == (str(program("end")),)
    assert second.args.path.startswith("/dev/fd/")


def test_a_deleted_file(w, folder):
    copy = folder / "sh"
    shutil.copy("/bin/sh", copy)
    process = subprocess.Popen([copy, "-c", f"rm {copy}; exec /proc/self/exe -c 'exit 5'"])
    assert process.wait() == 5
    first, second = execs(w, process.pid, 2)
    assert (first.args.exe.deleted, second.args.exe.deleted) == (False, True)
    assert (first.args.exe.inode, first.args.exe.dev) == (second.args.exe.inode, second.args.exe.dev)
    assert second.args.path == "/proc/self/exe"


def test_execveat_of_a_name_and_of_a_file(w, program, folder):
    shutil.copy("/bin/true", folder / "name")
    for how, what in (("at", [folder, "name"]), ("fd", [folder / "name"])):
        process = subprocess.Popen([program("exec"), how, *what])
        assert process.wait() == 0
        event = execs(w, process.pid, 2)[1]
        assert event.args.exe.path == str(folder / "name")
        assert (event.args.exe.dev, event.args.exe.inode, event.args.exe.ctime) == stat_of(folder / "name")
        assert event.args.path.startswith("/dev/fd/")


def test_exec_by_a_second_thread(w, program):
    # The kernel gives it the first thread's number.
    process = subprocess.Popen([program("exec"), "thread", program("end"), "code", "9"])
    assert process.wait() == 9
    event = execs(w, process.pid, 2)[1]
    assert (event.process.pid, event.process.tid) == (process.pid, process.pid)
    assert (event.args.path, event.args.exe.path) == (str(program("end")), str(program("end")))
    assert event.args.old_credentials == {
        "uid": os.getuid(),
        "gid": os.getgid(),
        "euid": os.geteuid(),
        "egid": os.getegid(),
    }
    assert one(w, "process_exit", process.pid).args.code == 9


def test_in_a_root_of_its_own(w, folder):
    copy = folder / "bin" / "sleep"
    copy.parent.mkdir()
    shutil.copy("/bin/busybox", copy)
    process = subprocess.Popen(["chroot", folder, "/bin/sleep", "60"])
    try:
        event = execs(w, process.pid, 2)[1]
        assert str(Path(f"/proc/{process.pid}/exe").readlink()) == event.args.exe.path == str(copy)
        assert (event.args.path, event.args.cwd) == ("/bin/sleep", str(folder))
        assert event.differences == ()
    finally:
        process.kill()
        process.wait()


def test_in_a_root_of_its_own_and_gone(w, folder):
    copy = folder / "bin" / "true"
    copy.parent.mkdir()
    shutil.copy("/bin/busybox", copy)
    process = subprocess.Popen(["chroot", folder, "/bin/true"])
    process.wait()
    event = execs(w, process.pid, 2)[1]
    assert (event.args.path, event.args.exe.path) == ("/bin/true", str(copy))
    assert event.args.root == str(folder)
    assert event.differences == ()
    assert "exe.explained" not in event.unread


def test_across_mounts(w, folder):
    command = f"mkdir {folder}/a; mount -t tmpfs none {folder}/a; cp /bin/true {folder}/a/program; cd {folder}/a; "
    process = subprocess.Popen(["unshare", "-m", "sh", "-c", f"{command} exec ./program"])
    assert process.wait() == 0
    event = execs(w, process.pid, 3)[2]
    assert event.args.exe.path == f"{folder}/a/program"
    assert (event.args.path, event.args.cwd) == ("./program", f"{folder}/a")
    assert event.process.namespaces["mnt"] != Path("/proc/self/ns/mnt").stat().st_ino
    assert event.differences == ()


def test_a_setuid_program(w, program, folder):
    copy = folder / "ids"
    shutil.copy(program("exec"), copy)
    os.chown(copy, OWNER, OWNER)
    copy.chmod(0o6755)
    process = subprocess.Popen(
        [copy, "ids"], stdout=subprocess.PIPE, text=True, user=NOBODY, group=NOBODY, extra_groups=[]
    )
    said = process.communicate()[0].split()
    event = one(w, "process_exec", process.pid)
    after = (event.process.uid, event.process.euid, event.process.gid, event.process.egid)
    assert tuple(map(int, said[:4])) == after == (NOBODY, OWNER, NOBODY, OWNER)
    assert event.args.old_credentials == dict.fromkeys(("uid", "gid", "euid", "egid"), NOBODY)
    assert said[4] == event.args.path


@pytest.mark.parametrize("code", [0, 1, 200])
def test_exit_code(w, program, code):
    process = subprocess.Popen([program("end"), "code", str(code)])
    assert process.wait() == code
    event = one(w, "process_exit", process.pid)
    assert (event.args.code, event.args.signal, event.args.core_dumped) == (code, 0, False)
    assert event.process.args == (str(program("end")), "code", str(code))
    assert event.process.id == one(w, "process_exec", process.pid).process.id


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_end_by_a_signal(w, program, folder, number):
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    process = subprocess.Popen([program("end"), "signal", str(int(number))], cwd=folder)
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    _, status = os.waitpid(process.pid, 0)
    process.returncode = 0
    event = one(w, "process_exit", process.pid)
    assert (event.args.code, event.args.signal) == (0, os.WTERMSIG(status)) == (0, number)
    assert event.args.core_dumped == os.WCOREDUMP(status)
    if IN_GUEST:
        assert os.WCOREDUMP(status) == (number == signal.SIGSEGV)


def test_a_process_ends_with_its_last_thread(w, program):
    process = subprocess.Popen([program("end"), "threads", "7"])
    assert process.wait() == 7
    event = one(w, "process_exit", process.pid)
    assert (event.args.code, event.args.signal) == (7, 0)
    assert event.process.tid != event.process.pid == process.pid
    assert w.of("process_fork", child_pid=event.process.tid) == []


def test_fork_names_the_child(w):
    process = subprocess.Popen(["sh", "-c", "/bin/sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True)
    child = int(process.stdout.readline())
    try:
        w.until(lambda _: w.of("process_fork", child_pid=child), SECONDS)
        (event,) = w.of("process_fork", child_pid=child)
        assert event.process.pid == proc_stat(child)[0] == process.pid
        assert event.args.child_start_time // (10**9 // os.sysconf("SC_CLK_TCK")) == proc_stat(child)[1]
        assert one(w, "process_exec", child).process.start_time == event.args.child_start_time
        (own,) = w.of("process_fork", child_pid=process.pid)
        assert own.process.pid == os.getpid()
    finally:
        os.kill(child, signal.SIGKILL)
        process.communicate()


def test_a_container_by_its_cgroup(w, scope):
    command = f"echo $$ > {scope}/cgroup.procs; cat /proc/self/cgroup; exec /bin/true inside"
    process = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, text=True)
    out, _ = process.communicate()
    (said,) = [line.removeprefix("0::") for line in out.splitlines() if line.startswith("0::")]
    before, inside = execs(w, process.pid, 2)
    assert (before.process.container, inside.process.container) == (None, CONTAINER)
    assert inside.process.cgroup == said == f"/ringward-test.slice/docker-{CONTAINER}.scope"
    assert one(w, "process_exit", process.pid).process.container == CONTAINER
