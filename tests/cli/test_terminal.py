from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
from collections.abc import Iterator

import pytest

from ringward.cli import terminal


@pytest.fixture
def tty() -> Iterator[int]:
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 117, 0, 0))
    yield follower
    os.close(leader)
    os.close(follower)


@pytest.fixture
def pipe() -> Iterator[int]:
    reader, writer = os.pipe()
    yield writer
    os.close(reader)
    os.close(writer)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "NO_COLOR", "LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_width(tty: int, pipe: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert terminal.width(tty) == 117
    assert terminal.width(pipe) == 80
    monkeypatch.setenv("COLUMNS", "100")
    assert terminal.width(tty) == 100
    for nonsense in ("", "0", "x", "-5"):
        monkeypatch.setenv("COLUMNS", nonsense)
        assert terminal.width(tty) == 117


def test_a_terminal_that_does_not_tell_its_size(tty: int) -> None:
    fcntl.ioctl(tty, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
    assert terminal.width(tty) == 80


def test_colour(tty: int, pipe: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert terminal.colour(tty)
    assert not terminal.colour(pipe)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not terminal.colour(tty)
    monkeypatch.setenv("NO_COLOR", "")  # empty is unset: no-color.org
    assert terminal.colour(tty)
    monkeypatch.setenv("TERM", "dumb")
    assert not terminal.colour(tty)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"LANG": "de_DE.UTF-8"}, True),
        ({"LANG": "C.utf8"}, True),
        ({"LANG": "C"}, False),
        ({}, False),
        ({"LANG": "C.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, True),
    ],
)
def test_utf8(tty: int, pipe: int, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], shown: bool) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert terminal.utf8(tty) == shown
    assert terminal.utf8(pipe)


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert terminal.printable("é \x1b[2J\t\u202e\udcff") == "é \\x1b[2J\\t\\u202e\\udcff"
