from __future__ import annotations

import json

from ringward.events import BY_NAME, Event, Load
from ringward.events.latency import Tally
from ringward.output.fold import HOLD_NS
from ringward.output.table import Table
from ringward.output.template import Template
from ringward.output.views import CountView, JsonView, TableView, TemplateView, View
from tests.output.event_factory import event

LOST = event("events_lost", process=None)


def stream() -> list[Event]:
    a1 = Load("a.1")
    return [
        event("sensor_status", process=None, given={"state": "attached"}),
        event("module_request", load=Load("a"), result=0),
        event("module_load", load=a1),
        event("finit_module", load=a1, result=0),
        LOST,
        event("process_exec"),
        event("process_exit"),
    ]


def lines(view: View, events: list[Event], now: int = 0) -> list[str]:
    return (bytes(view.feed(events, now)) + bytes(view.finish())).decode().splitlines()


def table(limit: int | None = None, width: int = 80) -> TableView:
    return TableView(Table(width), (), limit)


def test_json_has_every_event() -> None:
    view = JsonView()
    assert [json.loads(line)["event"] for line in lines(view, stream())] == [one.event for one in stream()]
    assert (view.shown, view.folded, view.full) == (5, 0, False)


def test_lines_that_are_made_already_come_before_the_events() -> None:
    view = JsonView()
    made = view.encode(stream()[:2])
    assert (view.shown, view.is_whole, JsonView(7).is_whole) == (0, True, False)
    view.take(made, 2)
    view.take(b"{}\n", 1)
    assert view.feed(stream()[2:], 0) == made + b"{}\n" + view.encode(stream()[2:])
    assert view.shown == 3 + 4
    view.take(made, 2)
    assert (view.feed([], 0), view.feed([], 0)) == (made, b"")


def test_the_table_has_a_line_a_load() -> None:
    view = table()
    found = lines(view, stream())
    assert [line.split()[1 if "LOST" in line else 3] for line in found] == [
        "finit_module",
        "LOST",
        "process_exec",
        "process_exit",
    ]
    assert (view.shown, view.folded) == (3, 2)


def test_what_waits_is_shown_when_its_time_is_up_and_at_the_end() -> None:
    asked = event("module_request", load=Load("a"), result=0)
    view = table()
    assert view.feed([asked], asked.ktime) == b""
    assert b"no load yet" in view.feed([], asked.ktime + HOLD_NS)
    assert view.finish() == b""
    later = table()
    later.feed([asked], asked.ktime)
    assert b"no load yet" in later.finish()


def test_a_step_whose_call_cannot_come_is_a_line() -> None:
    view = table()
    view.expect(["module_load", "module_free"])
    assert b"module_load" in view.feed([event("module_load")], 0)


def test_an_event_that_was_named_is_a_line() -> None:
    view = TableView(Table(), ["module_load"])
    assert b"module_load" in view.feed([event("module_load")], 0)


def test_a_template_shows_no_events_of_the_stream_itself() -> None:
    view = TemplateView(Template("{event}", BY_NAME))
    assert lines(view, stream()) == ["module_request", "module_load", "finit_module", "process_exec", "process_exit"]


def test_counts_come_at_the_end() -> None:
    view = CountView()
    assert view.feed(stream(), 0) == b""
    assert b"finit_module" in view.finish()
    assert view.shown == 5


def test_what_the_sensor_has_counted_joins_them_at_the_end() -> None:
    view = CountView()
    tally = Tally()
    tally.add(0, 5)
    view.kept = lambda: ({"getppid": tally}, {"read": 2})
    view.feed(stream(), 0)
    assert view.shown == 5
    found = view.finish().decode()
    assert "getppid" in found
    assert "finit_module" in found
    assert "had not returned: read 2" in found
    assert view.shown == 6


def test_a_limit_ends_each_view_and_losses_do_not_count() -> None:
    for view, shown in (
        (JsonView(2), 4),  # with the sensor's two
        (TemplateView(Template("{event}", BY_NAME), 2), 2),
        (table(2), 3),
    ):
        found = lines(view, stream())
        assert view.full
        assert view.shown == 2
        assert len(found) == shown
    counted = CountView(2)
    counted.feed(stream(), 0)
    assert counted.full


def test_a_loss_is_shown_after_the_limit_too() -> None:
    view = table(1)
    assert b"LOST" in view.feed([event("process_exec"), event("process_exec"), LOST], 0)
    assert view.shown == 1


def test_the_table_leaves_out_what_it_is_told_to_and_counts_it() -> None:
    view = table()
    view.leave_out = lambda one: one.event == "finit_module"
    assert not [line for line in lines(view, stream()) if "finit_module" in line]
    assert view.left_out == 1
