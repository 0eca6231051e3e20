"""Canaries: each hook that is attached is made to fire, and one that stays silent is told."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.events import BY_NAME, GROUPS
from ringward.sensor import canary
from ringward.sensor.canary import GRACE_NS, Canary
from tests.sensor.kernel_records import Kernel, Proc, decoded

PROGRAMS = ("process_fork", "process_exec", "process_exit", "program_verdict")
CALLS = ("create_module", "init_module", "delete_module", "get_kernel_syms", "query_module", "finit_module")
LOUD = ("module_digest", "module_request", "usermodehelper")
QUIET = (*CALLS, *PROGRAMS)
SONGS = (*QUIET, *LOUD)
MAPS = {"canaries": 99, "canaries_living": 98}


@dataclass
class World:
    """What a canary does to the kernel, noted instead of done."""

    done: list[str] = field(default_factory=list)
    marked: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    unmarked: list[tuple[int, bytes]] = field(default_factory=list)
    arguments: dict[int, tuple[int, ...]] = field(default_factory=dict)
    answers: dict[int, int] = field(default_factory=lambda: {176: -2})
    """Of each call; else ENOSYS. delete_module finds no module: ENOENT."""

    def raw_syscall(self, number: int, *args: int) -> int:
        marked = len(self.marked) == len(self.unmarked) + 1
        self.done.append(str(number) if marked else f"{number} of a thread that is not marked")
        self.arguments.setdefault(number, args)
        return self.answers.get(number, -38)

    living: list[bytes] = field(default_factory=list)
    """What was written of how many there are."""

    def map_update(self, fd: int, key: bytes, value: bytes) -> None:
        if fd == MAPS["canaries_living"]:
            assert struct.unpack("<I", key) == (1,)
            assert len(self.marked) == len(self.unmarked), "said before a thread is marked, and after"
            self.living.append(value)
            return
        self.marked.append((fd, key, value))

    def map_delete(self, fd: int, key: bytes) -> None:
        self.unmarked.append((fd, key))

    def posix_spawn(self, *_args: Any) -> int:
        self.done.append("program")
        return 4711

    def socket(self, family: int, _kind: int) -> Any:
        self.done.append(f"family {family}")
        raise OSError(97, os.strerror(97))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    found = World()
    for name in ("raw_syscall", "map_update", "map_delete"):
        monkeypatch.setattr(canary._native, name, getattr(found, name))
    monkeypatch.setattr(os, "posix_spawn", found.posix_spawn)
    monkeypatch.setattr(os, "waitpid", lambda pid, _flags: (pid, 0))
    monkeypatch.setattr(socket, "socket", found.socket)
    return found


def record(name: str, /, **sources: str) -> Any:
    """Return a record, with the reading that was taken of a field."""
    if name == "process_exit":
        return decoded(Kernel().exit(Proc(1, 1)))
    return SimpleNamespace(name=name, tail=SimpleNamespace(sources=sources or None))


def test_every_hook_that_is_attached_is_made_to_fire(world: World) -> None:
    Canary(SONGS, MAPS).sing(0, loud=True)
    # arch/x86/entry/syscalls/syscall_64.tbl: 174 to 178, 313; the last one hands over an image.
    assert world.done == ["174", "175", "176", "177", "178", "313", "program", "313", "family 14"]
    ((fd, key, value),) = world.marked
    assert fd == 99
    assert world.unmarked == [(fd, key)]
    assert struct.unpack("<I", key)[0] != threading.get_native_id(), "a thread of its own is marked"
    assert struct.unpack("<I", value) == (1,)
    assert world.living == [struct.pack("<I", count) for count in (1, 0)]


def test_numbers_of_the_calls_are_those_of_the_kernel() -> None:
    text = "\n".join(f"#include <asm/unistd_64.h>\n{name} __NR_{name}" for name in CALLS)
    done = subprocess.run(["cc", "-E", "-P", "-"], input=text, check=True, capture_output=True, text=True)
    found = dict(line.split() for line in done.stdout.splitlines() if line.split()[:1] and line.split()[0] in CALLS)
    assert {name: int(number) for name, number in found.items()} == canary._CALLS


def test_no_call_can_have_an_effect(world: World) -> None:
    Canary(CALLS, MAPS).sing(0, loud=False)
    # A null pointer for a name or an image, and a descriptor that nobody has.
    assert {number: args[0] for number, args in world.arguments.items()} == {
        **dict.fromkeys((174, 175, 176, 177, 178), 0),
        313: (1 << 64) - 1,
    }


def test_only_the_loud_one_asks_for_modules(world: World) -> None:
    Canary(SONGS, MAPS).sing(0, loud=False)
    assert world.done == ["174", "175", "176", "177", "178", "313", "program"]


@pytest.mark.parametrize("attached", [*((name,) for name in SONGS), ("process_exec", "usermodehelper")])
def test_what_is_owed_is_what_was_sung(world: World, attached: tuple[str, ...]) -> None:
    singer = Canary(attached, MAPS)
    singer.sing(0, loud=True)
    assert world.done
    assert set(singer._owed) == set(attached)


def test_what_no_canary_can_provoke_is_not_owed(world: World) -> None:
    others = set(BY_NAME) - {*SONGS, *GROUPS["guard"]}
    singer = Canary(others, MAPS)
    singer.sing(0, loud=True)
    assert world.done == []
    assert singer.changes(10 * GRACE_NS) == []


def test_a_hook_that_stays_silent_is_deaf_once_and_heard_again_once(world: World) -> None:
    singer = Canary(("create_module", "process_exit"), MAPS)
    singer.sing(0, loud=False)
    singer.heard(record("process_exit"))
    assert singer.changes(GRACE_NS) == []
    assert singer.changes(GRACE_NS + 1) == [("create_module", True)]
    assert singer.changes(2 * GRACE_NS) == []
    singer.sing(3 * GRACE_NS, loud=False)
    singer.heard(record("process_exit"))
    assert singer.changes(6 * GRACE_NS) == []
    singer.heard(record("create_module"))
    assert singer.changes(6 * GRACE_NS) == [("create_module", False)]
    assert singer.changes(9 * GRACE_NS) == []


def test_one_that_is_heard_in_time_is_never_told(world: World) -> None:
    singer = Canary(QUIET, MAPS)
    for round_ in range(5):
        singer.sing(round_ * GRACE_NS, loud=False)
        for name in QUIET:
            singer.heard(record(name))
        assert singer.changes(round_ * GRACE_NS) == []


def test_singing_more_often_than_the_grace_lasts_hides_nothing(world: World) -> None:
    singer = Canary(("create_module",), MAPS)
    for round_ in range(5):
        singer.sing(round_ * GRACE_NS // 2, loud=False)
    assert singer.changes(2 * GRACE_NS) == [("create_module", True)]


COPIES = {
    "delete_module: find_module": ("delete_module", "name"),
    "finit_module: security_kernel_read_file": ("finit_module", "file"),
}


@pytest.mark.parametrize("label", COPIES)
def test_a_hook_that_adds_to_a_record_is_heard_by_what_it_adds(world: World, label: str) -> None:
    name, copied = COPIES[label]
    singer = Canary((name, label), MAPS)
    singer.sing(0, loud=True)
    assert set(singer._owed) == {name, label}
    singer.heard(record(name))
    singer.heard(record(name, **{copied: "entry"}))
    assert set(singer._owed) == {label}
    singer.heard(record("create_module", **{copied: "kernel"}))
    assert singer.changes(GRACE_NS + 1) == [(label, True)]
    singer.heard(record(name, **{copied: "kernel"}))
    assert singer.changes(GRACE_NS + 1) == [(label, False)]


def test_labels_are_those_of_the_ladder() -> None:
    aids = {f"{name}: {ladder[0].name}" for name, cls in BY_NAME.items() for ladder in cls.aids}
    assert set(canary._COPIES) == set(COPIES) <= aids


@pytest.mark.parametrize("answer", [-1, -13])
def test_a_call_that_is_refused_too_early_owes_nothing(world: World, answer: int) -> None:
    world.answers = {176: answer, 313: answer}
    singer = Canary((*COPIES, "module_digest"), MAPS)
    singer.sing(0, loud=True)
    assert singer._owed == {}


def test_a_kernel_that_asks_for_no_modules_owes_no_request(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    setting = tmp_path / "modprobe"
    monkeypatch.setattr(canary, "_MODPROBE", setting)
    for text, owed in (("/sbin/modprobe\n", {"module_request"}), ("\n", set())):
        setting.write_text(text)
        singer = Canary(("module_request",), MAPS)
        singer.sing(0, loud=True)
        assert set(singer._owed) == owed


def test_without_a_program_to_run_none_is_owed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: Any) -> int:
        raise FileNotFoundError(2, "No such file or directory", "/bin/true")

    monkeypatch.setattr(os, "posix_spawn", fails)
    singer = Canary(QUIET, MAPS)
    singer.sing(0, loud=False)
    assert set(singer._owed) == set(CALLS)


def test_what_may_have_been_lost_is_not_called_deaf(world: World) -> None:
    singer = Canary(("create_module", "init_module"), MAPS)
    singer.sing(0, loud=False)
    singer.heard(record("init_module"))
    singer.excuse()
    assert singer.changes(2 * GRACE_NS) == []
    singer.sing(3 * GRACE_NS, loud=False)
    singer.heard(record("init_module"))
    assert singer.changes(5 * GRACE_NS) == [("create_module", True)]
    singer.excuse()
    assert singer.changes(6 * GRACE_NS) == [], "it was deaf before anything was lost"


def test_a_loss_that_is_not_told_yet_excuses_too(world: World) -> None:
    lost_at = GRACE_NS
    singer = Canary(("create_module",), MAPS, lambda time: lost_at > time)
    singer.sing(0, loud=False)
    assert singer.changes(2 * GRACE_NS) == []
    singer.sing(2 * GRACE_NS, loud=False)
    assert singer.changes(4 * GRACE_NS) == [("create_module", True)], "nothing was lost after this one"


def test_the_mark_is_taken_away_when_a_call_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: Any) -> int:
        raise MemoryError

    monkeypatch.setattr(os, "posix_spawn", fails)
    monkeypatch.setattr(threading, "excepthook", lambda _args: None)
    Canary(QUIET, MAPS).sing(0, loud=False)
    assert len(world.marked) == len(world.unmarked) == 1


Step = tuple[str, str]
STEPS = st.one_of(
    st.tuples(st.just("heard"), st.sampled_from(QUIET)),
    st.tuples(st.sampled_from(["sing", "ask"]), st.just("")),
)


@given(st.lists(STEPS, max_size=40))
def test_deaf_and_heard_take_turns(steps: list[Step]) -> None:
    singer = Canary(QUIET, MAPS)
    state: dict[str, bool] = {}
    singer._sing = lambda _loud: None  # type: ignore[method-assign]
    now = 0
    for what, name in steps:
        now += GRACE_NS // 2
        if what == "heard":
            singer.heard(record(name))
        elif what == "sing":
            singer.sing(now, loud=False)
        else:
            for changed, deaf in singer.changes(now):
                assert state.get(changed, False) != deaf
                state[changed] = deaf
                assert deaf == (changed in singer._owed)
