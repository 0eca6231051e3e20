from __future__ import annotations

import importlib
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ringward.cli import trust
from ringward.cli.errors import CannotRunError, UsageError
from tests.cli.trust_lab import TrustLab


def test_every_action_has_its_module_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert trust.main(["--help"]) == 0
    told = capsys.readouterr().out
    for name, text in trust.ACTIONS.items():
        assert f"  {name:<8} {text}\n" in told
        assert callable(importlib.import_module(f"ringward.cli.trust_{name}").main)
        with pytest.raises(SystemExit) as ended:
            trust.main([name, "--help"])
        assert ended.value.code == 0
        assert f"usage: ringward trust {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in trust.ACTIONS if name not in {"rule", "hook"}])
def test_what_changes_trust_has_a_dry_run(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        trust.main([name, "--help"])
    reads = {"verify", "list", "show", "export"}
    assert ("--dry-run" in capsys.readouterr().out) == (name not in reads)


def test_no_action_and_an_unknown_one() -> None:
    with pytest.raises(UsageError, match="which action"):
        trust.main([])
    with pytest.raises(UsageError, match="did you mean verify"):
        trust.main(["verfy"])
    with pytest.raises(UsageError, match="no action '--json'"):
        trust.main(["--json"])


@pytest.mark.parametrize("name", ["update", "verify", "list", "gc", "export"])
def test_without_a_database_it_says_how_to_make_one(trusts: TrustLab, name: str) -> None:
    with pytest.raises(CannotRunError, match="ringward trust init"):
        trusts.run(name)
    assert not trusts.database.exists()


def test_rules_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[[rule]]\nname = 5\n")
    (tmp_path / "a.toml").chmod(0o644)
    with pytest.raises(CannotRunError, match=r"a\.toml:1: id: a rule needs one"):
        trust.main(["rule", "--rules", str(tmp_path), "list"])


def test_a_damaged_database_is_told_loudly_by_every_action_that_reads(trusts: TrustLab) -> None:
    assert trusts.run("init").status == 0
    before = trusts.database.read_bytes()
    for name, *more in (["list"], ["verify"], ["export"], ["show", "/usr/bin"]):
        trusts.database.write_bytes(b"rubbish")
        answer = trusts.run(name, *more)
        assert "WARNING" in answer.err
        assert "its last good copy is used" in answer.err
        assert answer.status != 0
        assert trusts.database.read_bytes() == b"rubbish"
    answer = trusts.run("update")
    assert "its last good copy took its place" in answer.err
    assert answer.status == 3
    assert Path(f"{trusts.database}.bad").read_bytes() == b"rubbish"
    assert trusts.run("list").err == ""
    assert len(trusts.database.read_bytes()) == len(before)


def test_on_a_terminal_it_is_a_table_that_fits(trusts: TrustLab) -> None:
    trusts.run("init")
    outer, inner = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "ringward", "trust", "list", "--database", trusts.database],
        stdout=inner,
        stderr=subprocess.PIPE,
        env=os.environ | {"COLUMNS": "60"},
        check=True,
    )
    os.close(inner)
    text = b""
    try:
        while part := os.read(outer, 4096):
            text += part
    except OSError:  # the other end is closed
        pass
    os.close(outer)
    lines = text.decode().splitlines()
    assert re.fullmatch(r"ID +KIND +SOURCE +OF +PATH", lines[0])
    assert max(map(len, lines)) <= 60
    assert lines[-1] == "3 entries"
    assert done.stderr == b""
    piped = subprocess.run(
        [sys.executable, "-m", "ringward", "trust", "list", "--database", trusts.database],
        capture_output=True,
        check=True,
    )
    assert piped.stdout.startswith(b"{")
