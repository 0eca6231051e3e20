from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from ringward.__main__ import main
from ringward.cli import COMMANDS
from ringward.cli.links import NAMES
from ringward.version import VERSION


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"ringward {VERSION}\n"
    assert metadata.version("ringward") == VERSION


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out and what in out for name, what in COMMANDS.items())
    assert all(len(line) <= 80 for line in out.splitlines())


def test_no_command_is_a_usage_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage:" in capsys.readouterr().err


def test_an_unknown_command_is_a_usage_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wach"]) == 2
    assert "did you mean watch" in capsys.readouterr().err


def test_version_and_help_import_almost_nothing() -> None:
    for option in ("--version", "--help"):
        script = f"import sys\nbefore = set(sys.modules)\nfrom ringward.__main__ import main\nmain(['{option}'])\n"
        script += "print(*sorted(set(sys.modules) - before), file=sys.stderr)"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        heavy = {"msgspec", "argparse", "re", "rich", "ctypes", "asyncio", "ringward.events", "ringward.sensor"}
        assert not heavy & set(done.stderr.split())


@pytest.mark.parametrize("name", NAMES)
def test_a_link_of_a_tools_name_is_that_tool(name: str, tmp_path: Path) -> None:
    (tmp_path / name).symlink_to(Path(sys.executable).with_name("ringward"))
    done = subprocess.run([tmp_path / name, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "kmod version 34")
