from __future__ import annotations

import os
import sys

import pytest

from ringward.cli import tool_log
from ringward.cli.tool_log import CRITICAL, ERROR, NOTICE, WARNING, Log


@pytest.mark.parametrize(
    ("level", "printed"),
    [
        (0, []),  # -q
        (2, ["x: FATAL: f"]),  # -q -v -v
        (WARNING, ["x: FATAL: f", "x: ERROR: e", "x: WARNING: w"]),
        (NOTICE, ["x: FATAL: f", "x: ERROR: e", "x: WARNING: w", "x: NOTICE: n"]),
    ],
)
def test_levels(level: int, printed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    log = Log("x")
    log.level = level
    log.fatal("f")
    log.error("e")
    log.warning("w")
    log.say(NOTICE, "n")
    assert capsys.readouterr().err.splitlines() == printed
    assert log.said == ["f", "e", "w", "n"]
    assert log.verbose == (level > WARNING)


def test_bytes_go_out_as_they_came_in(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    tool_log.stdout(os.fsdecode(b"\xff\n"))
    sys.stdout.flush()
    Log("x").say(ERROR, os.fsdecode(b"\xfe"))
    assert capfdbinary.readouterr() == (b"\xff\n", b"x: ERROR: \xfe\n")


def test_syslog_takes_the_place_of_stderr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import syslog

    told: list[tuple[object, ...]] = []
    monkeypatch.setattr(syslog, "openlog", lambda *args: told.append(args))
    monkeypatch.setattr(syslog, "syslog", lambda *args: told.append(args))
    log = Log("x")
    log.syslog = True
    log.fatal(os.fsdecode(b"bad \xff"))
    assert told == [("x", syslog.LOG_CONS, syslog.LOG_DAEMON), (CRITICAL, "bad \\udcff")]
    assert capsys.readouterr().err == ""


def test_without_stderr_nothing_is_lost_but_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    tool_log.stderr("nobody hears this")
    log = Log("x")
    log.error("nor this")
    assert log.said == ["nor this"]
