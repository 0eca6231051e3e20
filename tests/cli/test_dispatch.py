from __future__ import annotations

import contextlib
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ringward.cli import COMMANDS, dispatch, links
from ringward.guard import launch


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_list_is_a_module_with_main(name: str) -> None:
    assert callable(importlib.import_module(f"ringward.cli.{name}").main)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    try:
        status: object = dispatch.run(name, ["--help"])
    except SystemExit as end:
        status = end.code
    assert status == 0
    # The module tools speak under their own names.
    told = capsys.readouterr().out
    assert re.search(rf"usage: (ringward )?{name}\b", told)
    if name not in (*links.NAMES, "trust"):  # texts of their own, of a fixed width
        _, _, prose = told.partition("\n\n")
        assert [line for line in prose.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wach", "ringward: no command named 'wach'; did you mean watch?"),
        ("--versoin", "ringward: no option named '--versoin'; did you mean --version?"),
        ("zzz", "ringward: no command named 'zzz'; commands: " + ", ".join(COMMANDS)),
    ],
)
def test_an_unknown_command_gets_the_nearest_names(name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch.unknown(name) == 2
    assert capsys.readouterr().err.strip() == said


@pytest.mark.parametrize(
    ("name", "missing"),
    [("replay", "ringward.output._lines"), ("watch", "ringward.output._lines"), ("watch", "ringward.sensor._native")],
)
def test_what_was_not_built_is_named_and_what_to_do(name: str, missing: str) -> None:
    script = (
        f"import sys\nsys.modules[{missing!r}] = None\nfrom ringward.__main__ import main\nsys.exit(main([{name!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ringward {name}: a part of Ringward cannot be loaded: ")
    assert missing.rpartition(".")[2] in line
    assert line.endswith("install the package (pip install .), or in a source tree: make setup")


def test_a_broken_pipe_is_quiet() -> None:
    # More than a pipe holds, to a reader that is gone.
    command = (
        f"{sys.executable} -m ringward events list --json | true; {sys.executable} -m ringward events list | head -n1"
    )
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_a_broken_pipe_ends_with_status_0() -> None:
    script = "import os, sys\nfrom ringward.cli import dispatch\nr, w = os.pipe()\nos.close(r)\nos.dup2(w, 1)\n"
    script += "sys.exit(dispatch.run('events', ['list', '--json']))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("name", "goes"), [("trust", True), ("guard", True), ("events", False)])
def test_where_a_guard_protects_itself_its_commands_go_through_the_helper(
    name: str, goes: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone: list[list[str]] = []

    def go(argv: list[str]) -> None:
        gone.append(argv)
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(launch, "wanted", lambda _environment: True)
    monkeypatch.setattr(launch, "go", go)
    status: object = 0
    with contextlib.suppress(SystemExit):
        status = dispatch.run(name, ["--help"])
    assert gone == ([[name, "--help"]] if goes else [])
    if goes:
        assert status == 4
        assert "cannot be started: Operation not permitted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["events", "list"], 4),
        (["lint", "--rules"], 4),
        (["modprobe", "-h"], 1),
        (["kmod", "help"], 1),
        (["doctor", "--json"], 4),
    ],
)
def test_a_full_disk_is_told(argv: list[str], status: int) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "ringward", *argv]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == status
    assert done.stderr == f"ringward {argv[0]}: cannot write to standard output: No space left on device\n"
