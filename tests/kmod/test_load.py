from __future__ import annotations

import errno
import gzip
import lzma
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ringward.kmod import load, syscalls
from ringward.kmod.compression import read_module
from ringward.kmod.elf import Elf
from ringward.kmod.errors import KmodError
from ringward.kmod.load import (
    COMPRESSED_FILE,
    FORCE,
    IGNORE_MODVERSIONS,
    IGNORE_VERMAGIC,
    SIGNATURE_MARK,
    RefusedError,
    insert,
    insmod_reason,
    modprobe_reason,
    without_checks,
)
from ringward.kmod.proc import Live
from tests.kmod.conftest import KernelTree
from tests.kmod.elf_builder import Module

IMAGE = Module(modinfo=[b"name=tiny", b"vermagic=1.0 SMP"], versions=[(b"module_layout", 1)]).build()


class Kernel:
    """Stands in for the two calls; `answers` has the errno of each, 0 for success."""

    def __init__(self, finit: int, init: int) -> None:
        self.answers = {"finit_module": finit, "init_module": init}
        self.calls: list[tuple[str, bytes, bytes, int]] = []

    def answer(self, name: str) -> None:
        code = self.answers[name]
        if code:
            raise OSError(code, os.strerror(code))

    def finit_module(self, descriptor: int, options: bytes, flags: int) -> None:
        self.calls.append(("finit_module", os.pread(descriptor, 1 << 20, 0), options, flags))
        self.answer("finit_module")

    def init_module(self, image: bytes, options: bytes) -> None:
        self.calls.append(("init_module", image, options, 0))
        self.answer("init_module")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Kernel]:
    def make(*, finit: int = 0, init: int = 0, compression: str | None = None) -> Kernel:
        made = Kernel(finit, init)
        monkeypatch.setattr(syscalls, "finit_module", made.finit_module)
        monkeypatch.setattr(syscalls, "init_module", made.init_module)
        monkeypatch.setattr(Live, "compression", lambda _self: compression)
        return made

    return make


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """The same module plain and compressed."""
    made = {"plain": IMAGE, "xz": lzma.compress(IMAGE, check=lzma.CHECK_CRC32), "gzip": gzip.compress(IMAGE)}
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    return {name: str(tmp_path / name) for name in made}


def test_a_plain_file_goes_to_the_kernel_as_it_is(kernel: Callable[..., Kernel], files: dict[str, str]) -> None:
    made = kernel()
    assert insert(files["plain"], "a=1 b=\udcff", FORCE)
    assert made.calls == [("finit_module", IMAGE, b"a=1 b=\xff", FORCE)]


@pytest.mark.parametrize("kind", ["xz", "gzip"])
def test_what_the_kernel_can_unpack_it_unpacks(kernel: Callable[..., Kernel], files: dict[str, str], kind: str) -> None:
    made = kernel(compression=kind)
    insert(files[kind], "", IGNORE_VERMAGIC)
    assert made.calls == [("finit_module", Path(files[kind]).read_bytes(), b"", IGNORE_VERMAGIC | COMPRESSED_FILE)]


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_what_it_cannot_is_unpacked_for_it(
    kernel: Callable[..., Kernel], files: dict[str, str], compression: str | None
) -> None:
    made = kernel(compression=compression)
    insert(files["xz"], "a=1")
    assert made.calls == [("init_module", IMAGE, b"a=1", 0)]


def test_without_finit_module_the_image_is_given(kernel: Callable[..., Kernel], files: dict[str, str]) -> None:
    made = kernel(finit=errno.ENOSYS)
    insert(files["plain"], "a=1", FORCE)
    assert [call[0] for call in made.calls] == ["finit_module", "init_module"]
    assert made.calls[1][1] == without_checks(IMAGE, FORCE) != IMAGE


@pytest.mark.parametrize("code", [errno.ENOENT, errno.ENOEXEC, errno.EPERM, errno.EKEYREJECTED])
def test_what_the_kernel_refuses_is_not_tried_again(
    kernel: Callable[..., Kernel], files: dict[str, str], code: int
) -> None:
    made = kernel(finit=code)
    with pytest.raises(RefusedError) as caught:
        insert(files["plain"])
    assert (caught.value.errno, caught.value.filename, len(made.calls)) == (code, files["plain"], 1)


def test_the_second_call_may_be_refused_as_well(kernel: Callable[..., Kernel], files: dict[str, str]) -> None:
    kernel(finit=errno.ENOSYS, init=errno.EINVAL)
    with pytest.raises(RefusedError) as caught:
        insert(files["plain"])
    assert caught.value.errno == errno.EINVAL


def test_a_loaded_module_is_a_fault_only_the_first_time(kernel: Callable[..., Kernel], files: dict[str, str]) -> None:
    kernel(finit=errno.EEXIST)
    assert insert(files["plain"], first_time=False) is False
    with pytest.raises(RefusedError):
        insert(files["plain"], first_time=True)
    kernel(finit=errno.EBUSY)
    with pytest.raises(RefusedError):
        insert(files["plain"], first_time=False)


def test_a_file_that_cannot_be_read_never_gets_to_the_kernel(
    kernel: Callable[..., Kernel], files: dict[str, str], tmp_path: Path
) -> None:
    made = kernel()
    with pytest.raises(FileNotFoundError):
        insert(str(tmp_path / "nothing"))
    with pytest.raises(IsADirectoryError):
        insert(str(tmp_path))
    cut = tmp_path / "cut"
    cut.write_bytes(Path(files["xz"]).read_bytes()[:-20])
    with pytest.raises(KmodError, match="cut"):
        insert(str(cut))
    assert made.calls == []


def test_without_checks_nothing_else_changes(kernel_tree: KernelTree) -> None:
    suffix = ".ko.xz" if kernel_tree.version.startswith("6.12") else ".ko"
    image = read_module(f"{kernel_tree.directory}/kernel/fs/fat/fat{suffix}")
    assert without_checks(image, 0) is image
    assert image.endswith(SIGNATURE_MARK)
    unsigned = image.removesuffix(SIGNATURE_MARK)
    bare = without_checks(image, IGNORE_MODVERSIONS)
    changed = [at for at in range(len(unsigned)) if image[at] != bare[at]]
    assert (len(changed), len(bare)) == (1, len(unsigned))
    assert image[changed[0]] - bare[changed[0]] == 2  # SHF_ALLOC
    mute = without_checks(image, IGNORE_VERMAGIC)
    at = image.index(b"vermagic=")
    end = image.index(b"\0", at)
    assert mute == image[:at] + bytes(end - at) + unsigned[end:]
    assert [text for text in Elf(mute).modinfo() if text.startswith("vermagic")] == []
    both = without_checks(image, FORCE)
    assert [both[at] for at in changed] == [bare[at] for at in changed]
    assert both[:at] == bare[:at]


def test_readelf_sees_that_the_versions_are_not_loaded(kernel_tree: KernelTree, tmp_path: Path) -> None:
    suffix = ".ko.xz" if kernel_tree.version.startswith("6.12") else ".ko"
    image = read_module(f"{kernel_tree.directory}/kernel/fs/fat/fat{suffix}")
    seen = []
    for number, data in enumerate((image, without_checks(image, IGNORE_MODVERSIONS))):
        file = tmp_path / f"{number}.ko"
        file.write_bytes(data)
        out = subprocess.run(["readelf", "-SW", file], check=True, capture_output=True, text=True).stdout
        seen.append([line.split()[-4] for line in out.splitlines() if " __versions " in line])
    assert seen[0] == ["A"]
    assert seen[1] != ["A"]
    assert len(seen[1]) == 1


@pytest.mark.parametrize(("bits", "big"), [(32, False), (32, True), (64, True)])
def test_other_machines(bits: int, big: bool) -> None:
    flags = b"\x12\x34\x56\x7a" if bits == 32 else b"\0\0\0\0\x12\x34\x56\x7a"
    module = Module(modinfo=[b"x=1", b"vermagic=1"], versions=[(b"a", 1)], bits=bits, big=big)
    image = bytearray(module.build())
    elf = Elf(bytes(image))
    (index,) = [at for at, section in enumerate(elf.sections) if section.name == "__versions"]
    at = module.offsets[b"headers"] + index * (64 if bits == 64 else 40) + 8
    image[at : at + len(flags)] = flags if big else flags[::-1]
    changed = without_checks(bytes(image), FORCE)
    order = "big" if big else "little"
    assert int.from_bytes(changed[at : at + len(flags)], order) == 0x12345678
    assert Elf(changed).modinfo()[0] == "x=1"
    assert b"vermagic" not in changed


def test_what_is_no_module_is_left_to_the_kernel() -> None:
    assert without_checks(b"#!/bin/sh\n", FORCE) == b"#!/bin/sh\n"


def test_without_anything_to_check_nothing_changes() -> None:
    """kmod 34 does not load such a module by force where there is no finit_module."""
    image = Module([b"name=m"]).build()
    assert without_checks(image, FORCE) == image


def test_what_the_tools_say() -> None:
    assert insmod_reason(errno.ENOENT) == "Unknown symbol in module"
    assert insmod_reason(errno.ENOEXEC) == "Invalid module format"
    assert insmod_reason(errno.EINVAL) == "Invalid parameters"
    assert insmod_reason(errno.EEXIST) == "File exists"
    assert modprobe_reason(errno.EEXIST) == "Module already in kernel"
    assert modprobe_reason(errno.ENOENT) == "Unknown symbol in module, or unknown parameter (see dmesg)"
    assert modprobe_reason(errno.EPERM) == "Operation not permitted"


def test_flags_are_those_of_the_kernel() -> None:
    header = Path("/usr/include/linux/module.h").read_text(encoding="ascii")
    told = dict(line.split()[1:3] for line in header.splitlines() if "MODULE_INIT_" in line)
    assert int(told["MODULE_INIT_IGNORE_MODVERSIONS"]) == load.IGNORE_MODVERSIONS
    assert int(told["MODULE_INIT_IGNORE_VERMAGIC"]) == load.IGNORE_VERMAGIC
    assert int(told.get("MODULE_INIT_COMPRESSED_FILE", 4)) == load.COMPRESSED_FILE
