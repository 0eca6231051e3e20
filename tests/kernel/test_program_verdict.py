"""Every start of a program is judged by its digest, before it runs; known ones pass in silence."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringward.guard.programs import begin
from ringward.sensor import procfs
from tests.kernel.file_systems import run
from tests.kernel.monitor import Monitor, opened, tiny
from tests.kernel.programs import compiled, folder_fixture, program_fixture  # noqa: F401 - fixtures
from tests.kernel.witness import SECONDS, sha256sum, stat_of

pytestmark = pytest.mark.guest
BINFMT = Path("/proc/sys/fs/binfmt_misc")


def digest(path: Path) -> bytes:
    return bytes.fromhex(sha256sum(path))


@pytest.fixture(scope="module", name="everything")
def everything_fixture() -> Iterator[Monitor]:
    yield from opened(Monitor)


@pytest.fixture
def m(everything: Monitor) -> Monitor:
    everything.w.clear()
    return everything


def test_the_kernel_does_it_and_says_how(m):
    assert m.w.info.missing == {}
    how = m.w.info.attached["program_verdict"]
    assert (how.rung, len(how.programs), m.programs.weaker) == ("lsm", 4, None)
    named = subprocess.run(["bpftool", "prog", "list"], check=True, capture_output=True, text=True).stdout
    lines = {line.split(":")[0]: line for line in named.splitlines()}
    assert all("lsm" in lines[str(number)] for number in how.programs)


def test_a_program(m, folder):
    program = tiny(folder)
    (event,) = m.start(program, "argument")
    args = event.args
    assert (args.verdict, args.role, args.digest) == ("unknown", "program", sha256sum(program))
    assert (args.file.dev, args.file.inode, args.file.ctime) == stat_of(program)
    assert (args.file.path, args.path, args.asked) == (str(program),) * 3
    assert (args.size, args.file.deleted, event.unread) == (program.stat().st_size, False, {})
    assert (event.process.ppid, event.hook) == (os.getpid(), "lsm")
    assert event.duration > 0
    # The process is what it was before.
    arguments = tuple(Path("/proc/self/cmdline").read_text().split("\0")[:-1])
    process, here = event.process, event.process.ancestors[0]
    assert (process.exe, process.args) == (os.path.realpath("/proc/self/exe"), arguments)
    assert (process.cwd, process.cgroup, process.unread) == (str(Path.cwd()), procfs.read_cgroup(os.getpid()), {})
    assert (here.pid, here.exe, here.unread) == (os.getpid(), process.exe, None)
    assert here.args is not None
    assert here.args[0] == arguments[0]


def test_callers_that_are_gone_when_the_reader_looks(m, folder):
    """A shell becomes another program, and each tells of its own start."""
    first, last = tiny(folder), folder / "busybox"
    shutil.copy("/bin/busybox", last)
    later = (str(last), "sh", "-c", f"cd /usr; {first}; exit 0")
    script = ("/bin/sh", "-c", f"cd /; {first}; exec {last} sh -c '{later[-1]}'")
    process = subprocess.Popen(script)
    process.wait()

    def callers():
        found = [e.process for e in m.w.of("program_verdict")]
        return [one for one in found if process.pid in (one.pid, one.ppid)]

    m.w.until(lambda _: len(callers()) >= 4, SECONDS)
    shell, inner, becomes, outer = callers()
    dash = os.path.realpath("/bin/sh")
    assert (shell.pid, shell.exe, shell.unread) == (process.pid, os.path.realpath("/proc/self/exe"), {})
    assert (inner.ppid, inner.exe, inner.args, inner.cwd, inner.unread) == (process.pid, dash, script, "/", {})
    assert (becomes.pid, becomes.exe, becomes.args) == (process.pid, dash, script)
    assert (outer.ppid, outer.exe, outer.args, outer.cwd) == (process.pid, str(last), later, "/usr")
    # The shell that each was forked by: first one program, then the other.
    assert [p.ancestors[0].exe for p in (inner, outer)] == [dash, str(last)]
    assert [p.ancestors[1].pid for p in (inner, outer)] == [os.getpid()] * 2


def test_a_script_then_its_interpreters(m, folder):
    shell, inner, outer = folder / "shell", folder / "inner", folder / "outer"
    shutil.copy("/bin/busybox", shell)
    (folder / "sh").symlink_to(shell)
    inner.write_text(f"#!{folder / 'sh'} sh -e\nexit 0\n")
    outer.write_text(f"#!{inner} -x\n")
    for path in (inner, outer):
        path.chmod(0o755)
    found = [e.args for e in m.start(outer, count=3)]
    assert [a.role for a in found] == ["script", "interpreter", "interpreter"]
    assert [a.file.path for a in found] == [str(outer), str(inner), str(shell)]
    assert [a.digest for a in found] == [sha256sum(path) for path in (outer, inner, shell)]
    assert [a.path for a in found] == [str(outer), str(inner), str(folder / "sh")]
    assert {a.asked for a in found} == {str(outer)}


def test_the_interpreter_of_a_registered_format(m, folder):
    if not (BINFMT / "register").exists():
        run("mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT)
    program, file = tiny(folder), folder / "file"
    file.write_bytes(b"ringward-format, and more")
    file.chmod(0o755)
    (BINFMT / "register").write_text(f":ringward:M::ringward-format::{program}:")
    try:
        first, second = (e.args for e in m.start(file, count=2))
    finally:
        (BINFMT / "ringward").write_text("-1")
    assert [(a.role, a.digest) for a in (first, second)] == [
        ("program", sha256sum(file)),
        ("interpreter", sha256sum(program)),
    ]
    assert (second.path, second.asked) == (str(program), str(file))


def test_a_start_that_fails_is_told_too(m, folder):
    file = folder / "text"
    file.write_text("no program\n")
    file.chmod(0o755)
    with pytest.raises(OSError, match="Exec format error"):
        subprocess.run([file], check=False)
    m.w.until(lambda events: [e for e in events if getattr(e.args, "asked", None) == str(file)], SECONDS)
    (event,) = [e for e in m.w.of("program_verdict") if e.args.asked == str(file)]
    assert (event.args.digest, event.args.role) == (sha256sum(file), "program")


def test_known_programs_pass_in_silence_and_unknown_ones_are_told(folder):
    known, unknown, later = (folder / name for name in ("known", "unknown", "later"))
    for path in (known, unknown, later):
        shutil.copy(tiny(folder), path)
        with path.open("ab") as file:
            file.write(path.name.encode())
    for m in opened(lambda: Monitor((digest(known),), known=False)):
        processes = {path: subprocess.Popen([path]) for path in (known, unknown, later, known)}
        m.of(processes[unknown].pid)
        m.of(processes[later].pid)
        m.programs.add(digest(later))
        m.w.events.clear()
        for path in (known, later, unknown):
            processes[path] = subprocess.Popen([path])
        m.of(processes[unknown].pid)
        m.programs.know([digest(unknown)])
        # Not a start between the two policies is judged by neither.
        processes[unknown] = subprocess.Popen([unknown])
        processes[known] = subprocess.Popen([known])
        m.of(processes[known].pid)
        m.w.settle(0.5)
        told = Counter(e.args.asked for e in m.w.of("program_verdict") if e.args.asked.startswith(str(folder)))
        assert told == {str(unknown): 1, str(known): 1}


def test_a_file_above_the_limit_has_no_digest_and_says_so(folder):
    big = tiny(folder)
    limit = Path("/bin/true").stat().st_size
    with big.open("ab") as file:
        file.truncate(limit + 1)
    for m in opened(lambda: Monitor(limit=limit)):
        (event,) = m.start(big)
        args = event.args
        assert (args.verdict, args.how, args.digest, args.size) == ("no digest", "none", None, limit + 1)
        assert "larger than the limit" in event.unread["digest"]
        big.write_bytes(big.read_bytes()[:-1])
        assert m.one(big) == "hashed"


def test_a_kernel_that_hashes_nothing_leaves_it_to_user_space(folder):
    found = begin((), limit=16)
    assert found.weaker
    assert "the kernel hashes no files" in found.weaker
    assert found.events == ("process_exec",)


def digests(paths: list[Path]) -> list[bytes]:
    """Return what sha256sum says of many files."""
    done = subprocess.run(["sha256sum", *paths], check=True, capture_output=True, text=True)
    return [bytes.fromhex(line.split()[0]) for line in done.stdout.splitlines()]


def test_300_different_programs_half_of_them_unknown(folder):
    """No verdict may be missing, none too many."""
    count = 300
    base, names = tiny(folder), []
    for number in range(count):
        path = folder / f"p{number}"
        shutil.copyfile(base, path)
        with path.open("ab") as file:
            file.write(number.to_bytes(8))
        path.chmod(0o755)
        names.append(path)
    known = digests(names[::2])
    unknown = Counter(str(path) for path in names[1::2])
    starter = compiled("starts", folder)
    (folder / "list").write_text("".join(f"{path}\n" for path in names))
    for m in opened(lambda: Monitor(tuple(known), known=False)):
        before = m.programs.counts()
        with (folder / "list").open() as listed:
            process = subprocess.Popen([starter], stdin=listed)
        end = time.monotonic() + 60 + count / 10
        told: Counter[str] = Counter()
        while told.total() < len(unknown) and time.monotonic() < end:
            found = m.w.sensor.poll(0.2)
            told.update(e.args.asked for e in found if e.event == "program_verdict" and e.args.path in unknown)
            assert [e for e in found if e.event == "events_lost"] == []
        assert process.wait(60) == 0
        m.w.settle(0.5)
        told.update(e.args.asked for e in m.w.of("program_verdict") if e.args.path in unknown)
        after = m.programs.counts()
        assert told == unknown
        assert after.hashed - before.hashed >= count
        assert after.unknown - before.unknown >= count // 2
        assert after.unhashed == before.unhashed
