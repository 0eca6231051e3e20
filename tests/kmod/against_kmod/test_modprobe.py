"""Ringward's modprobe and the installed one, side by side; some of it with kmod 34's, too."""

from __future__ import annotations

import random
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringward.kmod.names import module_name
from ringward.kmod.tree import Tree
from tests.kmod.conftest import KernelTree, kmod_34
from tests.kmod.lab import Answer, Lab, Loaded, can_unshare, run_modprobe, without_library

MODALIASES = 3000


def both(program: str, argv: list[str]) -> tuple[Answer, Answer]:
    done = subprocess.run([program, *argv], capture_output=True, text=True, errors="surrogateescape", check=False)
    return Answer(done.returncode, done.stdout, without_library(done.stderr)), run_modprobe(argv)


def arguments(tree: KernelTree) -> list[str]:
    return ["-C", "/dev/null", "-d", tree.base, "-S", tree.version]


def modaliases(tree: KernelTree) -> list[str]:
    """Return real modaliases: those that aliases of the tree stand for, each wildcard filled in."""
    index = Tree(tree.base, tree.version).index("modules.alias.bin")
    assert index is not None
    keys = sorted({key for key, _ in index.walk()})
    chance = random.Random(tree.version)
    found = []
    for key in chance.sample(keys, MODALIASES):
        plain = key.split("[")[0] if "[" in key else key
        found.append(
            "".join(chance.choice(("", "0", "00ff", "x:y")) if c == "*" else "7" if c == "?" else c for c in plain)
        )
    return found


def test_show_depends_of_every_module(kernel_tree: KernelTree, either_modprobe: str) -> None:
    names = Tree(kernel_tree.base, kernel_tree.version).modules()
    assert len(names) > 4000
    theirs, ours = both(either_modprobe, [*arguments(kernel_tree), "-D", "-a", *names])
    assert theirs.stdout.count("\n") > 14000
    assert ours == theirs


def test_below_a_sysroot_the_answer_is_the_same_without_it(kernel_tree: KernelTree, kmod_modprobe: str) -> None:
    names = Tree(kernel_tree.base, kernel_tree.version).modules()[::8]
    theirs = both(kmod_modprobe, [*arguments(kernel_tree), "-D", "-a", *names])[0]
    ours = run_modprobe(["--sysroot", kernel_tree.base, "-S", kernel_tree.version, "-D", "-a", *names])

    def paths(text: str) -> list[str]:
        # Options differ: those of this machine's kernel command line are not the image's.
        return [line.split(" ")[1] for line in text.splitlines()]

    assert (ours.status, ours.stderr) == (0, "")
    assert paths(ours.stdout) == [path.removeprefix(kernel_tree.base) for path in paths(theirs.stdout)]


def test_show_alias_of_modaliases(kernel_tree: KernelTree, either_modprobe: str) -> None:
    theirs, ours = both(either_modprobe, [*arguments(kernel_tree), "-R", "-a", *modaliases(kernel_tree)])
    assert theirs.stdout.count("\n") > MODALIASES
    assert ours == theirs


def test_show_alias_of_every_module_symbol_and_builtin(kernel_tree: KernelTree, kmod_modprobe: str) -> None:
    tree = Tree(kernel_tree.base, kernel_tree.version)
    index = tree.index("modules.symbols.bin")
    assert index is not None
    names = [*tree.modules(), *tree.builtins(), *[key for key, _ in index.walk()][::7]]
    theirs, ours = both(kmod_modprobe, [*arguments(kernel_tree), "-R", "-a", *names])
    assert ours == theirs


@pytest.mark.parametrize("config", [[], ["-C", "/dev/null"]], ids=["default", "none"])
def test_show_config(kernel_tree: KernelTree, either_modprobe: str, config: list[str]) -> None:
    theirs, ours = both(either_modprobe, [*config, "-d", kernel_tree.base, "-S", kernel_tree.version, "-c"])
    assert theirs.stdout.count("\n") > 40000
    assert ours == theirs


keys = st.one_of(st.text("ab*?", min_size=1, max_size=6), st.text("ab*?[]x!\\\\", min_size=1, max_size=6))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(keys, st.sampled_from("mnop"), st.integers(0, 2)), min_size=1, max_size=14),
    st.lists(st.text("abx*?", min_size=1, max_size=6), min_size=1, max_size=8),
)
def test_any_alias_index(kmod_modprobe: str, entries: list[tuple[str, str, int]], asked: list[str]) -> None:
    """Patterns of all kinds, and equal priorities, whose order shows how libkmod goes through the trie."""
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder, "lab"))
        lab.index(
            "alias", [(key, f"{value}{number}", priority) for number, (key, value, priority) in enumerate(entries)]
        )
        for words in (["-R", "-a", "--", *asked, *(key for key, _, _ in entries)], ["-c"]):
            assert lab.ringward(*words) == lab.kmod(kmod_modprobe, *words), words


STEMS = ("a", "b-c", "b_d", "e1", "f", "g-h_i", "j", "k")
NAMES = tuple(module_name(stem) for stem in STEMS)
PATTERNS = (*NAMES, "b*", "?", "[a-f]", "*", "x:*", "x:?", "x:[0-9]y", "x:0y", "z", "z*", "b-c", "g-*", "no", "[!a]*")
ASKED = (
    *STEMS,
    *NAMES[:3],
    "x:0y",
    "x:",
    "x:7",
    "z",
    "zz",
    "symbol:s",
    "symbol:t",
    "no",
    "built",
    "own:b",
    "b*",
    "x:*",
    "",
)
OPERANDS = (*STEMS, "x:0y", "z", "no", "built", "symbol:s", "own:b")
WORDS = ("q=1", "r=a b", "s", 't="u v"')

names = st.sampled_from(NAMES)
patterns = st.sampled_from(PATTERNS)
operands = st.lists(st.sampled_from(OPERANDS), max_size=3).map(" ".join)
directives = st.one_of(
    st.builds("alias {} {}".format, patterns, st.sampled_from((*STEMS, "no", "z", "built", "x:0y", "b.c"))),
    st.builds("blacklist {}".format, st.sampled_from((*STEMS, "z", "built"))),
    st.builds("options {} {}".format, patterns, st.sampled_from(("o=1", "p=2 o=3", "x"))),
    st.builds("install {} {}".format, patterns, st.sampled_from(("/bin/false $CMDLINE_OPTS", "true"))),
    st.builds("remove {} {}".format, patterns, st.sampled_from(("/bin/false $CMDLINE_OPTS", "true"))),
    st.builds("softdep {} pre: {}".format, patterns, operands),
    st.builds("softdep {} post: {}".format, patterns, operands),
    st.builds("softdep {} pre: {} post: {}".format, patterns, operands, operands),
)
configs = st.dictionaries(st.sampled_from(("a.conf", "z.conf")), st.lists(directives, max_size=7), max_size=2)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, object]:
    """Return arguments for `Lab.modules`: what a module needs comes before it, and is named with all that it needs."""
    chosen = draw(st.lists(st.sampled_from(STEMS), unique=True, min_size=1))
    deps: dict[str, list[str]] = {}
    for stem in chosen:
        direct = draw(st.lists(st.sampled_from(list(deps)), unique=True, max_size=3)) if deps else []
        closure = [*direct, *(below for each in direct for below in deps[each])]
        deps[stem] = list(dict.fromkeys(closure[::-1]))[::-1]
    others = ["built", *(module_name(stem) for stem in STEMS if stem not in deps)]
    return {
        "deps": deps,
        "aliases": draw(st.lists(st.tuples(patterns, names), max_size=6)),
        "symbols": draw(st.lists(st.tuples(st.sampled_from("st"), names), max_size=2)),
        "builtin": ["built", *draw(st.lists(st.sampled_from(others), max_size=2))],
        "builtin_aliases": draw(
            st.lists(st.tuples(st.sampled_from(("own:*", "own:b", "z")), st.just("built")), max_size=2)
        ),
        "missing": draw(st.lists(st.sampled_from(STEMS), max_size=1)),
    }


asked = st.sampled_from(ASKED)
questions = st.one_of(
    st.tuples(st.sampled_from(("-D", "-R", "-Db", "-Di", "-Dbi", "-Dq")), asked).map(list),
    st.tuples(st.just("-D"), asked, st.sampled_from(WORDS), st.sampled_from(WORDS)).map(list),
    st.builds(
        lambda flag, several: [flag, "-a", *several],
        st.sampled_from(("-D", "-R", "-Db")),
        st.lists(asked, min_size=1, max_size=4),
    ),
    st.just(["-c"]),
)


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(tree=trees(), config=configs, question=st.lists(questions, min_size=4, max_size=12))
def test_any_tree_and_configuration(
    either_modprobe: str, tree: dict[str, object], config: dict[str, list[str]], question: list[list[str]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder, "lab"))
        lab.modules(**tree)  # type: ignore[arg-type]
        for file, lines in config.items():
            lab.configure(*lines, file=file)
        for words in question:
            assert lab.ringward(*words) == lab.kmod(either_modprobe, *words), (words, tree, config)


@st.composite
def states(draw: st.DrawFn, deps: dict[str, list[str]]) -> dict[str, Loaded]:
    """Return what is loaded: each with those of the others that need it as holders."""
    stems = draw(st.lists(st.sampled_from([*deps, "built", "no"]), unique=True, min_size=1))
    return {
        module_name(stem): Loaded(
            [module_name(each) for each in stems if stem in deps.get(each, ())],
            draw(st.sampled_from((0, 0, 0, 1))),
            draw(st.sampled_from(("live", "live", "live", "coming", "going"))),
        )
        for stem in stems
    }


CRASHED = {-signal.SIGSEGV, 128 + signal.SIGSEGV}
runs = st.one_of(
    st.builds(
        lambda first, flags, several: [*first, *flags, *several],
        st.just(["-nv"]),
        st.lists(st.sampled_from(("-b", "-i", "--first-time")), unique=True),
        st.one_of(st.tuples(asked), st.tuples(asked, st.sampled_from(WORDS)), st.tuples(st.just("-a"), asked, asked)),
    ),
    st.builds(
        lambda first, flags, several: [*first, *flags, *several],
        st.sampled_from((["-rnv"], ["-rnv"], ["-rD"])),
        st.lists(st.sampled_from(("-a", "-i", "--first-time", "--remove-holders", "-w5")), unique=True),
        st.lists(asked, min_size=1, max_size=3),
    ),
)


@pytest.mark.skipif(not can_unshare(), reason="no mount namespace can be had here: the installed kmod knows one /sys")
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(
    tree=trees(),
    config=configs,
    data=st.data(),
    question=st.lists(runs, min_size=4, max_size=12),
)
def test_any_state(
    kmod_modprobe: str,
    tree: dict[str, object],
    config: dict[str, list[str]],
    data: st.DataObject,
    question: list[list[str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder, "lab"))
        lab.modules(**tree)  # type: ignore[arg-type]
        state = data.draw(states(tree["deps"]))  # type: ignore[arg-type]
        lab.load(state)
        for file, lines in config.items():
            lab.configure(*lines, file=file)
        for words in question:
            theirs, ours = lab.kmod(kmod_modprobe, *words), lab.ringward(*words)
            # kmod 30's modprobe -r crashes on a circle of softdeps.
            assert ours == theirs or theirs.status in CRASHED, (words, tree, config, state)


@pytest.mark.parametrize("option", ["--show-exports", "--show-modversions"])
def test_symbols_of_module_files(kernel_tree: KernelTree, option: str) -> None:
    paths = [line.path for line in Tree(kernel_tree.base, kernel_tree.version).lines()]
    lines = 0
    for path in random.Random(kernel_tree.version).sample(paths, 60):
        theirs, ours = both(kmod_34("modprobe"), [option, path])
        assert ours == theirs, path
        lines += theirs.stdout.count("\n")
    assert lines > 60
