"""What the guard judges of removals: who may remove modules, which stay, and what is forced."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator

import pytest

from ringward.trust.patterns import parse, parse_name
from ringward.trust.rules import Action, Flag, Mode, Operation, Rule
from tests.kernel.calls import Called, built, call
from tests.kernel.guarding import BOTH, Guarded, guard_fixture, policy_of  # noqa: F401 - a fixture
from tests.kernel.witness import listed, remove

pytestmark = [pytest.mark.guest, pytest.mark.modules]

UNLOAD = frozenset({Operation.UNLOAD})
ONLY = (Operation.UNLOAD,)
FORCE = os.O_NONBLOCK | os.O_TRUNC
KEEP = Rule("keep-dummy", Action.DENY, operations=UNLOAD, names=(parse_name("dummy"),))


@pytest.fixture(autouse=True)
def _loaded() -> Iterator[None]:
    subprocess.run(["modprobe", "dummy"], check=True)
    yield
    remove("dummy")


def removed(abi: str = "64", flags: int = os.O_NONBLOCK) -> Called:
    return call(abi, "delete_module", "s:dummy", flags)


def check_denied(w: Guarded, called: Called, **fields: object) -> None:
    event = w.verdict(Operation.UNLOAD, called.pid, verdict="deny", name="dummy", **fields)
    assert event.hook == "lsm"
    assert called.result == (-errno.EPERM if w.enforces else 0)
    assert ("dummy" in listed()) == w.enforces


@BOTH
@pytest.mark.parametrize("abi", ["64", "ia32"])
def test_a_protected_module(guard: Guarded, mode: Mode, abi: str) -> None:
    with guard.deciding(*policy_of([KEEP]), mode, ONLY) as w:
        assert dict(w.holder.held_failures) == {}
        assert listed()["dummy"].refcount == w.enforces
        check_denied(w, removed(abi), rule="keep-dummy", flags=("O_NONBLOCK",))
    if "dummy" in listed():
        assert listed()["dummy"].refcount == 0


@BOTH
def test_a_protected_module_by_force(guard: Guarded, mode: Mode) -> None:
    """A reference alone would not keep it: O_TRUNC removes a module in use."""
    rule = Rule("no-force", Action.DENY, operations=UNLOAD, flags=Flag.FORCE)
    with guard.deciding(*policy_of([rule]), mode, ONLY) as w:
        check_denied(w, removed(flags=FORCE), rule="no-force", flags=("O_NONBLOCK", "O_TRUNC"))


@BOTH
def test_who_may_remove_any(guard: Guarded, mode: Mode) -> None:
    rule = Rule("only-rmmod", Action.ALLOW, operations=UNLOAD, programs=(parse("/usr/bin/kmod"),))
    with guard.deciding(*policy_of([rule], closed=UNLOAD), mode, ONLY) as w:
        check_denied(w, removed(), made_by="default")
        subprocess.run(["modprobe", "dummy"], check=True)
        subprocess.run(["rmmod", "dummy"], check=True)
        event = w.verdict(Operation.UNLOAD, verdict="allow", rule="only-rmmod")
        assert event.args.made_by == "allow rule"
        assert "dummy" not in listed()
    assert built("call").exists()


def test_a_protected_module_whose_name_is_not_in_memory_yet(guard: Guarded) -> None:
    """The name cannot be read at the check: what a rule asks of it counts as fulfilled."""
    with guard.deciding(*policy_of([KEEP]), Mode.ENFORCE, ONLY) as w:
        called = call("64", "delete_module", "cold:dummy", os.O_NONBLOCK)
        event = w.verdict(Operation.UNLOAD, verdict="deny", rule="keep-dummy")
        assert event.args.fact_unread
        assert (event.args.name, called.result) == (None, -errno.EPERM)


def test_without_the_privilege_it_is_the_kernel_that_refuses(guard: Guarded) -> None:
    with guard.deciding(*policy_of([KEEP]), Mode.ENFORCE, ONLY) as w:
        drop = ("setpriv", "--bounding-set=-sys_module")
        called = call("64", "delete_module", "s:dummy", os.O_NONBLOCK, start=drop)
        assert called.result == -errno.EPERM
        w.until(lambda _: w.of("delete_module", name="dummy"))
        assert w.of("unload_verdict", name="dummy") == []
