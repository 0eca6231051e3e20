from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ringward.cli import modprobe_show
from ringward.cli.tool_options import VERSION_TEXT
from ringward.kmod.tree import Tree
from tests.kmod.conftest import kmod_34
from tests.kmod.elf_builder import Module
from tests.kmod.lab import Lab, run_modprobe
from tests.kmod.plan_lab import module


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    found = Lab(tmp_path / "lab")
    found.modules({"a-x": [], "b": ["a-x"]}, aliases=[("pci:*", "b"), ("own", "a_x")], symbols=[("s", "b")])
    image = module("b", exports={"s": 0x7, "t": 0xDEADBEEF}, wants={"commit_creds": 0x22})
    (found.directory / "kernel/b.ko").write_bytes(image)
    return found


@pytest.mark.parametrize("option", ["--show-exports", "--show-modversions", "--dump-modversions"])
def test_symbols_of_a_file(lab: Lab, option: str) -> None:
    path = str(lab.directory / "kernel/b.ko")
    theirs = subprocess.run([kmod_34("modprobe"), option, path, "x"], capture_output=True, text=True, check=True)
    ours = run_modprobe([option, path, "x"])
    assert (ours.status, ours.stdout, ours.stderr) == (0, theirs.stdout, theirs.stderr)
    assert ours.stdout.count("\n") == 2


@pytest.mark.parametrize(
    ("option", "image"),
    [
        ("--show-exports", module("m")),
        ("--show-exports", Module(modinfo=[b"name=m"], symtab=False).build()),
        ("--show-exports", Module(modinfo=[b"name=m"], extra=[(b"__ksymtab_strings", 1, b"")]).build()),
        ("--show-exports", Module(modinfo=[b"name=m"], ksymtab_strings=[b"a", b"b"]).build()),
        ("--show-exports", Module(modinfo=[b"name=m"], exports=[(b"x", 5)], bits=32, big=True).build()),
        ("--show-modversions", module("m", versions=False)),
        ("--show-modversions", Module(modinfo=[b"name=m"], extra=[(b"__versions", 1, b"")]).build()),
        ("--show-modversions", module("m")[:150]),
    ],
)
def test_files_that_have_none_or_others(tmp_path: Path, option: str, image: bytes) -> None:
    path = tmp_path / "m.ko"
    path.write_bytes(image)
    theirs = subprocess.run([kmod_34("modprobe"), option, path], capture_output=True, text=True, check=False)
    assert run_modprobe([option, str(path)]) == (theirs.returncode, theirs.stdout, theirs.stderr)


def test_symbols_of_a_module_of_the_tree(lab: Lab) -> None:
    assert lab.ringward("--show-exports", "b").stdout == "0x00000007\ts\n0xdeadbeef\tt\n"
    assert lab.ringward("--show-exports", "pci:1") == lab.ringward("--show-exports", "b")
    lost = lab.ringward("--show-exports", "no")
    assert (lost.status, lost.stderr) == (1, "modprobe: FATAL: Module no not found.\n")


def test_a_damaged_file_is_told_with_v(lab: Lab) -> None:
    path = lab.directory / "kernel/b.ko"
    path.write_bytes(path.read_bytes()[:200])
    short = lab.ringward("--show-exports", str(path))
    assert short.stderr == f"modprobe: FATAL: could not get symbols of {path}: Invalid argument\n"
    assert "offset" in lab.ringward("-v", "--show-exports", str(path)).stderr


def test_the_configuration(lab: Lab) -> None:
    lab.configure(
        "alias to b",
        "blacklist x-y",
        "options b o=1",
        "install b true $CMDLINE_OPTS",
        "remove b r",
        "softdep b pre: a c",
    )
    theirs = lab.kmod(kmod_34("modprobe"), "-c", "ignored")
    assert lab.ringward("-c", "ignored") == theirs
    assert (
        theirs.stdout.index("blacklist x_y") < theirs.stdout.index("install b") < theirs.stdout.index("alias pci:* b")
    )


def test_indexes_come_aliases_first(lab: Lab) -> None:
    class Call:
        tree = Tree(str(lab.root), "1.0")

    assert list(modprobe_show.indexes(Call())) == [  # type: ignore[arg-type]
        ("own", "a_x"),
        ("pci:*", "b"),
        ("symbol:s", "b"),
    ]


def test_help_and_version() -> None:
    assert run_modprobe(["-D", "-V"]).stdout == VERSION_TEXT
    usage = run_modprobe(["-h", "--bogus"])
    assert (usage.status, usage.stdout.splitlines()[0]) == (
        0,
        "usage: modprobe [options] [-i] [-b] NAME [PARAMETER=VALUE...]",
    )
    # Every option of kmod's is explained.
    theirs = subprocess.run([kmod_34("modprobe"), "-h"], capture_output=True, text=True, check=True).stdout
    named = {word.split("=")[0].strip(",") for word in theirs.split() if word.startswith("--")}
    older = {"--remove-dependencies", "--resolve-alias", "--showconfig", "--dump-modversions", "--show"}
    misspelt = {"--force-modversions"}  # in its own help; it does not take it
    assert {name for name in named - older - misspelt if name not in usage.stdout} == set()
    assert all(run_modprobe([name, "--help"]).status == 0 for name in older)
