from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.trust.sources.dpkg_database import Diversions, checksums, clean, packages, paths

INFO = Path("/var/lib/dpkg/info")
SUM = "0123456789abcdef0123456789abcdef"


def test_packages_are_those_that_dpkg_tells() -> None:
    found, faults = packages(Path("/var/lib/dpkg/status").read_bytes(), "status")
    assert faults == []
    form = "${binary:Package}\t${Architecture}\t${Version}\t${db:Status-Status}\n"
    told = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True, check=True).stdout
    # dpkg writes the architecture behind the name of what may be there several times, or is of another one.
    names = {(line.split("\t")[0].partition(":")[0], *line.split("\t")[1:]) for line in told.splitlines()}
    assert {(one.name, one.architecture, one.version, one.state) for one in found} == names
    assert {f"{one.info}.list" for one in found if one.state == "installed"} <= {each.name for each in INFO.iterdir()}


def test_conffiles_are_those_that_dpkg_tells() -> None:
    found, _ = packages(Path("/var/lib/dpkg/status").read_bytes(), "status")
    form = "\n${Conffiles}\n"
    told = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True, check=True).stdout
    pairs = set(re.findall(r"^ (/\S+) ([0-9a-f]{32})(?: .*)?$", told, re.MULTILINE))
    assert len(pairs) > 50
    assert {(path, md5.hex()) for one in found for path, md5 in one.conffiles.items() if md5} == pairs


def test_lists_and_checksums_of_this_machine() -> None:
    counts = 0
    for file in sorted(INFO.glob("*.list")):
        data = file.read_bytes()
        found, faults = paths(data, file.name)
        assert faults == []
        assert found == [line for line in os.fsdecode(data).splitlines() if line != "/."]
        sums = file.with_suffix(".md5sums")
        if sums.exists():
            told, faults = checksums(sums.read_bytes(), sums.name)
            assert faults == []
            counts += len(told)
            for line in os.fsdecode(sums.read_bytes()).splitlines()[:5]:
                assert told[f"/{line[34:]}"].hex() == line[:32]
    assert counts > 1000


@pytest.mark.parametrize(
    ("data", "found", "faults"),
    [
        (b"", [], []),
        (b"/.\n", [], []),
        (b"/.\n/usr\n/usr/bin/a b\n", ["/usr", "/usr/bin/a b"], []),
        (b"/.\n/usr/\xff\n", ["/usr/\udcff"], []),
        (b"/.\n//usr//./x/\n", ["/usr/x"], []),
        (b"/.\n/usr/../etc/shadow\n/ok\n", ["/ok"], ["/usr/../etc/shadow"]),
        (b"/.\nrelative\n/ok\n", ["/ok"], ["relative"]),
        (b"/.\n\n/ok\n", ["/ok"], ["b''"]),
        (b"/.\n/a\0b\n/ok\n", ["/ok"], [r"/a\x00b"]),
        (b"/.\n/ok\n/cut", ["/ok"], ["cut off"]),
        (b"/..\n", [], ["/.."]),
        (b"/...\n/.hidden\n", ["/...", "/.hidden"], []),
        (b"/a\n/.\n/b\n", ["/a", "/b"], []),
    ],
)
def test_lists(data: bytes, found: list[str], faults: list[str]) -> None:
    told, wrong = paths(data, "/x.list")
    assert told == found
    assert len(wrong) == len(faults)
    for fault, text in zip(wrong, faults, strict=True):
        assert fault.path == "/x.list"
        assert text in fault.why


@pytest.mark.parametrize(
    ("data", "found", "faults"),
    [
        ("", [], 0),
        (f"{SUM}  usr/bin/x\n", ["/usr/bin/x"], 0),
        (f"{SUM} *usr/bin/x\n", ["/usr/bin/x"], 0),
        (f"{SUM}  usr/bin/x", ["/usr/bin/x"], 0),
        (f"{SUM}  /usr/bin/x\n", ["/usr/bin/x"], 0),
        (f"{SUM}  usr/./bin//x\n", ["/usr/bin/x"], 0),
        (f"{SUM}  ../etc/x\n{SUM}  ok\n", ["/ok"], 1),
        (f"{SUM}  a/..\n{SUM}  ok\n", ["/ok"], 1),
        (f"{SUM}  ..\n", [], 1),
        (f"{SUM.upper()}  x\n{SUM}  ok\n", ["/ok"], 1),
        (f"{SUM[:-1]}  x\n{SUM}  ok\n", ["/ok"], 1),
        (f"{SUM} x\n", [], 1),
        (f"{SUM}  \n", [], 1),
        (f"{SUM}  a b \n", ["/a b "], 0),
        (f"{SUM}  a\n{SUM}  a\n", ["/a"], 0),
        (f"{SUM}  a\n{SUM[::-1]}  a\n{SUM}  ok\n", ["/ok"], 1),
        (f"{SUM}  a\n{SUM[::-1]}  ./a\n", [], 1),
        ("\n\n", [], 0),
    ],
)
def test_checksums(data: str, found: list[str], faults: int) -> None:
    told, wrong = checksums(data.encode(), "x.md5sums")
    assert sorted(told) == sorted(found)
    assert all(md5 == bytes.fromhex(SUM) for md5 in told.values())
    assert len(wrong) == faults


@given(st.binary(max_size=300))
def test_hostile_bytes(data: bytes) -> None:
    for found in (paths(data, "x")[0], list(checksums(data, "x")[0])):
        for path in found:
            assert path.startswith("/")
            assert ".." not in path.split("/")
            assert "\0" not in path
    packages(data, "x")
    Diversions(data)


LINES = st.lists(st.sampled_from([b"/usr", b"/.", b"/..", b"//", b"a", b"", b"/a/../b", b"/a/", b"/\xff", b"/a\r"]))


@given(LINES)
def test_the_quick_way_and_the_careful_one_agree(lines: list[bytes]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    careful = [clean(line) for line in lines if line.startswith(b"/")]
    assert paths(data, "x")[0] == [path for path in careful if path not in {None, "/"}]
    sums = b"".join(SUM.encode() + b"  " + line + b"\n" for line in lines)
    told = {clean(line) for line in lines if line}
    assert set(checksums(sums, "x")[0]) == told - {None}


STANZA = "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n"


@pytest.mark.parametrize(
    ("text", "count", "faults"),
    [
        (STANZA, 1, 0),
        (STANZA + "\n" + STANZA.replace(": a", ": b"), 2, 0),
        ("\n\n\n" + STANZA, 1, 0),
        (STANZA.replace("Package: a", "Package: ../../etc"), 0, 1),
        (STANZA.replace("amd64", "../x"), 0, 1),
        (STANZA.replace("install ok installed", "installed"), 0, 1),
        (STANZA.replace("Version: 1", "Version: \u00e9"), 0, 1),
        ("Package: a\n", 0, 1),
        ("no field at all\n", 0, 0),
        (STANZA + "Description: x\n Status: purge ok not-installed\n", 1, 0),
    ],
)
def test_stanzas(text: str, count: int, faults: int) -> None:
    found, wrong = packages(text.encode(), "status")
    assert (len(found), len(wrong)) == (count, faults)
    assert all(one.state == "installed" for one in found)


def test_a_faults_line() -> None:
    _, wrong = packages((STANZA + "\nPackage: b\n").encode(), "/status")
    assert wrong[0].path == "/status:6"


def test_conffiles() -> None:
    text = STANZA + (
        f"Conffiles:\n /etc/a {SUM}\n /etc/b {SUM} obsolete\n /etc/c newconffile\n"
        f" /etc/with blank {SUM} remove-on-upgrade\n /etc/../x {SUM}\n"
    )
    (one,), _ = packages(text.encode(), "status")
    md5 = bytes.fromhex(SUM)
    assert one.conffiles == {"/etc/a": md5, "/etc/b": md5, "/etc/c": b"", "/etc/with blank": md5}


def test_the_name_of_what_may_be_there_several_times() -> None:
    (one,), _ = packages((STANZA + "Multi-Arch: same\n").encode(), "status")
    assert one.info == "a:amd64"
    (one,), _ = packages((STANZA + "Multi-Arch: foreign\n").encode(), "status")
    assert one.info == "a"


def test_diversions_are_those_that_dpkg_tells() -> None:
    file = Path("/var/lib/dpkg/diversions")
    moved = Diversions(file.read_bytes())
    lines = file.read_text().splitlines()
    assert moved.faults == []
    for original in lines[::3]:
        told = subprocess.run(["dpkg-divert", "--truename", original], capture_output=True, text=True, check=True)
        assert moved.where(original, "nobody") == told.stdout.strip()
        by = subprocess.run(["dpkg-divert", "--listpackage", original], capture_output=True, text=True, check=True)
        assert moved.where(original, by.stdout.strip()) == original
    assert moved.where("/nowhere", "x") == "/nowhere"


def test_damaged_diversions() -> None:
    moved = Diversions(b"/a\n/b\n:\n/c\nrelative\np\n/d\n", "diversions")
    assert moved.where("/a", "x") == "/b"
    assert moved.where("/c", "x") == "/c"
    assert [fault.path for fault in moved.faults] == ["diversions:4", "diversions:7"]
