"""Hashing what runs, after it was started: the right file, or none and why."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ringward.events import Event, FileId, Process
from ringward.events.catalogue.process_exec import ProcessExec
from ringward.guard.running import RunningPrograms, hash_file
from tests import nulls
from tests.kernel.witness import sha256sum, stat_of

LIMIT = 1 << 30


def file_id(path: Path) -> FileId:
    dev, inode, ctime = stat_of(path)
    return FileId(str(path), dev, inode, ctime)


def started(pid: int, path: Path, runs: Path | None = None, **changes: Any) -> Event:
    """Return the event of a start."""
    args = ProcessExec(
        path=str(path),
        exe=file_id(runs or path),
        interpreter=str(runs or path),
        args=(str(path),),
        argc=1,
        cwd="/",
        old_credentials={"uid": 0, "gid": 0, "euid": 0, "egid": 0},
    )
    process = Process(
        id=f"{pid}@1",
        pid=pid,
        tid=pid,
        start_time=1,
        ppid=1,
        parent="1@0",
        uid=0,
        gid=0,
        euid=0,
        egid=0,
        loginuid=None,
        sessionid=None,
        comm="x",
        exe=str(path),
        args=(str(path),),
        cwd="/",
        cgroup="/",
        container=None,
        namespaces={"mnt": 1, "pid": 1, "net": 1, "user": 1},
        ancestors=(),
    )
    event = Event(
        event="process_exec",
        time="2026-01-01T00:00:00.000000000Z",
        ktime=1,
        host="host",
        cpu=0,
        seq=1,
        hook="tp_btf",
        process=process,
        args=msgspec.structs.replace(args, **changes),
    )
    return msgspec.structs.replace(event, unread={"exe": "not read"} if "exe" in changes else {})


@pytest.fixture
def sleeping(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    program = tmp_path / "sleep"
    shutil.copy("/bin/sleep", program)
    process = subprocess.Popen([program, "60"])
    yield process, program
    process.kill()
    process.wait()


def programs(*digests: bytes, known: bool = True, limit: int = LIMIT) -> RunningPrograms:
    return RunningPrograms(digests, "a reason", known=known, limit=limit)


def one(found: RunningPrograms, event: Event) -> Any:
    (verdict,) = found.verdicts(event)
    assert nulls.faults(verdict) == []
    assert (verdict.event, verdict.hook, verdict.process) == ("program_verdict", "sensor", event.process)
    return verdict


def test_what_runs(sleeping: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, program = sleeping
    event = started(process.pid, program)
    verdict = one(programs(), event)
    args = verdict.args
    assert (args.verdict, args.role, args.how) == ("unknown", "program", "later")
    assert (args.digest, args.size, args.file) == (sha256sum(program), program.stat().st_size, event.args.exe)
    assert (args.path, args.asked) == (str(program), str(program))
    assert args.keeping.startswith("no: ")
    assert verdict.ktime > event.ktime


def test_it_is_the_running_file_and_not_the_one_of_that_name(
    sleeping: tuple[subprocess.Popen[bytes], Path],
) -> None:
    process, program = sleeping
    event = started(process.pid, program)
    digest = sha256sum(program)
    other = program.with_name("other")
    other.write_bytes(b"other")
    program.rename(program.with_name("moved"))
    moved = started(process.pid, program.with_name("moved"))  # its ctime is another
    other.rename(program)
    assert one(programs(), moved).args.digest == digest
    lost = one(programs(), event)
    assert (lost.args.verdict, lost.args.digest, lost.args.how) == ("no digest", None, "none")
    assert "led elsewhere" in lost.unread["digest"]


def test_known_ones_are_told_when_that_is_asked_for(sleeping: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, program = sleeping
    event, digest = started(process.pid, program), bytes.fromhex(sha256sum(program))
    assert one(programs(digest), event).args.verdict == "known"
    found = programs(known=False)
    assert one(found, event).args.verdict == "unknown"
    found.add(digest)
    assert list(found.verdicts(event)) == []


def test_a_process_that_has_ended_is_hashed_by_its_name(tmp_path: Path) -> None:
    program = tmp_path / "true"
    shutil.copy("/bin/true", program)
    process = subprocess.Popen([program])
    process.wait()
    event = started(process.pid, program)
    assert one(programs(), event).args.digest == sha256sum(program)
    program.unlink()
    gone = one(programs(), event)
    assert gone.args.digest is None
    assert "No such file" in gone.unread["digest"]


def test_a_script_by_its_name_and_its_interpreter(sleeping: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, program = sleeping
    script = program.with_name("script")
    script.write_text(f"#!{program}\n")
    first, second = programs().verdicts(started(process.pid, script, program))
    assert nulls.faults(first) == nulls.faults(second) == []
    assert (first.args.role, first.args.digest) == ("script", sha256sum(script))
    assert first.unread["file"] == "user space knows it by its name alone"
    assert (second.args.role, second.args.digest) == ("interpreter", sha256sum(program))
    assert {first.args.asked, second.args.asked} == {str(script)}
    script.unlink()
    first, second = programs().verdicts(started(process.pid, script, program))
    assert (first.args.verdict, second.args.verdict) == ("no digest", "unknown")
    first, _ = programs().verdicts(started(process.pid, Path("/dev/fd/9/script"), program))
    assert "descriptor" in first.unread["digest"]


def test_what_was_not_read_at_the_start(sleeping: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, program = sleeping
    verdict = one(programs(), started(process.pid, program, exe=None))
    assert verdict.unread["digest"] == "which file it is was not read at its start"
    assert verdict.unread["file"] == "not read"


def test_a_file_above_the_limit(sleeping: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, program = sleeping
    size = program.stat().st_size
    event = started(process.pid, program)
    assert one(programs(limit=size), event).args.digest == sha256sum(program)
    verdict = one(programs(limit=size - 1), event)
    assert (verdict.args.digest, verdict.args.size) == (None, size)
    assert "larger than the limit" in verdict.unread["digest"]


def test_other_events_have_no_verdict(sleeping: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, program = sleeping
    event = started(process.pid, program)
    assert list(programs().verdicts(msgspec.structs.replace(event, process=None))) == []
    verdict = one(programs(), event)
    assert list(programs().verdicts(verdict)) == []


def test_a_file_is_hashed_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 1000)
    assert hash_file(file, LIMIT) == (hashlib.sha256(b"x" * 1000).digest(), 1000, "")
    expected = file_id(file)
    assert hash_file(file, LIMIT, expected).digest
    file.touch()
    assert hash_file(file, LIMIT, expected).digest is None
    with pytest.raises(FileNotFoundError):
        hash_file(tmp_path / "none", LIMIT)
