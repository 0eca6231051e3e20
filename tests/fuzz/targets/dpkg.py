"""dpkg's own files: any bytes give packages, paths, checksums and diversions that can be, or faults."""

from __future__ import annotations

from ringward.trust.sources import dpkg_database
from tests.fuzz.inputs import SEPARATOR, parts

COVERS = (dpkg_database,)
FLOOR = 95
DICTIONARY = (
    SEPARATOR,
    b"Package: ",
    b"Status: install ok installed",
    b"Version: ",
    b"Architecture: ",
    b"Multi-Arch: same",
    b"Conffiles:\n ",
    b" obsolete",
    b"/.\n",
    b"/../",
    b"  usr/",
    b" *./",
    b"d41d8cd98f00b204e9800998ecf8427e",
)
_STATUS = b"""\
Package: a
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 1:2.0-1
Conffiles:
 /etc/a d41d8cd98f00b204e9800998ecf8427e
 /etc/a b d41d8cd98f00b204e9800998ecf8427e obsolete
 /etc/new newconffile remove-on-upgrade

Package: b
Status: deinstall ok config-files
Version: 1

Package: -
Status: two words

Package: c
Status: install ok half-installed
Architecture: A
Version: a b
"""
_LIST = b"/.\n/usr\n/usr/bin/a\n"
_SUMS = b"d41d8cd98f00b204e9800998ecf8427e  usr/bin/a\n"
_DIVERSIONS = b"/usr/bin/a\n/usr/bin/a.real\nb\n"


def seeds() -> list[bytes]:
    odd_list = b"/usr//x\nrelative\n/a/../b\n/\n/cut"
    odd_sums = _SUMS + b"no\n0" * 2 + _SUMS.replace(b"d4", b"00") + _SUMS.replace(b"usr", b"../usr") + b"\r\n"
    odd_diversions = _DIVERSIONS + b"a\nb\nc\n" + b"/x/../y\n/z\n:\n" + b"/only\n"
    return [
        SEPARATOR.join((_STATUS, _LIST, _SUMS, _DIVERSIONS)),
        SEPARATOR.join((b"\n\n" + _STATUS, odd_list, odd_sums, odd_diversions)),
        SEPARATOR.join((b"", b"", b"", b"")),
    ]


def one(data: bytes) -> None:
    status, listing, sums, diversions = parts(data, 4)
    packages, faults = dpkg_database.packages(status, "status")
    for package in packages:
        assert package.name
        assert "/" not in package.info
        assert all(len(md5) in {0, 16} for md5 in package.conffiles.values())
    paths, more = dpkg_database.paths(listing, "a.list")
    found, others = dpkg_database.checksums(sums, "a.md5sums")
    assert all(len(md5) == 16 for md5 in found.values())
    diverted = dpkg_database.Diversions(diversions)
    for path in (*paths, *found, *(path for package in packages for path in package.conffiles)):
        where = diverted.where(path, "a")
        for each in (path, where):
            assert each.startswith("/")
            assert "\0" not in each
            assert ".." not in each.split("/")
    for fault in (*faults, *more, *others, *diverted.faults):
        assert fault.path.startswith(("status", "a.", "diversions"))
        assert fault.why
