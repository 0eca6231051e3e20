from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.kmod import static_nodes
from ringward.kmod.static_nodes import FORMATS, parse
from tests.kmod.conftest import KernelTree, installed
from tests.kmod.lab import can_unshare

EDGES = """\
# comment
fuse fuse c10:229

snd_timer snd/timer c116:33
sda disk/a/b b8:0
bad line
bad2 x q1:2
bad3 x c1
odd x c1:2 extra
bad5 x c1:z
\ttab\ttabdev\tc1:3
  lead leaddev c1:4
x y c1:9"""


def jail(folder: Path) -> Path:
    """Put the installed kmod and its libraries below a folder, for chroot."""
    program = os.path.realpath(installed("kmod"))
    out = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    for file in (program, *(word for word in out.split() if word.startswith("/"))):
        target = folder / file[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    (folder / "tmp").mkdir()
    return folder / program[1:]


def oracle(folder: Path, text: str, form: str) -> tuple[int, str, list[str]]:
    """Return status, nodes and errors of the installed kmod for a modules.devname."""
    program = "/" + str(next(folder.rglob("kmod")).relative_to(folder))
    modules = folder / "lib/modules" / os.uname().release
    modules.mkdir(parents=True, exist_ok=True)
    (modules / "modules.devname").write_text(text)
    command = ["unshare", "-r", "chroot", str(folder), program, "static-nodes", "-f", form, "-o", "/tmp/out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, (folder / "tmp/out").read_text(), done.stderr.splitlines()


@pytest.fixture(scope="module")
def kmod_jail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not can_unshare():
        pytest.skip("no user namespace of our own can be had here, which chroot needs")
    folder = tmp_path_factory.mktemp("jail")
    jail(folder)
    return folder


@pytest.mark.parametrize("form", FORMATS)
def test_the_tree_as_the_installed_kmod_prints_it(kmod_jail: Path, kernel_tree: KernelTree, form: str) -> None:
    text = Path(kernel_tree.directory, "modules.devname").read_text()
    nodes, bad = parse(text)
    assert len(nodes) > 10
    assert (0, "".join(map(FORMATS[form], nodes)), bad) == oracle(kmod_jail, text, form)


@pytest.mark.parametrize("form", FORMATS)
def test_odd_lines_as_the_installed_kmod_takes_them(kmod_jail: Path, form: str) -> None:
    nodes, bad = parse(EDGES)
    status, out, errors = oracle(kmod_jail, EDGES, form)
    assert (status, out) == (1, "".join(map(FORMATS[form], nodes)))
    assert [f"Error: invalid devname entry: {line}" for line in bad] == errors
    assert len(bad) == 5


@pytest.mark.parametrize(
    "numbers",
    ["c-1:2", "c99999999999:1", "c1:4294967296", "c1:" + "9" * 5000, "c1:\uff12", "c1:", "c:1", "c", ":", "1:2"],
)
def test_numbers_that_are_none(numbers: str) -> None:
    assert parse(f"mod dev {numbers}\n") == ([], [f"mod dev {numbers}"])


@given(st.text(alphabet="ab#: c12/\n\t", max_size=60))
def test_every_line_is_a_node_a_comment_or_bad(text: str) -> None:
    nodes, bad = parse(text)
    lines = text.removesuffix("\n").split("\n") if text else []
    assert len(nodes) + len(bad) == len([line for line in lines if not line.startswith("#")])
    assert parse("".join(map(FORMATS["devname"], nodes)))[1] == []


def test_a_tree_in_a_root(tmp_path: Path) -> None:
    modules = tmp_path / "lib/modules/1.0"
    modules.mkdir(parents=True)
    (modules / "modules.devname").write_text("fuse fuse c10:229\n")
    nodes, bad = static_nodes.read("1.0", str(tmp_path))
    assert ([node.module for node in nodes], bad) == (["fuse"], [])
    with pytest.raises(FileNotFoundError):
        static_nodes.read("2.0", str(tmp_path))
