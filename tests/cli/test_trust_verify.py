from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.cli.trust_lab import TrustLab
from tests.trust.system import OTHER_SCRIPT, SCRIPT, age


def test_a_machine_as_it_should_be(trusts: TrustLab) -> None:
    trusts.run("init")
    trusts.run("approve", "/usr/local")
    answer = trusts.run("verify")
    assert answer == (0, f"4 files as in {trusts.database}, 0 mismatches\n", "")
    assert trusts.json("verify")[1]["same"] == 4


def test_changed_missing_and_new(trusts: TrustLab) -> None:
    trusts.run("init", "--directory", "/usr/local")
    trusts.system.write("/usr/bin/tool", OTHER_SCRIPT)
    trusts.system.path("/usr/bin/shell").unlink()
    trusts.system.write("/usr/lib/hidden.so", trusts.system.path("/usr/bin/true").read_bytes() + b"x", 0o644)
    answer = trusts.run("verify")
    assert answer.status == 1
    rows = [line.split()[:: len(line.split()) - 1] for line in answer.out.splitlines()[1:-1]]
    assert rows == [["missing", "/usr/bin/shell"], ["changed", "/usr/bin/tool"], ["new", "/usr/lib/hidden.so"]]
    status, document = trusts.json("verify")
    assert (status, document["same"]) == (1, 2)
    assert [one["state"] for one in document["mismatches"]] == ["missing", "changed", "new"]
    # dpkg sees the two that are its own.
    told = subprocess.run(
        ["dpkg", f"--root={trusts.system.root}", "--verify"], capture_output=True, text=True, check=False
    ).stdout
    assert {line.split()[-1] for line in told.splitlines()} == {"/usr/bin/shell", "/usr/bin/tool"}


def test_nothing_is_taken_from_an_earlier_look(trusts: TrustLab) -> None:
    path = trusts.system.path("/usr/bin/tool")
    age(trusts.system.path("/usr/local/bin/own"))
    trusts.run("init", "--directory", "/usr/local")
    # As somebody could who writes beneath the file system: other bytes behind the same identity.
    with_other = path.read_bytes().replace(b"one", b"two")
    import sqlite3

    from ringward.trust import look
    from ringward.trust.store import open_store

    before = look.identity(path.stat())
    path.write_bytes(with_other)
    with open_store(str(trusts.database), write=True) as store, store.change() as connection:
        connection.execute("UPDATE memory SET identity = ? WHERE identity = ?", (look.identity(path.stat()), before))
    assert sqlite3.connect(trusts.database).execute("SELECT count(*) FROM memory").fetchone()[0] >= 3
    assert "nothing to change" in trusts.run("init").out, "an unchanged identity is what init relies on"
    answer = trusts.run("verify")
    assert answer.status == 1
    assert "changed" in answer.out


def test_a_changed_module_of_both_digests(trusts: TrustLab, tmp_path: Path) -> None:
    module = trusts.system.module(tmp_path, "m", compress=False)
    trusts.run("init", "--directory", "/usr/local", "--modules", "all")
    assert trusts.run("verify").status == 0
    path = trusts.system.path(module)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    status, document = trusts.json("verify")
    assert status == 1
    assert [(one["state"], one["path"]) for one in document["mismatches"]] == [("changed", module)]


def test_what_could_not_be_looked_at_is_neither_good_nor_missing(trusts: TrustLab) -> None:
    trusts.run("init", "--directory", "/usr/local")
    user = os.geteuid()
    if user:
        trusts.system.path("/usr/bin/tool").chmod(0o111)
        answer = trusts.run("verify")
        assert answer.status == 3
        assert "/usr/bin/tool: Permission denied" in answer.err
        return
    (trusts.system.info / "tools.list").unlink()
    answer = trusts.run("verify")
    assert "/var/lib/dpkg/info/tools.list" in answer.err
    assert answer.status == 3


def test_old_entries_are_counted_and_no_mismatch(trusts: TrustLab) -> None:
    trusts.run("init", "--directory", "/usr/local")
    trusts.system.package("tools", {"/usr/bin/tool": SCRIPT + b"#", "/usr/bin/true": SCRIPT}, version="1.1")
    trusts.run("update")
    answer = trusts.run("verify")
    assert answer.status == 0
    assert answer.out.endswith("; 2 entries of what is not installed any more\n")
