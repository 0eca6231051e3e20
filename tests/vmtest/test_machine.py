# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vmtest.accel import Accelerator
from vmtest.errors import UsageError, VmtestError
from vmtest.machine import (
    Shape,
    append_words,
    check_path,
    find_tool,
    is_hidden,
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
    return virtme_arguments(tree, accelerator, Path(results), Path("/usr/src"), shape or Shape())


def values(arguments: list[str], option: str) -> list[str]:
    return [arguments[i + 1] for i, word in enumerate(arguments) if word == option]


def test_kernel_results_and_shape_are_in_the_command_line() -> None:
    arguments = build(shape=Shape("preempt=full lsm=lockdown,yama", "512M", 2))
    assert values(arguments, "--kimg") == [str(TREE.image)]
    assert values(arguments, "--rwdir") == ["/tmp/r"]
    assert values(arguments, "--memory") == ["512M"]
    assert values(arguments, "--cpus") == ["2"]
    assert values(arguments, "--kopt")[-2:] == ["preempt=full", "lsm=lockdown,yama"]
    assert values(arguments, "--script-sh") == ["exec setsid -w sh /tmp/r/vm/run.sh"]
    assert {"--force-9p", "--dry-run", "--show-command"} <= set(arguments)


def test_kvm_is_switched_off_unless_it_works() -> None:
    assert "--disable-kvm" in build(TCG)
    assert "--disable-kvm" not in build(KVM)


def test_a_cache_below_a_hidden_folder_is_shared_on_its_own() -> None:
    hidden = KernelTree("x", Path("/var/tmp/c/x"))
    assert values(build(tree=hidden), "--rodir") == ["/var/tmp/c/x"]
    assert values(build(), "--rodir") == []
    assert is_hidden(Path("/var/tmp"))
    assert not is_hidden(Path("/var/tmpfiles"))


def test_the_folder_of_the_working_directory_is_writeable() -> None:
    assert "/tmp" in overlay_folders(Path("/"))
    assert "/bin" not in overlay_folders(Path("/bin/x")) or not Path("/bin").is_symlink()
    assert overlay_folders(Path("/usr/src")) == overlay_folders(Path("/"))
    assert not {"/proc", "/run", "/no-such-folder"} & {
        *overlay_folders(Path("/proc/1")),
        *overlay_folders(Path("/run/x")),
        *overlay_folders(Path("/no-such-folder/x")),
    }
    here = Path.cwd()
    assert f"/{here.parts[1]}" in overlay_folders(here) or is_hidden(here) or Path(f"/{here.parts[1]}").is_symlink()


def test_the_overlays_leave_room_in_inits_environment() -> None:
    """init takes 32 variables (MAX_INIT_ENVS); virtme needs about a dozen of its own."""
    assert len(overlay_folders(Path.cwd())) <= 9


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


@pytest.mark.parametrize("path", ["/tmp/a b", "/tmp/a:b", "/tmp/a,b", "/tmp/ä", "relative"])
def test_paths_that_virtme_does_not_take(path: str) -> None:
    with pytest.raises(UsageError, match="letters, digits"):
        check_path(Path(path), "results directory")


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
