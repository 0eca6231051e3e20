from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringward.output.system_log import Priority, SystemLog, journal_entry, syslog_line


def listening(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(str(path))
    made.settimeout(5)
    return made


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SystemLog]:
    made = SystemLog(tmp_path / "journal", tmp_path / "log")
    yield made
    made.close()


def test_an_entry_of_the_journal() -> None:
    found = journal_entry("what", Priority.WARNING, {"RINGWARD_DIGEST": "ab"})
    assert found.split(b"\n") == [
        b"MESSAGE=what",
        b"PRIORITY=4",
        b"SYSLOG_IDENTIFIER=ringward",
        b"SYSLOG_FACILITY=10",
        b"RINGWARD_DIGEST=ab",
        b"",
    ]


def test_a_value_of_several_lines_has_its_length() -> None:
    assert b"MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n" in journal_entry("a\nb", Priority.ALERT, {})


def test_a_line_of_syslog() -> None:
    assert syslog_line("a\nb", Priority.ALERT) == b"<81>ringward: a b"


def test_the_journal_comes_first(tmp_path: Path, log: SystemLog) -> None:
    with listening(tmp_path / "journal") as journal, listening(tmp_path / "log"):
        assert log.write("one", Priority.NOTICE, {"A": "b"})
        assert journal.recv(1000).startswith(b"MESSAGE=one\nPRIORITY=5\n")


def test_syslog_where_there_is_no_journal(tmp_path: Path, log: SystemLog) -> None:
    with listening(tmp_path / "log") as syslog:
        assert log.write("one", Priority.NOTICE)
        assert syslog.recv(1000) == b"<85>ringward: one"
        assert log.failed == ""


def test_neither_is_told_with_the_reason(tmp_path: Path, log: SystemLog) -> None:
    assert not log.write("one", Priority.NOTICE)
    assert log.failed == (f"{tmp_path}/journal: No such file or directory; {tmp_path}/log: No such file or directory")


def test_a_full_log_is_not_waited_for(tmp_path: Path, log: SystemLog) -> None:
    with listening(tmp_path / "log"):
        for _ in range(100_000):
            if not log.write("x" * 1000, Priority.NOTICE):
                break
        else:
            raise AssertionError("the socket takes everything")
        assert "Resource temporarily unavailable" in log.failed
