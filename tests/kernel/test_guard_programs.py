"""`ringward guard --programs`: what is known starts in silence, everything else is told; nothing is denied.

In guests the kernel judges; on a host that does not let it, user space does, and says so.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ringward.trust import rows
from ringward.trust.entry import Entry, Item, Kind, Source, Who
from ringward.trust.store import open_store
from tests.kernel.conftest import HAS_MODULES, IN_GUEST, PATIENCE
from tests.kernel.monitor import tiny
from tests.kernel.programs import open_folder
from tests.kernel.witness import sha256sum

KNOWN, OTHER = "known", "other"


def variant(program: Path, name: str) -> Path:
    """Return a copy of a program that is another by its digest alone."""
    copy = program.with_name(name)
    shutil.copy(program, copy)
    with copy.open("ab") as file:
        file.write(name.encode())
    return copy


def trust(database: Path, *files: Path) -> None:
    """Make a database that trusts some files."""
    who = Who(None, 0, 1)
    with open_store(str(database), write=True, create=True) as store, store.change() as connection:
        digests = [(bytes.fromhex(sha256sum(file)), str(file)) for file in files]
        rows.add(connection, [Entry(Item(d, Kind.PROGRAM, path), Source.HAND, who) for d, path in digests])


class Command:
    """The command, running. `told`: its events so far, as they are printed."""

    def __init__(self, folder: Path, mode: str) -> None:
        self.output, self.error = folder / "events", folder / "error"
        self.output.touch()
        (folder / "rules").mkdir()
        options = ["--mode", mode, "--programs", "--for", "modules" if HAS_MODULES else "none"]
        paths = ["--database", folder / "database", "--rules", folder / "rules", "-o", self.output]
        with self.error.open("wb") as error:
            command = [sys.executable, "-m", "ringward", "guard", *options, *paths, "--json"]
            self._process = subprocess.Popen(command, stderr=error)

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def until(self, done: Any) -> None:
        end = time.monotonic() + PATIENCE
        while not done(self.told):
            assert self._process.poll() is None, self.error.read_text()
            assert time.monotonic() < end, (self.error.read_text(), self.told)
            time.sleep(0.1)

    def end(self) -> int:
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(PATIENCE)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def verdicts(told: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """Return those on files of a folder."""
    found = [event for event in told if event["event"] == "program_verdict"]
    return [event for event in found if str(event["args"]["asked"]).startswith(f"{folder}/")]


def attached(told: list[dict[str, Any]]) -> bool:
    """Return whether the sensor has said how it sees starts."""
    seen = [event["args"] for event in told if event["event"] == "sensor_status"]
    return any(
        args["subject_event"] in ("program_verdict", "process_exec") and args["state"] == "attached" for args in seen
    )


@pytest.fixture(scope="module", name="scene")
def scene_fixture() -> Iterator[tuple[Path, list[dict[str, Any]], str, int]]:
    """Run programs while the guard learns; give folder, events, what it has said, and its exit status."""
    folder = open_folder()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        known, other = (variant(tiny(folder), name) for name in (KNOWN, OTHER))
        for name, interpreter in {"script": other, "trusted-script": known, "odd-script": other}.items():
            (folder / name).write_text(f"#!{interpreter}\n# {name}\n")
            (folder / name).chmod(0o755)
        altered = folder / "altered"
        shutil.copy(known, altered)
        trust(folder / "database", known, altered, folder / "trusted-script", folder / "odd-script")
        command = Command(folder, "learn")
        stack.callback(command.kill)
        command.until(attached)
        for path in (known, altered, folder / "trusted-script", other):
            subprocess.run([path], check=True)
        # By then user space, where it judges, has hashed the files that were started before.
        command.until(lambda told: verdicts(told, folder))
        data = bytearray(altered.read_bytes())
        data[-1] ^= 1
        altered.write_bytes(data)
        for path in (altered, folder / "script", folder / "odd-script", known):
            subprocess.run([path], check=True)
        command.until(lambda told: len(verdicts(told, folder)) >= 5)
        status = command.end()
        yield folder, command.told, command.error.read_text(), status


def test_unknown_and_altered_programs_are_told_and_known_ones_are_not(scene):
    folder, told, _, _ = scene
    found = [(Path(e["args"]["asked"]).name, e["args"]["role"], e["args"]["digest"]) for e in verdicts(told, folder)]
    other = sha256sum(folder / OTHER)
    assert found == [
        (OTHER, "program", other),
        ("altered", "program", sha256sum(folder / "altered")),
        ("script", "script", sha256sum(folder / "script")),
        ("script", "interpreter", other),
        ("odd-script", "interpreter", other),
    ]
    assert {event["args"]["verdict"] for event in verdicts(told, folder)} == {"unknown"}


def test_who_started_them_is_told(scene):
    folder, told, error, _ = scene
    judged = "later and weaker" not in error
    for event in verdicts(told, folder):
        process, here = event["process"], event["process"]["ancestors"][0]
        # The kernel is asked by who starts a program, before it is one.
        assert not judged or process["exe"] == os.path.realpath("/proc/self/exe")
        assert "unread" not in process
        assert (here["pid"], here["exe"]) == (os.getpid(), os.path.realpath("/proc/self/exe"))


def test_nothing_is_lost_and_how_it_is_judged_is_said(scene):
    folder, told, error, status = scene
    assert [event for event in told if event["event"] == "events_lost"] == []
    weaker = "programs are judged by user space, after their start: later and weaker" in error
    assert not (weaker and IN_GUEST), error
    hook, how = ("sensor", "later") if weaker else ("lsm", "hashed")
    assert {event["hook"] for event in verdicts(told, folder)} == {hook}
    assert how in {event["args"]["how"] for event in verdicts(told, folder)}
    assert status == (3 if weaker else 0), error


def test_what_was_learned_waits_for_approval(scene):
    folder, _, _, _ = scene
    with open_store(str(folder / "database")) as store:
        waiting = {one.item.path: one for one in rows.pendings(store.connection)}
    mine = {Path(path).name: one for path, one in waiting.items() if path.startswith(f"{folder}/")}
    assert {name: one.item.kind for name, one in mine.items()} == {
        "altered": Kind.PROGRAM,
        OTHER: Kind.PROGRAM,
        "script": Kind.SCRIPT,
    }
    assert {one.seen for one in mine.values()} == {"learned"}
