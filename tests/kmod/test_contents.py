from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ringward.kmod.contents import scan, scan_many
from ringward.kmod.elf import HAS_CRC, WEAK
from ringward.kmod.errors import KmodError
from tests.kmod import elf_builder
from tests.kmod.elf_builder import GLOBAL, Module

MODULE = Module(
    [b"alias=x", b"name=m"],
    [(b"maybe", elf_builder.WEAK), (b"printk", GLOBAL)],
    [(b"mine", 0xFFFFFFFF)],
    versions=[(b"printk", 0x89ABCDEF), (b"module_layout", 1)],
)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_depmod_needs_of_a_file(tmp_path: Path, pack: type[bytes]) -> None:
    path = tmp_path / "m.ko"
    path.write_bytes(pack(MODULE.build()))
    found = scan(str(path))
    assert (found.path, found.modinfo) == (str(path), ["alias=x", "name=m"])
    assert (found.exports, found.export_crcs) == (["mine"], [0xFFFFFFFF])
    assert found.wants == ["maybe", "printk", "module_layout"]
    assert memoryview(found.want_crcs).cast("I").tolist() == [0, 0x89ABCDEF, 1]
    assert list(found.want_flags) == [WEAK, HAS_CRC, HAS_CRC]


@pytest.mark.parametrize("suffix", [".ko", ".ko.gz"])
def test_many_files(tmp_path: Path, suffix: str) -> None:
    paths = []
    for number in range(100):
        path = tmp_path / f"{number}{suffix}"
        image = Module([b"name=%d" % number]).build()
        path.write_bytes(image if suffix == ".ko" else gzip.compress(image))
        paths.append(str(path))
    (tmp_path / f"50{suffix}").write_bytes(b"no module")
    paths.insert(20, str(tmp_path / f"absent{suffix}"))
    found = list(scan_many(paths))
    assert [path for path, _ in found] == paths
    assert isinstance(found[20][1], FileNotFoundError)
    assert isinstance(found[51][1], KmodError)
    names = [one.modinfo[0] for _, one in found if not isinstance(one, Exception)]
    assert names == [f"name={number}" for number in range(100) if number != 50]


def test_the_limit_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "m.ko"
    path.write_bytes(Module([b"x" * 100_000]).build())
    assert len(scan(str(path)).modinfo[0]) == 100_000
    with pytest.raises(KmodError, match="larger than the limit"):
        scan(str(path), 50_000)
