from __future__ import annotations

import subprocess
from pathlib import Path

from tests.cli.trust_lab import TrustLab
from tests.trust.system import OTHER_SCRIPT


def test_old_versions_and_removed_packages_go(trusts: TrustLab) -> None:
    trusts.run("init")
    trusts.run("approve", "/usr/local")
    trusts.system.package("tools", {"/usr/bin/tool": OTHER_SCRIPT}, version="1.1")
    trusts.system.package("shell", {}, version="2.0", state="config-files")
    for name in ("/usr/bin/true", "/usr/bin/shell", "/usr/local/bin/own"):
        trusts.system.path(name).unlink()
    trusts.run("update")
    before = trusts.paths()
    assert len(before) == 5
    answer = trusts.run("gc", "--dry-run")
    assert "not to be trusted any more: 3 entries\n" in answer.out
    assert trusts.paths() == before
    status, document = trusts.json("gc")
    assert status == 0
    assert sorted((one["path"], one["version"]) for one in document["removed"]) == [
        ("/usr/bin/shell", "2.0"),
        ("/usr/bin/tool", "1.0"),
        ("/usr/bin/true", "1.0"),
    ]
    assert [(one.item.path, one.source) for one in trusts.entries() if one.source != "dpkg"] == [
        ("/usr/local/bin/own", "approved")
    ]
    assert trusts.paths() == ["/usr/bin/tool", "/usr/local/bin/own"]
    assert "nothing to change" in trusts.run("gc").out


def test_what_could_not_be_looked_at_stays(trusts: TrustLab, tmp_path: Path) -> None:
    module = trusts.system.module(tmp_path, "m")
    trusts.run("init", "--modules", "6.1")
    path = trusts.system.path(module)
    path.write_bytes(path.read_bytes()[:-9])
    answer = trusts.run("gc")
    assert answer.status == 3
    assert trusts.paths().count(module) == 2


def test_what_runs_from_memory_is_no_reason_to_keep(trusts: TrustLab) -> None:
    trusts.run("init")
    running = subprocess.Popen([trusts.system.path("/usr/bin/true")], stdin=subprocess.PIPE)
    trusts.system.path("/usr/bin/true").unlink()
    trusts.run("gc")
    running.wait()
    assert "/usr/bin/true" not in trusts.paths()
