"""What `make setup` does to the machine, with a Python that is not this user's to change."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONG_AGO = 1_000_000_000
"""Seconds since 1970: older than anything of this tree."""
PYTHON = """\
#!/bin/sh
# python -m venv FOLDER
mkdir -p "$3/bin"
ln -sf {target} "$3/bin/python"
"""


def make(venv: Path, python: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run make for an environment's Python."""
    command = ["make", f"VENV={venv}", f"PYTHON={python}", *more, f"{venv}/bin/python"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_systems_python_is_not_touched(tmp_path: Path) -> None:
    target, python, venv = tmp_path / "system", tmp_path / "python", tmp_path / "venv"
    target.write_text("")
    os.utime(target, (LONG_AGO, LONG_AGO))
    python.write_text(PYTHON.format(target=target))
    python.chmod(0o755)
    done = make(venv, python)
    assert done.returncode == 0, done.stderr
    assert (venv / "bin/python").resolve() == target
    assert target.stat().st_mtime == LONG_AGO
    assert make(venv, python, "-q").returncode == 0  # and there is nothing left to do
    built = venv / ".built"
    built.touch()
    os.utime(target, (built.stat().st_mtime + 60,) * 2)
    told = subprocess.run(
        ["make", "-n", f"VENV={venv}", f"PYTHON={python}", str(built)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "pip install" not in told.stdout  # a younger Python of the system is no reason to build
