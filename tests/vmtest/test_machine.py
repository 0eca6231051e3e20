# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vmtest import machine
from vmtest.accel import Accelerator
from vmtest.errors import UsageError, VmtestError
from vmtest.machine import (
    Shape,
    append_words,
    check_path,
    check_seen,
    find_tool,
    overlay_folders,
    virtme_arguments,
)
from vmtest.trees import KernelTree

TREE = KernelTree("6.1.0-50-amd64", Path("/home/u/.cache/ringward/kernels/6.1.0-50-amd64"))
TCG, KVM = Accelerator("tcg", ""), Accelerator("kvm", "")


def build(
    accelerator: Accelerator = TCG,
    results: str = "/tmp/r",
    shape: Shape | None = None,
    tree: KernelTree = TREE,
) -> list[str]:
    return virtme_arguments(tree, accelerator, Path(results), shape or Shape())


def values(arguments: list[str], option: str) -> list[str]:
    return [arguments[i + 1] for i, word in enumerate(arguments) if word == option]


def test_kernel_results_and_shape_are_in_the_command_line() -> None:
    arguments = build(shape=Shape("preempt=full lsm=lockdown,yama", "512M", 2))
    assert values(arguments, "--kimg") == [str(TREE.image)]
    assert values(arguments, "--rwdir") == ["/tmp/r"]
    assert values(arguments, "--memory") == ["512M"]
    assert values(arguments, "--cpus") == ["2"]
    assert values(arguments, "--kopt")[-2:] == ["preempt=full", "lsm=lockdown,yama"]
    assert values(arguments, "--save-initramfs") == ["/tmp/r/vm/initramfs"]
    assert {"--force-9p", "--dry-run", "--show-command"} <= set(arguments)


def test_kvm_is_switched_off_unless_it_works() -> None:
    assert "--disable-kvm" in build(TCG)
    assert "--disable-kvm" not in build(KVM)


@pytest.mark.parametrize("path", ["/run", "/run/x", "/dev/shm/x", "/proc/self", "/sys"])
def test_paths_that_a_guest_does_not_see(path: str) -> None:
    with pytest.raises(UsageError, match=f"cache directory '{path}': a guest does not see"):
        check_seen(Path(path), "cache directory")


def test_paths_that_a_guest_sees() -> None:
    for path in ("/", "/running", "/var/tmp", "/home/u/run"):
        check_seen(Path(path), "cache directory")


def test_the_folder_of_the_working_directory_is_writeable() -> None:
    usual = overlay_folders(Path("/"))
    assert "/tmp" in usual
    assert overlay_folders(Path("/usr/src")) == usual
    assert overlay_folders(Path("/no-such-folder/x")) == usual
    boot = overlay_folders(Path("/boot/x"))
    assert boot == [*usual, *(["/boot"] if Path("/boot").is_dir() else [])]
    assert ("/bin" in overlay_folders(Path("/bin/x"))) == (not Path("/bin").is_symlink())


def test_append_words_keep_quoted_spaces() -> None:
    assert append_words("a=1  'b=x y'") == ["a=1", "b=x y"]
    assert append_words("") == []


@pytest.mark.parametrize("text", ["'", "a='\"'"])
def test_append_words_that_cannot_be_quoted(text: str) -> None:
    with pytest.raises(UsageError, match="--append"):
        append_words(text)


@pytest.mark.parametrize("memory", ["", "1", "1T", "0M", "lots", "1G,x"])
def test_bad_memory(memory: str) -> None:
    with pytest.raises(UsageError, match="--memory"):
        Shape(memory=memory)


def test_bad_cpus_and_append_are_refused_before_anything_starts() -> None:
    with pytest.raises(UsageError, match="--cpus"):
        Shape(cpus=0)
    with pytest.raises(UsageError, match="--append"):
        Shape(append="'")
    with pytest.raises(UsageError, match="--icount with --cpus 2"):
        Shape(cpus=2, icount=True)
    assert Shape(cpus=1, icount=True).icount


@pytest.mark.parametrize("path", ["/tmp/a b", "/tmp/a:b", "/tmp/a,b", "/tmp/ä", "relative"])
def test_paths_that_virtme_does_not_take(path: str) -> None:
    with pytest.raises(UsageError, match="letters, digits"):
        check_path(Path(path), "results directory")


def test_udev_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "UDEVD", str(tmp_path / "udevd"))
    with pytest.raises(VmtestError, match="install the Debian package udev"):
        Shape(udev=True)
    (tmp_path / "udevd").touch()
    assert Shape(udev=True).udev


def test_missing_tool_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VmtestError, match="qemu-system-x86_64 is not installed: install the Debian package"):
        find_tool("qemu-system-x86_64", "install the Debian package qemu-system-x86")


def test_this_environment_comes_before_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for folder in ("venv/bin", "path"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "virtme-run").touch(mode=0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert find_tool("virtme-run", "", beside_python=True) == str(tmp_path / "venv/bin/virtme-run")
    assert find_tool("virtme-run", "") == str(tmp_path / "path/virtme-run")
