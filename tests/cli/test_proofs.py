"""What a guard does to prove its hooks is told from what others do."""

from __future__ import annotations

import errno

import pytest

from ringward.cli import proofs
from ringward.cli.proofs import LOOK_NS, Proofs
from ringward.events import Event
from ringward.sensor._native import BpfError
from tests.output.event_factory import event

GUARD = event().process.id


def failed(name: str = "finit_module", **given: object) -> Event:
    return event(name, result=-errno.EKEYREJECTED, error="EKEYREJECTED", **given)


def test_failed_calls_of_the_guard_and_their_digest() -> None:
    known = Proofs(lambda: GUARD)
    assert known(failed())
    assert known(failed("delete_module"))
    assert known(event("module_digest"))


def test_nothing_else() -> None:
    known = Proofs(lambda: GUARD)
    # Something of it has come in, or may yet.
    assert not known(event("finit_module", result=0))
    assert not known(event("finit_module"))
    assert not known(event("module_load"))
    assert not known(event("process_exec"))
    assert not known(event("events_lost", process=None))
    assert not Proofs(lambda: "12@34")(failed())
    assert not Proofs(lambda: None)(failed())


def test_who_guards_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    time, guard, looks = 5, None, 0

    def look() -> str | None:
        nonlocal looks
        looks += 1
        return guard

    monkeypatch.setattr(proofs, "now", lambda: time)
    known = Proofs(look)
    assert not known(failed())
    guard = GUARD
    assert not known(failed())
    time += LOOK_NS
    assert known(failed())
    assert looks == 2


@pytest.mark.parametrize("error", [PermissionError(), BpfError(1, "Operation not permitted", "open a pin", "")])
def test_where_that_cannot_be_had_all_is_shown(error: Exception) -> None:
    def look() -> str | None:
        raise error

    assert not Proofs(look)(failed())
