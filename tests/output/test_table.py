from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.events import Ancestor, Difference, Event, Need, Origin
from ringward.output.fold import NO_LOAD_YET, Row
from ringward.output.table import Table
from ringward.output.text import columns
from tests.output.event_factory import TEXT, event, every_event, hostile_events, load, process

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def lines(made: Event, width: int = 80, note: str = "", **given: Any) -> list[str]:
    return list(Table(width, **given).lines(Row(made, (), note)))


def line(made: Event, width: int = 80, note: str = "") -> str:
    (one,) = lines(made, width, note)
    return one


def test_the_columns_at_80() -> None:
    header = Table(80).header()
    assert header == "TIME         PID PROGRAM  EVENT          SUBJECT     RESULT SHA-256      CAUSE"
    assert line(event(load=load(), result=0)) == (
        "03:00:00    4321 modprobe finit_module   dummy           ok abcdef012345 by bash"
    )


def test_the_columns_at_140() -> None:
    wide = line(event(load=load(origin=Origin("command", "modprobe dummy, by bash[43]")), result=0), 140)
    assert wide == (
        "03:00:00.123    4321 modprobe        finit_module    dummy"
        + " " * 32
        + "ok abcdef012345 modprobe dummy, by bash[43]"
    )


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (
            event(load=load(module="snd_hda_codec_realtek"), result=0),
            "03:00:00    4321 modprobe finit_module   snd_hda_codec_~ ok abcdef012345 by bash",
        ),
        (
            event(load=load(module="fat", needed_by=Need("msdos", "2")), result=0),
            "03:00:00    4321 modprobe finit_module   fat             ok abcdef012345 for ms~",
        ),
        (
            event(load=load(module="x", digest=None), result=-8, error="ENOEXEC"),
            "03:00:00    4321 modprobe finit_module   x          ENOEXEC -            by bash",
        ),
        (
            event(load=load(module="nf_conntrack"), result=-129, error="EKEYREJECTED"),
            "03:00:00    4321 modprobe finit_module   nf_conntr~ EKEYRE~ abcdef012345 by bash",
        ),
        (
            event(load=load(module="nf_conntrack", digest=None), result=-129, error="EKEYREJECTED"),
            "03:00:00    4321 modprobe finit_module   nf_conntrack       EKEYREJECTED by bash",
        ),
        (
            event(load=load(module="hang"), unread={"result": "the call has not returned after 1.0 s"}),
            "03:00:00    4321 modprobe finit_module   hang           in progress 1.0s by bash",
        ),
        (
            event("delete_module", given={"holders": ("msdos",)}, result=-11, error="EWOULDBLOCK"),
            "03:00:00    4321 modprobe delete_module  dummy held by msdos EWOULDBLOCK bash",
        ),
        (
            event(load=load(), result=0, differences=(Difference("param_values", "a", "b"),)),
            "03:00:00    4321 modprobe finit_module   dummy !         ok abcdef012345 by bash",
        ),
        (
            event("process_exec", given={"args": ("sh", "-c", "\x1b]0;x\x07; " + "y" * 80)}),
            "03:00:00    4321 modprobe process_exec   sh -c \\x1b]0;x\\x07; yyyyyyyyyyyyyyyyyy~",
        ),
        (
            event("process_exit", given={"code": 3}, process=process(pid=4194303, comm="\u9f8d" * 5)),
            "03:00:00 4194303 \u9f8d\u9f8d\u9f8d~  process_exit   status 3",
        ),
        (
            event("events_limited", process=None),
            "03:00:00 LEFT OUT 9 of read: at most 5 a second",
        ),
        (
            event("events_lost", process=None),
            "03:00:00 LOST 17 events on CPU 1 (seq 100 to 116): the ring was full",
        ),
        (
            event("sensor_status", process=None),
            "03:00:00 SENSOR module_load deaf: the canary did not come back",
        ),
    ],
)
def test_lines_of_80_columns(made: Event, shown: str) -> None:
    assert line(made) == shown
    assert columns(shown) <= 80


def test_a_request_without_a_load_says_so() -> None:
    assert line(event("module_request", result=0), note=NO_LOAD_YET) == (
        "03:00:00    4321 modprobe module_request net-pf-5            no load yet bash"
    )


def test_the_longest_telling_that_fits_is_the_cause() -> None:
    requester = Ancestor("42@1", 42, "python3")
    origin = Origin("request", "kernel asked for net-pf-5 for python3[42]", "net-pf-5", "1a", requester)
    made = event(load=load(origin=origin), result=0)
    told = {
        80: "request",
        100: "net-pf-5",
        116: "net-pf-5 by python3",
        120: "net-pf-5 by python3[42]",
        200: origin.text,
    }
    for width, cause in told.items():
        assert line(made, width).endswith(f" {cause}"), width
    made = event(load=load(origin=Origin("command", "modprobe dummy, by bash[4300]")), result=0)
    told = {80: "by bash", 110: "by bash < systemd", 140: "modprobe dummy, by bash[4300]"}
    for width, cause in {**told, 200: "modprobe dummy, by bash[4300] < systemd[1]"}.items():
        assert line(made, width).endswith(f" {cause}"), width


@pytest.mark.parametrize("width", [80, 81, 100, 132, 140, 200])
def test_full_lines_fill_the_width(width: int) -> None:
    made = event(load=load(module="m" * 200, needed_by=Need("n" * 200, None)), result=0)
    assert columns(line(made, width)) == width


@pytest.mark.parametrize("width", [1, 10, 40, 79])
def test_on_a_narrower_terminal_the_line_is_cut(width: int) -> None:
    for made in every_event():
        assert all(columns(one) <= width for one in lines(made, width))


@pytest.mark.parametrize("name", ["process_exec", "delete_module"])
def test_a_row_without_process(name: str) -> None:
    assert line(event(name, process=None)).split()[1:3] == ["-", "-"]


@settings(max_examples=300, deadline=None)
@given(hostile_events(), st.integers(20, 200), st.booleans(), st.booleans())
def test_no_event_gets_a_control_character_out_or_a_line_too_long(
    made: Event, width: int, verbose: bool, utf8: bool
) -> None:
    rendered = Table(width, utf8=utf8, verbose=verbose).lines(Row(made, (made, made)))
    for one in rendered:
        assert columns(one) <= width
        assert all(unicodedata.category(char)[0] not in "CM" for char in one)
        assert all(unicodedata.bidirectional(char) not in {"R", "AL", "RLE", "RLO", "LRO", "LRE"} for char in one)
        assert utf8 or one.isascii()


@settings(max_examples=100, deadline=None)
@given(hostile_events(), TEXT)
def test_colours_change_nothing_else(made: Event, host: str) -> None:
    plain = list(Table(100, colour=False).lines(Row(made)))
    coloured = list(Table(100, colour=True).lines(Row(made)))
    assert [COLOURS.sub("", one).rstrip() for one in coloured] == plain


def test_colour_says_what_failed() -> None:
    table = Table(80, colour=True)
    (failed,) = table.lines(Row(event(load=load(), result=-1, error="EPERM")))
    (worked,) = table.lines(Row(event(load=load(), result=0)))
    assert "\x1b[31mEPERM\x1b[0m" in failed
    assert "\x1b[32mok\x1b[0m" in worked
    (lost,) = table.lines(Row(event("events_lost", process=None)))
    assert "\x1b[1;37;41mLOST 17 events on CPU 1" in lost
    unknown = event("events_lost", process=None, given={"count": None, "lost_on": None, "first_seq": None})
    (lost,) = table.lines(Row(unknown))
    assert "LOST an unknown number of events: the ring was full" in lost


def test_verbose_lines_stand_beneath() -> None:
    made = event(load=load(), result=0, unread={"param_values": "why"})
    first, *rest = lines(made, verbose=True)
    assert first == line(made)
    assert all(one.startswith("  ") for one in rest)
    assert any("not read: param_values: why" in one for one in rest)


def test_a_resized_table_has_other_columns() -> None:
    table = Table(80)
    table.resize(120)
    assert columns(table.header()) > 80
    (one,) = table.lines(Row(event(load=load(), result=0)))
    assert "03:00:00.123 " in one
