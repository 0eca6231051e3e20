from __future__ import annotations

import pytest

from ringward.events import Difference, FileId, Need
from ringward.output.details import arguments, clock, details, notes, took, value_text
from ringward.output.fold import Row
from tests.output.event_factory import event, load, process


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (True, "true"),
        (3, "3"),
        ("text", "text"),
        (("a", "b"), "a b"),
        ({"uid": 0}, '{"uid":0}'),
        (FileId("/a", "8:1", 7, 1), "/a (device 8:1, inode 7)"),
        (FileId(None, "0:44", 7, 1, deleted=True), "? (device 0:44, inode 7, deleted)"),
    ],
)
def test_value_text(value: object, shown: str) -> None:
    assert value_text(value) == shown


def test_arguments_leave_out_what_is_empty_or_known() -> None:
    made = event("module_load", given={"taints": (), "version": None})
    text = arguments(made)
    assert "name=dummy" in text
    assert "size=16384" in text
    assert "taints" not in text
    assert "version=" not in text.replace("srcversion=", "")
    assert "dummy" not in arguments(made, ["dummy"])


@pytest.mark.parametrize(
    ("duration", "shown"),
    [(999, "999 ns"), (1000, "1.0 us"), (2_500_000, "2.5 ms"), (1_000_000_000, "1.0 s"), (61_000_000_000, "61.0 s")],
)
def test_took(duration: int, shown: str) -> None:
    assert took(duration) == shown


def test_clock_is_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC-5")  # POSIX: five hours east
    time.tzset()
    try:
        assert clock(event(time="2026-11-20T22:01:02.123456789Z"), 0) == "03:01:02"
        assert clock(event(time="2026-11-20T22:01:02.123456789Z"), 3) == "03:01:02.123"
        assert clock(event(time="nonsense"), 0) == "--:--:--"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_notes_have_both_values_and_every_reason() -> None:
    made = event(
        differences=(Difference("param_values", "a=1", "a=2"),), unread={"file": "why", "fd": "the kernel has none"}
    )
    assert list(notes(made)) == [
        "differs: param_values: at entry a=1; the kernel worked with a=2",
        "not read: file: why",
    ]


def test_details_of_a_load_with_its_steps() -> None:
    made = event(
        load=load(needed_by=Need("msdos", "x"), uses=(Need("nls", None),)), result=0, duration=5_000_000, abi="ia32"
    )
    asked = event("module_request", process=process(id="1@1", pid=99, comm="mount"), result=0)
    inited = event("do_init_module", result=0, duration=1_000_000, unread={"name": "gone"})
    found = list(details(Row(made, (asked, inited))))
    text = "\n".join(line for line, _ in found)
    assert "load load-1; command modprobe dummy, from bash[4300]; needed by msdos; uses nls" in text
    assert f"sha256 {made.load.digest if made.load else ''}" in text
    assert "ia32 call, by tp_btf, took 5.0 ms" in text
    assert [depth for line, depth in found if "module_request" in line] == [2]
    assert any("module_request" in line and line.endswith("in mount[99]") for line, _ in found)
    assert any("do_init_module" in line and "-> ok" in line and "took 1.0 ms" in line for line, _ in found)
    assert ("not read: name: gone", 3) in found


def test_of_a_start_all_but_its_command_line_is_told() -> None:
    ((text, depth), *notes) = details(Row(event("process_exec", unread={"exe": "why"})))
    assert text.startswith("path=/sbin/modprobe  exe=/usr/bin/kmod (device 8:1, inode 1234)  interpreter=")
    assert "cwd=/home/user" in text
    assert " args=" not in text
    assert (depth, notes) == (1, [("not read: exe: why", 1)])


def test_an_end_has_details_only_when_something_is_wrong() -> None:
    assert list(details(Row(event("process_exit")))) == []
    assert list(details(Row(event("process_exit", unread={"exe": "why"})))) == [("not read: exe: why", 1)]
