"""The files of dpkg's database (deb-src-format(5), dpkg(1), dpkg-divert(1)): bytes -> values; pure.

Nothing in them is taken on faith: what is not as it should be is left out and told as a fault with its line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from ringward.trust.sources.fault import Fault

PRESENT = frozenset({"unpacked", "half-configured", "triggers-awaited", "triggers-pending", "installed"})
"""States in which a package's files are on the disk as its database says; half-installed is not one."""
_SUMS = re.compile(rb"^([0-9a-f]{32})[ ][ *](.+)$", re.MULTILINE)
_ODD_LIST = re.compile(rb"\A[^/]|\n[^/]|//|/\.\.?(?:/|\n|\Z)|\0|/\n|[^\n]\Z")
"""What a list of plain absolute paths does not have; few packages need a look at each line."""
_ODD_SUMS = re.compile(rb"//|/\.\.?(?:/|\n|\Z)| [ *](?:/|\.\.?(?:/|\n|\Z))|\0|/\n")
_HEX = re.compile(r"[0-9a-f]{32}")


class Package(NamedTuple):
    """A package that dpkg knows.

    Attributes:
        name: of it.
        architecture: that it is for.
        version: of it.
        state: third word of its status: ``installed``.
        multiarch: value of Multi-Arch; "": none.
        conffiles: path -> MD5 of the version that was installed; b"": none is known yet.

    """

    name: str
    architecture: str
    version: str
    state: str
    multiarch: str
    conffiles: dict[str, bytes]

    @property
    def info(self) -> str:
        """How its files in info/ begin."""
        return f"{self.name}:{self.architecture}" if self.multiarch == "same" else self.name


def clean(path: bytes) -> str | None:
    """Return a path as text, absolute and without dots; None: it is none that a package can have."""
    text = os.fsdecode(path)
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if "\0" in text or ".." in parts:
        return None
    return "/" + "/".join(parts)


def packages(data: bytes, name: str) -> tuple[list[Package], list[Fault]]:
    """Return the packages in the text of dpkg's status file, and what is wrong with it.

    Args:
        data: its bytes.
        name: of the file, for faults.

    """
    found = []
    faults = []
    line = 1
    for block in data.split(b"\n\n"):
        at = f"{name}:{line + len(block) - len(block.lstrip(bytes([10])))}"
        line += block.count(b"\n") + 2
        fields = _fields(block)
        if not fields:
            continue
        package, version = fields.get("package", ""), fields.get("version", "")
        status = fields.get("status", "").split()
        if len(status) != 3 or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+.-]*", package):
            faults.append(Fault(at, "not a package of dpkg: no name, or a status that is not three words"))
            continue
        architecture = fields.get("architecture", "")
        if not re.fullmatch(r"[a-z0-9-]*", architecture) or not re.fullmatch(r"[\x21-\x7e]*", version):
            faults.append(
                Fault(at, f"no architecture or version of {package}: {architecture[:40]!r}, {version[:40]!r}")
            )
            continue
        conffiles = dict(_conffiles(fields.get("conffiles", "")))
        found.append(Package(package, architecture, version, status[2], fields.get("multi-arch", ""), conffiles))
    return found, faults


def _fields(block: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    key = ""
    for line in os.fsdecode(block).split("\n"):
        if line[:1] in {" ", "\t"}:
            if key:
                fields[key] += "\n" + line[1:]
            continue
        key, colon, value = line.partition(":")
        key = key.lower() if colon else ""
        if key:
            fields[key] = value.strip()
    return fields


def _conffiles(text: str) -> Iterator[tuple[str, bytes]]:
    for line in text.split("\n"):
        words = line.split(" ")
        while words and words[-1] in {"obsolete", "remove-on-upgrade"}:
            words.pop()
        path = clean(os.fsencode(" ".join(words[:-1])))
        if len(words) > 1 and path:
            yield path, bytes.fromhex(words[-1]) if _HEX.fullmatch(words[-1]) else b""


def paths(data: bytes, name: str) -> tuple[list[str], list[Fault]]:
    """Return the paths in a package's .list, and what is wrong with it.

    Args:
        data: its bytes.
        name: of the file, for faults.

    """
    data = data.removeprefix(b"/.\n")
    if not _ODD_LIST.search(data):
        return os.fsdecode(data).split("\n")[:-1], []
    found = []
    faults = []
    lines = data.split(b"\n")
    if lines.pop():
        faults.append(Fault(name, "the last line has no end: the file was cut off"))
    for line in lines:
        path = clean(line) if line.startswith(b"/") else None
        if path is None:
            faults.append(Fault(name, f"not an absolute path without '..': {line[:80]!r}"))
        elif path != "/":
            found.append(path)
    return found, faults


def checksums(data: bytes, name: str) -> tuple[dict[str, bytes], list[Fault]]:
    """Return the MD5 of each path in a package's .md5sums, and what is wrong with it.

    Of a path that is named twice with different checksums none is returned.
    """
    pairs = _SUMS.findall(data)
    lines = data.splitlines() if len(pairs) != data.count(b"\n") else []
    faults = [
        Fault(name, f"not a checksum and a path: {line[:80]!r}") for line in lines if line and not _SUMS.fullmatch(line)
    ]
    found: dict[str, bytes] = {}
    twice = set()
    plain = not _ODD_SUMS.search(data)
    for md5, path in pairs:
        shown = "/" + os.fsdecode(path) if plain else clean(path)
        if shown is None:
            faults.append(Fault(name, f"not a path without '..': {path[:80]!r}"))
        elif found.setdefault(shown, md5) != md5:
            twice.add(shown)
            faults.append(Fault(name, f"two checksums of {shown}"))
    for shown in twice:
        del found[shown]
    return {path: bytes.fromhex(md5.decode()) for path, md5 in found.items()}, faults


class Diversions:
    """Which files of packages are elsewhere than these say.

    Args:
        data: bytes of dpkg's file ``diversions``: original path, where it went, and who diverts, a line each.
        name: of the file, for faults.

    Attributes:
        faults: what is wrong with it.

    """

    def __init__(self, data: bytes, name: str = "diversions") -> None:
        self._moved: dict[str, tuple[str, str]] = {}
        self.faults: list[Fault] = []
        lines = data.split(b"\n")
        if lines[-1:] == [b""]:
            lines.pop()
        for at in range(0, len(lines), 3):
            three = lines[at : at + 3]
            whole = len(three) == 3 and three[0].startswith(b"/") and three[1].startswith(b"/") and three[2]
            original, moved = (clean(three[0]), clean(three[1])) if whole else (None, None)
            if original is None or moved is None:
                self.faults.append(Fault(f"{name}:{at + 1}", "not a diversion: two absolute paths and a package"))
                continue
            self._moved[original] = moved, os.fsdecode(three[2])

    def where(self, path: str, package: str) -> str:
        """Return where the file is that a package calls `path`; ``:`` in the file means that no package diverts."""
        moved, by = self._moved.get(path, (path, ""))
        return path if by == package else moved
