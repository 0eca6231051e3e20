from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from ringward.trust.places import Places
from ringward.trust.sources.dpkg import Dpkg, Owner
from tests.trust.system import SCRIPT, System


def dpkg(system: System) -> Dpkg:
    return Dpkg(Places(str(system.root)))


def owners(system: System, path: str) -> list[Owner]:
    return dpkg(system).owners.get(str(system.path(path)), [])


def test_a_package_owns_its_files_where_they_really_are(system: System) -> None:
    system.package("tool", {"/bin/tool": SCRIPT, "/usr/bin/other": SCRIPT})
    found = dpkg(system)
    assert found.present
    assert found.faults == []
    assert found.installed == {("tool", "1.0")}
    for path in ("/usr/bin/tool", "/usr/bin/other"):
        (one,) = owners(system, path)
        assert (one.package, one.version, one.conffile, one.script) == ("tool", "1.0", False, False)
        assert len(one.md5) == 16
    assert str(system.root / "bin/tool") not in found.owners


def test_owners_of_this_machine_are_those_that_dpkg_tells() -> None:
    found = Dpkg(Places())
    assert found.faults == []
    files = sorted(path for path in found.owners if path.startswith("/usr/bin/") and not Path(path).is_symlink())
    some = random.Random(1).sample(files, 40)
    for path in some:
        told = ""
        for name in (path, path.removeprefix("/usr")):  # dpkg knows it by the name that the package has
            told += subprocess.run(["dpkg", "-S", name], capture_output=True, text=True, check=False).stdout
        wanted = {
            name
            for line in told.splitlines()
            if not line.startswith("diversion by ")
            for name in line.split(": ")[0].split(", ")
        }
        assert {one.package for one in found.owners[path]} == wanted, path


def test_a_diverted_file(system: System) -> None:
    system.package("shell", {"/usr/bin/sh": SCRIPT})
    system.path("/usr/bin/sh").rename(system.path("/usr/bin/sh.distrib"))
    system.package("better", {"/usr/bin/sh": b"#!/bin/better\n"})
    (system.info.parent / "diversions").write_text("/bin/x\n/bin/y\n:\n/usr/bin/sh\n/usr/bin/sh.distrib\nbetter\n")
    assert [one.package for one in owners(system, "/usr/bin/sh")] == ["better"]
    assert [one.package for one in owners(system, "/usr/bin/sh.distrib")] == ["shell"]


def test_conffiles_and_what_has_no_checksum(system: System) -> None:
    files = {"/etc/init.d/x": SCRIPT, "/usr/bin/x": SCRIPT, "/usr/bin/made": SCRIPT}
    system.package("x", files, conffiles=["/etc/init.d/x"], without_sum=["/usr/bin/made"])
    (one,) = owners(system, "/etc/init.d/x")
    assert one.conffile
    assert one.md5
    assert owners(system, "/usr/bin/made") == [Owner("x", "1.0")]


def test_maintainer_scripts(system: System) -> None:
    system.package("x", {})
    system.write("/var/lib/dpkg/info/x.postinst", SCRIPT)
    assert owners(system, "/var/lib/dpkg/info/x.postinst") == [Owner("x", "1.0", script=True)]
    assert owners(system, "/var/lib/dpkg/info/x.list") == []


@pytest.mark.parametrize("state", ["config-files", "not-installed"])
def test_what_is_not_installed_owns_nothing(system: System, state: str) -> None:
    system.package("x", {"/usr/bin/x": SCRIPT}, state=state)
    assert owners(system, "/usr/bin/x") == []
    assert dpkg(system).faults == []


def test_a_half_installed_package_is_not_judged(system: System) -> None:
    system.package("x", {"/usr/bin/x": SCRIPT}, state="half-installed")
    assert owners(system, "/usr/bin/x") == []
    (fault,) = dpkg(system).faults
    assert "half installed" in fault.why


def test_what_is_missing_or_damaged_is_a_fault(system: System) -> None:
    system.package("a", {"/usr/bin/a": SCRIPT})
    system.package("b", {"/usr/bin/b": SCRIPT})
    (system.info / "a.list").unlink()
    (system.info / "b.md5sums").write_bytes(b"rubbish\n")
    assert sorted(fault.path for fault in dpkg(system).faults) == [
        "/var/lib/dpkg/info/a.list",
        "/var/lib/dpkg/info/b.md5sums",
    ]
    assert owners(system, "/usr/bin/b") == [Owner("b", "1.0")]


def test_a_file_of_two_packages_has_two_owners(system: System) -> None:
    for name in ("a", "b"):
        system.package(name, {"/usr/bin/x": SCRIPT})
    assert [one.package for one in owners(system, "/usr/bin/x")] == ["a", "b"]


def test_without_dpkg(tmp_path: Path) -> None:
    found = Dpkg(Places(str(tmp_path)))
    assert not found.present
    assert (found.owners, found.faults) == ({}, [])


def test_no_link_leads_out_of_the_root(system: System) -> None:
    system.path("/usr/out").symlink_to("/../../../../etc")
    system.package("x", {}, links=["/usr/out/passwd"])
    assert owners(system, "/etc/passwd") == [Owner("x", "1.0")]
