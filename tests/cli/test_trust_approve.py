from __future__ import annotations

import pytest

from ringward.cli.errors import UsageError
from ringward.trust import rows
from ringward.trust.entry import Item, Pending, alias
from ringward.trust.resolve_rules import load_policy
from ringward.trust.rules import Action, Mode, Operation
from ringward.trust.store import open_store
from ringward.trust.verdict import Level, Object, Subject, Verdict, decide
from tests.cli.trust_lab import TrustLab


@pytest.fixture
def filled(trusts: TrustLab) -> TrustLab:
    trusts.run("init")
    with open_store(str(trusts.database), write=True) as store, store.change() as connection:
        rows.wait(
            connection,
            [
                Pending(Item(bytes([number]) * 32, "module image", "", name=name), seen, f"{seen} once", 1, 2, 3)
                for number, (name, seen) in enumerate([("new", "learned"), ("other", "learned"), ("bad", "denied")], 1)
            ],
        )
    return trusts


def test_an_id(filled: TrustLab) -> None:
    answer = filled.run("approve", "0303", "--reason", "looked at it")
    assert answer.status == 0
    assert "waiting no longer: 1 digest" in answer.out
    (one,) = (each for each in filled.entries() if each.source == "approved")
    assert (one.item.name, one.reason) == ("bad", "looked at it")
    assert len(filled.pendings()) == 3
    with pytest.raises(UsageError, match="0303 is trusted: 030303030303 by approved"):
        filled.run("approve", "0303")


def test_all_that_was_learned(filled: TrustLab) -> None:
    filled.run("approve", "--learned")
    assert sorted(one.item.name for one in filled.entries() if one.source == "approved") == ["new", "other"]
    assert {one.reason for one in filled.entries() if one.source == "approved"} == {"learned: learned once"}
    assert sorted(one.seen for one in filled.pendings()) == ["denied", "survey"]
    assert "nothing to change" in filled.run("approve", "--learned").out


def test_an_alias(filled: TrustLab) -> None:
    with open_store(str(filled.database), write=True) as store, store.change() as connection:
        rows.wait(connection, [Pending(alias("net-pf-29"), "denied", "refused once", 1, 2)])
    assert "net_pf_29" in filled.run("list", "--pending").out
    filled.run("approve", "net-pf-29")
    (one,) = (each for each in filled.entries() if each.source == "approved")
    assert (one.item, one.reason) == (alias("net-pf-29"), "denied: refused once")
    # The guard lets the kernel ask for it from then on, and for no other.
    with open_store(str(filled.database)) as store:
        closed = frozenset({Operation.AUTOLOAD})
        policy, _ = load_policy(store.connection, (), {Operation.AUTOLOAD: Mode.ENFORCE}, closed)
    for name, verdict in (
        (b"net-pf-29", Verdict(Action.ALLOW, Level.DIGEST)),
        (b"net-pf-28", Verdict(Action.DENY, Level.DEFAULT, refused=True)),
    ):
        asked = Object(Operation.AUTOLOAD, alias(name.decode()).digest, alias=name)
        assert decide(Subject(uid=1000), asked, policy) == verdict


def test_a_directory(filled: TrustLab) -> None:
    filled.run("approve", "/usr/local")
    assert "/usr/local/bin/own" in filled.paths()
    # What was approved stays, whatever the next survey says.
    filled.run("update")
    assert "/usr/local/bin/own" in filled.paths()
    assert len(filled.pendings()) == 3


def test_a_dry_run(filled: TrustLab) -> None:
    status, document = filled.json("approve", "0303", "--dry-run")
    assert (status, document["done"], len(document["settled"])) == (0, False, 1)
    assert len(filled.pendings()) == 4


def test_what_is_not_there(filled: TrustLab) -> None:
    with pytest.raises(UsageError, match="what"):
        filled.run("approve")
    with pytest.raises(UsageError, match="no digest begins with ffff"):
        filled.run("approve", "0303", "ffff")
    assert len(filled.pendings()) == 4
