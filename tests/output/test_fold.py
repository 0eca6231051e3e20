from __future__ import annotations

from typing import Any

from ringward.events import BY_NAME, Event, Load, Need, Origin, select
from ringward.output.fold import HOLD_NS, KEPT, NO_LOAD, NO_LOAD_YET, Fold, Row
from tests.output.event_factory import event, process

ALL = tuple(BY_NAME)
DEFAULT = select([])


def rows(fold: Fold, *events: Event) -> list[Row]:
    return [row for one in events for row in fold.feed(one)]


def names(found: list[Row]) -> list[tuple[str, tuple[str, ...], str]]:
    return [(row.event.event, tuple(step.event for step in row.steps), row.note) for row in found]


def of(name: str, load: str | None, **given: Any) -> Event:
    about = given.pop("about", {})
    return event(name, load=Load(load, **about) if load else None, **given)


def test_steps_stand_under_the_call_and_have_no_line() -> None:
    fold = Fold(DEFAULT)
    found = rows(
        fold,
        of("module_request", "a"),
        of("module_digest", "a.1"),
        of("module_load", "a.1"),
        of("do_init_module", "a.1", result=0),
        of("finit_module", "a.1", result=0),
    )
    steps = ("module_request", "module_digest", "module_load", "do_init_module")
    assert names(found) == [("finit_module", steps, "")]
    assert list(fold.finish()) == []


def test_twenty_loads_at_once_are_kept_apart() -> None:
    fold = Fold(DEFAULT)
    ids = [f"c{n}.1" for n in range(20)]
    early = rows(fold, *(of(name, one) for name in ("module_digest", "module_load") for one in ids))
    found = rows(fold, *(of("finit_module", one, result=0) for one in reversed(ids)))
    assert early == []
    assert [row.event.load.id for row in found if row.event.load] == ids[::-1]
    assert all(
        {step.load.id for step in row.steps if step.load} == {row.event.load.id} for row in found if row.event.load
    )


def test_a_request_is_the_step_of_the_load_that_answers_it_and_not_of_its_dependency() -> None:
    fold = Fold(DEFAULT)
    found = rows(
        fold,
        of("module_request", "a"),
        of("finit_module", "a.1", result=0, about={"needed_by": Need("msdos", "a.2")}),
        of("finit_module", "a.2", result=0),
    )
    assert names(found) == [("finit_module", (), ""), ("finit_module", ("module_request",), "")]


def test_a_request_whose_program_ends_without_a_load_is_a_line() -> None:
    fold = Fold(DEFAULT)
    modprobe, helper = process(id="9@9", pid=9, tid=9), process(id="10@9", pid=10, tid=10)
    found = rows(
        fold,
        of("module_request", "a"),
        of("process_exec", "a", process=modprobe),
        of("process_exec", "a", process=helper),
        of("process_exit", "a", process=helper),  # what modprobe started is not modprobe
        of("process_exit", "a", process=modprobe),
    )
    assert names(found)[-1] == ("module_request", (), NO_LOAD)
    assert [name for name, _, _ in names(found)].count("module_request") == 1
    assert list(fold.finish()) == []


def test_a_request_that_was_answered_by_a_dependency_alone_is_no_line_without_load() -> None:
    fold = Fold(DEFAULT)
    found = rows(
        fold,
        of("module_request", "a"),
        of("finit_module", "a.1", result=0, about={"needed_by": Need("msdos", "a.2")}),
    )
    assert names([*found, *fold.finish()]) == [("finit_module", (), "")]


def test_a_request_without_an_answer_is_shown_after_a_while_and_at_the_end() -> None:
    fold = Fold(DEFAULT)
    asked = of("module_request", "a")
    assert rows(fold, asked) == []
    assert list(fold.expire(asked.ktime + HOLD_NS - 1)) == []
    assert names(list(fold.expire(asked.ktime + HOLD_NS))) == [("module_request", (), NO_LOAD_YET)]
    assert rows(fold, of("module_request", "b")) == []
    assert names(list(fold.finish())) == [("module_request", (), NO_LOAD_YET)]


def test_a_refused_request_is_a_line_at_once() -> None:
    assert names(rows(Fold(DEFAULT), of("module_request", "a", result=-1, error="EPERM"))) == [
        ("module_request", (), "")
    ]


def test_a_call_in_progress_shows_the_steps_so_far_and_the_end_shows_the_rest() -> None:
    fold = Fold(DEFAULT)
    found = rows(
        fold,
        of("module_request", "a"),
        of("module_load", "a.1"),
        of("finit_module", "a.1", unread={"result": "the call has not returned after 1.0 s"}),
        of("do_init_module", "a.1", result=0),
        of("finit_module", "a.1", result=0),
    )
    assert names(found) == [
        ("finit_module", ("module_load",), ""),
        ("finit_module", ("module_request", "do_init_module"), ""),
    ]


def test_an_unload_is_one_line_whether_its_load_was_seen_or_not() -> None:
    for lifecycle in ("a.1", None):
        fold = Fold(DEFAULT)
        found = rows(fold, of("module_free", lifecycle), of("delete_module", lifecycle, result=0))
        assert names(found) == [("delete_module", ("module_free",), "")]


def test_a_failed_load_has_its_free_as_a_step() -> None:
    found = rows(Fold(DEFAULT), of("module_free", "a.1"), of("finit_module", "a.1", result=-22, error="EINVAL"))
    assert names(found) == [("finit_module", ("module_free",), "")]


def test_a_step_that_was_named_is_a_line_of_its_own() -> None:
    fold = Fold(("module_load", "finit_module"), ("module_load", "finit_module"))
    found = rows(fold, of("module_load", "a.1"), of("finit_module", "a.1", result=0))
    assert names(found) == [("module_load", (), ""), ("finit_module", (), "")]


def test_a_step_whose_call_is_not_watched_is_a_line() -> None:
    fold = Fold(("module_digest", "module_request"))
    assert names(rows(fold, of("module_digest", "a.1"), of("module_request", "a"))) == [
        ("module_digest", (), ""),
        ("module_request", (), ""),
    ]


def test_steps_whose_call_never_comes_are_shown() -> None:
    fold = Fold(DEFAULT)
    step = of("module_load", "a.1")
    assert rows(fold, step) == []
    assert names(list(fold.expire(step.ktime + HOLD_NS))) == [("module_load", (), "")]
    assert list(fold.finish()) == []


def test_what_waits_is_bounded() -> None:
    fold = Fold(ALL)
    found = rows(fold, *(of("module_load", f"{n}.1") for n in range(KEPT + 5)))
    asked = rows(fold, *(of("module_request", f"{n}") for n in range(KEPT + 3)))
    assert (len(found), len(asked)) == (5, 3)
    assert len(list(fold.finish())) == 2 * KEPT


def test_programs_and_the_stream_are_lines() -> None:
    found = rows(Fold(DEFAULT), event("process_exec"), event("process_exit"), event("events_lost"))
    assert [name for name, _, _ in names(found)] == ["process_exec", "process_exit", "events_lost"]


def test_no_event_is_lost_or_doubled() -> None:
    fold = Fold(DEFAULT)
    made = [
        of(name, lifecycle, seq=n, about={"origin": Origin("command", "x")})
        for n, (name, lifecycle) in enumerate(
            [
                *(("module_request", "a"), ("module_load", "a.1"), ("process_exec", "a"), ("finit_module", "a.1")),
                *(("module_request", "b"), ("module_load", "c.1"), ("module_free", None), ("delete_module", None)),
            ]
        )
    ]
    found = [*rows(fold, *made), *fold.finish()]
    shown = sorted(one.seq for row in found for one in (row.event, *row.steps) if one.seq is not None)
    assert shown == list(range(len(made)))
