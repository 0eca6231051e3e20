"""dpkg as a source: which package owns a file, and the checksum that the package has of it.

What this relies on: dpkg's own files below /var/lib/dpkg, which root can change. MD5 is what dpkg keeps. It tells
whether a file is the one that the package brought; it is no defence against who could forge the package.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from ringward.trust.places import Places
from ringward.trust.sources.dpkg_database import PRESENT, Diversions, Package, checksums, packages, paths
from ringward.trust.sources.fault import Fault

ADMIN = "/var/lib/dpkg"
SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "config")
"""Endings of the maintainer scripts in info/."""


class Owner(NamedTuple):
    """A package's claim to a file.

    Attributes:
        package: its name, with the architecture where several can be installed.
        version: of it.
        md5: that the file should have; b"": the package has none of it.
        conffile: an administrator may change the file.
        script: it is a maintainer script, which dpkg itself made.

    """

    package: str
    version: str
    md5: bytes = b""
    conffile: bool = False
    script: bool = False


class Dpkg:
    """The packages of one system.

    Args:
        places: of the system.
        admin: dpkg's directory.

    Attributes:
        present: whether there is a dpkg database at all.
        owners: real path -> the packages that claim it; links among them.
        installed: (package, version) of what is installed.
        faults: what could not be read, or is damaged.

    """

    def __init__(self, places: Places, admin: str = ADMIN) -> None:
        self.places = places
        self.admin = admin
        self.owners: dict[str, list[Owner]] = {}
        self.installed: set[tuple[str, str]] = set()
        self.faults: list[Fault] = []
        status = self._read("status")
        self.present = status is not None
        if status is None:
            return
        found, faults = packages(status, f"{admin}/status")
        self.faults += faults
        self.diversions = Diversions(self._read("diversions") or b"", f"{admin}/diversions")
        self.faults += self.diversions.faults
        try:
            info = set(os.listdir(places.directory(f"{admin}/info")))  # noqa: PTH208 - names are enough
        except OSError as error:
            self.faults.append(Fault.of(f"{admin}/info", error))
            return
        for package in found:
            self._add(package, info)

    def _read(self, name: str) -> bytes | None:
        """Return the bytes of a file; None: there is none, or it cannot be read, which is a fault."""
        try:
            with open(f"{self.places.directory(self.admin)}/{name}", "rb") as file:  # noqa: PTH123 - thousands
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            self.faults.append(Fault.of(f"{self.admin}/{name}", error))
            return None

    def _add(self, package: Package, info: Iterable[str]) -> None:
        name = package.info
        if package.state not in PRESENT:
            if package.state == "half-installed":
                why = f"{name} is half installed: its files may be of two versions; finish it with dpkg"
                self.faults.append(Fault(f"{self.admin}/status", why))
            return
        listing = f"info/{name}.list"
        data = self._read(listing)
        if data is None:
            self.faults.append(Fault(f"{self.admin}/{listing}", f"{name} is installed and has no list of its files"))
            return
        self.installed.add((name, package.version))
        files, faults = paths(data, f"{self.admin}/{listing}")
        sums, more = checksums(self._read(f"info/{name}.md5sums") or b"", f"{self.admin}/info/{name}.md5sums")
        self.faults += faults + more
        for path in files:
            conffile = path in package.conffiles
            md5 = package.conffiles[path] if conffile else sums.get(path, b"")
            self._claim(self.diversions.where(path, package.name), Owner(name, package.version, md5, conffile))
        for ending in SCRIPTS:
            if f"{name}.{ending}" in info:
                self._claim(f"{self.admin}/info/{name}.{ending}", Owner(name, package.version, script=True))

    def _claim(self, path: str, owner: Owner) -> None:
        try:
            self.owners.setdefault(self.places.real(path), []).append(owner)
        except OSError as error:
            self.faults.append(Fault.of(path, error))
