"""A machine with a trust database, rules and a system's log, and guards that are started there as an operator does."""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ringward.cli import trust
from ringward.guard import ready
from ringward.guard.pins import FOLDER, remove
from ringward.kmod.config import load_config
from ringward.kmod.resolve import Resolver
from ringward.kmod.tree import Tree
from ringward.sensor import procfs
from ringward.trust import rows
from ringward.trust.entry import Entry, Item, Kind, Source, Who
from ringward.trust.look import look
from ringward.trust.store import open_store
from tests.kernel.guarding import load
from tests.kernel.witness import SECONDS, own_module

LOG = Path("/dev/log")


def items(paths: Iterable[Path]) -> Iterator[Item]:
    """Yield the digests of modules' files and of their images."""
    for path in paths:
        looked, _identity, _size = look(str(path.resolve()))
        assert looked.kind is not None, path
        yield Item(looked.digest, looked.kind, str(path), name=looked.name)
        if looked.image:
            yield Item(looked.image, Kind.MODULE_IMAGE, str(path), name=looked.name)


def needed_files(*names: str) -> set[Path]:
    """Return the files of all modules that this guest has loaded, or loads for its devices, and of named ones."""
    tree = Tree("", os.uname().release)
    resolver = Resolver(tree, load_config(None, root="", module_dir=tree.real(tree.directory)))
    needed = ready.needed(procfs.loaded_modules(), names, ready.device_aliases())
    steps = [step for one in needed for step in resolver.probe(one.name, ignore_commands=True)]
    return {Path(tree.real(step.path)) for step in steps if step.path}


def trusted(database: Path, found: Iterable[Item]) -> None:
    with open_store(str(database), write=True, create=True) as store, store.change() as connection:
        rows.add(connection, [Entry(item, Source.HAND, Who(None, 0, 0)) for item in found])


class Guarding(NamedTuple):
    """A guard, and the file of its events."""

    process: subprocess.Popen[bytes]
    events: Path

    def told(self, **fields: object) -> list[dict[str, Any]]:
        """Return the verdicts on modules that have these arguments."""
        found = self.all("module_verdict")
        return [event for event in found if all(event["args"].get(key) == value for key, value in fields.items())]

    def all(self, name: str) -> list[dict[str, Any]]:
        """Return the events of a name."""
        # The last line may be half written.
        lines = self.events.read_text().split("\n")[:-1]
        return [event for event in map(json.loads, lines) if event["event"] == name]


class Machine:
    """A database, rules, a system's log, and guards that are started by them."""

    def __init__(self, folder: Path, rules: str) -> None:
        self.folder = folder
        self.database = folder / "trust.db"
        self.rules = folder / "rules.d"
        self.rules.mkdir()
        (self.rules / "one.toml").write_text(rules)
        LOG.unlink(missing_ok=True)
        self.log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.log.bind(str(LOG))
        self.logged: list[str] = []
        self.guards: list[subprocess.Popen[bytes]] = []

    def start(self, mode: str, *more: str) -> Guarding:
        """Start a guard, and wait until it says so in the log."""
        while select.select([self.log], [], [], 0)[0]:
            self.logged.append(self.log.recv(1 << 16).decode())
        out = self.folder / f"events-{len(self.guards)}.jsonl"
        command = [sys.executable, "-m", "ringward", "guard", "--mode", mode, "--json", "-o", str(out)]
        command += ["--database", str(self.database), "--rules", str(self.rules), *more]
        process = subprocess.Popen(command, stderr=(self.folder / "stderr").open("wb"))
        self.guards.append(process)
        self.wait_log(f"mode {mode}", lambda: process.poll() is None)
        return Guarding(process, out)

    def said(self) -> str:
        """Return what the last guard said to its operator."""
        return (self.folder / "stderr").read_text()

    def trust(self, action: str, word: str) -> None:
        """Change the database, and wait until the guard decides by it."""
        assert trust.main([action, word, "--database", str(self.database), "--output", "text"]) == 0
        self.wait_log("decides by the changed policy")

    def wait_log(self, text: str, lives: Callable[[], bool] = lambda: True) -> str:
        """Wait for a line of the system's log, and return it."""
        seen = len(self.logged)
        end = time.monotonic() + 4 * SECONDS
        while time.monotonic() < end:
            for line in self.logged[seen:]:
                if text in line:
                    return line
            seen = len(self.logged)
            assert lives(), self.said()
            if select.select([self.log], [], [], 1)[0]:
                self.logged.append(self.log.recv(1 << 16).decode())
        raise AssertionError(f"{text!r} is not in the log: {self.logged}")

    def close(self) -> None:
        for process in self.guards:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
        if FOLDER.exists():
            remove(FOLDER)
        self.log.close()
        LOG.unlink(missing_ok=True)


WORK = """\
mkdir -p a/b; echo one > a/b/one; cp a/b/one a/two; ln -s two a/link; mv a/two a/three; chmod 600 a/three
find a | sort | tail -n 3 > list; tar -cf a.tar a; mkdir mounted; mount -t tmpfs none mounted; cp a.tar mounted
umount mounted; (sleep 0.1 & wait); rm -r a a.tar list mounted; id -u
"""


def work(folder: Path) -> None:
    """Do ordinary work of a shell in a folder, which is empty afterwards."""
    done = subprocess.run(["sh", "-ec", WORK], cwd=folder, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


@contextmanager
def knocking(module: Path) -> Iterator[list[int]]:
    """Try to load a module again and again, beside what is done in between; give what came of each try."""
    results: list[int] = []
    over = threading.Event()

    def knock() -> None:
        while not over.wait(0.2):
            results.append(load(module))

    thread = threading.Thread(target=knock)
    thread.start()
    try:
        yield results
    finally:
        over.set()
        thread.join()


def param() -> Path:
    return own_module("rw_param")


def padded(dummy: Path, name: str, count: int) -> Path:
    """Return a copy of a module with zeros behind its end: it does the same, and has another digest."""
    copy = dummy.with_name(name)
    copy.write_bytes(dummy.read_bytes() + bytes(count))
    return copy


def package(folder: Path, name: str, files: dict[str, bytes], control: dict[str, str]) -> Path:
    """Build a package of executable files, by dpkg-deb."""
    top = folder / name
    for path, data in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes(data)
        (top / path).chmod(0o755)
    (top / "DEBIAN").mkdir()
    about = f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n"
    sums = "".join(f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}  {path}\n" for path, data in files.items())
    for path, text in {"control": about, "md5sums": sums, **control}.items():
        (top / "DEBIAN" / path).write_text(text)
        (top / "DEBIAN" / path).chmod(0o755)
    subprocess.run(["dpkg-deb", "--build", top], check=True, capture_output=True)
    return top.with_suffix(".deb")
