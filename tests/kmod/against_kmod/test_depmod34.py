"""depmod beside kmod 34's: status, standard output, messages, and every byte of every file that is written."""

from __future__ import annotations

import lzma
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.kmod_oracle import needs_namespace
from tests.kmod.against_kmod.scene34 import VERSION, Answer, Scene, write_tree
from tests.kmod.against_kmod.test_kmod34 import lines
from tests.kmod.conftest import KernelTree, kmod_34
from tests.kmod.depmod.tiny import run_kmod, run_ours
from tests.kmod.elf_builder import GLOBAL, Module

pytestmark = needs_namespace

INPUTS = ("modules.order", "modules.builtin", "modules.builtin.modinfo")
OPTIONS = """
-a | -A | -e | -n | -v | -w | -u | -q | -r | --map | --all | --quick | --errsyms | --show | --dry-run | --verbose
--warn | -P _ | -P __ | -P | --symbol-prefix=_ | -e -E WORK/symvers | -e -F WORK/map | -E WORK/symvers -F WORK/map
-e -E WORK/symvers -F WORK/map | -E /none | -F /none | -e -E /none | -o WORK/out | -o WORK/out2/x | -o out
-m /lib/modules | -m lib/modules | -m /lib | -m /no | -n -w | -nv | -C /dev/null | -nA | -an | --bogus | -Z | -m | -o
-b | -E | -n -P s | -n -e | -wv -n | -nn | -n -m lib/modules/ | -n -o WORK/out | -m /lib/modules -o WORK/out
-m /x -o WORK/out | --outdir=WORK/out --moduledir=/lib/modules
"""
CALLS = """
-b WORK | -b WORK 9.9 | -b WORK nover | -b WORK/none 1.0 | -b WORK -n 9.9 | -b WORK -A 9.9 | -b . 1.0 | -b ./lib/.. 1.0
-b WORK/ 1.0 | -b WORK x.1 | -b WORK 1 | -b WORK 1.x | -b WORK 1.0 x.ko | -n 9.9 | -n -b WORK 1.0 kernel/a-x.ko
-b WORK 1.0 WORK/lib/modules/1.0/kernel/a-x.ko | -n -b WORK 1.0 WORK/lib/modules/1.0/kernel/none.ko
-n -b WORK 1.0 WORK/lib/modules/1.0/kernel/a-x.ko WORK/lib/modules/1.0/kernel/b.ko
-n -a -b WORK 1.0 WORK/lib/modules/1.0/kernel/a-x.ko
"""
CONFIG_LINES = r"""
search updates built-in
search built-in updates
search extra updates built-in
search
search external built-in
override dup * updates
override dup 1\.0 kernel
override dup 9 updates
override dup * nowhere
override dup
override dup *
override a_x * kernel
override  dup  *  kernel
external * WORK
external
external * /none
external 1 relative
exclude kernel/sub
exclude sub
exclude b.ko
exclude
include x
make_map_files no
nonsense
# x
search extra
  search built-in
search built-in\nsearch updates
"""


def module(*strings: bytes, exports: bytes = b"", wants: bytes = b"") -> bytes:
    return Module(
        strings, exports=[(exports, 1)] if exports else [], undefined=[(wants, GLOBAL)] if wants else []
    ).build()


def _cycle(top: Path) -> None:
    (top / "kernel/x.ko").write_bytes(module(b"name=x", exports=b"x1", wants=b"x2"))
    (top / "kernel/y.ko").write_bytes(module(b"name=y", exports=b"x2", wants=b"x1"))


def _build(top: Path) -> None:
    (top / "build").mkdir()
    (top / "build/x.ko").write_bytes(module(b"name=x"))


def put(name: str, content: bytes | None) -> Callable[[Path], None]:
    """Return what writes a file of a tree, or takes it away."""

    def change(top: Path) -> None:
        if content is None:
            (top / name).unlink()
        else:
            (top / name).write_bytes(content)

    return change


ODD = (b"alias=a b", b"alias=x[", b"alias=", b"softdep=pre: x", b"softdep=", b"weakdep=q", b"weakdep=")
CHANGES: dict[str, Callable[[Path], None]] = {
    "a cycle": _cycle,
    "no section": put("kernel/x.ko", Module().build()),
    "a folder that is named as a module": lambda top: (top / "kernel/x.ko").mkdir(),
    "a link to a module": lambda top: (top / "kernel/x.ko").symlink_to("d.ko"),
    "a folder named build": _build,
    "odd strings": put("kernel/x.ko", module(b"name=x", *ODD)),
    "a blank in the name": put("kernel/x y.ko", module(b"name=x")),
    "xz": put("kernel/x.ko.xz", lzma.compress(module(b"name=x", b"alias=zz"))),
    "no order": put("modules.order", None),
    "an odd order": put("modules.order", b"kernel/no.ko\nkernel/d.ko.xz\n\nkernel/sub/c.ko\nkernel/d.ko\nkernel/e.ko"),
    "an empty order": put("modules.order", b""),
    "no builtin": put("modules.builtin", None),
    "odd builtin": put("modules.builtin", b"kernel/x.ko\n\nq\nz.o\nkernel/\nlast"),
    "an empty builtin": put("modules.builtin", b""),
    "no builtin.modinfo": put("modules.builtin.modinfo", None),
    "odd builtin.modinfo": put("modules.builtin.modinfo", b"bad\nline\0own_b.alias=x[\0x.alias=y"),
}


class Pair:
    """A tree that each depmod finds made anew, in the same place: the order of its directories is the same."""

    def __init__(self, scene: Scene, work: Path) -> None:
        self.scene = scene
        self.work = work

    def _one(self, folder: Path, words: list[str], config: str, change: Callable[[Path], None]) -> object:
        work = self.work
        shutil.rmtree(work, ignore_errors=True)
        (work / "out").mkdir(parents=True)
        write_tree(work / "lib/modules" / VERSION)
        (work / "symvers").write_text("0x1\tnowhere\tvmlinux\tEXPORT_SYMBOL\n0x5\tsx\tvmlinux\tE\n0x9\tq\tother\tE\n")
        (work / "map").write_text("ffff T start\n0000 R __ksymtab_nowhere\n0001 r __ksymtab_gpl\n")
        (work / "conf").write_text(config)
        change(work / "lib/modules" / VERSION)
        answer = self.scene.run(folder / "depmod", words, {}, work)
        files = {str(file.relative_to(work)): file.read_bytes() for file in work.rglob("modules.*") if file.is_file()}
        return answer, files, sorted(str(file.relative_to(work)) for file in work.rglob("*"))

    def same(
        self, *words: str, config: str = "", change: Callable[[Path], None] = lambda _top: None
    ) -> tuple[Answer, dict[str, bytes], list[str]]:
        """Return what both said and wrote."""
        given = [word.replace("WORK", str(self.work)) for word in words]
        config = config.replace("WORK", str(self.work))
        theirs, ours = (self._one(each, given, config, change) for each in (self.scene.theirs, self.scene.ours))
        assert ours == theirs
        assert isinstance(ours, tuple)
        return ours


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    kmod_34("depmod")
    scene = Scene(tmp_path_factory.mktemp("kmod34"))
    yield Pair(scene, scene.root / "work")
    scene.close()


@pytest.mark.parametrize("line", ["", *lines(OPTIONS)])
def test_options(pair: Pair, line: str) -> None:
    pair.same("-b", "WORK", *line.split(), VERSION)


@pytest.mark.parametrize("line", lines(CALLS))
def test_calls(pair: Pair, line: str) -> None:
    pair.same(*line.split())


@pytest.mark.parametrize("text", CONFIG_LINES.strip("\n").splitlines())
def test_lines_of_the_configuration(pair: Pair, text: str) -> None:
    answer, _files, _names = pair.same(
        "-n", "-w", "-C", "WORK/conf", "-b", "WORK", VERSION, config=text.replace("\\n", "\n") + "\n"
    )
    assert re.search(r"^kernel/d\.ko:$", answer.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", CHANGES)
def test_odd_trees(pair: Pair, name: str) -> None:
    answer, files, _names = pair.same("-b", "WORK", VERSION, change=CHANGES[name])
    assert (len(files) > 10) == (answer.status == 0) == (name != "a cycle")


def test_modprobe_goes_by_what_is_written_without_the_kernels_lists(pair: Pair) -> None:
    def change(top: Path) -> None:
        for name in INPUTS:
            (top / name).unlink()

    pair.same("-b", "WORK", VERSION, change=change)
    for words in (["-D", "c"], ["-R", "al-one"], ["-R", "own_b"], ["-c"], ["-nv", "c"]):
        argv = ["-C", "/dev/null", "-d", str(pair.work), "-S", VERSION, *words]
        theirs, ours = pair.scene.both("modprobe", *argv)
        assert ours == theirs


@pytest.mark.parametrize("kernel_tree", ["6.1"], indirect=True)
@pytest.mark.parametrize("inputs", [INPUTS, INPUTS[1:]], ids=["ordered", "without order"])
def test_every_byte_of_a_real_tree(kernel_tree: KernelTree, inputs: tuple[str, ...], tmp_path: Path) -> None:
    answers = []
    top = tmp_path / "lib/modules" / kernel_tree.version
    top.mkdir(parents=True)
    (top / "kernel").symlink_to(Path(kernel_tree.directory, "kernel"))
    for name in inputs:
        shutil.copy(Path(kernel_tree.directory, name), top)
    argv = ["-C", "/dev/null", "-b", str(tmp_path), kernel_tree.version]
    for run in (lambda words: run_kmod(kmod_34("depmod"), words), run_ours):
        answer = run(argv)
        files = {file.name: file.read_bytes() for file in top.iterdir() if file.is_file() and file.name not in inputs}
        for name in files:
            (top / name).unlink()
        answers.append((answer, files))
    assert len(answers[0][1]) == 11
    assert answers[1] == answers[0]


def test_an_alias_that_is_not_ascii(pair: Pair) -> None:
    """kmod 34 ends in the middle of its work; docs/modules.md states the difference."""
    change = put("kernel/x.ko", module(b"name=x", b"alias=\xc3\xa4", b"alias=fine"))
    words = ["-b", str(pair.work), VERSION]
    theirs, ours = (pair._one(each, words, "", change) for each in (pair.scene.theirs, pair.scene.ours))
    assert isinstance(theirs, tuple)
    assert isinstance(ours, tuple)
    assert (theirs[0].status, ours[0].status) == (1, 0)
    assert "lib/modules/1.0/modules.symbols" not in theirs[1]
    assert "lib/modules/1.0/modules.symbols" in ours[1]
