from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path

import pytest

from ringward.kmod import syscalls, unload
from ringward.kmod.errors import KmodError
from ringward.kmod.load import RefusedError
from ringward.kmod.unload import remove, why_not
from tests.kmod.lab import Lab, Loaded

FATS = {"fat": Loaded(["msdos", "vfat"]), "msdos": Loaded(), "vfat": Loaded()}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def refusing(monkeypatch: pytest.MonkeyPatch, *codes: int) -> list[tuple[bytes, int]]:
    """Let delete_module(2) fail with each code in turn, 0 succeeds; return what it is called with."""
    calls: list[tuple[bytes, int]] = []
    left = list(codes)

    def call(name: bytes, flags: int) -> None:
        calls.append((name, flags))
        code = left.pop(0) if len(left) > 1 else left[0]
        if code:
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(syscalls, "delete_module", call)
    return calls


def test_it_never_waits_inside_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = refusing(monkeypatch, 0)
    remove("loop")
    remove("loop", force=True)
    assert calls == [(b"loop", os.O_NONBLOCK), (b"loop", os.O_NONBLOCK | os.O_TRUNC)]


def test_what_the_kernel_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, errno.EBUSY)
    with pytest.raises(RefusedError) as caught:
        remove("loop")
    assert (caught.value.errno, caught.value.filename) == (errno.EBUSY, "loop")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let sleeping pass at once; return the sleeps."""
    slept: list[float] = []
    start = time.monotonic()
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(time, "monotonic", lambda: start + sum(slept))
    return slept


def test_waiting_tries_at_growing_intervals_until_it_comes_free(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    calls = refusing(monkeypatch, *[errno.EAGAIN] * 5, 0)
    remove("loop", wait=10_000)
    assert clock == [0.001, 0.002, 0.004, 0.008, 0.016]
    assert len(calls) == 6


@pytest.mark.parametrize("wait", [1, 30, 1000])
def test_waiting_ends_when_it_should(monkeypatch: pytest.MonkeyPatch, clock: list[float], wait: int) -> None:
    # kmod 30 exits 0 then, and now and then does not end at all.
    calls = refusing(monkeypatch, errno.EAGAIN)
    with pytest.raises(RefusedError) as caught:
        remove("loop", wait=wait)
    assert caught.value.errno == errno.EAGAIN
    assert sum(clock) == pytest.approx(wait / 1000)
    assert max(clock) <= unload.LONGEST_PAUSE
    assert len(calls) == len(clock) + 1


def test_only_what_is_in_use_is_waited_for(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    refusing(monkeypatch, errno.EPERM)
    with pytest.raises(RefusedError):
        remove("loop", wait=1000)
    assert clock == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("msdos", None),
        ("fat", "Module fat is in use by: "),
        ("busy", "Module busy is in use"),
        ("nowhere", "Module nowhere is not currently loaded"),
        ("part", "Module part is builtin."),
        ("unix", "Module unix is builtin."),
        ("old", "Module unloading is not supported"),
    ],
)
def test_why_rmmod_does_not_try(lab: Lab, name: str, why: str | None) -> None:
    lab.load({**FATS, "busy": Loaded(users=2), "part": Loaded(state=None), "old": Loaded()})
    shutil.rmtree(lab.state / "old/holders")
    found = why_not(lab.live(), name, builtin=name == "unix")
    if name == "fat":
        assert found in {"Module fat is in use by: msdos vfat", "Module fat is in use by: vfat msdos"}
    else:
        assert found == why


def test_a_damaged_file_is_told(lab: Lab) -> None:
    lab.load({"busy": Loaded()})
    (lab.state / "busy/refcnt").write_text("several\n")
    with pytest.raises(KmodError, match="busy/refcnt: offset 0: not a number: 'several"):
        why_not(lab.live(), "busy", builtin=False)


def test_what_goes_away_while_rmmod_looks_is_not_loaded(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.load({"msdos": Loaded()})
    live = lab.live()

    def holders(name: str) -> list[str]:
        shutil.rmtree(lab.state / name)
        return []

    monkeypatch.setattr(live, "holders", holders)
    assert why_not(live, "msdos", builtin=False) == "Module msdos is not currently loaded"
