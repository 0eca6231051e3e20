from __future__ import annotations

from pathlib import Path

import pytest

from ringward.kmod.compression import read_module
from ringward.kmod.errors import KmodError
from ringward.kmod.module_image import PAGE, ModuleImage, taint_letters
from tests.kmod.conftest import KernelTree
from tests.kmod.tiny_module import EXIT, INIT, build

# As modules of Debian's 6.1.0-56 and 6.12.117 were seen in /sys/module/NAME/coresize.
CORE_SIZES = {
    "6.1": {"fs/fat/fat": 90112, "fs/fat/vfat": 24576, "fs/fat/msdos": 20480, "drivers/block/loop": 32768},
    "6.12": {"fs/fat/fat": 102400, "fs/fat/vfat": 24576, "fs/fat/msdos": 16384, "drivers/block/loop": 40960},
}


def image(file: Path) -> ModuleImage:
    return ModuleImage(file.read_bytes(), str(file))


def test_needs_and_parameters(tmp_path: Path) -> None:
    made = image(
        build(
            tmp_path,
            "tiny",
            "depends=snd-pcm,fat",
            "parm=level:how much",
            "parmtype=level:int",
            "parm=bare:without type",
            "parmtype=names:array of charp",
        )
    )
    assert (made.name, made.depends) == ("tiny", ["snd_pcm", "fat"])
    assert made.parameters == {"level": "int", "bare": "", "names": "array of charp"}
    assert made.bits == 64


def test_a_module_that_needs_nothing(tmp_path: Path) -> None:
    assert image(build(tmp_path, "tiny", "depends=")).depends == []


@pytest.mark.parametrize(("code", "permanent"), [(INIT + EXIT, False), (INIT, True), (EXIT, False), ("int x;", False)])
def test_what_has_no_exit_function_stays(tmp_path: Path, code: str, permanent: bool) -> None:
    assert image(build(tmp_path, "tiny", code=code)).permanent == permanent


@pytest.mark.parametrize(
    ("info", "taint"),
    [
        (("license=GPL", "intree=Y"), "E"),
        (("license=Dual MIT/GPL",), "OE"),
        (("license=Proprietary", "intree=Y"), "PE"),
        (("license=GPL v2", "intree=Y", "staging=Y"), "CE"),
        (("license=GPL", "livepatch=Y"), "OEK"),
        ((), "POE"),
    ],
)
def test_taint(tmp_path: Path, info: tuple[str, ...], taint: str) -> None:
    assert taint_letters(image(build(tmp_path, "tiny", *info)).taint) == taint


def test_a_signed_module_of_the_kernel_taints_nothing_for_sure(kernel_tree: KernelTree) -> None:
    suffix = ".ko.xz" if kernel_tree.version.startswith("6.12") else ".ko"
    file = f"{kernel_tree.directory}/kernel/fs/fat/fat{suffix}"
    assert ModuleImage(read_module(file), file).taint == set()


def test_without_a_name_the_file_gives_it(tmp_path: Path) -> None:
    assert image(build(tmp_path, "snd-tiny", "license=GPL", named=False)).name == "snd_tiny"


def test_the_size_is_that_of_the_kernel(kernel_tree: KernelTree) -> None:
    series = "6.12" if kernel_tree.version.startswith("6.12") else "6.1"
    off = []
    for stem, size in CORE_SIZES[series].items():
        file = f"{kernel_tree.directory}/kernel/{stem}.ko{'.xz' if series == '6.12' else ''}"
        off.append(abs(ModuleImage(read_module(file), file).size() - size) // PAGE)
    assert max(off) <= 1
    assert off.count(0) >= len(off) // 2


def test_what_is_no_module_is_an_error() -> None:
    with pytest.raises(KmodError, match=r"file\.ko"):
        ModuleImage(b"nothing of the kind", "file.ko")
