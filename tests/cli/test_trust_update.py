from __future__ import annotations

from pathlib import Path

from tests.cli.trust_lab import TrustLab
from tests.trust.system import OTHER_SCRIPT, SCRIPT


def test_an_upgrade_is_followed_and_the_old_version_stays(trusts: TrustLab) -> None:
    trusts.run("init")
    trusts.system.package("tools", {"/usr/bin/tool": OTHER_SCRIPT}, version="1.1")
    answer = trusts.run("update")
    assert answer.status == 0
    assert "to be trusted: 1 entry\n" in answer.out
    assert "(tools 1.1)" in answer.out
    versions = sorted(one.item.version for one in trusts.entries() if one.item.path == "/usr/bin/tool")
    assert versions == ["1.0", "1.1"]


def test_new_files_of_no_package_wait(trusts: TrustLab) -> None:
    trusts.run("init", "--directory", "/usr/local")
    trusts.system.write("/usr/local/bin/later", SCRIPT + b"later")
    trusts.run("update")
    assert [one.item.path for one in trusts.pendings()] == ["/usr/local/bin/later"]


def test_quiet_says_only_what_failed(trusts: TrustLab, tmp_path: Path) -> None:
    trusts.run("init")
    trusts.system.package("tools", {"/usr/bin/tool": OTHER_SCRIPT}, version="1.1")
    assert trusts.run("update", "--quiet") == (0, "", "")
    assert len(trusts.paths()) == 4
    path = trusts.system.path(trusts.system.module(tmp_path, "m"))
    path.write_bytes(path.read_bytes()[:-9])
    answer = trusts.run("update", "--quiet")
    assert (answer.status, answer.out) == (3, "")
    assert "cut off" in answer.err


def test_a_dry_run(trusts: TrustLab) -> None:
    trusts.run("init")
    trusts.system.package("tools", {"/usr/bin/tool": OTHER_SCRIPT}, version="1.1")
    before = trusts.database.read_bytes()
    assert "to be trusted: 1 entry" in trusts.run("update", "--dry-run").out
    assert trusts.database.read_bytes() == before
