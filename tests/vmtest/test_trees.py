# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from vmtest import trees
from vmtest.cache import ensure
from vmtest.errors import VmtestError
from vmtest.kernels import Kernel, find_kernel
from vmtest.packages import Package
from vmtest.trees import KernelTree, fetch_kernel, image_release, kernel_entry, make_relocatable


def meta(*depends: str) -> Package:
    return Package("linux-image-x", "1.0", tuple((name,) for name in depends), 0)


@pytest.mark.parametrize(
    ("name", "depends", "release"),
    [
        ("6.1", "linux-image-6.1.0-50-amd64", "6.1.0-50-amd64"),
        ("6.12", "linux-image-6.12.111+deb12-amd64", "6.12.111+deb12-amd64"),
    ],
)
def test_release_is_that_of_the_image_package(name: str, depends: str, release: str) -> None:
    assert image_release(find_kernel(name), meta("linux-base", depends)) == release


def test_meta_package_of_another_series_is_refused() -> None:
    """On Debian 13 linux-image-amd64 is 6.12."""
    with pytest.raises(VmtestError, match=r"gives kernel 6\.12\.9-amd64, not 6\.1"):
        image_release(find_kernel("6.1"), meta("linux-image-6.12.9-amd64"))


def test_meta_package_without_image_is_refused() -> None:
    with pytest.raises(VmtestError, match="depends on no kernel image"):
        image_release(find_kernel("6.1"), meta("linux-base"))


def test_tree_paths() -> None:
    tree = KernelTree("6.1.0-50-amd64", Path("/c"))
    assert tree.image == Path("/c/boot/vmlinuz-6.1.0-50-amd64")
    assert tree.modules == Path("/c/lib/modules/6.1.0-50-amd64")


def no_lists(_kernel: Kernel) -> str:
    raise VmtestError("apt knows no package")


def fill(tree: Path) -> list[str]:
    (tree / "boot").mkdir()
    return []


def test_without_lists_the_cached_kernel_is_used_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGWARD_CACHE", str(tmp_path))
    monkeypatch.setattr(trees, "resolve_release", no_lists)
    for release in ("6.1.0-50-amd64", "6.12.111+deb12-amd64"):
        ensure(kernel_entry(release), fill)
    said: list[str] = []
    assert fetch_kernel(find_kernel("6.1"), said.append).release == "6.1.0-50-amd64"
    assert said == ["using 6.1.0-50-amd64 from the cache: apt knows no package"]


def test_without_lists_and_cache_the_error_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGWARD_CACHE", str(tmp_path))
    monkeypatch.setattr(trees, "resolve_release", no_lists)
    ensure(kernel_entry("6.12.111+deb12-amd64"), fill)
    with pytest.raises(VmtestError, match="apt knows no package"):
        fetch_kernel(find_kernel("6.1"))


def test_unpacked_headers_are_made_relocatable(tmp_path: Path) -> None:
    own = tmp_path / "usr/src/linux-headers-6.1.0-50-amd64"
    common = tmp_path / "usr/src/linux-headers-6.1.0-50-common"
    modules = tmp_path / "lib/modules/6.1.0-50-amd64"
    for folder in (own, common, modules):
        folder.mkdir(parents=True)
    (own / "Makefile").write_text("include /usr/src/linux-headers-6.1.0-50-common/Makefile\nX := /usr/src/y\n")
    (modules / "build").symlink_to("/usr/src/linux-headers-6.1.0-50-amd64")
    (modules / "elsewhere").symlink_to("/not/in/the/package")
    (common / "relative").symlink_to("../x")
    make_relocatable(tmp_path, "6.1.0-50-amd64")
    first, second = (own / "Makefile").read_text().splitlines()
    assert first == ("include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))../linux-headers-6.1.0-50-common/Makefile")
    assert second == "X := /usr/src/y"
    assert (modules / "build").resolve() == own.resolve()
    assert not (modules / "build").readlink().is_absolute()
    assert str((modules / "elsewhere").readlink()) == "/not/in/the/package"
    assert str((common / "relative").readlink()) == "../x"
