from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

from tests.cli.test_modinfo import ours, tree
from tests.kmod.elf_builder import Module
from tests.kmod.lab import VERSION, Lab
from tests.kmod.signing import appended, by_key_id, key
from tests.kmod.test_schema import strict

__all__ = ["tree"]


def checked(text: bytes) -> dict[str, Any]:
    """Return a document that has what the published schema says, and nothing else."""
    document: dict[str, Any] = json.loads(text)
    jsonschema.validate(document, strict())
    return document


def test_files_and_parts_of_the_kernel(tree: Lab) -> None:
    found = ours("-b", str(tree.root), "-k", VERSION, "--json", "one", "built", "no", "gone")
    assert found.status == 1
    assert b"Module no not found" in found.stderr
    document = checked(found.stdout)
    assert (document["v"], document["tool"]) == (1, "modinfo")
    one, built, gone = document["modules"]
    assert one["filename"] == f"{tree.directory}/kernel/one.ko"
    assert one["info"] == {"license": ["GPL"], "name": ["one"]}
    assert (one["verification"], len(one["sha256"]["elf"])) == (None, 64)
    assert built["parameters"] == [{"name": "p", "type": "int", "description": "text"}]
    assert gone["error"] == f"{tree.directory}/kernel/gone.ko: No such file or directory"
    assert (gone["name"], gone["builtin"], "info" in gone) == ("gone", False, False)
    assert document["certificates"] is None
    assert document["messages"] == ["Module no not found.", f"could not get modinfo from 'gone': {gone['error']}"]


def test_with_verification(tmp_path: Path) -> None:
    signer = key("builder")
    (tmp_path / "cert.pem").write_bytes(signer.pem)
    good, bad = tmp_path / "good.ko", tmp_path / "bad.ko"
    good.write_bytes(signer.sign(Module([b"name=good"]).build()))
    bad.write_bytes(Module([b"name=bad"]).build())
    found = ours("--json", "--cert", str(tmp_path / "cert.pem"), str(good))
    assert found.status == 0
    document = checked(found.stdout)
    assert document["certificates"] == {"sources": [str(tmp_path / "cert.pem")], "problems": []}
    assert document["modules"][0]["verification"]["result"] == "valid"
    both = ours("--json", "--cert", str(tmp_path / "cert.pem"), str(good), str(bad))
    assert both.status == 1
    assert [one["verification"]["result"] for one in checked(both.stdout)["modules"]] == ["valid", "unsigned"]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "m.ko"
    path.write_bytes(Module([b"author=\xff"]).build())
    assert checked(ours("--json", str(path)).stdout)["modules"][0]["info"]["author"] == ["\udcff"]


def test_signatures_of_every_kind_fit_the_schema(tmp_path: Path) -> None:
    image = Module([b"name=m"]).build()
    tails = [b"", appended(b"junk"), appended(b""), appended(by_key_id(key("builder"), image))]
    for number, tail in enumerate(tails):
        (tmp_path / f"{number}.ko").write_bytes(image + tail)
    found = checked(ours("--json", *(str(tmp_path / f"{number}.ko") for number in range(len(tails)))).stdout)
    assert [bool(one["signature"]) for one in found["modules"]] == [False, True, True, True]
