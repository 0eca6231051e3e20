"""Module trees as a source: which kernel a module is of, and the certificates that its signature is checked with."""

from __future__ import annotations

import hashlib
import os
import re

from ringward.kmod.verify import Trusted
from ringward.trust.entry import plain
from ringward.trust.places import Places

TREES = "/lib/modules"
_OF_TREE = re.compile(r"(?:/usr)?/lib/modules/([^/]+)/")


def versions(places: Places) -> list[str]:
    """Return the kernels that have a module tree, sorted; none where there is no directory of them."""
    try:
        with os.scandir(places.directory(TREES)) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except FileNotFoundError:
        return []


def version_of(path: str) -> str:
    """Return the kernel in whose tree a path is, as the looked at system has it; "": in none."""
    match = _OF_TREE.match(path)
    return plain(match[1]) if match else ""


class Certificates:
    """The certificates that modules are checked with: those built into the kernel of their tree, and some more.

    Args:
        places: of the system.
        files: of the others: keys of this machine's owner, for instance.

    Attributes:
        problems: of those files.

    """

    def __init__(self, places: Places, files: tuple[str, ...] = ()) -> None:
        self._places = places
        self._files = files
        self._known: dict[str, tuple[Trusted, bytes]] = {}
        more = Trusted()
        for file in files:
            more.add(file)
        self.problems = more.problems

    def of(self, version: str) -> Trusted:
        """Return those of a kernel; of "" only the others."""
        return self._of(version)[0]

    def fingerprint(self, version: str) -> bytes:
        """Return what changes when they do."""
        return self._of(version)[1]

    def _of(self, version: str) -> tuple[Trusted, bytes]:
        known = self._known.get(version)
        if known is None:
            found = Trusted()
            if version:
                found.add_kernel(version, self._places.root)
            for file in self._files:
                found.add(file)
            ders = b"".join(sorted(one.der for one in found.certificates))
            known = self._known[version] = found, hashlib.sha256(ders).digest()[:8]
        return known
