from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ringward.trust import hook


def shell(text: str) -> str:
    (line,) = [line for line in text.splitlines() if not line.startswith("#")]
    return line.removeprefix("post-invoke=")


def run(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-c", shell(text)], capture_output=True, text=True, check=False)


def test_it_runs_the_command_with_its_arguments(tmp_path: Path) -> None:
    program = tmp_path / "a program"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    done = run(hook.text([str(program), "it's", "two words", "$HOME"]))
    assert (done.returncode, done.stdout, done.stderr) == (0, "it's\ntwo words\n$HOME\n", "")


def test_a_failure_is_told_and_stops_nothing(tmp_path: Path) -> None:
    program = tmp_path / "fails"
    program.write_text("#!/bin/sh\nexit 4\n")
    program.chmod(0o755)
    done = run(hook.text([str(program)]))
    assert done.returncode == 0
    assert "the trust database was not updated" in done.stderr


def test_what_could_not_be_looked_at_is_no_failure(tmp_path: Path) -> None:
    program = tmp_path / "incomplete"
    program.write_text("#!/bin/sh\necho 'could not look' >&2\nexit 3\n")
    program.chmod(0o755)
    done = run(hook.text([str(program)]))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "could not look\n")


def test_without_the_program_nothing_happens(tmp_path: Path) -> None:
    done = run(hook.text([str(tmp_path / "gone")]))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_interpreter_is_isolated() -> None:
    assert hook.command("/usr/bin/python3", ["--database", "/x"]) == [
        "/usr/bin/python3",
        "-I",
        "-m",
        "ringward",
        "trust",
        "update",
        "--quiet",
        "--database",
        "/x",
    ]


def test_a_line_break_cannot_be_told_to_dpkg() -> None:
    with pytest.raises(ValueError, match="line break"):
        hook.text(["/usr/bin/a\nb"])
