from __future__ import annotations

import pytest

from ringward.cli.trust_text import change_lines, fault_lines, plural, some, table
from ringward.trust.change import Change
from ringward.trust.sources.fault import Fault
from tests.trust.test_change import entry, waits


def test_plurals() -> None:
    assert [plural(number, "entry") for number in (0, 1, 2)] == ["0 entries", "1 entry", "2 entries"]
    assert plural(2, "mismatch") == "2 mismatches"
    assert plural(12345, "file") == "12,345 files"


@pytest.mark.parametrize("width", [10, 30, 60, 200])
def test_a_table_fits_where_it_can(width: int) -> None:
    cells = [["a", "bb", "/a/long/path/to/some/file"], ["aaaa", "b", "\x1b[2J"]]
    lines = list(table(("X", "Y", "PATH"), cells, width))
    assert lines[0] == "X     Y   PATH"
    assert all("\x1b" not in line for line in lines)
    assert max(map(len, lines)) <= max(width, len("aaaa  bb  PATH"))
    if width >= 60:
        assert lines[1] == "a     bb  /a/long/path/to/some/file"


def test_the_last_column_has_half_of_the_width() -> None:
    cells = [["0123456789ab", "a-package-of-a-long-name 1:2.3.4-5+deb12u1", "/a/path/of/some/file"]]
    assert list(table(("ID", "OF", "PATH"), cells, 60)) == [
        "ID            OF                        PATH",
        "0123456789ab  a-package-of-a-long-nam~  /a/path/of/some/file",
    ]
    assert list(table(("ID", "OF", "PATH"), cells, 40))[1] == "0123456789ab  a-package-o~  /a/path/of/~"


def test_more_than_some() -> None:
    assert list(some(["a", "b", "c"], 2)) == ["a", "b", "    ... and 1 more: --verbose lists them"]
    assert list(some(["a", "b"], 2)) == ["a", "b"]
    assert list(some(["a", "b", "c"], None)) == ["a", "b", "c"]


def test_each_part_of_a_change_is_told() -> None:
    change = Change(
        add=[entry("a")], renew=[entry("b")], remove=[entry("c")], wait=[waits("d"), waits("e")], forget=[waits("f")]
    )
    assert list(change_lines(change)) == [
        "to be trusted: 1 entry",
        "  + 616161616161  program       /usr/bin/a  (p 1)",
        "signature looked at again: 1 entry",
        "not to be trusted any more: 1 entry",
        "  - 636363636363  program       /usr/bin/c  (p 1)",
        "waiting for a decision: 2 digests",
        "  ? 646464646464  program       /usr/bin/d  (why)",
        "  ? 656565656565  program       /usr/bin/e  (why)",
        "waiting no longer: 1 digest",
    ]
    assert list(change_lines(Change())) == []


def test_what_could_not_be_looked_at() -> None:
    assert list(fault_lines([])) == []
    assert list(fault_lines([Fault("/a\n", "why")])) == ["could not look: 1 place", "  ! /a\\x0a: why"]
