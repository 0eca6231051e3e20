"""modprobe -r from the command line; tests/kmod/test_removal.py has its rules."""

from __future__ import annotations

import errno
from pathlib import Path
from unittest import mock

import pytest

from ringward.cli import modprobe_remove
from ringward.kmod.load import RefusedError
from tests.kmod.conftest import installed
from tests.kmod.lab import Answer, Lab, Loaded, can_unshare


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    found = Lab(tmp_path / "lab")
    found.modules({"a": [], "b": ["a"], "c": []}, aliases=[("x:*", "b"), ("x:1", "c")])
    found.load({"a": Loaded(["b"]), "b": Loaded(), "c": Loaded()})
    return found


def test_the_kernel_is_asked_for_each_module(lab: Lab) -> None:
    with mock.patch.object(modprobe_remove, "remove") as remove:
        assert lab.ringward("-r", "-v", "-f", "-w", "70", "x:1") == Answer(0, "rmmod b\nrmmod c\n", "")
    assert [(call.args, call.kwargs) for call in remove.call_args_list] == [
        (("b",), {"force": True, "wait": 70, "root": ""}),
        (("c",), {"force": True, "wait": 70, "root": ""}),
    ]


def test_what_the_kernel_refuses(lab: Lab) -> None:
    refused = RefusedError(errno.EBUSY, "")
    with mock.patch.object(modprobe_remove, "remove", side_effect=refused):
        answer = lab.ringward("-r", "x:1", "c")
    # The first failure ends it.
    assert answer == Answer(1, "", "modprobe: ERROR: could not remove 'b': Device or resource busy\n")
    with mock.patch.object(modprobe_remove, "remove", side_effect=refused):
        answer = lab.ringward("-r", "-a", "x:1", "c")
    assert answer.stderr.count("could not remove") == 2


@pytest.mark.parametrize(
    ("words", "status", "lines", "error"),
    [
        (["a"], 1, [], "Module a is in use."),
        (["--remove-holders", "a"], 1, ["rmmod b"], "Module a is in use."),  # nothing is really unloaded
        (["--remove-holders", "-w", "9", "a"], 0, ["rmmod b", "rmmod a"], ""),
        (["--remove-dependencies", "-w", "9", "a"], 0, ["rmmod b", "rmmod a"], ""),
        (["--remove-holders", "own"], 1, [], "Module own is builtin."),
        (["--remove-holders", "nowhere", "c"], 1, [], "Module nowhere not found."),
        (["--remove-holders", "-a", "nowhere", "c"], 1, ["rmmod c"], "Module nowhere not found."),
        (["--remove-holders", "--first-time", "d"], 1, [], "Module d is not in kernel."),
        (["--remove-holders", "d", "c"], 0, ["rmmod c"], ""),
        (["--remove-holders", "e"], 1, [], "Module f is in use."),
    ],
)
@pytest.mark.skipif(not can_unshare(), reason="no mount namespace can be had here")
def test_holders_as_the_installed_modprobe_has_them(
    lab: Lab, words: list[str], status: int, lines: list[str], error: str
) -> None:
    lab.modules({"a": [], "b": ["a"], "c": [], "d": [], "e": [], "f": ["e"], "g": ["f"]}, builtin=["own"])
    held = {"a": "b", "e": "f", "f": "g"}
    lab.load({name: Loaded([held[name]] if name in held else []) for name in "abcefg"})
    answer = lab.ringward("-rnv", *words)
    assert answer == lab.kmod(installed("modprobe"), "-rnv", *words)
    assert (answer.status, answer.stdout.splitlines()) == (status, lines)
    assert answer.stderr.partition(": ")[2].partition(": ")[2] == (f"{error}\n" if error else "")


def test_removing_holders(lab: Lab) -> None:
    with mock.patch.object(modprobe_remove, "remove") as remove:
        assert lab.ringward("-r", "--remove-holders", "-w", "9", "a").status == 0
    assert [call.args for call in remove.call_args_list] == [("b",), ("a",)]


def test_a_dry_run_and_quiet(lab: Lab) -> None:
    with mock.patch.object(modprobe_remove, "remove") as remove:
        assert lab.ringward("-rn", "c") == Answer(0, "", "")
        assert lab.ringward("-rnv", "c") == Answer(0, "rmmod c\n", "")
        assert lab.ringward("-rq", "nowhere") == Answer(1, "", "")
    assert remove.call_args_list == []


def test_commands(lab: Lab, tmp_path: Path) -> None:
    lab.configure(f"remove c echo $MODPROBE_MODULE >> {tmp_path}/out", "remove b exit 9")
    assert lab.ringward("-r", "c").status == 0
    assert (tmp_path / "out").read_text() == "c\n"
    assert lab.ringward("-r", "b") == Answer(1, "", "modprobe: FATAL: Error running remove command for b\n")
    assert lab.ringward("-r", "-a", "b").stderr == "modprobe: WARNING: Error running remove command for b\n"


def test_commands_are_not_run_for_another_root(lab: Lab, tmp_path: Path) -> None:
    lab.configure(f"remove c touch {tmp_path}/out")
    (lab.root / "etc").mkdir()
    lab.conf.rename(lab.root / "etc/modprobe.d")
    lab.conf = Path("/etc/modprobe.d")
    with mock.patch.object(lab, "arguments", lambda words: ["--sysroot", str(lab.root), "-S", "1.0", *words]):
        answer = lab.ringward("-r", "c")
    assert answer.status == 0
    assert "the remove command of c is not run for another root: touch" in answer.stderr
    assert not (tmp_path / "out").exists()
