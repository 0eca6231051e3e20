from __future__ import annotations

import pytest

from ringward.cli.errors import UsageError
from tests.cli.trust_lab import TrustLab


@pytest.fixture
def filled(trusts: TrustLab) -> TrustLab:
    trusts.run("init")
    trusts.run("approve", "/usr/local")
    return trusts


def test_a_digest_goes_with_all_its_entries(filled: TrustLab) -> None:
    filled.run("add", str(filled.system.path("/usr/bin/tool")))
    assert len(filled.paths()) == 5
    answer = filled.run("remove", filled.id_of("/usr/bin/tool"))
    assert answer.status == 0
    assert "not to be trusted any more: 2 entries\n" in answer.out
    assert "the next update trusts that again" in answer.err
    assert len(filled.paths()) == 3


def test_what_is_below_a_path(filled: TrustLab) -> None:
    answer = filled.run("remove", "/usr/local")
    assert answer.err == ""
    assert filled.paths() == ["/usr/bin/shell", "/usr/bin/tool", "/usr/bin/true"]


def test_a_dry_run(filled: TrustLab) -> None:
    assert "- " in filled.run("remove", "/usr", "--dry-run").out
    assert len(filled.paths()) == 4


def test_what_is_not_trusted(filled: TrustLab) -> None:
    with pytest.raises(UsageError, match="nothing is known of /nowhere"):
        filled.run("remove", "/usr/bin/tool", "/nowhere")
    filled.system.write("/usr/bin/waits", b"#!/bin/waits\n")
    filled.run("update")
    with pytest.raises(UsageError, match=r"it waits for a decision \(it is of no package\)"):
        filled.run("remove", "/usr/bin/waits")
    assert len(filled.paths()) == 4
