from __future__ import annotations

import pytest

from ringward.kmod.modinfo import image_info
from ringward.kmod.taint import GPL_COMPATIBLE, licence, taints
from ringward.kmod.verify import COULD_NOT_LOOK, INVALID, UNKNOWN_KEY, VALID, Verdict
from tests.kmod.elf_builder import Module
from tests.kmod.signing import appended


def letters(*strings: bytes, signed: bool = True, verdict: Verdict | None = None) -> str:
    info = image_info(Module(strings, appended=appended(b"x") if signed else b"").build())
    return "".join(one.letter if one.certain else f"({one.letter})" for one in taints(info, verdict))


def valid(word: str = VALID) -> Verdict:
    return Verdict(word, "because")


@pytest.mark.parametrize(
    ("strings", "flags"),
    [
        ([b"license=GPL", b"intree=Y"], ""),
        ([b"license=Proprietary", b"intree=Y"], "P"),
        ([b"intree=Y"], "P"),
        ([b"license=GPL", b"license=Proprietary", b"intree=Y"], ""),
        ([b"license=GPLv2", b"intree=Y"], "P"),
        ([b"license=GPL"], "O"),
        ([b"license=GPL", b"intree=Y", b"staging=Y"], "C"),
        ([b"license=GPL", b"intree=Y", b"livepatch=Y"], "K"),
        ([b"license=GPL", b"intree=Y", b"test=Y"], "N"),
        ([b"license=GPL", b"intree=Y", b"name=ndiswrapper"], "P"),
        ([b"name=driverloader"], "PO"),
    ],
)
def test_what_a_module_says_of_itself(strings: list[bytes], flags: str) -> None:
    assert letters(*strings, verdict=valid()) == flags


def test_its_signature() -> None:
    strings = [b"license=GPL", b"intree=Y"]
    assert letters(*strings, signed=False) == "E"
    assert letters(*strings) == "(E)"
    assert letters(*strings, verdict=valid(COULD_NOT_LOOK)) == "(E)"
    assert letters(*strings, verdict=valid(INVALID)) == "E"
    assert letters(*strings, verdict=valid(UNKNOWN_KEY)) == "E"


def test_licences() -> None:
    assert licence(image_info(Module([b"license=Dual MIT/GPL"]).build())) == ("Dual MIT/GPL", True)
    assert licence(image_info(Module([b"license="]).build())) == ("", False)
    assert licence(image_info(Module([b"x=y"]).build())) == (None, False)
    assert "BSD" not in GPL_COMPATIBLE
