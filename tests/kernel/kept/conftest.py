"""Programs on file systems of every kind: made once for all tests of kept digests, as that takes a guest long."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernel.file_systems import FileSystem, mounted
from tests.kernel.kept import changes
from tests.kernel.monitor import Monitor, opened, tiny


@pytest.fixture(scope="session", name="file_systems")
def file_systems_fixture() -> Iterator[dict[str, FileSystem]]:
    with mounted() as found:
        yield found


@pytest.fixture(scope="session", name="everything")
def everything_fixture(file_systems: dict[str, FileSystem]) -> Iterator[Monitor]:
    yield from opened(Monitor)


@pytest.fixture(name="m")
def monitor_fixture(everything: Monitor) -> Monitor:
    everything.w.events.clear()
    return everything


@pytest.fixture(scope="session", name="base")
def base_fixture(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a program."""
    return tiny(tmp_path_factory.mktemp("tiny")).read_bytes()


@pytest.fixture(name="make")
def make_fixture(base: bytes) -> Iterator[Callable[[FileSystem], Path]]:
    """Make a program in a file system of its own folder; with padding that nothing reads."""
    made: list[Path] = []

    def one(where: FileSystem) -> Path:
        folder = where.folder / "test"
        folder.mkdir()
        made.append(folder)
        program = folder / "program"
        with program.open("wb") as file:
            file.write(base.ljust(changes.PADDING, b"\0") + changes.MARK)
            file.flush()
            os.fchmod(file.fileno(), 0o755)
            # What xfs writes back later counts as a change.
            os.fsync(file)
        return program

    yield one
    for folder in made:
        shutil.rmtree(folder)
