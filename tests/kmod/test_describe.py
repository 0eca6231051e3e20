from __future__ import annotations

import hashlib
import json
import lzma
from pathlib import Path

from ringward.kmod.certificates import Certificate
from ringward.kmod.describe import describe_builtin, describe_file
from ringward.kmod.verify import Trusted
from tests.kmod.elf_builder import Module
from tests.kmod.signing import Key, appended, by_key_id, key

ELF = Module(
    [
        b"license=GPL",
        b"alias=x",
        b"alias=y",
        b"intree=Y",
        b"name=m",
        b"import_ns=CRYPTO",
        b"parm=a:text",
        b"parmtype=a:int",
    ],
    build_id=b"\1\2",
).build()


def describe(path: Path, data: bytes, *trusted: Key | None) -> dict[str, object]:
    path.write_bytes(data)
    certificates = None
    if trusted:
        certificates = Trusted()
        certificates.certificates = [Certificate(one.der, "given") for one in trusted if one]
    found = describe_file(str(path), certificates)
    assert json.loads(json.dumps(found)) == found
    return found


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_all_of_a_signed_compressed_module(tmp_path: Path) -> None:
    image = key("builder").sign(ELF)
    data = lzma.compress(image)
    message = key("builder").message(ELF)
    assert describe(tmp_path / "m.ko.xz", data, key("builder")) == {
        "name": "m",
        "license": {"text": "GPL", "gpl_compatible": True},
        "info": {"license": ["GPL"], "alias": ["x", "y"], "intree": ["Y"], "name": ["m"], "import_ns": ["CRYPTO"]},
        "parameters": [{"name": "a", "type": "int", "description": "text"}],
        "import_ns": ["CRYPTO"],
        "build_id": "0102",
        "size": {"file": len(data), "image": len(image), "elf": len(ELF)},
        "sha256": {"file": sha256(data), "image": sha256(image), "elf": sha256(ELF)},
        "signature": {
            "type": "PKCS#7",
            "offset": len(ELF),
            "appended_bytes": len(image) - len(ELF),
            "why_unusable": None,
            "signers": [
                {
                    "name": "builder",
                    "serial": "1234",
                    "key_id": None,
                    "hash": "sha256",
                    "attributes": False,
                    "signature": message[-256:].hex(),
                }
            ],
            "certificates": 0,
        },
        "verification": {
            "result": "valid",
            "why": "signed by 'builder', checked by a certificate of given",
            "certificate_from": "given",
        },
        "taint": [],
    }


def test_an_unsigned_module_of_nobody(tmp_path: Path) -> None:
    image = Module([b"x=y"]).build()
    found = describe(tmp_path / "m.ko", image, key("builder"))
    assert found["name"] is None
    assert found["license"] == {"text": None, "gpl_compatible": False}
    assert found["signature"] is None
    assert found["sha256"] == dict.fromkeys(("file", "image", "elf"), sha256(image))
    assert isinstance(found["verification"], dict)
    assert found["verification"]["result"] == "unsigned"
    assert isinstance(found["taint"], list)
    assert [one["letter"] for one in found["taint"]] == ["P", "O", "E"]


def test_when_nobody_looked(tmp_path: Path) -> None:
    found = describe(tmp_path / "m.ko", key("builder").sign(ELF))
    assert found["verification"] is None
    assert isinstance(found["taint"], list)
    assert [(one["letter"], one["certain"]) for one in found["taint"]] == [("E", False)]


def test_signatures_of_other_kinds(tmp_path: Path) -> None:
    def signature(tail: bytes) -> dict[str, object]:
        found = describe(tmp_path / "m.ko", ELF + tail)["signature"]
        assert isinstance(found, dict)
        return found

    assert signature(appended(by_key_id(key("builder"), ELF)))["signers"][0]["key_id"] == key("builder").key_id.hex()
    damaged = signature(appended(b"junk"))
    assert damaged["signers"] == []
    assert "damaged at offset" in damaged["why_unusable"]
    assert signature(appended(b""))["why_unusable"] == "the signature is empty"
    assert signature(appended(b"x", bytes([0, 0, 1, 0, 0, 0, 0, 0])))["type"] == "X509"


def test_a_part_of_the_kernel() -> None:
    assert describe_builtin("m", ["license=GPL", "parm=a:b", "file=x"]) == {
        "name": "m",
        "info": {"license": ["GPL"], "file": ["x"]},
        "parameters": [{"name": "a", "type": None, "description": "b"}],
    }
