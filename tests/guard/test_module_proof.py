"""Which calls reach the hooks of modules, and what their answers say; the guest tests have the hooks themselves."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ringward.events.catalogue.module_verdict import ModuleVerdict
from ringward.guard import module_proof
from ringward.guard.layouts import constants
from ringward.guard.module_proof import HELPER_NS, ModuleProof
from ringward.guard.proof import Hook
from ringward.sensor import _native
from ringward.sensor.canary_thread import PROOF, THREAD

LABELS = {hook.label for hook in (*module_proof._HOOKS, module_proof._HELPER)}
FINIT, INIT, REMOVE, KEYCTL = 313, 175, 176, 250


class Proof:
    """In the place of `ringward.guard.proof.Proof`: finds what it is told to."""

    made: list[Proof]

    def __init__(self, _maps: Mapping[str, int], hooks: list[Hook], kind: int = PROOF) -> None:
        self.hooks = [hook.proof for hook in hooks]
        self.kind = kind
        self.found: dict[str, str] = {}
        self.unreached: dict[str, str] = {}
        self.rounds = 0
        self.made.append(self)

    def undecided(self) -> dict[str, str]:
        self.rounds += 1
        return dict(self.found)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Proof]:
    Proof.made = []
    monkeypatch.setattr(module_proof, "Proof", Proof)
    return Proof.made


def test_each_label_is_one_that_a_guard_attaches() -> None:
    aids = {f"module_verdict: {ladder[0].name}" for ladder in ModuleVerdict.aids}
    assert aids | {"module_verdict", "autoload_verdict", "unload_verdict"} == LABELS


def test_each_is_counted_by_the_kernel_part() -> None:
    theirs = {hook.proof for hook in (*module_proof._HOOKS, module_proof._HELPER)}
    programs = {"program", "opened", "truncated", "mounted"}
    assert set(constants("proof")) - {"proofs"} == theirs | programs


def test_what_is_not_attached_is_not_asked(made: list[Proof]) -> None:
    ModuleProof({}, {"autoload_verdict", "self_verdict"})
    quick, helper = made
    assert (quick.hooks, quick.kind) == (["request"], PROOF)
    assert (helper.hooks, helper.kind) == ([], THREAD)


def test_a_process_is_started_now_and_then_and_again_while_it_is_not_seen(
    made: list[Proof], monkeypatch: pytest.MonkeyPatch
) -> None:
    time = 1_000
    monkeypatch.setattr(module_proof, "now", lambda: time)
    one = ModuleProof({}, LABELS)
    quick, helper = made
    for _ in range(3):
        assert one.undecided() == {}
    assert (quick.rounds, helper.rounds) == (3, 1)
    time += HELPER_NS
    helper.found = {"helper": "modprobe"}
    for _ in range(2):
        assert one.undecided() == {"helper": "modprobe"}
    helper.found = {}
    quick.found, quick.unreached, helper.unreached = {"a": "b"}, {"c": "d"}, {"e": "f"}
    for _ in range(3):
        assert one.undecided() == {"a": "b"}
    assert one.unreached == {"c": "d", "e": "f"}
    assert (quick.rounds, helper.rounds) == (8, 4)


@pytest.mark.parametrize(
    ("reach", "answer", "expected"),
    [
        (module_proof._load_file, -errno.EKEYREJECTED, True),
        (module_proof._load_file, -errno.EBADMSG, True),
        (module_proof._load_file, -errno.EPERM, False),
        (module_proof._load_memory, -errno.EKEYREJECTED, True),
        (module_proof._load_memory, -errno.EACCES, False),
        (module_proof._copy_text, -errno.ENOKEY, True),
        (module_proof._copy_text, -errno.EPERM, False),
        (module_proof._copy_text, -errno.ENOSYS, False),
        (module_proof._remove, -errno.ENOENT, True),
        (module_proof._remove, -errno.EPERM, False),
    ],
)
def test_what_an_answer_says(
    monkeypatch: pytest.MonkeyPatch, reach: Callable[[], bool], answer: int, expected: bool
) -> None:
    calls: list[int] = []

    def call(number: int, *_args: int) -> int:
        calls.append(number)
        return answer

    monkeypatch.setattr(_native, "raw_syscall", call)
    assert reach() is expected
    assert calls[0] in (FINIT, INIT, REMOVE, KEYCTL)


def test_the_kernels_own_answer_to_a_search_below_no_key() -> None:
    """No mock: strndup_user() comes before the key is looked for."""
    assert module_proof._copy_text()


def test_a_request_says_whether_the_kernel_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_family: int, _kind: int) -> socket.socket:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", refuse)
    for asks in (True, False):
        monkeypatch.setattr(module_proof, "asks_for_modules", lambda asks=asks: asks)
        assert module_proof._request() is asks


def test_a_thread_of_its_own_is_started() -> None:
    assert module_proof._start_thread()


def test_a_folder_that_the_hook_refuses_or_does_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module_proof, "mount_point", lambda: None)
    assert not module_proof._make_folder()
    monkeypatch.setattr(module_proof, "mount_point", lambda: tmp_path)
    for _ in range(2):
        assert module_proof._make_folder(), "it was made: the hook is deaf"
        assert list(tmp_path.iterdir()) == []
        (tmp_path / module_proof._FOLDER).mkdir()
    for number, expected in ((errno.ENOMEM, True), (errno.EROFS, False), (errno.EAGAIN, False)):

        def refuse(_path: Path, number: int = number) -> None:
            raise OSError(number, "no")

        monkeypatch.setattr(Path, "mkdir", refuse)
        assert module_proof._make_folder() is expected
