from __future__ import annotations

from pathlib import Path

import pytest

from ringward.cli.errors import CannotRunError
from tests.cli.trust_lab import TrustLab


@pytest.fixture
def exported(trusts: TrustLab, tmp_path: Path) -> Path:
    trusts.run("init")
    target = tmp_path / "out.jsonl"
    trusts.run("export", "-o", str(target))
    trusts.database = tmp_path / "other.db"
    return target


def test_another_machine_trusts_the_same(trusts: TrustLab, exported: Path) -> None:
    answer = trusts.run("import", str(exported), "--reason", "golden image")
    assert answer.status == 0
    assert "to be trusted: 3 entries\n" in answer.out
    assert {one.source for one in trusts.entries()} == {"import"}
    assert {one.reason for one in trusts.entries()} == {"golden image; there: dpkg"}
    assert "nothing to change" in trusts.run("import", str(exported)).out
    # What is imported stays, whatever is on this machine.
    trusts.system.path("/usr/bin/tool").unlink()
    trusts.run("gc")
    assert len(trusts.paths()) == 3


def test_a_dry_run_makes_no_database(trusts: TrustLab, exported: Path) -> None:
    assert "to be trusted: 3 entries\n" in trusts.run("import", str(exported), "--dry-run").out
    assert not trusts.database.exists()


def test_a_damaged_file_is_not_taken_in_part(trusts: TrustLab, exported: Path) -> None:
    whole = exported.read_bytes()
    for damaged, why in (
        (whole[:-10], "line 5: cut off"),
        (b"", "line 1: the file is empty"),
        (whole.replace(b"script", b"skript", 1), "kind"),
        (whole.replace(b'"uid":0', b'"uid":1', 1).replace(b'"uid":1000', b'"uid":1001', 1), "or they were changed"),
    ):
        exported.write_bytes(damaged)
        with pytest.raises(CannotRunError, match=f"{why}.*nothing was imported"):
            trusts.run("import", str(exported))
    with pytest.raises(CannotRunError, match="could not be read: No such file"):
        trusts.run("import", str(exported) + ".gone")
    assert not trusts.database.exists()
