from __future__ import annotations

from typing import Any

import pytest

from ringward.events import Event, FileId
from ringward.guard.learn import pending, started
from ringward.trust.entry import Kind, Seen, alias
from tests.output.event_factory import BOOT, event

DIGEST = "ab" * 32


def verdict(**given: Any) -> Event:
    values = {
        "verdict": "deny",
        "refused": False,
        "mode": "monitor",
        "made_by": "default",
        "digest": DIGEST,
        "name": "x",
    }
    return event("module_verdict", given=values | given)


@pytest.mark.parametrize(
    ("given", "seen", "word"),
    [
        ({"mode": "learn", "verdict": "allow"}, Seen.LEARNED, "loaded"),
        ({"mode": "monitor"}, Seen.DENIED, "loaded"),
        ({"mode": "enforce", "refused": True}, Seen.DENIED, "refused"),
    ],
)
def test_what_nothing_vouches_for_waits(given: dict[str, Any], seen: Seen, word: str) -> None:
    found = pending(verdict(file=FileId("/x.ko", "0:1", 1, 1), **given), BOOT)
    assert found is not None
    assert (found.item.digest.hex(), found.item.kind, found.item.path, found.item.name) == (
        DIGEST,
        Kind.MODULE_IMAGE,
        "/x.ko",
        "x",
    )
    assert (found.seen, found.why) == (seen, f"{word}, by modprobe, and nothing vouches for it")
    assert found.first == found.last == (5_000_000_000_000 + BOOT) // 1_000_000_000


def test_a_compressed_file_is_another_kind_and_memory_has_no_path() -> None:
    found = pending(verdict(flags=("MODULE_INIT_COMPRESSED_FILE",), name=None), BOOT)
    assert found is not None
    assert (found.item.kind, found.item.path, found.item.name) == (Kind.MODULE_FILE, "", "")


@pytest.mark.parametrize(
    "given",
    [
        {"made_by": "deny rule", "rule": "r"},
        {"made_by": "digest", "verdict": "allow"},
        {"verdict": "allow"},
        {"digest": None},
    ],
)
def test_what_is_no_question_of_trust_does_not(given: dict[str, Any]) -> None:
    assert pending(verdict(**given), BOOT) is None


def request(**given: Any) -> Event:
    values = {"verdict": "deny", "refused": False, "mode": "monitor", "made_by": "default", "alias": "net-pf-29"}
    return event("autoload_verdict", given=values | given)


@pytest.mark.parametrize(
    ("given", "seen", "word"),
    [
        ({"mode": "learn", "verdict": "allow"}, Seen.LEARNED, "asked for"),
        ({"mode": "monitor"}, Seen.DENIED, "asked for"),
        ({"mode": "enforce", "refused": True}, Seen.DENIED, "refused"),
    ],
)
def test_an_alias_that_nothing_vouches_for_waits(given: dict[str, Any], seen: Seen, word: str) -> None:
    found = pending(request(**given), BOOT)
    assert found is not None
    assert (found.item, found.seen) == (alias("net-pf-29"), seen)
    assert found.why == f"{word}, by modprobe, and nothing vouches for it"


@pytest.mark.parametrize(
    "given", [{"made_by": "digest", "verdict": "allow"}, {"verdict": "allow"}, {"alias": None}, {"made_by": "fault"}]
)
def test_one_that_passes_or_could_not_be_read_does_not(given: dict[str, Any]) -> None:
    assert pending(request(**given), BOOT) is None


def test_other_events_do_not() -> None:
    assert pending(event("module_load"), BOOT) is None


def test_a_start_that_nothing_vouches_for_waits() -> None:
    values = {"verdict": "unknown", "digest": DIGEST, "role": "script", "path": "/x"}
    found = started(event("program_verdict", given=values), BOOT, learns=True)
    assert found is not None
    assert (found.item.digest.hex(), found.item.kind, found.item.path, found.seen) == (
        DIGEST,
        Kind.SCRIPT,
        "/x",
        Seen.LEARNED,
    )
    for given in ({"verdict": "known"}, {"verdict": "no digest", "digest": None}):
        assert started(event("program_verdict", given=values | given), BOOT, learns=True) is None
    assert started(verdict(), BOOT, learns=True) is None
    assert pending(event("program_verdict", given=values), BOOT) is None
