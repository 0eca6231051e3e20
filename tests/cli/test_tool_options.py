from __future__ import annotations

import pytest

from ringward.cli.tool_options import COMMON, VERSION_TEXT, Call, read

LONGS = COMMON | {"json": "json", "sysroot=": "sysroot"}


def call(*argv: str) -> Call | int:
    return read("tool", list(argv), "svVh", LONGS, "how to use it\n")


def test_what_was_read() -> None:
    found = call("a", "--json", "-sv", "--sysroot=x", "--sysroot", "y", "b", "--", "-v")
    assert isinstance(found, Call)
    assert (found.words, found.options) == (["a", "b", "-v"], {"json": "", "sysroot": "y"})
    assert (found.log.syslog, found.log.verbose, found.log.tool) == (True, True, "tool")


def test_a_call_that_ends_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("-h", "--bogus") == 0
    assert capsys.readouterr().out == "how to use it\n"
    assert call("--vers") == 0
    assert capsys.readouterr().out == VERSION_TEXT
    assert call("--bogus", "-h") == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "tool: unrecognized option '--bogus'\n")
