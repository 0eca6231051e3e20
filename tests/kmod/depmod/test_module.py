from __future__ import annotations

import pytest

from ringward.kmod.depmod.module import Module, Place, is_module, reason, uncompressed
from ringward.kmod.errors import KmodError


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("a.ko", True),
        ("a.ko.gz", True),
        ("a.ko.xz", True),
        ("a.ko.zst", True),
        (".hidden.ko", True),
        ("a.b.ko", True),
        (".ko", False),
        (".ko.xz", False),
        ("ko", False),
        ("a.KO", False),
        ("a.ko.bz2", False),
        ("a.o", False),
    ],
)
def test_what_is_a_module(name: str, answer: bool) -> None:
    assert is_module(name) == answer


def test_a_compressed_module_is_listed_as_an_uncompressed_one() -> None:
    assert [uncompressed(f"k/a.ko{end}") for end in ("", ".gz", ".xz", ".zst")] == ["k/a.ko"] * 4
    assert uncompressed("k/a.txt") == "k/a.txt"


def test_modinfo_is_taken_by_its_key() -> None:
    module = Module("a", "/a.ko")
    module.take_modinfo(["alias=x", "aliases=y", "alias", "softdep=pre: b", "weakdep=c d", "softdeps=1", "alias=k=v"])
    assert (module.aliases, module.softdeps, module.weakdeps) == (["x", "", "k=v"], ["pre: b"], ["c d"])


def test_the_path_of_modules_dep() -> None:
    assert Module("a", "/m/k/a.ko", "k/a.ko").listed == "k/a.ko"
    assert Module("a", "/else/a.ko").listed == "/else/a.ko"


def test_a_place_has_two_names() -> None:
    file = Place("/lib", "/image/lib").file("x")
    assert (file.shown, file.real) == ("/lib/x", "/image/lib/x")
    assert Place("/lib").real == "/lib"


def test_reasons_have_no_path() -> None:
    assert reason(FileNotFoundError(2, "No such file or directory", "/x")) == "No such file or directory"
    assert reason(KmodError("/x", "cut off", 5)) == "offset 5: cut off"
    assert reason(KmodError("/x", "cut off")) == "cut off"
