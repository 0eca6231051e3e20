"""Ringward's depmod and the installed one, side by side."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ringward.kmod.tree import Tree
from tests.kmod.conftest import KernelTree, installed
from tests.kmod.depmod.tiny import TEXTS, VERSION, WEAKDEP_HEAD, Answer, TinyTree, run_kmod, run_ours

INPUTS = ("modules.order", "modules.builtin", "modules.builtin.modinfo")
CASES = ("ordered", "configured")


class Pair(NamedTuple):
    """Two trees of the same files, one for each depmod, and what they said."""

    kernel: KernelTree
    theirs: Path
    ours: Path
    answers: tuple[Answer, Answer]


@pytest.fixture(scope="session")
def kmod_depmod() -> str:
    return installed("depmod")


@pytest.fixture(scope="session")
def kmod_modprobe() -> str:
    return installed("modprobe")


def view(kernel: KernelTree, base: Path) -> Path:
    """Make a tree of links to a kernel's directories, without what depmod writes; return its directory."""
    directory = base / "lib/modules" / kernel.version
    directory.mkdir(parents=True)
    for entry in sorted(Path(kernel.directory).iterdir()):
        if entry.is_dir():
            (directory / entry.name).symlink_to(entry)
        elif entry.name in INPUTS:
            shutil.copy(entry, directory)
    return directory


def configure(base: Path, directory: Path) -> list[str]:
    """Give a tree files of the same names as others, and a configuration that chooses; return the options."""
    files = sorted(file for file in (directory / "kernel/").rglob("*.ko*") if len(file.name) < 12)[::16]
    assert len(files) > 20
    folders = [directory / "updates/more", directory / "extra", directory / "weak-updates", base / "elsewhere"]
    for number, file in enumerate(files):
        for folder in folders[number % 3 :: 2]:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file.name).symlink_to(file)
    lines = [
        "search external extra",
        "search built-in updates",
        f"external ^[0-9].*-amd64$ {base / 'elsewhere'}",
        "external 1\\.1\\. /nowhere",
        *[f"override {file.name.partition('.')[0]} * weak-updates" for file in files[::7]],
        "override loop 1.2.3 weak-updates",
        "exclude firewire loop.ko",
        "nonsense",
        "more of \\\n it",
    ]
    (directory / "modules.order").unlink()
    conf = base / "depmod.conf"
    conf.write_text("".join(f"{line}\n" for line in lines))
    return ["-C", str(conf)]


@pytest.fixture(scope="module", params=CASES)
def pair(request: pytest.FixtureRequest, kernel_tree: KernelTree, kmod_depmod: str) -> Iterator[Pair]:
    """Return both trees with the files that each depmod wrote: as Debian has it, or configured and without order."""
    with tempfile.TemporaryDirectory(prefix="ringward-depmod-") as folder:
        folders = []
        answers = []
        for name in ("theirs", "ours"):
            base = Path(folder) / name
            directory = view(kernel_tree, base)
            options = ["-C", os.devnull]
            if request.param == "configured":
                options = configure(base, directory)
            argv = ["-b", str(base), *options, kernel_tree.version]
            answers.append(run_kmod(kmod_depmod, argv) if name == "theirs" else run_ours(argv))
            folders.append(directory)
        yield Pair(kernel_tree, folders[0], folders[1], (answers[0], answers[1]))


def told(answer: Answer, directory: Path) -> list[str]:
    """Return messages, with the tree's place and reasons of damaged files left out, and what kmod says nothing of."""
    text = answer.stderr.replace(str(directory.parents[2]), "")
    lines = re.sub(r"(failed to load symbols from [^\n]*?): [^\n]*", r"\1", text).splitlines()
    return [line for line in lines if "it matches nothing" not in line]


def without_weakdep(stdout: bytes) -> bytes:
    """Return the text files without the one that kmod 30 does not have."""
    return re.sub(rb"# Weak dependencies [^\n]*\n(weakdep [^\n]*\n)*", b"", stdout)


def test_the_text_files(pair: Pair) -> None:
    theirs, ours = pair.answers
    assert theirs.status == ours.status == 0
    assert told(ours, pair.ours) == told(theirs, pair.theirs)
    for name in TEXTS:
        expected = (pair.theirs / name).read_bytes().replace(bytes(pair.theirs.parents[2]), b"")
        assert len(expected) > 100
        assert (pair.ours / name).read_bytes().replace(bytes(pair.ours.parents[2]), b"") == expected, name


def test_kmod_has_no_weakdep_and_all_else(pair: Pair) -> None:
    assert {file.name for file in pair.ours.iterdir()} - {file.name for file in pair.theirs.iterdir()} == {
        "modules.weakdep"
    }
    assert {file.name for file in pair.theirs.iterdir()} <= {file.name for file in pair.ours.iterdir()}
    assert (pair.ours / "modules.weakdep").read_bytes().startswith(WEAKDEP_HEAD)


@pytest.mark.parametrize("question", [["-c"], ["-a", "-D"], ["-a", "-R"]], ids=" ".join)
def test_the_installed_modprobe_reads_the_indexes(pair: Pair, kmod_modprobe: str, question: list[str]) -> None:
    tree = Tree(str(pair.theirs.parents[2]), pair.kernel.version)
    names = tree.modules()
    assert len(names) > 4000
    if question != ["-c"]:
        built = [line.rpartition("/")[2] for line in (pair.theirs / "modules.builtin").read_text().splitlines()]
        names += [name.removesuffix(".ko") for name in built]
        symbols = (pair.theirs / "modules.symbols").read_text().splitlines()[1::9]
        names += [line.split()[1] for line in symbols]
    if question == ["-a", "-R"]:
        aliases = tree.index("modules.alias.bin")
        builtin = tree.index("modules.builtin.alias.bin")
        assert aliases is not None
        assert builtin is not None
        names += [key.replace("*", "") for key, _ in [*aliases.walk(), *builtin.walk()] if "[" not in key]
    answers = []
    for directory in (pair.theirs, pair.ours):
        base = str(directory.parents[2])
        options = ["-C", os.devnull, "-d", base, "-S", pair.kernel.version, *question]
        words = [] if question == ["-c"] else names
        done = subprocess.run([kmod_modprobe, *options, *words], capture_output=True, text=True, check=False)
        answers.append((done.returncode, done.stdout.replace(base, ""), done.stderr.replace(base, "")))
    assert answers[0][1].count("\n") > 4000
    assert answers[1] == answers[0]


def test_dry_run_prints_the_text_files(kernel_tree: KernelTree, kmod_depmod: str) -> None:
    argv = ["-n", "-C", os.devnull, "-b", kernel_tree.base, kernel_tree.version]
    theirs, ours = run_kmod(kmod_depmod, argv), run_ours(argv)
    assert len(theirs.stdout) > 1 << 20
    assert ours._replace(stdout=without_weakdep(ours.stdout)) == theirs


def test_unresolved_symbols_of_a_tree(kernel_tree: KernelTree, kmod_depmod: str, tmp_path: Path) -> None:
    symvers = tmp_path / "Module.symvers"
    symvers.write_text("0x12345678\tmodule_layout\tvmlinux\tEXPORT_SYMBOL_GPL\n0x1\tprintk\tvmlinux\tEXPORT_SYMBOL\n")
    argv = ["-n", "-e", "-E", str(symvers), "-C", os.devnull, "-b", kernel_tree.base, kernel_tree.version]
    theirs, ours = run_kmod(kmod_depmod, argv), run_ours(argv)
    assert theirs.stderr.count("\n") > 100_000
    assert ours.stderr.splitlines() == theirs.stderr.splitlines()


# Small trees made by chance.

NAMES = ("a", "b", "c-d", "c_d", "e", "f", "snd-x", "zz")
FOLDERS = ("kernel", "kernel/s", "updates", "updates/s", "extra", "build", "kernel/source")
SUFFIXES = (".ko", ".ko", ".ko", ".ko.xz")
SYMBOLS = (*(f"s{number}" for number in range(8)), ".s0", "_s1", "v_s1", ".v_s2")
KERNEL = ("k0", "k1", "module_layout")
MODINFO = (
    "alias=x-y",
    "alias=x_y",
    "alias=pci:v*d*",
    "alias=a[b-c]-d",
    "alias=[",
    "alias=x]",
    "alias=",
    "alias",
    "alias=two words",
    "aliases=1",
    "alias=devname:n",
    "alias=devname:m/n",
    "alias=char-major-10-20",
    "alias=block-major-7-*",
    "alias=char-major--1-4294967297",
    "softdep=pre: a b",
    "softdep=post: c-d",
    "softdep=",
    "weakdep=a b",
    "license=GPL",
    "name=a",
)
ORDER = (
    "kernel/a.ko",
    "kernel/b.ko",
    "kernel/c-d.ko",
    "updates/a.ko",
    "kernel/s/e.ko",
    "extra/f.ko",
    "",
    "kernel/none.ko",
)
BUILTIN = ("kernel/x-y.ko", "kernel/z.ko", "kernel/a.ko", "", "q.ko")
BUILTIN_INFO = (
    "x_y.alias=al-i",
    "x_y.alias=al_i",
    "z.author=me",
    "z.alias=[",
    ".alias=1",
    "nodot",
    "z.alias=",
    "q.alias=a[-]b",
)
SEARCH = ("updates", "extra", "kernel", "kernel/s", "built-in", "external", "updates/s", "nowhere")

crcs = st.sampled_from((1, 2, 0xFFFFFFFF))


class Case(NamedTuple):
    """A tree and the options that depmod is called with."""

    modules: dict[str, tuple[list[str], dict[str, int], dict[str, int], list[str], str, bool]]
    order: str | None
    builtin: str | None
    builtin_info: str | None
    config: list[str]
    options: list[str]
    symvers: list[tuple[str, int]]


@st.composite
def lines_of_config(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(("search", "search", "override", "external", "exclude", "bad")))
    if kind == "search":
        return f"search {' '.join(draw(st.lists(st.sampled_from(SEARCH), min_size=1, max_size=4)))}"
    if kind == "override":
        kernel = draw(st.sampled_from(("*", VERSION, "^1\\\\.", "9", "[")))
        return f"override {draw(st.sampled_from(NAMES))} {kernel} {draw(st.sampled_from(FOLDERS))}"
    if kind == "external":
        return f"external {draw(st.sampled_from(('*', '1', '9')))} BASE/{draw(st.sampled_from(('one', 'two', 'none')))}"
    if kind == "exclude":
        return f"exclude {draw(st.sampled_from(('s', 'a.ko', 'extra', 'zz')))}"
    return draw(st.sampled_from(("nonsense", "override a", "external x", "include y", "search", "goes \\\n on")))


def joined(pool: Sequence[str], end: str) -> st.SearchStrategy[str | None]:
    """Return the text of a file, the last line with or without its end; None: no file."""
    lines = st.lists(st.sampled_from(pool), max_size=6)
    return st.none() | st.builds(lambda some, last: end.join(some) + last, lines, st.sampled_from(("", end)))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    paths = st.builds(
        lambda folder, name, suffix: f"{folder}/{name}{suffix}",
        st.sampled_from((*FOLDERS, "../../../one", "../../../two", "../../../one/s")),
        st.sampled_from(NAMES),
        st.sampled_from(SUFFIXES),
    )
    parts = st.tuples(
        st.lists(st.sampled_from(MODINFO), max_size=5),
        st.dictionaries(st.sampled_from(SYMBOLS), crcs, max_size=3),
        st.dictionaries(st.sampled_from(SYMBOLS + KERNEL), crcs, max_size=3),
        st.lists(st.sampled_from(SYMBOLS + KERNEL), max_size=2),
        st.sampled_from(("section", "value", "none")),
        st.booleans(),
    )
    options = draw(st.sets(st.sampled_from(("-w", "-v", "-n", "-a", "-e")), max_size=3))
    symbols = draw(st.sampled_from(("", "-E", "-F")))
    prefix = draw(st.sampled_from(("", "", "_", "v", ".")))
    return Case(
        draw(st.dictionaries(paths, parts, max_size=7)),
        draw(joined(ORDER, "\n")),
        draw(joined(BUILTIN, "\n")),
        draw(joined(BUILTIN_INFO, "\0")),
        draw(st.lists(lines_of_config(), max_size=4)),
        [*sorted(options), *([symbols, "BASE/symbols"] if symbols else []), *(["-P", prefix] if prefix else [])],
        draw(st.lists(st.tuples(st.sampled_from(SYMBOLS + KERNEL), crcs), max_size=4)),
    )


def make(case: Case, base: Path) -> TinyTree:
    tree = TinyTree(base)
    for path, (modinfo, exports, wants, weak, place, damaged) in case.modules.items():
        file = tree.add(
            path, modinfo=modinfo, exports=list(exports.items()), wants=list(wants.items()), weak=weak, crcs=place
        )
        if damaged and len(path) % 3 == 0:
            file.write_bytes(file.read_bytes()[:40])
    for name, text in (("order", case.order), ("builtin", case.builtin), ("builtin.modinfo", case.builtin_info)):
        if text is not None:
            (tree.directory / f"modules.{name}").write_text(text)
    tree.configure(*[line.replace("BASE", str(base)) for line in case.config])
    form = "0 T __ksymtab_{0}\n" if "-F" in case.options else "0x{1:08x}\t{0}\tvmlinux\tEXPORT_SYMBOL\n"
    (base / "symbols").write_text("".join(form.format(name, crc) for name, crc in case.symvers))
    return tree


CYCLE = re.compile(r"Cycle detected: (.*)")


def is_sane(answer: Answer) -> bool:
    """Return whether kmod came to an end with cycles that are some: none of them twice round, none without an end."""
    if answer.status not in {0, 1} or "No memory" in answer.stderr:
        return False
    paths = [line.split(" -> ") for line in CYCLE.findall(answer.stderr)]
    return all(len(path) > 1 and path[0] == path[-1] and len(set(path)) == len(path) - 1 for path in paths)


def dump(tree: TinyTree, modprobe: str) -> str:
    """Return what the installed modprobe finds in the indexes: all aliases and symbols, and each module's steps."""
    options = ["-C", os.devnull, "-d", str(tree.base), "-S", VERSION]
    names = [name.replace("-", "_") for name in NAMES] + ["x_y", "z", "q", "al_i", "a-b"]
    answers = []
    for question in (["-c"], ["-a", "-D", *names], ["-a", "-R", *names]):
        done = subprocess.run([modprobe, *options, *question], capture_output=True, text=True, check=False)
        # The text file modules.weakdep is no concern of kmod 30.
        answers.append(done.stdout.replace(str(tree.base), "BASE") + done.stderr.replace(str(tree.base), "BASE"))
    return "\n".join(answers)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@example(
    Case({"kernel/a.ko": ([], {"s0": 1}, {"s0": 1}, [], "section", False)}, None, None, None, [], ["-n", "-v"], [])
)
@given(cases())
def test_trees_made_by_chance(kmod_depmod: str, kmod_modprobe: str, case: Case) -> None:
    with tempfile.TemporaryDirectory(prefix="ringward-depmod-") as folder:
        # Directories are listed in an order that depends on where they are: both work on the same one.
        tree = make(case, Path(folder) / "tree")
        options = [option.replace("BASE", str(tree.base)) for option in case.options]
        before = tree.written()
        theirs = tree.kmod(kmod_depmod, *options)
        texts, answers, names = tree.texts(), dump(tree, kmod_modprobe), tree.written()
        for name in names - before:
            (tree.directory / name).unlink()
        ours = tree.ours(*options)
        if not is_sane(theirs):
            assert ours.status == 1
            assert "Cycle detected" in ours.stderr
            assert tree.written() == before
            return
        assert told(ours, tree.directory) == told(theirs, tree.directory)
        assert ours.status == theirs.status
        assert without_weakdep(ours.stdout) == theirs.stdout
        assert tree.texts() == texts
        assert tree.written() - {"modules.weakdep"} == names
        assert dump(tree, kmod_modprobe) == answers
