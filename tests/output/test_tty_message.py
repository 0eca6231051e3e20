from __future__ import annotations

import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringward.events import Ancestor
from ringward.output import tty_message
from ringward.output.tty_message import candidates, find, names, number_of, tell, write
from ringward.sensor import procfs
from tests.output.event_factory import process


@pytest.fixture
def terminal() -> Iterator[tuple[int, Path]]:
    """Give a terminal: the end that shows, and the path of the other."""
    shows, other = pty.openpty()
    path = Path(os.ttyname(other))
    os.fchmod(other, 0o620)
    yield shows, path
    os.close(other)
    os.close(shows)


def stat_line(number: int, ticks: int = 77, comm: str = "a) 1 b") -> str:
    return f"12 ({comm}) S 1 12 12 {number} " + " ".join(["0"] * 14) + f" {ticks} 0 0"


def test_the_stat_of_this_process() -> None:
    text = Path("/proc/self/stat").read_text()
    found = procfs.read_stat(os.getpid())
    assert found is not None
    # Either without a terminal, or with the one that ps shows; another start is another process.
    assert number_of(text, found.ticks) == number_of(text, None)
    assert number_of(text, found.ticks + 1) == 0


def test_numbers_as_the_kernel_writes_them() -> None:
    number = os.makedev(136, 300)
    raw = (300 & 0xFF) | (136 << 8) | ((300 & ~0xFF) << 12)
    assert number_of(stat_line(raw), 77) == number
    assert number_of(stat_line(raw - (1 << 32) if raw >> 31 else raw), None) == number
    assert number_of(stat_line(0), 77) == 0
    assert number_of("12 (x) S 1", None) == 0


@pytest.mark.parametrize(
    ("major", "minor", "found"),
    [
        (136, 3, ["pts/3"]),
        (137, 1, ["pts/257"]),
        (4, 1, ["tty1"]),
        (4, 64, ["ttyS0"]),
        (5, 1, ["console"]),
        (1, 3, []),
    ],
)
def test_names_of_terminals(major: int, minor: int, found: list[str]) -> None:
    assert names(os.makedev(major, minor)) == found


def test_the_process_then_its_ancestors() -> None:
    made = process(id="9@5", ancestors=(Ancestor("8@4", 8), Ancestor("1@0", 1)))
    assert candidates(made) == [(9, 5), (8, 4), (1, 0)]


def lay(proc: Path, pid: int, path: Path, ticks: int) -> None:
    """Put a process with a terminal into a /proc of our own."""
    folder = proc / str(pid)
    (folder / "root").mkdir(parents=True)
    (folder / "root/dev").symlink_to("/dev")
    number = path.stat().st_rdev
    raw = (os.minor(number) & 0xFF) | (os.major(number) << 8) | ((os.minor(number) & ~0xFF) << 12)
    (folder / "stat").write_text(stat_line(raw, ticks))


def test_the_nearest_that_is_there_has_it(tmp_path: Path, terminal: tuple[int, Path]) -> None:
    _shows, path = terminal
    made = process(id="9@5", ancestors=(Ancestor("8@4", 8), Ancestor("7@3", 7)))
    assert find(made, tmp_path) is None
    lay(tmp_path, 7, path, 3)
    found = find(made, tmp_path)
    assert found is not None
    assert found.stat().st_rdev == path.stat().st_rdev
    # Another process has got the number of one that has ended.
    lay(tmp_path, 8, path, 999)
    assert find(made, tmp_path) == found


def test_a_terminal_of_another_number_is_not_it(tmp_path: Path, terminal: tuple[int, Path]) -> None:
    _shows, path = terminal
    made = process(id="9@5", ancestors=())
    lay(tmp_path, 9, path, 5)
    devices = tmp_path / "9" / "root" / "dev"
    devices.unlink()
    (devices / "pts").mkdir(parents=True)
    (devices / "pts" / path.name).write_text("a file")
    assert find(made, tmp_path) is None


def test_lines_are_shown(terminal: tuple[int, Path]) -> None:
    shows, path = terminal
    assert write(path, ["one", "two"])
    assert os.read(shows, 100).split() == [b"one", b"two"]


def test_who_wants_no_messages_gets_none(terminal: tuple[int, Path]) -> None:
    _shows, path = terminal
    path.chmod(0o600)
    assert not write(path, ["one"])


def test_what_is_no_terminal_is_not_written_to(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch(0o660)
    assert not write(file, ["one"])
    assert not write(tmp_path / "nothing", ["one"])
    assert file.read_bytes() == b""


def test_telling(monkeypatch: pytest.MonkeyPatch, terminal: tuple[int, Path]) -> None:
    shows, path = terminal
    monkeypatch.setattr(tty_message, "find", lambda _process: path)
    assert tell(process(), ["why"])
    assert b"why" in os.read(shows, 100)
    monkeypatch.setattr(tty_message, "find", lambda _process: None)
    assert not tell(process(), ["why"])
