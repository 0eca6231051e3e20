"""`ringward guard --mode enforce` as an operator starts it: one guard, from its check to the one that takes over."""

from __future__ import annotations

import errno
import json
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ringward.cli import guard as guard_command
from ringward.cli import guard_status, trust
from ringward.guard import ready
from ringward.guard.pins import FOLDER, remove
from ringward.guard.status import Status, read
from ringward.kmod.config import load_config
from ringward.kmod.resolve import Resolver
from ringward.kmod.tree import Tree
from ringward.sensor import procfs
from ringward.trust import rows
from ringward.trust.entry import Entry, Item, Kind, Source, Who
from ringward.trust.look import look
from ringward.trust.rules import Mode, Operation
from ringward.trust.store import open_store
from tests.kernel.calls import awaited
from tests.kernel.guarding import load
from tests.kernel.guest_only import only_in_guest
from tests.kernel.programs import NOBODY, open_folder
from tests.kernel.witness import SECONDS, image, listed, own_module, sha256sum
from tests.kernel.witness import remove as unload

pytestmark = [pytest.mark.guest, pytest.mark.modules]

RULES = """\
[[rule]]
id = "no-force"
action = "deny"
flag = "forced"
message = "nobody forces modules here"
link = "https://example.org/modules"

[[rule]]
id = "users"
on = "autoload"
action = "deny"
uid = "1-4294967294"
"""
ADDED = """\
[[rule]]
id = "no-dummy"
action = "deny"
name = "dummy"
"""
LOG = Path("/dev/log")


def items(paths: Iterable[Path]) -> Iterator[Item]:
    """Yield the digests of modules' files and of their images."""
    for path in paths:
        looked, _identity, _size = look(str(path.resolve()))
        assert looked.kind is not None, path
        yield Item(looked.digest, looked.kind, str(path), name=looked.name)
        if looked.image:
            yield Item(looked.image, Kind.MODULE_IMAGE, str(path), name=looked.name)


def needed_files() -> set[Path]:
    """Return the files of all modules that this guest has loaded, or loads for its devices; and of msdos."""
    tree = Tree("", os.uname().release)
    resolver = Resolver(tree, load_config(None, root="", module_dir=tree.real(tree.directory)))
    needed = ready.needed(procfs.loaded_modules(), ["msdos"], ready.device_aliases())
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
        # The last line may be half written.
        lines = self.events.read_text().split("\n")[:-1]
        events = [json.loads(line) for line in lines]
        found = [event for event in events if event["event"] == "module_verdict"]
        return [event for event in found if all(event["args"].get(key) == value for key, value in fields.items())]


class Machine:
    """A database, rules, a system's log, and guards that are started by them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "trust.db"
        self.rules = folder / "rules.d"
        self.rules.mkdir()
        (self.rules / "one.toml").write_text(RULES)
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


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    only_in_guest()
    found = Machine(open_folder())
    try:
        yield found
    finally:
        found.close()
        shutil.rmtree(found.folder)
        unload("rw_param", "dummy")


def param() -> Path:
    return own_module("rw_param")


def on_a_terminal(command: str, until: str) -> str:
    """Run a shell command on a terminal of its own; return what stands there once `until` does."""
    pid, terminal = pty.fork()
    if not pid:
        os.execvp("sh", ["sh", "-c", f"{command}; sleep 60"])
    shown = b""
    end = time.monotonic() + SECONDS
    try:
        while until.encode() not in shown and time.monotonic() < end:
            if select.select([terminal], [], [], 1)[0]:
                shown += os.read(terminal, 4096)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    return shown.decode()


def status() -> Status:
    found = read()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def dummy(machine: Machine) -> Path:
    return image("dummy", machine.folder)


@pytest.fixture(scope="module")
def first(machine: Machine, dummy: Path) -> Guarding:
    """Give the guard that all of these tests watch, one after the other."""
    trusted(machine.database, items([*needed_files(), dummy]))
    return machine.start("enforce", "--on-end", "continue", "--try", "10m")


def test_it_refuses_to_lock_out_what_is_loaded(
    machine: Machine, dummy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = machine.folder / "other.db"
    trusted(other, items([dummy]))
    status = guard_command.main(["--mode", "enforce", "--database", str(other), "--rules", str(machine.rules)])
    said = capsys.readouterr().err
    assert status == 1
    for name in listed():
        assert f"{name} (loaded now)" in said
    assert "enforce is refused" in said
    assert read() is None


def test_who_is_refused_reads_why(machine: Machine, first: Guarding, dummy: Path) -> None:
    assert load(dummy) == 0
    unload("dummy")
    digest = sha256sum(param())
    shown = on_a_terminal(f"insmod {param()}", "ringward trust approve")
    assert "Key was rejected by service" in shown
    assert f"ringward: refused: kernel module rw_param (sha256 {digest}" in shown
    assert f"ringward trust approve {digest[:12]}" in shown
    assert "rw_param" not in listed()
    line = machine.wait_log(f"sha256 {digest}")
    assert line.startswith("<84>ringward: refused kernel module rw_param")
    awaited(lambda: first.told(digest=digest, refused=True), "the event of the refusal")
    (event,) = first.told(digest=digest, refused=True)
    assert (event["process"]["exe"], event["args"]["made_by"]) == ("/usr/bin/kmod", "default")
    assert event["load"]["id"]


def test_a_stock_module_goes_on_loading_with_what_it_needs(first: Guarding) -> None:
    subprocess.run(["modprobe", "msdos"], check=True)
    assert {"msdos", "fat"} <= set(listed())
    subprocess.run(["modprobe", "-r", "msdos"], check=True)
    assert first.process.poll() is None


def test_a_rule_has_a_message_of_its_own(machine: Machine, first: Guarding, dummy: Path) -> None:
    shown = on_a_terminal(f"insmod -f {dummy}", "example.org")
    assert "rule no-force: nobody forces modules here (https://example.org/modules)" in shown
    assert "approve" not in shown
    assert first.process.poll() is None
    ask = "import socket; socket.socket(29, 3, 0)"
    subprocess.run([sys.executable, "-c", ask], check=False, user=NOBODY, stderr=subprocess.DEVNULL)
    assert "users" in machine.wait_log("net-pf-29")
    assert "can" not in listed()


def test_approved_without_a_restart(machine: Machine, first: Guarding) -> None:
    assert load(param()) == -errno.EKEYREJECTED
    machine.trust("approve", sha256sum(param())[:12])
    assert load(param()) == 0
    unload("rw_param")
    machine.trust("remove", sha256sum(param()))
    assert load(param()) == -errno.EKEYREJECTED
    assert first.process.poll() is None


def test_rules_are_followed_and_bad_ones_are_not(machine: Machine, first: Guarding, dummy: Path) -> None:
    more = machine.rules / "two.toml"
    more.write_text(ADDED)
    machine.wait_log("decides by the changed policy")
    assert load(dummy) == -errno.EKEYREJECTED
    more.write_text("[[rule")
    machine.wait_log("the policy stays as it was")
    assert load(dummy) == -errno.EKEYREJECTED
    more.unlink()
    machine.wait_log("decides by the changed policy")
    assert load(dummy) == 0
    unload("dummy")
    assert first.process.poll() is None


def test_the_trial_is_confirmed(first: Guarding) -> None:
    found = status()
    assert (found.alive, found.stays, found.pid, bool(found.enforce_until)) == (True, True, first.process.pid, True)
    assert found.modes == dict.fromkeys((Operation.MODULES, Operation.AUTOLOAD, Operation.UNLOAD), Mode.ENFORCE)
    assert all(found.deciding.values()), found.deciding
    assert guard_status.confirm() == 0
    assert status().enforce_until == 0


def test_killed_and_taken_over_without_a_gap(machine: Machine, first: Guarding) -> None:
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    assert load(param()) == -errno.EKEYREJECTED
    found = status()
    assert (found.active, found.alive) == (True, False)
    results: list[int] = []
    over = threading.Event()

    def knock() -> None:
        while not over.wait(0.2):
            results.append(load(param()))

    knocking = threading.Thread(target=knock)
    knocking.start()
    try:
        second = machine.start("enforce")
        time.sleep(1)
    finally:
        over.set()
        knocking.join()
    assert len(results) > 5
    assert set(results) == {-errno.EKEYREJECTED}
    found = status()
    assert (found.alive, found.stays, found.pid) == (True, False, second.process.pid)
    # This one was not to stay: its end lets go.
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(SECONDS) == 0, machine.said()
    assert second.told(digest=sha256sum(param()))
    assert read() is None
    assert load(param()) == 0
