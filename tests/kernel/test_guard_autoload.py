"""What the guard judges of the kernel's requests: by whom, for what; refused before modprobe starts."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringward.trust.entry import alias
from ringward.trust.patterns import parse_name
from ringward.trust.rules import Action, Mode, Operation, Origin, Rule
from tests.kernel.guarding import BOTH, Guarded, guard_fixture, policy_of  # noqa: F401 - a fixture
from tests.kernel.programs import NOBODY, folder_fixture, program_fixture  # noqa: F401 - fixtures
from tests.kernel.witness import listed, remove

pytestmark = [pytest.mark.guest, pytest.mark.modules]

AUTOLOAD = frozenset({Operation.AUTOLOAD})
ONLY = (Operation.AUTOLOAD,)
ROOT_ONLY = Rule("users", Action.DENY, operations=AUTOLOAD, uids=((1, 0xFFFFFFFE),))


@pytest.fixture(autouse=True)
def _cleaned() -> Iterator[None]:
    remove("can", "phonet")
    yield
    remove("can", "phonet")


@pytest.fixture
def ask(program: Callable[[str], Path], folder: Path) -> Callable[..., int]:
    path = program("autoload")

    def run(what: str, uid: int = 0) -> int:
        """Use what a module provides; return 0 or the negative error."""
        done = subprocess.run([path, what], check=True, stdout=subprocess.PIPE, text=True, cwd=folder, user=uid)
        return int(done.stdout.split()[-1])

    return run


def started(w: Guarded, alias: str) -> bool:
    """Return whether the kernel went on to start modprobe for a request."""
    w.settle(2)
    return any(event.args.alias == alias and not event.result for event in w.of("module_request"))


@BOTH
def test_an_unprivileged_user(guard: Guarded, mode: Mode, ask: Callable[..., int]) -> None:
    with guard.deciding(*policy_of([ROOT_ONLY]), mode, ONLY) as w:
        result = ask("socket:29", NOBODY)
        event = w.verdict(Operation.AUTOLOAD, alias="net-pf-29", rule="users", verdict="deny")
        assert event.process is not None
        assert (event.process.uid, event.hook) == (NOBODY, "lsm")
        assert (result == -errno.EAFNOSUPPORT) == w.enforces
        assert ("can" in listed()) != w.enforces
        assert started(w, "net-pf-29") != w.enforces
        remove("can")
        ask("socket:29")
        w.verdict(Operation.AUTOLOAD, alias="net-pf-29", verdict="allow", made_by="default")
        assert "can" in listed()


@BOTH
def test_a_list_of_aliases(guard: Guarded, mode: Mode, ask: Callable[..., int]) -> None:
    """One that the database knows as used before, and one that a rule names."""
    # The protocol of a family has an alias of its own, and so on: can-proto-1.
    rule = Rule("of-can", Action.ALLOW, operations=AUTOLOAD, aliases=(parse_name("can-proto-*"),))
    with guard.deciding(*policy_of([rule], [alias("net-pf-29").digest], closed=AUTOLOAD), mode, ONLY) as w:
        ask("socket:29", NOBODY)
        w.verdict(Operation.AUTOLOAD, alias="net-pf-29", made_by="digest", verdict="allow")
        assert "can" in listed()
        ask("socket:35")
        w.verdict(Operation.AUTOLOAD, alias="net-pf-35", made_by="default", verdict="deny")
        assert ("phonet" in listed()) != w.enforces
    # Who may not ask at all may not ask for what was used before.
    with guard.deciding(*policy_of([ROOT_ONLY], [alias("net-pf-35").digest], closed=AUTOLOAD), mode, ONLY) as w:
        remove("phonet")
        ask("socket:35", NOBODY)
        w.verdict(Operation.AUTOLOAD, alias="net-pf-35", rule="users", verdict="deny")
        assert ("phonet" in listed()) != w.enforces


def test_threads_of_the_kernel_are_a_class_of_their_own(guard: Guarded) -> None:
    """A cipher that nobody has used: its template is asked for by a thread of the kernel, as user 0."""
    rules = [
        Rule("kthreads", Action.DENY, operations=AUTOLOAD, kernel_thread=True),
        Rule("root", Action.ALLOW, operations=AUTOLOAD, uids=((0, 0),)),
    ]
    with guard.deciding(*policy_of(rules, closed=AUTOLOAD), Mode.ENFORCE, ONLY) as w:
        text = "import socket; s = socket.socket(38, 5); s.bind(('skcipher', 'xts(camellia)'))"
        subprocess.run(["python3", "-c", text], check=False, stderr=subprocess.DEVNULL)
        w.until(lambda _: w.of("autoload_verdict", rule="root"))
        w.until(lambda _: w.of("autoload_verdict", rule="kthreads"))
        for event in w.of("autoload_verdict", rule="kthreads"):
            assert event.args.verdict == "deny"
            assert event.process is not None
            assert (event.process.uid, event.process.exe) == (0, None)
        assert any(event.process.comm.startswith("cryptomgr") for event in w.of("autoload_verdict", rule="kthreads"))


def test_the_load_for_a_request_carries_its_alias(guard: Guarded, ask: Callable[..., int]) -> None:
    rules = [
        Rule("for-can", Action.DENY, aliases=(parse_name("net-pf-29"),)),
        Rule("requested", Action.ALLOW, origins=frozenset({Origin.REQUEST})),
        Rule("by-hand", Action.ALLOW, origins=frozenset({Origin.COMMAND})),
    ]
    with guard.deciding(*policy_of(rules), Mode.ENFORCE, (Operation.MODULES,)) as w:
        ask("socket:29")
        event = w.verdict(Operation.MODULES, rule="for-can", verdict="deny")
        assert (event.args.alias, event.args.origin, event.args.name) == ("net_pf_29", "request", "can")
        assert "can" not in listed()
        ask("socket:35")
        event = w.verdict(Operation.MODULES, rule="requested", verdict="allow")
        assert (event.args.alias, event.args.name) == ("net_pf_35", "phonet")
        subprocess.run(["modprobe", "can"], check=True)
        event = w.verdict(Operation.MODULES, rule="by-hand", verdict="allow")
        assert (event.args.alias, event.args.origin) == (None, "command")
