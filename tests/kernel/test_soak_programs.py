"""Thousands of starts of different programs, back to back, half of them unknown: nothing is lost, nothing stalls."""

from __future__ import annotations

import hashlib
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.guest_only import only_in_guest
from tests.kernel.monitor import Monitor, opened, tiny
from tests.kernel.programs import compiled, open_folder
from tests.kernel.test_soak import GROWTH, resident

pytestmark = [pytest.mark.guest, pytest.mark.soak]

STARTS = 20_000
SETTLED = 2_000
"""Verdicts after which caches have their size."""
SLOWEST = 250
"""Ticks of 20 ms at least, in which another thread got on: programs/copies.c. A start takes one or none."""
STUCK = 300
"""Polls in a row that wait 0.2 s each and find nothing. No clock: the whole guest may be held up."""


@pytest.fixture(name="folder", scope="module")
def folder_fixture() -> Iterator[Path]:
    only_in_guest()
    folder = open_folder()
    yield folder
    shutil.rmtree(folder)


def digests(program: Path, numbers: range) -> list[bytes]:
    data = program.read_bytes()
    return [hashlib.sha256(data + struct.pack("<I", number)).digest() for number in numbers]


def test_20000_starts_of_distinct_programs(folder: Path) -> None:
    program, starts = tiny(folder), compiled("copies", folder)
    known, unknown = (digests(program, range(first, STARTS, 2)) for first in (0, 1))
    for m in opened(lambda: Monitor(tuple(known), known=False)):
        before = m.programs.counts()
        process = subprocess.Popen([starts, str(STARTS), folder, program], stdout=subprocess.PIPE, text=True)
        told: list[str] = []
        first, quiet = None, 0
        while len(told) < len(unknown) and quiet < STUCK:
            events = m.w.sensor.poll(0.2)
            quiet = 0 if events else quiet + 1
            for event in events:
                if event.event == "program_verdict" and event.args.file.path.startswith(f"{folder}/"):
                    if event.args.file.path != str(starts):
                        told.append(event.args.digest)
                elif event.event in ("events_lost", "sensor_status"):
                    m.w.events.append(event)
            if first is None and len(told) >= SETTLED:
                first = resident()
        if quiet >= STUCK:
            process.kill()
        assert process.stdout is not None
        slowest, ticks = map(int, process.stdout.read().split())
        assert process.wait() == 0
        assert first is not None
        growth = resident() - first
        after = m.programs.counts()
        assert m.lost() == []
        assert told == [digest.hex() for digest in unknown]
        assert after.files - before.files >= STARTS
        assert after.unhashed == before.unhashed
        assert ticks > SLOWEST  # it got on
        assert slowest < SLOWEST
        assert growth < GROWTH, f"{growth} kB more after {STARTS} starts"
