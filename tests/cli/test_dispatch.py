from __future__ import annotations

import contextlib
import importlib
import re
import subprocess
import sys

import pytest

from ringward.cli import COMMANDS, dispatch
from ringward.guard import launch


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_list_is_a_module_with_main(name: str) -> None:
    assert callable(importlib.import_module(f"ringward.cli.{name}").main)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status: object = dispatch.run(name, ["--help"])
    except SystemExit as end:
        status = end.code
    assert status == 0
    # The module tools speak under their own names.
    assert re.search(rf"usage: (ringward )?{name}\b", capsys.readouterr().out)


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
