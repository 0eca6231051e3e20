from __future__ import annotations

from tests.cli.trust_lab import TrustLab


def test_an_entry(trusts: TrustLab) -> None:
    trusts.run("init")
    digest = trusts.id_of("/usr/bin/tool")
    answer = trusts.run("show", digest[:12])
    assert answer.status == 0
    values = dict(line.split(maxsplit=1) for line in answer.out.splitlines())
    assert values["digest"] == digest
    assert (values["kind"], values["path"], values["of"]) == ("script", "/usr/bin/tool", "tools 1.0")
    assert values["trusted"].startswith("by dpkg, 20")
    assert trusts.json("show", digest[:12])[1]["trusted"][0]["digest"] == digest


def test_what_waits_and_what_is_below_a_directory(trusts: TrustLab) -> None:
    trusts.run("init")
    answer = trusts.run("show", "/usr/local", "/usr/bin")
    assert answer.out.count("digest ") == 4
    assert "why        it is of no package" in answer.out


def test_what_is_not_known(trusts: TrustLab) -> None:
    trusts.run("init")
    answer = trusts.run("show", "/nowhere", "ffffffff", "/usr/bin/tool")
    assert answer.status == 1
    assert "nothing is known of /nowhere" in answer.err
    assert "no digest begins with ffffffff" in answer.err
    assert "/usr/bin/tool" in answer.out
