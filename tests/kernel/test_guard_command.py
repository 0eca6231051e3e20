"""`ringward guard --mode enforce` as an operator starts it: one guard, from its check to the one that takes over."""

from __future__ import annotations

import errno
import hashlib
import os
import pty
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ringward.cli import guard as guard_command
from ringward.cli import guard_status, trust
from ringward.guard import pins
from ringward.guard.maps import PolicyMaps
from ringward.guard.status import Status, read
from ringward.sensor.clock import now
from ringward.trust import hook, rows
from ringward.trust.rules import Mode, Operation
from ringward.trust.store import open_store
from tests.kernel.calls import awaited, built, call
from tests.kernel.guarding import load
from tests.kernel.guest_only import only_in_guest
from tests.kernel.machine import Guarding, Machine, items, knocking, needed_files, package, padded, param, trusted, work
from tests.kernel.programs import NOBODY, open_folder
from tests.kernel.witness import SECONDS, image, listed, sha256sum
from tests.kernel.witness import remove as unload

pytestmark = [pytest.mark.guest, pytest.mark.modules]

INSTALL = Path("/etc/modprobe.d/ringward-old-call.conf")
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
POSTINST = """\
#!/bin/sh
case "$1" in
triggered) echo "triggered by $2" >> /log ;;
configure) if insmod {module}; then echo loaded; else echo refused; fi >> /log 2>> /err ;;
esac
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    only_in_guest()
    found = Machine(open_folder(), RULES)
    try:
        yield found
    finally:
        found.close()
        shutil.rmtree(found.folder)
        unload("rw_param", "dummy")


def on_a_terminal(command: str, until: str) -> str:
    """Run a shell command on a terminal of its own; return what stands there once `until` does."""
    pid, terminal = pty.fork()
    if not pid:
        os.execvp("sh", ["sh", "-c", f"{command}; sleep 300"])
    shown = b""
    end = time.monotonic() + 3 * SECONDS  # the guard may be at reading a changed policy
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
def learned(machine: Machine, dummy: Path) -> Path:
    """Give a module that a guard has learned, and that was approved after."""
    trusted(machine.database, items([*needed_files("msdos"), dummy]))
    other = padded(dummy, "learned.ko", 8)
    guard = machine.start("learn")
    for module in (dummy, other):
        assert load(module) == 0
        unload("dummy")
    awaited(lambda: guard.told(digest=sha256sum(other)), "the verdict on an unknown module")
    guard.process.send_signal(signal.SIGTERM)
    assert guard.process.wait(SECONDS) == 0, machine.said()
    (event,) = guard.told(digest=sha256sum(other))
    assert (event["args"]["mode"], event["args"]["verdict"], event["args"]["refused"]) == ("learn", "allow", False)
    with open_store(str(machine.database)) as store:
        (waits,) = rows.pendings(store.connection)
    assert (waits.item.digest.hex(), waits.seen, waits.item.name) == (sha256sum(other), "learned", "dummy")
    assert trust.main(["approve", "--learned", "--database", str(machine.database), "--output", "text"]) == 0
    return other


@pytest.fixture(scope="module")
def first(machine: Machine, learned: Path) -> Guarding:
    """Give the guard that all of these tests watch, one after the other."""
    assert learned.exists()
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


def test_a_call_that_linux_has_not_had_for_long_is_judged_and_logged(machine: Machine, first: Guarding) -> None:
    made = call("64", "create_module", "s:rw_of_old", 0, 4096)
    assert made.result == -errno.ENOSYS
    awaited(lambda: first.told(name="rw_of_old"), "the verdict on create_module")
    (event,) = first.told(name="rw_of_old")
    args = event["args"]
    assert (args["stage"], args["verdict"], args["made_by"], args["refused"]) == ("call", "deny", "default", False)
    assert (args["mode"], args["size"], args["origin"]) == ("enforce", 4096, "command")
    assert (event["hook"], event["process"]["pid"], event["process"]["exe"]) == ("sensor", made.pid, str(built("call")))
    line = machine.wait_log("rw_of_old")
    assert line.startswith("<85>ringward: would refuse a call for kernel module rw_of_old, which Linux has not had")


def old_call(first: Guarding, name: str) -> dict[str, Any]:
    """Make a call that Linux has not had since 2.6; return the verdict's arguments."""
    assert call("64", "create_module", f"s:{name}", 0, 4096).result == -errno.ENOSYS
    awaited(lambda: first.told(name=name), f"the verdict on create_module({name})")
    (event,) = first.told(name=name)
    return event["args"]


def test_such_a_call_by_what_the_kernel_asked_for_has_that_origin(first: Guarding) -> None:
    INSTALL.write_text(f"install net-pf-29 {built('call')} 64 174 s:rw_asked_for 0 4096\n")
    try:
        with suppress(OSError):
            socket.socket(socket.AF_CAN, socket.SOCK_DGRAM)
    finally:
        INSTALL.unlink()
    awaited(lambda: first.told(name="rw_asked_for"), "the verdict on create_module")
    (event,) = first.told(name="rw_asked_for")
    assert (event["args"]["origin"], event["args"]["alias"]) == ("request", "net_pf_29")
    assert {one.get("exe") for one in event["process"]["ancestors"]} >= {"/usr/bin/kmod"}


def test_a_stock_module_goes_on_loading_with_what_it_needs(first: Guarding) -> None:
    subprocess.run(["modprobe", "msdos"], check=True)
    assert {"msdos", "fat"} <= set(listed())
    subprocess.run(["modprobe", "-r", "msdos"], check=True)
    assert first.process.poll() is None


def test_what_was_learned_and_approved_is_let_in(first: Guarding, learned: Path, dummy: Path) -> None:
    assert load(learned) == 0
    unload("dummy")
    assert load(padded(dummy, "other.ko", 16)) == -errno.EKEYREJECTED
    assert first.process.poll() is None


def test_ordinary_work_goes_on(machine: Machine, first: Guarding) -> None:
    folder = machine.folder / "work"
    folder.mkdir()
    work(folder)
    assert first.process.poll() is None


def test_a_package_is_installed_with_its_scripts_and_triggers(machine: Machine, first: Guarding, dummy: Path) -> None:
    root = machine.folder / "root"
    for path in ("bin", "tmp", "var/lib/dpkg/info", "var/lib/dpkg/updates"):
        (root / path).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    for name in ("sh", "insmod"):
        shutil.copy("/bin/busybox", root / "bin" / name)
    module = Path("usr/lib/modules/own/own.ko")
    data = padded(dummy, "own.ko", 24).read_bytes()
    tool = b"#!/bin/sh\necho own\n"
    own = package(
        machine.folder,
        "own",
        {str(module): data, "usr/bin/own": tool},
        {"postinst": POSTINST.format(module=f"/{module}"), "triggers": "interest-noawait /usr/share/own\n"},
    )
    other = package(machine.folder, "other", {"usr/share/own/data": b"data"}, {})
    update = hook.command(sys.executable, ["--sysroot", str(root), "--database", str(machine.database)])
    for archive, more in ((own, []), (other, [f"--post-invoke={shlex.join(update)}"])):
        command = ["dpkg", f"--root={root}", *more, "-i", archive]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    # The script runs before the hook does: it loads nothing yet that nobody has trusted before.
    assert (root / "log").read_text().splitlines() == ["refused", "triggered by /usr/share/own"]
    machine.wait_log("decides by the changed policy")
    with open_store(str(machine.database)) as store:
        brought = [entry for entry in rows.entries(store.connection) if entry.item.package == "own"]
    found = {(entry.item.digest.hex(), entry.source) for entry in brought if entry.item.path.startswith("/usr")}
    assert found == {(hashlib.sha256(one).hexdigest(), "dpkg") for one in (data, tool)}
    assert load(root / module) == 0
    unload("dummy")
    assert load(param()) == -errno.EKEYREJECTED
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


def test_when_the_trial_is_over_both_parts_say_so(first: Guarding, dummy: Path) -> None:
    unknown = padded(dummy, "unknown.ko", 40)
    fds = pins.maps_of()
    try:
        maps = PolicyMaps(fds)
        state = maps.state()
        half = len(state["modes"]) // 2
        modes = state["modes"][state["bank"] * half :][:half]
        maps.set_modes(modes, now())
        try:
            assert old_call(first, "rw_after_trial")["mode"] == "monitor"
            assert load(unknown) == 0
            unload("dummy")
        finally:
            maps.set_modes(modes, state["enforce_until"])
    finally:
        pins.close(fds)
    digest = sha256sum(unknown)
    awaited(lambda: first.told(digest=digest, refused=False), "the kernel part's verdict")
    assert [event["args"]["mode"] for event in first.told(digest=digest, refused=False)] == ["monitor"]
    assert old_call(first, "rw_in_trial")["mode"] == "enforce"


def test_the_trial_is_confirmed(first: Guarding) -> None:
    found = status()
    assert (found.alive, found.stays, found.pid, bool(found.enforce_until)) == (True, True, first.process.pid, True)
    assert found.modes == dict.fromkeys((Operation.MODULES, Operation.AUTOLOAD, Operation.UNLOAD), Mode.ENFORCE)
    assert all(found.deciding.values()), found.deciding
    assert guard_status.confirm() == 0
    assert status().enforce_until == 0
    assert old_call(first, "rw_confirmed")["mode"] == "enforce"


def test_killed_and_taken_over_without_a_gap(machine: Machine, first: Guarding) -> None:
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    assert load(param()) == -errno.EKEYREJECTED
    found = status()
    assert (found.active, found.alive) == (True, False)
    with knocking(param()) as results:
        second = machine.start("enforce")
        time.sleep(1)
    assert len(results) > 5
    assert set(results) == {-errno.EKEYREJECTED}
    found = status()
    assert (found.alive, found.stays, found.pid) == (True, False, second.process.pid)
    # This one was not to stay: its end lets go.
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(SECONDS) == 0, machine.said()
    # Those too that were refused while nobody read: one before the thread, all of the thread's.
    assert len(second.told(digest=sha256sum(param()), refused=True)) == len(results) + 1
    assert second.all("events_lost") == []
    assert read() is None
    assert load(param()) == 0
