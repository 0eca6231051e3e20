from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ringward.guard import launch


def test_packages_are_those_that_are_installed_and_ringward() -> None:
    paths = ["", "/home/someone", "/usr/lib/python3.11", "/v/lib/python3.11/site-packages", "/usr/lib/dist-packages"]
    found = launch.library_paths(paths, Path("/src/ringward"))
    assert found == ["/src", "/v/lib/python3.11/site-packages", "/usr/lib/dist-packages"]


def test_what_is_started_runs_ringward_and_nothing_of_the_callers(tmp_path: Path) -> None:
    """The arguments as the helper takes them, started by hand in a hostile directory and environment."""
    words = launch.own().split(b"\0")
    arguments = [os.fsdecode(word) for word in words[: words.index(b"")]]
    for name in ("ringward", "sitecustomize", "usercustomize"):
        (tmp_path / f"{name}.py").write_text("print('evil')")
    hostile = {"PYTHONPATH": str(tmp_path), "PYTHONSTARTUP": str(tmp_path / "ringward.py"), "HOME": str(tmp_path)}
    done = subprocess.run(
        [*arguments, "--version"], check=True, capture_output=True, text=True, cwd=tmp_path, env=hostile
    )
    assert done.stdout.startswith("ringward ")
    assert "evil" not in done.stdout + done.stderr


def test_arguments_that_are_too_long() -> None:
    assert len(launch.arguments("/usr/bin/python3", ["/a"])) == launch.MOST_BYTES
    with pytest.raises(ValueError, match="4095 are the most"):
        launch.arguments("/usr/bin/python3", ["/a" * launch.MOST_BYTES])


def test_who_goes_through_the_helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert not launch.wanted({}, tmp_path)
    folder = tmp_path / "maps-0123"
    folder.mkdir()
    (folder / "guard_policy").touch()
    assert not launch.wanted({}, tmp_path)
    (folder / launch.MAP).touch()
    assert launch.wanted({}, tmp_path)
    assert not launch.wanted({launch.MARK: "1"}, tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not launch.wanted({}, tmp_path)


def test_the_interpreter_is_a_file_of_its_own() -> None:
    found = Path(launch.interpreter())
    assert not found.is_symlink()
    assert found.samefile(sys.executable)


def test_going_is_an_exec_of_the_helper_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(os, "execv", lambda path, argv: seen.append((path, argv)))
    launch.go(["trust", "list"])
    assert seen == [(launch.KEEPER, [str(launch.KEEPER), "trust", "list"])]
