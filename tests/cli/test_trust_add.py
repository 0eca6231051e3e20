from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from ringward.cli.errors import UsageError
from ringward.kmod.verify import VALID
from tests.cli.trust_lab import TrustLab
from tests.kmod.signing import key
from tests.kmod.tiny_module import build
from tests.trust.system import SCRIPT, program, sha256


@pytest.fixture
def filled(trusts: TrustLab) -> TrustLab:
    trusts.run("init")
    return trusts


def test_a_file(filled: TrustLab) -> None:
    answer = filled.run("add", str(program()), "--reason", "I want it")
    assert answer.status == 0
    assert "to be trusted: 1 entry\n" in answer.out
    assert "are now trusted" in answer.out
    (one,) = (each for each in filled.entries() if each.source == "hand")
    assert (one.item.digest, one.item.path, one.reason) == (sha256(program()), str(program()), "I want it")
    assert "nothing to change" in filled.run("add", str(program())).out


def test_a_link_is_followed(filled: TrustLab, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(program())
    filled.run("add", str(tmp_path / "link"))
    assert str(program()) in filled.paths()


def test_a_compressed_signed_module(filled: TrustLab, tmp_path: Path) -> None:
    owner = key("owner")
    (tmp_path / "owner.pem").write_bytes(owner.pem)
    path = build(tmp_path, "m")
    path.write_bytes(owner.sign(path.read_bytes()))
    image = sha256(path)
    subprocess.run(["xz", path], check=True)
    filled.run("add", f"{path}.xz", "--certificate", str(tmp_path / "owner.pem"))
    new = {one.item.kind: one.item for one in filled.entries() if one.source == "hand"}
    assert {kind: item.digest for kind, item in new.items()} == {
        "module file": sha256(Path(f"{path}.xz")),
        "module image": image,
    }
    assert {item.signature for item in new.values()} == {VALID}
    assert {item.name for item in new.values()} == {"m"}


def test_a_digest(filled: TrustLab) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    filled.run("add", "--digest", digest.upper(), "--kind", "module image")
    (one,) = (each for each in filled.entries() if each.source == "hand")
    assert (one.item.digest.hex(), one.item.kind, one.item.path) == (digest, "module image", "")


def test_an_alias(filled: TrustLab) -> None:
    answer = filled.run("add", "--alias", "net-pf-29")
    digest = hashlib.sha256(b"net_pf_29").hexdigest()
    assert f"  + {digest[:12]}  alias         net_pf_29" in answer.out
    assert filled.run("show", "net-pf-29").out.splitlines()[:3] == [
        f"digest     {digest}",
        "kind       alias",
        "alias      net_pf_29",
    ]
    status, document = filled.json("list", "--kind", "alias")
    (one,) = document["trusted"]
    assert (status, one["alias"], one["digest"], one.get("module")) == (0, "net_pf_29", digest, None)
    filled.run("remove", "net-pf-29")
    assert all(each.item.kind != "alias" for each in filled.entries())


def test_what_waited_waits_no_longer(filled: TrustLab) -> None:
    answer = filled.run("add", str(filled.system.path("/usr/local/bin/own")))
    assert "waiting no longer: 1 digest" in answer.out
    assert filled.pendings() == []


def test_a_dry_run(filled: TrustLab) -> None:
    before = filled.database.read_bytes()
    status, document = filled.json("add", str(program()), "--dry-run")
    assert (status, document["done"], len(document["added"])) == (0, False, 1)
    assert filled.database.read_bytes() == before


def test_what_cannot_be_added(filled: TrustLab, tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(SCRIPT)
    (tmp_path / "text").chmod(0o644)
    for argv, why in (
        ([], "what"),
        ([str(tmp_path)], "is a directory: ringward trust init --directory"),
        ([str(tmp_path / "text")], "is no ELF program"),
        ([str(tmp_path / "gone")], "No such file"),
        (["--digest", "00"], "needs --kind"),
        (["--digest", "00", "--kind", "alias"], "invalid choice"),
        (["--digest", "00", "--kind", "script"], "not 64 hexadecimal digits"),
        ([str(program()), str(tmp_path / "gone")], "No such file"),
    ):
        with pytest.raises(UsageError, match=why):
            filled.run("add", *argv)
    assert len(filled.paths()) == 3
