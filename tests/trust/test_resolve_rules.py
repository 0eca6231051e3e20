from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ringward.trust import rows
from ringward.trust.entry import Entry, Item, Pending, Who
from ringward.trust.patterns import parse_name
from ringward.trust.resolve_rules import load_policy, resolve
from ringward.trust.rules import CLASS_SHIFT, FORCED, NAMED, TRUSTED, UNKNOWN, Action, Mode, Operation, Rule
from ringward.trust.store import StoreError, open_store, scratch_store
from ringward.trust.verdict import Level, Object, Subject, decide

WHO = Who(None, 0, 100)


def digest(letter: str) -> bytes:
    return letter.encode() * 32


def item(letter: str, **more: str) -> Item:
    return Item(digest(letter), "module image", **({"path": f"/lib/{letter}.ko"} | more))


@pytest.fixture
def connection() -> sqlite3.Connection:
    found = scratch_store("x").connection
    rows.add(
        found,
        [
            Entry(item("a", package="linux:amd64", name="usb_storage", signer="0a", signature="valid"), "dpkg", WHO),
            Entry(item("b", package="other", name="dummy", signer="0b", signature="unknown key"), "dpkg", WHO),
            Entry(item("c", path="/usr/bin/c", package="linux"), "dpkg", WHO),
            Entry(item("c", path="/opt/c"), "hand", WHO),
        ],
    )
    rows.wait(
        found,
        [
            Pending(item("p", name="pending", signer="0a", signature="valid"), "survey", "why", 1, 1),
            Pending(item("q", name="forged", signer="0a", signature="invalid"), "survey", "why", 1, 1),
        ],
    )
    return found


def rule(action: str = "deny", **conditions: object) -> Rule:
    return Rule("r", Action(action), **conditions)  # type: ignore[arg-type]


def holds(connection: sqlite3.Connection, one: Rule) -> str:
    """Return the letters of the known digests that a rule is for, and whether it is for unknown ones: '?'."""
    found = resolve(connection, [one])
    letters = [
        letter
        for letter in "abcpqz"
        if (value := found.known.find(digest(letter))) != UNKNOWN and found.classes[value >> CLASS_SHIFT] & 1
    ]
    return "".join(letters) + "?" * (found.classes[0] & 1)


@pytest.mark.parametrize(
    ("one", "letters"),
    [
        (rule(names=(parse_name("usb-storage"),)), "ac?"),
        (rule(names=(parse_name("d*"),)), "bc?"),
        (rule(packages=("linux",)), "ac"),
        (rule(packages=("linux:*",)), "a"),
        (rule(packages=("lin*", "other")), "abc"),
        (rule(paths=("/usr/*",)), "c"),
        (rule(paths=("/opt/?",)), "c"),
        (rule(paths=("/lib/[ab].ko",)), "ab"),
        (rule(packages=("linux",), paths=("/opt/c",)), ""),
        (rule(packages=("linux",), paths=("/usr/bin/c",)), "c"),
        (rule(digests=frozenset({digest("b"), digest("z")})), "bz"),
        (rule("deny", signers=("0a",)), "apq"),
        (rule("allow", signers=("0a",)), "ap"),
        (rule("allow", signers=("0b",)), ""),
        (rule("deny", signers=("0b",)), "b"),
        (rule(signers=("0a",), names=(parse_name("pending"),)), "p"),
    ],
)
def test_whom_a_rule_is_for(connection: sqlite3.Connection, one: Rule, letters: str) -> None:
    assert holds(connection, one) == letters


def test_values_of_digests(connection: sqlite3.Connection) -> None:
    for rules in ([], [rule(flags=FORCED)], [rule(packages=("linux",))]):
        found = resolve(connection, rules)
        assert found.known.find(digest("a")) & TRUSTED
        assert not found.known.find(digest("p")) & TRUSTED
        assert found.known.find(digest("x")) == UNKNOWN
    assert found.known.find(digest("a")) & NAMED
    assert not found.known.find(digest("c")) & NAMED


def test_rules_that_nothing_fits_are_told(connection: sqlite3.Connection) -> None:
    rules = [
        Rule("some", Action.DENY, packages=("linux",)),
        Rule("none", Action.DENY, packages=("gone",)),
        Rule("facts", Action.DENY, flags=FORCED),
    ]
    assert resolve(connection, rules).idle == ("none",)


def test_as_many_classes_as_there_are_answers(connection: sqlite3.Connection) -> None:
    rules = [Rule(f"r{number}", Action.DENY, packages=("linux",)) for number in range(256)]
    found = resolve(connection, rules)
    assert sorted(found.classes) == [0, (1 << 256) - 1]


def test_a_forged_signature_lets_nothing_in(connection: sqlite3.Connection) -> None:
    policy, _ = load_policy(connection, [rule("allow", signers=("0a",))], {Operation.MODULES: Mode.ENFORCE})
    verdicts = {letter: decide(Subject(), Object(Operation.MODULES, digest(letter)), policy) for letter in "apqx"}
    assert verdicts["a"].level is Level.DIGEST
    assert verdicts["p"].level is Level.SIGNER
    assert verdicts["q"].refused
    assert verdicts["x"].refused


def test_an_empty_list_is_no_policy() -> None:
    empty = scratch_store("x").connection
    rows.wait(empty, [Pending(item("p"), "survey", "why", 1, 1)])
    for rules in ([], [rule(packages=("x",))], [rule("allow", digests=frozenset({digest("p")}))]):
        with pytest.raises(StoreError, match="would let nothing in"):
            load_policy(empty, rules, {Operation.MODULES: Mode.ENFORCE})


COUNT = 200_000
LOAD = """
import sys
from pathlib import Path
from ringward.trust.resolve_rules import resolve
from ringward.trust.store import open_store
opened = open_store(sys.argv[1])
found = resolve(opened.connection, ())
assert len(found.known) == int(sys.argv[2])
# Not ru_maxrss, which an exec takes over from the process that forked.
(most,) = (line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
print(most)
"""


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "trust.db"
    with open_store(str(path), write=True, create=True) as opened, opened.change() as connection:
        rows.add(
            connection,
            (
                Entry(
                    Item(os.urandom(32), "program", f"/usr/lib/package-{number % 900}/file-{number}", "p", "1.0"),
                    "dpkg",
                    WHO,
                )
                for number in range(COUNT)
            ),
        )
    return path


def test_200_000_digests_take_less_than_80_mb(large: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LOAD, large, str(COUNT)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 80 * 1024  # kB


def test_200_000_digests_and_rules(large: Path) -> None:
    rules = [Rule(f"r{number}", Action.DENY, paths=(f"/usr/lib/package-{number}/*",)) for number in range(3)]
    with open_store(str(large)) as opened:
        found = resolve(opened.connection, rules)
    assert len(found.known) == COUNT
    assert sorted(found.classes) == [0, 1, 2, 4]
