from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from ringward.cli.rmmod import main, name_of
from ringward.kmod import load
from tests.cli.kmod_oracle import State, needs_namespace
from tests.kmod.tiny_module import build

MODULES = {"vfat": (24576, 0, []), "fat": (102400, 0, ["vfat"]), "loop": (32768, 2, []), "free_one": (4096, 0, [])}


@needs_namespace
@pytest.mark.parametrize(
    "words",
    [
        [],
        ["fat"],
        ["loop"],
        ["nowhere"],
        ["no-where.ko", "fat", "nowhere"],
        ["/nonexistent.ko"],
        ["/etc/passwd"],
        ["free-one"],
        ["free_one.ko", "loop"],
        ["-f", "loop"],
        ["--force", "nowhere"],
        ["a b"],
        ["a[b"],
        ["fat", "--bogus"],
        ["-z"],
        ["--force=3"],
        ["--v"],
        ["-s", "nowhere"],
        ["-v", "fat"],
    ],
)
def test_as_kmod_says_it(tmp_path: Path, words: list[str]) -> None:
    """Nothing is unloaded: these modules are not there, and whoever is root only in his own namespace may not."""
    theirs, ours = State(tmp_path, MODULES).both("rmmod", *words)
    assert ours == theirs


def test_what_is_loaded_in_a_sysroot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(tmp_path)
    for name in ("fat", "vfat"):
        build(tmp_path, name, f"depends={'fat' if name == 'vfat' else ''}")
        load.insert(f"/{name}.ko", root=root)
    assert main(["--sysroot", root, "fat"]) == 1
    assert capsys.readouterr().err == "rmmod: ERROR: Module fat is in use by: vfat\n"
    assert main(["--sysroot", root, "--json", "nowhere", "/vfat.ko", "fat"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["asked"], one["unloaded"]) for one in told["modules"]] == [
        ("nowhere", "nowhere", False),
        ("vfat", "/vfat.ko", True),
        ("fat", "fat", True),
    ]
    assert [one["why"] for one in told["modules"]] == ["Module nowhere is not currently loaded", None, None]
    assert (tmp_path / "proc/modules").read_text() == ""


def test_what_is_built_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Without modules.builtin.bin kmod 30 does not know, and says that unloading is not supported.
    State(tmp_path, {}, ["8250"])
    assert main(["--sysroot", str(tmp_path), "8250"]) == 1
    assert capsys.readouterr().err == "rmmod: ERROR: Module 8250 is builtin.\n"


def test_words_that_name_no_module(capsys: pytest.CaptureFixture[str]) -> None:
    # kmod says of the first two that unloading is not supported.
    assert main(["", "./.x", "/"]) == 1
    told = capsys.readouterr().err
    assert told.count("it names no module\n") == 2
    assert told.endswith("could not use module /: No such file or directory\n")


def test_a_path_names_the_module_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "snd-x.ko.xz").touch()
    assert name_of(str(tmp_path / "snd-x.ko.xz"), "") == "snd_x"
    assert name_of("/snd-x.ko.xz", str(tmp_path)) == "snd_x"
    assert name_of("/nothing/snd-x.ko", "") == "/nothing/snd_x"
    assert name_of("snd-x.ko", "") == "snd_x"


def test_what_the_kernel_refuses(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(_name: bytes, _flags: int) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr("ringward.kmod.syscalls.delete_module", refuse)
    assert main(["-f", "loop"]) == 1
    why = "Operation not permitted"
    told = f"rmmod: ERROR: could not remove 'loop': {why}\nrmmod: ERROR: could not remove module loop: {why}\n"
    assert capsys.readouterr().err == told


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-h"]) == 0
    assert "--force" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("kmod version ")
