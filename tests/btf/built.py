"""The built objects, and BTF made by hand, for tests of the parsers."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import ringward.sensor

FOLDER = Path(ringward.sensor.__file__).parent / "objects"
OBJECTS = sorted(FOLDER.glob("*.bpf.o"))
assert OBJECTS, f"no objects in {FOLDER}: build the package (pip install -e .)"


def tool(name: str) -> str:
    """Return the path of a program that `make test` installs."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert found, f"{name} is not installed: run tools/packages test"
    return found


@cache
def bpftool_types(path: Path) -> list[dict[str, Any]]:
    """Return the types of an object's BTF as bpftool reads them, by id, from 1."""
    done = subprocess.run(
        [tool("bpftool"), "btf", "dump", "file", str(path), "format", "raw", "-j"],
        check=True,
        capture_output=True,
        text=True,
    )
    return list(json.loads(done.stdout)["types"])


class Maker:
    """Puts BTF together (Documentation/bpf/btf.rst)."""

    def __init__(self) -> None:
        self.strings = b"\0"
        self.body = b""
        self.count = 0

    def name(self, text: str) -> int:
        """Return the offset of a string; the empty one is at 0."""
        if not text:
            return 0
        self.strings += text.encode() + b"\0"
        return len(self.strings) - len(text.encode()) - 1

    def add(self, kind: int, name: str = "", size: int = 0, vlen: int = 0, rest: bytes = b"", flag: int = 0) -> int:
        """Add a type; return its id."""
        self.body += struct.pack("<III", self.name(name), flag << 31 | kind << 24 | vlen, size) + rest
        self.count += 1
        return self.count

    def integer(self, name: str, size: int, encoding: int = 0) -> int:
        return self.add(1, name, size, rest=struct.pack("<I", encoding << 24 | size * 8))

    def array(self, element: int, length: int) -> int:
        return self.add(3, rest=struct.pack("<III", element, element, length))

    def struct(self, name: str, size: int, *members: tuple[str, int, int], flag: int = 0) -> int:
        """Add a struct; a member is (name, type id, offset in bits, or the raw word with `flag`)."""
        rest = b"".join(struct.pack("<III", self.name(n), t, at) for n, t, at in members)
        return self.add(4, name, size, len(members), rest, flag)

    def enum(self, name: str, **values: int) -> int:
        rest = b"".join(struct.pack("<Ii", self.name(n), v) for n, v in values.items())
        return self.add(6, name, 4, len(values), rest)

    def mark(self, record: str, type_id: int) -> int:
        """Add the variable that EVENT(record) makes."""
        return self.add(14, f"event_{record}", type_id, rest=struct.pack("<I", 1))

    def bytes(self) -> bytes:
        head = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self.body), len(self.body), len(self.strings))
        return head + self.body + self.strings
