from __future__ import annotations

from ringward.kmod.blocked.answer import BY_ALIAS, BY_FILE, BY_NAME, CLOSED, GOVERNED, OPEN, Answer, Useless, Way


def test_the_open_ways_of_some_kinds() -> None:
    answer = Answer("x", "x", OPEN, "")
    answer.ways = [Way(BY_NAME, OPEN, ["x"]), Way(BY_ALIAS, CLOSED, ["y"]), Way(BY_FILE, OPEN, ["/x.ko"])]
    assert [way.kind for way in answer.open(*GOVERNED)] == [BY_NAME]
    assert [way.kind for way in answer.open(BY_FILE)] == [BY_FILE]


def test_where_a_line_stands() -> None:
    assert Useless("/a.conf", 3, "blacklist x", "").place == "/a.conf:3"
    assert Useless("/proc/cmdline", 0, "x", "").place == "/proc/cmdline"
