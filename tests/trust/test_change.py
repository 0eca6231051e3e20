from __future__ import annotations

from ringward.trust.change import Blind, Change, of_entries, of_old, of_survey
from ringward.trust.entry import Entry, Item, Pending, Who
from ringward.trust.judge import Judgement
from ringward.trust.sources.fault import Fault
from ringward.trust.survey import Survey

WHO = Who(1000, 0, 100)
LATER = Who(None, 0, 200)


def digest(letter: str) -> bytes:
    return letter.encode() * 32


def item(letter: str, path: str = "", package: str = "p", **more: str) -> Item:
    return Item(digest(letter), "program", path or f"/usr/bin/{letter}", package, "1", **more)


def entry(letter: str, source: str = "dpkg", **more: str) -> Entry:
    return Entry(item(letter, **more), source, WHO)


def waits(letter: str, seen: str = "survey", **more: str) -> Pending:
    return Pending(item(letter, **more), seen, "why", 100, 100)


def survey(*judgements: Judgement, faults: tuple[Fault, ...] = ()) -> Survey:
    return Survey(judgements=list(judgements), faults=list(faults))


def good(letter: str, **more: str) -> Judgement:
    return Judgement(item(letter, **more), "dpkg")


def bad(letter: str, why: str = "why", **more: str) -> Judgement:
    return Judgement(item(letter, **more), "", why)


def test_what_is_vouched_for_is_added_once() -> None:
    change = of_survey(survey(good("a"), good("b")), [entry("a")], [], LATER)
    assert change == Change(add=[Entry(item("b"), "dpkg", LATER)])
    assert not of_survey(survey(good("a")), [entry("a")], [], LATER)


def test_nothing_is_removed() -> None:
    assert not of_survey(survey(), [entry("a")], [], LATER)


def test_a_signature_that_was_checked_since_is_renewed() -> None:
    change = of_survey(survey(good("a", signature="valid")), [entry("a", signature="could not look")], [], LATER)
    assert [one.item.signature for one in change.renew] == ["valid"]
    assert not change.add


def test_the_rest_waits() -> None:
    change = of_survey(survey(bad("a"), bad("b"), bad("b", path="/other")), [entry("a", source="approved")], [], LATER)
    assert change.wait == [Pending(item("b"), "survey", "why", 200, 200)]
    # Trusted by any path is trusted.
    assert not of_survey(survey(good("a"), bad("a", path="/copy")), [entry("a")], [], LATER)


def test_what_waits_already_is_not_told_again() -> None:
    assert not of_survey(survey(bad("a")), [], [waits("a")], LATER)
    assert of_survey(survey(bad("a", "another reason")), [], [waits("a")], LATER).wait
    # Denied or learned says more than that nothing vouches for it.
    assert not of_survey(survey(bad("a", "another reason")), [], [waits("a", "denied")], LATER)


def test_what_is_gone_or_vouched_for_waits_no_longer() -> None:
    change = of_survey(survey(good("a")), [], [waits("a"), waits("b"), waits("c", "learned")], LATER)
    assert [one.item.digest for one in change.forget] == [digest("a"), digest("b")]
    blind = of_survey(survey(faults=(Fault("/usr/bin/b", "x"),)), [], [waits("b")], LATER)
    assert not blind


def test_entries_that_were_asked_for() -> None:
    change = of_entries([entry("a", "hand"), entry("a", "hand")], [entry("a")], [waits("a"), waits("b")])
    assert change.add == [entry("a", "hand")], "another reason to trust it is another entry"
    assert change.forget == [waits("a")]
    assert not of_entries([entry("a")], [entry("a")], [])


def test_old_entries() -> None:
    entries = [entry("a"), entry("b"), entry("c", "hand"), entry("d", "approved"), entry("e", "import"), entry("f")]
    found = survey(good("a"), bad("x"), faults=(Fault("/usr/bin/f", "unreadable"),))
    assert of_old(found, entries).remove == [entry("b")]
    # The same bytes elsewhere are another file.
    assert of_old(survey(good("a", path="/moved")), [entry("a")]).remove == [entry("a")]
    # What differs from its package is there all the same, until somebody decides.
    assert not of_old(survey(bad("a")), [entry("a", "directory")])


def test_where_nothing_is_known() -> None:
    blind = Blind([Fault("/usr/lib", "x"), Fault("/etc/a", "x")])
    assert blind.covers("/usr/lib/x/y")
    assert blind.covers("/etc/a")
    assert not blind.covers("/usr/libx")
    assert not blind.covers("/etc")
    assert not blind.covers("")
