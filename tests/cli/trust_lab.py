"""`ringward trust` on a small system with a database of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest

from ringward.cli import trust
from ringward.trust import rows, schema
from ringward.trust.entry import Entry, Pending
from ringward.trust.store import open_store
from tests.trust.system import SCRIPT, System, program

VALIDATOR = jsonschema.Draft202012Validator(schema.schema())
SURVEYS = frozenset({"init", "update", "verify", "gc"})
WITHOUT_OUTPUT = frozenset({"export", "hook"})


class Answer(NamedTuple):
    status: int
    out: str
    err: str


class TrustLab:
    """A system of two packages, `tools` and `shell`, and a program of none."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.system = System(folder / "root")
        self.system.package("tools", {"/usr/bin/true": program(), "/usr/bin/tool": SCRIPT})
        self.system.package("shell", {"/usr/bin/shell": b"#!/bin/shell\n"}, version="2.0")
        self.system.write("/usr/local/bin/own", b"#!/bin/own\n")
        self.database = folder / "trust.db"

    def run(self, action: str, *argv: str) -> Answer:
        """Run an action; as text."""
        more = ["--database", str(self.database)]
        if action in SURVEYS:
            more += ["--sysroot", str(self.system.root)]
        if action not in WITHOUT_OUTPUT and "--json" not in argv:
            more += ["--output", "text"]
        status = trust.main([action, *more, *argv])
        return Answer(status, *self.capsys.readouterr())

    def json(self, action: str, *argv: str) -> tuple[int, dict[str, Any]]:
        """Run an action; return its status and document, which is as the schema says."""
        answer = self.run(action, "--json", *argv)
        document = json.loads(answer.out)
        VALIDATOR.validate(document)
        return answer.status, document

    def entries(self) -> list[Entry]:
        with open_store(str(self.database)) as store:
            return list(rows.entries(store.connection))

    def pendings(self) -> list[Pending]:
        with open_store(str(self.database)) as store:
            return list(rows.pendings(store.connection))

    def paths(self) -> list[str]:
        return sorted(one.item.path for one in self.entries())

    def id_of(self, path: str) -> str:
        """Return the digest of what is known at a path."""
        (found,) = {one.item.digest for one in (*self.entries(), *self.pendings()) if one.item.path == path}
        return found.hex()
