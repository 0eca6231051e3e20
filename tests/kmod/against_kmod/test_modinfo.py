"""Ringward's modinfo and the installed one: every file of the trees, and every name."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from ringward.kmod.tree import Tree
from tests.kmod.conftest import KernelTree, installed, kmod_34

BUILD_ID = re.compile(rb"^build-id:.*\n", re.MULTILINE)
"""What kmod has after 34."""


def both(words: list[str], program: str = "") -> tuple[bytes, bytes]:
    """Return what a modinfo prints, most often the installed one, and Ringward's without what only newer kmods have."""
    theirs = subprocess.run([program or installed("modinfo"), *words], capture_output=True, check=True)
    ours = subprocess.run([sys.executable, "-m", "ringward", "modinfo", *words], capture_output=True, check=True)
    assert ours.stderr == theirs.stderr
    return theirs.stdout, BUILD_ID.sub(b"", ours.stdout)


def test_every_file(kernel_tree: KernelTree) -> None:
    paths = [line.path for line in Tree(kernel_tree.base, kernel_tree.version).lines()]
    assert len(paths) > 4000
    theirs, ours = both(paths)
    assert ours == theirs
    assert ours.count(b"\nsigner: ") == len(paths)


@pytest.mark.parametrize("program", [installed, kmod_34], ids=["installed", "34"])
def test_every_name_and_part_of_the_kernel(kernel_tree: KernelTree, program: Callable[[str], str]) -> None:
    tree = Tree(kernel_tree.base, kernel_tree.version)
    base = ["-b", kernel_tree.base, "-k", kernel_tree.version]
    names = [*tree.modules()[::10], *tree.builtins()]
    for options in (["-m"], ["-0"], ["-F", "parm"], ["-n"]):
        theirs, ours = both([*base, *options, *names], program("modinfo"))
        ours = re.sub(rb"build-id=.*?\0", b"", ours)
        assert ours == theirs
        assert ours
