"""The hooks that judge are made to decide, and nothing of that is left anywhere."""

from __future__ import annotations

import errno
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ringward.guard.holder import EVENTS
from ringward.guard.module_proof import ModuleProof
from ringward.sensor import _native
from ringward.sensor.canary import GARBAGE
from ringward.sensor.canary_thread import PROOF, canary_thread, forget
from ringward.sensor.container import mount_point
from ringward.trust.rules import Action, Mode, Rule
from tests.kernel.conftest import PATIENCE
from tests.kernel.guarding import JUDGED, Guarded, load, policy_of, started
from tests.kernel.guest_only import only_in_guest

pytestmark = [pytest.mark.guest, pytest.mark.modules]

FTRACE = Path("/proc/sys/kernel/ftrace_enabled")
CLOSED = frozenset(JUDGED)
SOMEBODY = """
import ctypes
from ringward.sensor import _native
name = ctypes.create_string_buffer(b"nosuch")
assert _native.raw_syscall(176, ctypes.addressof(name), 0o4000) == -2  # delete_module, O_NONBLOCK, ENOENT
"""
UNDECIDED = {
    "module_verdict": "images in files, images in memory",
    "module_verdict: strndup_user": "copies of parameters",
    "module_verdict: kernfs_init_security": "folders of modules",
    "autoload_verdict": "requests",
    "unload_verdict": "removals",
}
"""Without a policy."""
SWITCHED_OFF = {**UNDECIDED, "module_verdict: call_usermodehelper_exec_async": "modprobe of a request"}
"""With ftrace: what is attached by a tracepoint runs."""
CGROUP = Path("/sys/fs/cgroup")


def proof_of(guard: Guarded) -> ModuleProof:
    return ModuleProof(guard.holder.maps, guard.holder.attachments)


@pytest.fixture(scope="module", autouse=True)
def cgroups() -> Iterator[None]:
    """The hierarchy in which folders are made; a systemd machine has it."""
    only_in_guest()
    if mount_point():
        yield
        return
    subprocess.run(["mount", "-t", "cgroup2", "none", CGROUP], check=True)
    yield
    subprocess.run(["umount", CGROUP], check=True)


class Case(NamedTuple):
    """A guard, and the most that its programs can do."""

    guard: Guarded
    mode: Mode

    @property
    def proof(self) -> ModuleProof:
        return proof_of(self.guard)


@pytest.fixture(scope="module", params=[Mode.ENFORCE, Mode.MONITOR], ids=["enforce", "monitor"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    mode = request.param
    with started(enforce=mode is Mode.ENFORCE, operations=EVENTS) as guard:
        yield Case(guard, mode)


def said() -> str:
    """Return the kernel's log."""
    return subprocess.run(["dmesg"], check=True, capture_output=True, text=True).stdout


def test_nothing_is_refused_to_a_guard_that_does_not_protect_itself(tmp_path: Path) -> None:
    """Before the tests whose guard stays until they have ended, as the next one."""
    image = tmp_path / "none.ko"
    image.write_bytes(GARBAGE)
    with started(enforce=False) as guard, guard.deciding(*policy_of(closed=CLOSED), Mode.MONITOR):
        maps = guard.holder.maps
        with canary_thread(maps, PROOF):
            _native.map_update(maps["guard_proof"], bytes(4), b"\xff" * 8)
            assert load(image) == -errno.EBADMSG
            _native.map_update(maps["guard_proof"], bytes(4), bytes(8))


def shown(proof: ModuleProof, folder: Path, *options: str) -> tuple[str, str]:
    """Return what `ringward watch` shows of two proofs and of somebody else's try, and its last words."""
    out = folder / f"shown{len(options)}"
    ringward = Path(sys.executable).with_name("ringward")
    command = [ringward, "watch", "modules", "--output", "table", "-o", out, *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as watch:
        try:
            until(lambda: out.exists() and "waiting" in out.read_text())
            for _ in range(2):
                assert proof.undecided() == {}
            subprocess.run([sys.executable, "-c", SOMEBODY], check=True)
            until(lambda: "nosuch" in out.read_text())
            watch.send_signal(signal.SIGINT)
            words = watch.communicate(timeout=PATIENCE)[1]
            return out.read_text().partition("waiting")[2], words
        finally:
            watch.kill()


def until(there: Callable[[], bool]) -> None:
    end = time.monotonic() + 2 * PATIENCE
    while not there():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_table_beside_it_leaves_them_out_and_says_so(tmp_path: Path) -> None:
    rules = [Rule("any", Action.ALLOW, operations=CLOSED)]
    with (
        started(enforce=False, operations=EVENTS) as guard,
        guard.deciding(*policy_of(rules, closed=CLOSED), Mode.MONITOR),
    ):
        proof = proof_of(guard)
        # The first one starts a modprobe, as every ten minutes: that is told.
        assert proof.undecided() == {}
        text, words = shown(proof, tmp_path)
        assert [line.split()[3] for line in text.splitlines()[2:]] == ["delete_module"]
        number = re.search(r"(\d+) by which the guard proves itself left out", words)
        assert number
        assert int(number[1]) >= 4
        text, words = shown(proof, tmp_path, "-v")
        assert text.count("delete_module") > 2
        assert text.count("finit_module") >= 2
        assert "left out" not in words


@pytest.mark.parametrize("allowed", [False, True])
def test_each_hook_decides_and_no_trace_is_left(case: Case, allowed: bool) -> None:
    rules = [Rule("any", Action.ALLOW, operations=CLOSED)] if allowed else []
    proof = case.proof
    with case.guard.deciding(*policy_of(rules, closed=CLOSED), case.mode) as w:
        before = said()
        for _ in range(5):
            assert proof.undecided() == {}
            assert proof.unreached == {}
        assert not (CGROUP / ".ringward-proof").exists()
        w.settle(1)
        assert [event.event for event in w.events if event.event != "sensor_status"] == []
        assert said() == before


def test_a_hook_that_is_switched_off_is_found(case: Case) -> None:
    proof = case.proof
    with case.guard.deciding(*policy_of(), case.mode):
        FTRACE.write_text("0")
        try:
            assert proof.undecided() == SWITCHED_OFF
        finally:
            FTRACE.write_text("1")
        assert proof.undecided() == {}
        assert proof.unreached == {}


def test_a_hook_without_a_policy_does_not_decide(case: Case) -> None:
    assert case.proof.undecided() == UNDECIDED


def test_the_mark_of_a_thread_that_was_killed_refuses_nothing(case: Case, tmp_path: Path) -> None:
    """No module, and what stands for its signature is none: a kernel which knows signatures says EBADMSG."""
    image = tmp_path / "none.ko"
    image.write_bytes(GARBAGE)
    maps = case.guard.holder.maps
    rules = [Rule("any", Action.ALLOW, operations=CLOSED)]
    with case.guard.deciding(*policy_of(rules, closed=CLOSED), case.mode), canary_thread(maps, PROOF):
        assert load(image) == -errno.EBADMSG
        forget(maps)
        assert _native.map_keys(maps["canaries"]) == []
