from __future__ import annotations

import argparse
import sys

import pytest

from ringward.cli import trust_options as common
from ringward.cli.errors import UsageError
from ringward.trust.store import PATH
from ringward.trust.survey import Scope


def options(*argv: str) -> argparse.Namespace:
    parser = common.make_parser("x", "About.")
    common.add_system(parser)
    common.add_output(parser)
    common.add_reason(parser)
    return parser.parse_args(argv)


@pytest.mark.parametrize(
    ("argv", "path"),
    [
        ([], PATH),
        (["--sysroot", "/mnt/"], f"/mnt{PATH}"),
        (["--database", "/x"], "/x"),
        (["--database", "/x", "--sysroot", "/mnt"], "/x"),
    ],
)
def test_where_the_database_is(argv: list[str], path: str) -> None:
    assert common.database(options(*argv)) == path


def test_the_form_of_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal in (True, False):
        monkeypatch.setattr(sys.stdout, "isatty", lambda found=terminal: found)
        assert common.wants_json(options()) is not terminal
        assert common.wants_json(options("--json"))
        assert not common.wants_json(options("--output", "text"))


def test_how_many_lines() -> None:
    assert common.most(options()) == common.MOST
    assert common.most(options("-v")) is None


def test_what_is_looked_at() -> None:
    found = common.scope(options("--sysroot", "/mnt", "--certificate", "/c"), ["/opt"], ["6.1"])
    assert found == Scope("/mnt", ("/opt",), ("6.1",), ("/c",))
    with pytest.raises(UsageError, match="absolute"):
        common.scope(options(), ["opt"])


def test_a_reason_that_is_no_text() -> None:
    assert options("--reason", "a\udcff").reason == "a\\xff"
