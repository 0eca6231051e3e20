from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ringward.cli.errors import CannotRunError
from tests.cli.trust_lab import VALIDATOR, TrustLab


def test_lines_as_the_schema_says(trusts: TrustLab, tmp_path: Path) -> None:
    trusts.run("init")
    target = tmp_path / "out.jsonl"
    assert trusts.run("export", "-o", str(target)) == (0, "", "")
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    for line in lines:
        VALIDATOR.validate(line)
    assert {line["path"] for line in lines[1:-1]} == {"/usr/bin/true", "/usr/bin/tool", "/usr/bin/shell"}
    assert lines[-1]["entries"] == 3
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("out")] == ["out.jsonl"]


def test_standard_output(trusts: TrustLab, tmp_path: Path) -> None:
    trusts.run("init")
    target = tmp_path / "out.jsonl"
    trusts.run("export", "-o", str(target))
    command = [sys.executable, "-m", "ringward", "trust", "export", "--database", trusts.database]
    done = subprocess.run(command, capture_output=True, check=True)
    # All but the time of the export.
    assert done.stdout.splitlines()[1:] == target.read_bytes().splitlines()[1:]


def test_a_place_that_cannot_be_written(trusts: TrustLab, tmp_path: Path) -> None:
    trusts.run("init")
    with pytest.raises(CannotRunError, match="No such file or directory"):
        trusts.run("export", "-o", str(tmp_path / "gone/out"))
