"""The guard where bpf is not among the active security modules; and the word that keeps it off.

See `test_lsm_without_bpf.py` for the boot.
"""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringward.cli import guard as command
from ringward.cli.errors import CannotRunError
from ringward.guard import session
from ringward.guard.holder import GuardError, Holder
from ringward.guard.pins import FOLDER
from ringward.guard.session import Session
from ringward.sensor.info import SensorError
from ringward.trust.rules import Action, Mode, Operation, Rule
from tests.kernel.guarding import digest_of, load, policy_of, started
from tests.kernel.programs import NOBODY, PREEMPTION, preemptible
from tests.kernel.witness import listed, own_module, remove, sha256sum

CMDLINE = Path("/proc/cmdline").read_text().split()
SECURITYFS = Path("/sys/kernel/security")
pytestmark = [
    pytest.mark.modules,
    pytest.mark.guest,
    pytest.mark.skipif("lsm=lockdown,yama" not in CMDLINE, reason="not booted with lsm=lockdown,yama"),
]
BOTH = (Operation.MODULES, Operation.AUTOLOAD)


@pytest.fixture
def param() -> Iterator[Path]:
    yield own_module("rw_param")
    remove("rw_param", "can")


def test_the_weaker_way_denies_modules_and_requests(param: Path) -> None:
    users = Rule("users", Action.DENY, operations=frozenset({Operation.AUTOLOAD}), uids=((1, 0xFFFFFFFE),))
    with started(operations=BOTH) as guard:
        assert {one.rung for name, one in guard.holder.attachments.items() if name.endswith("_verdict")} == {"fmod_ret"}
        with guard.deciding(*policy_of([users]), Mode.ENFORCE, BOTH) as w:
            assert load(param) == -errno.EKEYREJECTED
            assert w.verdict(Operation.MODULES, digest=sha256sum(param), verdict="deny").hook == "fmod_ret"
            ask = "import socket; socket.socket(29, 3, 0)"
            subprocess.run([sys.executable, "-c", ask], check=False, user=NOBODY, stderr=subprocess.DEVNULL)
            assert w.verdict(Operation.AUTOLOAD, alias="net-pf-29", rule="users").args.refused
            assert "can" not in listed()
        with guard.deciding(*policy_of(trusted=[digest_of(param)]), Mode.ENFORCE, BOTH):
            assert load(param) == 0


def refused(*operations: Operation) -> str:
    holder = Holder(operations, enforce=True, stays=False)
    with pytest.raises(GuardError) as error:
        holder.attach()
    return str(error.value)


def test_what_it_cannot_hold_is_refused() -> None:
    assert "unload: lsm: bpf is not among the active security modules" in refused(Operation.UNLOAD)
    with preemptible():
        assert "(full)" in PREEMPTION.read_text()
        assert "fmod_ret: the kernel preempts (full)" in refused(Operation.MODULES)


def test_a_hook_that_attaches_and_does_not_run_is_found_by_making_it_fire(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without securityfs nothing says that bpf is not active, and LSM programs attach as if it were."""
    monkeypatch.setattr(session, "PROOF_NS", 4_000_000_000)
    subprocess.run(["umount", str(SECURITYFS)], check=True)
    try:
        holder = Holder((Operation.AUTOLOAD,), enforce=True, stays=False)
        try:
            holder.attach()
            assert holder.attachments["autoload_verdict"].rung == "lsm"
            holder.decide_by(*policy_of(), {Operation.AUTOLOAD: Mode.ENFORCE})
            made = Session(holder, (), lambda _events: None)
            with pytest.raises(SensorError, match="autoload_verdict: the hook is attached and does not run"):
                made.prove()
            made.close()
        finally:
            holder.close()
    finally:
        subprocess.run(["mount", "-t", "securityfs", "securityfs", str(SECURITYFS)], check=True)


def test_a_word_at_boot_keeps_it_off() -> None:
    assert "ringward.guard=off" in CMDLINE
    with pytest.raises(CannotRunError, match=r"ringward\.guard=off is on the kernel's command line"):
        command.main(["--mode", "enforce"])
    assert not list(FOLDER.glob("links-*"))
