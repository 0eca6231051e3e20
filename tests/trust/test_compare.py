from __future__ import annotations

import dataclasses

from ringward.trust.compare import compare
from ringward.trust.entry import Entry, Item
from ringward.trust.judge import Judgement
from ringward.trust.sources.fault import Fault
from tests.trust.test_change import WHO, bad, digest, entry, good, item, survey

HERE = {("p", "1")}


def states(*entries: Entry, found: tuple[Judgement, ...] = (), faults: tuple[Fault, ...] = ()) -> list[tuple[str, str]]:
    seen = dataclasses.replace(survey(*found, faults=faults), installed=HERE)
    return [(str(one.state), one.item.path) for one in compare(seen, entries).mismatches]


def test_a_machine_as_it_should_be() -> None:
    answer = compare(dataclasses.replace(survey(good("a"), good("b")), installed=HERE), [entry("a"), entry("b")])
    assert answer == ([], 2, 0)


def test_changed_missing_and_new() -> None:
    changed = bad("x", path="/usr/bin/a")
    assert states(entry("a"), entry("b"), found=(changed, bad("c"))) == [
        ("changed", "/usr/bin/a"),
        ("missing", "/usr/bin/b"),
        ("new", "/usr/bin/c"),
    ]


def test_what_a_package_vouches_for_and_nobody_has_added_is_a_mismatch() -> None:
    # The database decides, not the package: it has to be updated.
    assert states(entry("a"), found=(good("x", path="/usr/bin/a"),)) == [("changed", "/usr/bin/a")]


def test_trusted_bytes_are_trusted_anywhere() -> None:
    assert states(entry("a"), found=(good("a"), bad("a", path="/copy"))) == []


def test_another_trusted_file_in_the_place_of_one_is_told() -> None:
    placed = bad("x", path="/usr/bin/a")
    assert states(entry("x"), entry("a"), found=(good("x"), placed)) == [("changed", "/usr/bin/a")]
    (mismatch,) = compare(
        dataclasses.replace(survey(placed), installed=HERE), [entry("x", "hand"), entry("a")]
    ).mismatches
    assert mismatch.why == "why; its bytes are trusted, of another path"
    # Somebody let it in there, or wherever it is.
    for path in ("/usr/bin/a", ""):
        let_in = Entry(item("x")._replace(path=path), "approved", WHO)
        assert states(entry("a"), let_in, found=(placed,)) == []


def test_what_is_not_installed_any_more_is_not_missing() -> None:
    old = Entry(Item(digest("o"), "program", "/usr/bin/a", "p", "0.9"), "dpkg", WHO)
    seen = dataclasses.replace(survey(good("a")), installed=HERE)
    assert compare(seen, [entry("a"), old]) == ([], 1, 1)
    # The file of the old version is there again: trusted, as long as its entry stays.
    assert states(entry("a"), old, found=(bad("o", path="/usr/bin/a"),)) == []
    # Strange bytes where an old version was.
    assert states(old, found=(bad("x", path="/usr/bin/a"),)) == [("changed", "/usr/bin/a")]


def test_what_somebody_added_need_not_be_there() -> None:
    assert states(entry("a", "hand"), entry("b", "import"), entry("c", "approved")) == []
    assert states(entry("a", "directory")) == [("missing", "/usr/bin/a")]


def test_what_could_not_be_looked_at_is_not_missing() -> None:
    assert states(entry("a"), entry("b"), faults=(Fault("/usr/bin/a", "x"),)) == [("missing", "/usr/bin/b")]


def test_a_compressed_module_is_told_once() -> None:
    file = item("f", "/m.ko.xz")._replace(kind="module file")
    image = item("i", "/m.ko.xz")._replace(kind="module image")
    entries = [Entry(one, "dpkg", WHO) for one in (file, image)]
    found = (
        Judgement(file._replace(digest=digest("x")), "", "why"),
        Judgement(image._replace(digest=digest("y")), "", "why"),
    )
    assert states(*entries, found=found) == [("changed", "/m.ko.xz")]
    assert states(*entries) == [("missing", "/m.ko.xz")]
