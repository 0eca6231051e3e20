from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from ringward.cli.errors import UsageError
from tests.cli.trust_lab import TrustLab
from tests.trust.system import OTHER_SCRIPT, SCRIPT, age, sha256

TRUSTED = ["/usr/bin/shell", "/usr/bin/tool", "/usr/bin/true"]


def test_what_packages_vouch_for_is_trusted_and_the_rest_waits(trusts: TrustLab) -> None:
    status, document = trusts.json("init")
    assert status == 0
    assert document["done"]
    assert document["digests"] == 3
    assert trusts.paths() == TRUSTED
    for one in trusts.entries():
        assert one.item.digest == sha256(trusts.system.path(one.item.path))
        assert (one.source, one.who.uid) == ("dpkg", os.getuid())
        assert one.item.package == ("shell" if one.item.path.endswith("shell") else "tools")
    (waits,) = trusts.pendings()
    assert (waits.item.path, waits.why, waits.seen) == ("/usr/local/bin/own", "it is of no package", "survey")


def test_a_file_that_differs_from_its_package_is_reported_and_not_trusted(trusts: TrustLab) -> None:
    trusts.system.write("/usr/bin/tool", OTHER_SCRIPT)
    answer = trusts.run("init")
    assert answer.status == 0
    assert f"? {sha256(trusts.system.path('/usr/bin/tool')).hex()[:12]}  script" in answer.out
    assert "(it differs from that of tools 1.0)" in answer.out
    assert answer.out.index("differs from that") < answer.out.index("it is of no package")
    assert "/usr/bin/tool" not in trusts.paths()


def test_a_dry_run_changes_nothing(trusts: TrustLab) -> None:
    answer = trusts.run("init", "--dry-run")
    assert answer.status == 0
    assert answer.out.startswith("nothing is changed (--dry-run)\nto be trusted: 3 entries\n")
    assert not trusts.database.exists()
    assert not trusts.json("init", "-n")[1]["done"]
    trusts.run("init")
    before = trusts.database.read_bytes()
    trusts.system.package("new", {"/usr/bin/new": OTHER_SCRIPT})
    assert "to be trusted: 1 entry\n" in trusts.run("init", "--dry-run").out
    assert trusts.database.read_bytes() == before


def test_the_second_time_only_what_was_changed_is_read(trusts: TrustLab) -> None:
    age(trusts.system.path("/usr/local/bin/own"))
    trusts.run("init")
    for one in trusts.system.path("/usr/bin").iterdir():
        status = one.stat()
        one.chmod(0o755)
        assert one.stat().st_mtime_ns == status.st_mtime_ns
    trusts.system.path("/usr/bin/tool").write_bytes(OTHER_SCRIPT)
    answer = trusts.run("init")
    assert "waiting for a decision: 1 digest" in answer.out
    assert trusts.paths() == TRUSTED, "the entry of the bytes before stays until gc"
    again = trusts.run("init").out.splitlines()
    assert again[0] == "nothing to change"
    assert again[-1] == "2 digests waiting for a decision: ringward trust list --pending"


def test_directories_and_kernels_that_are_named(trusts: TrustLab, tmp_path: Path) -> None:
    module = trusts.system.module(tmp_path, "m")
    trusts.run("init", "--directory", "/usr/local", "--modules", "all")
    by_source = {one.item.path: one.source for one in trusts.entries()}
    assert by_source["/usr/local/bin/own"] == "directory"
    assert by_source[module] == "modules"
    kinds = {one.item.kind: one.item.digest for one in trusts.entries() if one.item.path == module}
    unpacked = subprocess.run(["xz", "-dc", trusts.system.path(module)], capture_output=True, check=True).stdout
    assert kinds == {
        "module file": sha256(trusts.system.path(module)),
        "module image": hashlib.sha256(unpacked).digest(),
    }
    assert trusts.pendings() == []


def test_what_is_named_must_be_there(trusts: TrustLab) -> None:
    with pytest.raises(UsageError, match=r"no /lib/modules/6\.9; there are: none"):
        trusts.run("init", "--modules", "6.9")
    with pytest.raises(UsageError, match="needs an absolute path"):
        trusts.run("init", "--directory", "local")
    answer = trusts.run("init", "--directory", "/nowhere")
    assert answer.status == 3
    assert "could not look: 1 place\n  ! /nowhere: No such file or directory\n" in answer.err


def test_what_could_not_be_looked_at_is_in_the_document(trusts: TrustLab, tmp_path: Path) -> None:
    path = trusts.system.path(trusts.system.module(tmp_path, "m"))
    path.write_bytes(path.read_bytes()[:-9])
    status, document = trusts.json("init")
    assert status == 3
    (unseen,) = document["unseen"]
    assert unseen["path"].endswith("m.ko.xz")
    assert "cut off" in unseen["why"]


def test_a_system_without_packages(trusts: TrustLab) -> None:
    (trusts.system.info.parent / "status").unlink()
    answer = trusts.run("init")
    assert "there is no dpkg database" in answer.err
    assert trusts.paths() == []
    assert "there is no dpkg" not in trusts.run("init", "--directory", "/usr").err
    assert len(trusts.paths()) == 4


def test_below_a_sysroot_the_database_is_there_too(trusts: TrustLab) -> None:
    from ringward.cli import trust

    trust.main(["init", "--sysroot", str(trusts.system.root)])
    assert trusts.system.path("/var/lib/ringward/trust.db").exists()
    assert '"digests": 3' in trusts.capsys.readouterr().out


def test_long_lists_are_cut_unless_all_is_asked_for(trusts: TrustLab) -> None:
    files: dict[str, bytes | Path] = {f"/usr/bin/n{number}": SCRIPT + b"%d" % number for number in range(30)}
    trusts.system.package("many", files)
    answer = trusts.run("init", "--dry-run")
    assert "    ... and 13 more: --verbose lists them\n" in answer.out
    assert trusts.run("init", "--dry-run", "--verbose").out.count("\n  + ") == 33


def test_hostile_names_do_nothing_to_a_terminal(trusts: TrustLab) -> None:
    trusts.system.write("/usr/bin/\x1b[2Jx\n", SCRIPT + b"x")
    answer = trusts.run("init")
    assert "\x1b" not in answer.out
    assert "/usr/bin/\\x1b[2Jx\\x0a" in answer.out
    trusts.system.write("/usr/bin/\udcff", OTHER_SCRIPT)
    _, document = trusts.json("init")
    (added,) = document["waiting"]
    assert added["path"] == "/usr/bin/\\xff"
    assert bytes.fromhex(added["path_bytes"]) == b"/usr/bin/\xff"
