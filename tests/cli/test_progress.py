from __future__ import annotations

import os
import pty
import time

import pytest

from ringward.cli import progress
from ringward.cli.progress import ProgressLine, bar


def test_the_bar() -> None:
    assert bar(0, 4) == "[....]   0%"
    assert bar(0.5, 4) == "[##..]  50%"
    assert bar(1, 4) == "[####] 100%"


def told(show: list[tuple[float, str]], monkeypatch: pytest.MonkeyPatch, *, end: bool = True) -> bytes:
    """Return what a terminal gets that is told of progress at these times."""
    outer, inner = pty.openpty()
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    monkeypatch.setenv("COLUMNS", "20")
    line = ProgressLine(inner)
    for at, text in show:
        now = at
        line.show(text)
    if end:
        line.end()
        line.end()
    os.write(inner, b"|")
    found = b""
    while not found.endswith(b"|"):
        found += os.read(outer, 4096)
    os.close(outer)
    os.close(inner)
    return found[:-1]


def test_short_work_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told([(0.1, "a"), (0.4, "b")], monkeypatch) == b""


def test_long_work_shows_where_it_is_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told([(0.1, "a"), (0.6, "b"), (0.61, "c"), (0.9, "d" * 40)], monkeypatch)
    assert found == b"\r\x1b[Kb" + b"\r\x1b[K" + b"d" * 18 + b"~" + b"\r\x1b[K"


def test_without_a_terminal_nothing_is_shown() -> None:
    reading, writing = os.pipe()
    line = ProgressLine(writing)
    line._next = time.monotonic()
    line.show("a")
    line.end()
    os.close(writing)
    assert os.read(reading, 10) == b""
    os.close(reading)
