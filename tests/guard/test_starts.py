"""What follows from starts: each digest is logged once, and what waits is gathered for a while."""

from __future__ import annotations

from array import array
from typing import Any

import pytest

from ringward.events import Event, FileId
from ringward.guard import starts
from ringward.guard.starts import Starts
from ringward.guard.waiting import KEEP_NS
from ringward.trust.packed import PackedDigests
from tests.output.event_factory import event

DIGEST, OTHER = "ab" * 32, "cd" * 32


class Judge:
    def __init__(self) -> None:
        self.known: list[bytes] = []

    def know(self, digests: Any) -> None:
        self.known = list(digests)


def start(digest: str | None = DIGEST, verdict: str = "unknown", **given: Any) -> Event:
    values = {"verdict": verdict, "digest": digest, "role": "program", "path": "/x", "how": "hashed", "keeping": "yes"}
    return event("program_verdict", given=values | given)


def made(*, learns: bool = False) -> tuple[Starts, Judge]:
    judge = Judge()
    return Starts(judge, learns=learns), judge  # type: ignore[arg-type]


def test_each_is_logged_once() -> None:
    one, _ = made()
    first, again, other, known = start(), start(), start(OTHER), start("ef" * 32, "known")
    assert one.fresh([first, again, other, known, event("module_verdict")]) == [first, other]
    assert one.fresh([start()]) == []
    unread = start(None, "no digest")
    assert one.fresh([unread, unread]) == [unread]


def test_after_another_policy_it_is_logged_again() -> None:
    one, judge = made()
    one.fresh([start()])
    one.know(PackedDigests(bytes(32) + b"\1" * 32, array("I", [1, 2])))
    assert judge.known == [bytes(32)]
    assert len(one.fresh([start()])) == 1


def test_what_is_remembered_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starts, "MOST_SEEN", 2)
    one, _ = made()
    digests = [f"{number:064x}" for number in range(5)]
    assert len(one.fresh([start(digest) for digest in digests])) == 5
    assert len(one._seen) <= 2


def test_what_waits_is_gathered() -> None:
    one, _ = made()
    assert one.due(0) == []
    one.fresh([start(), start(), start(None, "no digest")])
    assert one.due(5) == []
    one.fresh([start(OTHER)])
    assert one.due(4 + KEEP_NS) == []
    assert [waits.item.digest.hex() for waits in one.due(5 + KEEP_NS)] == [DIGEST, OTHER]
    assert one.due(9 + KEEP_NS, at_once=True) == []
    one.fresh([start("ef" * 32)])
    assert len(one.due(9 + KEEP_NS, at_once=True)) == 1


@pytest.mark.parametrize(("learns", "seen"), [(True, "learned"), (False, "denied")])
def test_what_waits(learns: bool, seen: str) -> None:
    one, _ = made(learns=learns)
    one.fresh([start(role="script", file=FileId("/real", "0:1", 1, 1)), start(OTHER, role="interpreter")])
    script, program = one.due(0, at_once=True)
    assert (script.item.kind, script.item.path, program.item.kind, program.item.path) == (
        "script",
        "/real",
        "program",
        "/x",
    )
    assert (script.seen, script.why) == (seen, "started, by modprobe, and nothing vouches for it")
