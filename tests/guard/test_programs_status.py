from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ringward.guard import programs_status
from ringward.guard.programs_status import ProgramsStatus, forget, read, tell


@pytest.fixture
def note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(programs_status, "is_loaded", lambda program: program != 9)
    return tmp_path / "run" / "programs.json"


def test_nobody(note: Path) -> None:
    assert read(note) is None


def test_this_process_until_it_forgets(note: Path) -> None:
    tell("monitor", [8, 7], None, note)
    assert read(note) == ProgramsStatus("monitor", os.getpid(), alive=True, loaded=True, weaker=None)
    assert [path.name for path in note.parent.iterdir()] == ["programs.json"]
    forget(note)
    assert read(note) is None
    forget(note)


def test_user_space_judges(note: Path) -> None:
    tell("learn", [], "no IMA", note)
    found = read(note)
    assert found is not None
    assert (found.weaker, found.loaded, found.active) == ("no IMA", True, True)


def test_one_whose_programs_are_gone(note: Path) -> None:
    tell("monitor", [7, 9], None, note)
    found = read(note)
    assert found is not None
    assert (found.alive, found.loaded, found.active) == (True, False, False)


def test_another_process_is_told_by_its_start(note: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        tell("monitor", [7], None, note)
        told = json.loads(note.read_text())
        note.write_text(json.dumps({**told, "pid": other.pid}))
        found = read(note)
        assert found is not None
        assert (found.pid, found.alive, found.active) == (other.pid, False, False)
        forget(note)
        assert note.exists()
        other.kill()


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"mode": "x", "pid": "y", "weaker": null, "programs": []}'])
def test_a_damaged_note_is_not_nobody(note: Path, text: str) -> None:
    note.parent.mkdir()
    note.write_text(text)
    with pytest.raises(ValueError, match="damaged"):
        read(note)
    forget(note)
    assert note.exists()
