from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ringward.cli import trust
from ringward.cli.errors import CannotRunError
from tests.cli.trust_lab import TrustLab
from tests.trust.system import sha256


@pytest.fixture
def place(trusts: TrustLab) -> Path:
    found = trusts.system.path("/etc/dpkg/dpkg.cfg.d")
    found.mkdir(parents=True)
    return found


def run(trusts: TrustLab, *argv: str) -> str:
    assert trust.main(["hook", *argv]) == 0
    return trusts.capsys.readouterr().out


def test_installing_and_removing(trusts: TrustLab, place: Path) -> None:
    root = ["--sysroot", str(trusts.system.root)]
    shown = run(trusts, "show", *root)
    assert "post-invoke=" in shown
    assert "/etc/dpkg/dpkg.cfg.d/ringward would be written:\n" in run(trusts, "install", *root, "--dry-run")
    assert list(place.iterdir()) == []
    assert run(trusts, "install", *root) == f"/etc/dpkg/dpkg.cfg.d/ringward is written:\n{shown}"
    assert [(each.name, each.read_text()) for each in place.iterdir()] == [("ringward", shown)]
    assert "would be removed" in run(trusts, "remove", *root, "-n")
    assert run(trusts, "remove", *root) == "/etc/dpkg/dpkg.cfg.d/ringward is removed\n"
    assert list(place.iterdir()) == []
    assert "nothing to remove" in run(trusts, "remove", *root)


def test_without_dpkg(trusts: TrustLab) -> None:
    with pytest.raises(CannotRunError, match="is this root, and dpkg here"):
        trust.main(["hook", "install", "--sysroot", str(trusts.system.root)])


def make_package(folder: Path, version: str) -> Path:
    """Return a package of one script, which says its version."""
    tree = folder / f"tree-{version}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: hooked\nVersion: {version}\nArchitecture: all\nMaintainer: t <t@example.org>\nDescription: t\n"
    )
    script = tree / "usr/bin/hooked"
    script.parent.mkdir(parents=True)
    script.write_text(f"#!/bin/sh\necho {version}\n")
    script.chmod(0o755)
    md5 = subprocess.run(["md5sum", "usr/bin/hooked"], cwd=tree, capture_output=True, text=True, check=True).stdout
    (tree / "DEBIAN/md5sums").write_text(md5)
    target = folder / f"hooked_{version}.deb"
    command = ["dpkg-deb", "--root-owner-group", "-b", tree, target]
    subprocess.run(command, check=True, capture_output=True)
    return target


def dpkg(trusts: TrustLab, place: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run the installed dpkg on the small system, with the small system's configuration in the place of this one's."""
    # In a mount namespace of its own: dpkg reads its configuration from /etc/dpkg whatever its root is.
    inner = 'mount --bind "$0" /etc/dpkg/dpkg.cfg.d && exec "$@"'
    command = ["dpkg", f"--root={trusts.system.root}", "--log=/dev/null", "--force-not-root,script-chrootless", *argv]
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", inner, place, *command], capture_output=True, text=True, check=False
    )


def test_dpkg_runs_it_after_each_change(trusts: TrustLab, place: Path, tmp_path: Path) -> None:
    for name in ("updates", "triggers", "alternatives"):
        trusts.system.path(f"/var/lib/dpkg/{name}").mkdir(exist_ok=True)
    trusts.system.path("/var/lib/dpkg/available").touch()
    trusts.run("init")
    before = trusts.paths()
    text = run(trusts, "show", "--database", str(trusts.database))
    # The hook is that of the machine; here it is to look at the small system.
    (place / "ringward").write_text(text.replace("trust update", f"trust update --sysroot {trusts.system.root}"))
    probe = dpkg(trusts, place, "--version")
    if probe.returncode and "unshare" in probe.stderr:
        if os.geteuid() == 0:
            pytest.fail(f"root cannot make a mount namespace: {probe.stderr}")
        pytest.skip("needs user namespaces, to give dpkg another configuration")
    digests = []
    for version in ("1.0", "1.1"):
        done = dpkg(trusts, place, "-i", str(make_package(tmp_path, version)))
        assert done.returncode == 0, done.stderr
        assert "ringward" not in done.stderr
        digests.append(sha256(trusts.system.path("/usr/bin/hooked")))
        found = {one.item.digest: one for one in trusts.entries() if one.item.package == "hooked"}
        # The old version stays.
        assert set(found) == set(digests)
        assert found[digests[-1]].item.version == version
        assert found[digests[-1]].source == "dpkg"
    assert len(set(digests)) == 2
    done = dpkg(trusts, place, "--purge", "hooked")
    assert done.returncode == 0, done.stderr
    assert sorted({*trusts.paths()}) == sorted({*before, "/usr/bin/hooked"})
    trusts.run("gc")
    assert trusts.paths() == before


def test_dpkg_goes_on_when_it_fails(trusts: TrustLab, place: Path, tmp_path: Path) -> None:
    for name in ("updates", "triggers"):
        trusts.system.path(f"/var/lib/dpkg/{name}").mkdir(exist_ok=True)
    text = run(trusts, "show", "--database", str(trusts.database))
    (place / "ringward").write_text(text)  # there is no database
    done = dpkg(trusts, place, "-i", str(make_package(tmp_path, "1.0")))
    assert done.returncode == 0, done.stderr
    assert "make one: ringward trust init" in done.stderr
    assert "the trust database was not updated; as root: ringward trust update" in done.stderr
