from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from ringward.kmod.errors import KmodError
from ringward.kmod.modinfo import image_info, parameters, plain_fields, read_info
from tests.kmod.elf_builder import Module
from tests.kmod.signing import key

STRINGS = [b"license=GPL", b"parm=a:text", b"alias=x=y", b"parmtype=b:int", b"lonely", b"alias=z"]


def test_fields_are_in_the_order_of_the_file() -> None:
    info = image_info(key("builder").sign(Module(STRINGS, build_id=bytes(range(20))).build()))
    assert [name for name, _ in info.fields()] == [
        "license",
        "alias",
        "lonely",
        "alias",
        "build-id",
        "sig_id",
        "signer",
        "sig_key",
        "sig_hashalgo",
        "signature",
    ]
    assert info.fields()[1] == ("alias", "x=y")
    assert info.fields()[2] == ("lonely", "")
    assert info.fields()[4] == ("build-id", "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13")
    assert info.values("alias") == ["x=y", "z"]
    assert info.values("lonely") == []


def test_parameters_are_merged_by_name_the_last_first() -> None:
    strings = [
        "parm=a:text [x]",
        "parmtype=b:int",
        "parmtype=a:charp",
        "parm=b:",
        "parm=wrong",
        "parmtype",
        "parm=a:new:1",
    ]
    found, wrong = parameters(["parmx=no:no", *strings, "x=parm=c:d"])
    assert [(one.name, one.description, one.type) for one in found] == [("b", "", "int"), ("a", "new:1", "charp")]
    assert wrong == ["parm=wrong", "parmtype="]
    assert plain_fields(strings) == []


@pytest.mark.parametrize(
    ("raw", "strings"),
    [(b"", []), (b"\0\0", []), (b"a=b", ["a=b"]), (b"a=b\0\0\0c=\xff\0\0", ["a=b", "c=\udcff"])],
)
def test_how_strings_end(raw: bytes, strings: list[str]) -> None:
    assert image_info(Module(raw_modinfo=raw).build()).strings == strings


@pytest.mark.parametrize("pack", [bytes, lzma.compress])
def test_of_a_file(tmp_path: Path, pack: type[bytes]) -> None:
    image = key("builder").sign(Module(STRINGS).build())
    path = tmp_path / "x.ko"
    path.write_bytes(pack(image))
    info = read_info(str(path))
    assert (info.path, info.size) == (str(path), len(image))
    assert info.fields() == image_info(image).fields()
    assert dict(info.fields())["signer"] == "builder"
    assert info.parameters()[0][0].name == "b"


def test_files_that_are_no_modules(tmp_path: Path) -> None:
    path = tmp_path / "x.ko"
    for data, why in (
        (b"", "too short"),
        (b"junk" * 10, "not an ELF file"),
        (Module().build(), r"no section \.modinfo"),
    ):
        path.write_bytes(data)
        with pytest.raises(KmodError, match=why) as found:
            read_info(str(path))
        assert found.value.path == str(path)
    with pytest.raises(FileNotFoundError):
        read_info(str(tmp_path / "absent.ko"))
