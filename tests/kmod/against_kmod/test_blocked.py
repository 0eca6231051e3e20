"""What blocked says is what the installed modprobe would do: of each way the command is given to it, dry.

A dry run does not say that a command fails: where one stands in the chain the guests decide (tests/kernel).
"""

from __future__ import annotations

import os
import random
import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringward.kmod.blocked import Answer, Decider, Way
from ringward.kmod.blocked.answer import (
    AS_DEPENDENCY,
    BLOCKED,
    BY_ALIAS,
    BY_FILE,
    BY_NAME,
    BY_SOFTDEP,
    GOVERNED,
    OPEN,
)
from ringward.kmod.blocked.by_alias import Aliases, by_alias
from ringward.kmod.blocked.by_dependency import Requests, by_dependency
from ringward.kmod.blocked.by_name import by_name, ignoring_commands
from ringward.kmod.blocked.trial import NothingLoaded, Trial
from ringward.kmod.config import load_config
from ringward.kmod.kernel import Kernel
from ringward.kmod.names import path_to_name
from ringward.kmod.resolve import Resolver
from ringward.kmod.reverse import Reverse
from ringward.kmod.tree import Tree
from tests.kmod.against_kmod.test_lint import STEMS, build, own, trees, without_aliases
from tests.kmod.against_kmod.test_lint import anything as lines_of_any_kind
from tests.kmod.conftest import KernelTree
from tests.kmod.lab import VERSION, Lab

MANY = 300
"""Modules of each tree that have lines of the configuration."""
quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Oracle:
    """The installed modprobe for one tree and configuration.

    With -D it looks at no state; with -nv it does, as in a real load: of what is built in nothing follows.
    """

    def __init__(self, program: str, conf: str, base: str, version: str, flag: str = "-nv") -> None:
        self.argv = [program, "-C", conf, "-d", base, "-S", version, flag]

    def says(self, *words: str) -> list[list[str]]:
        """Return the lines of a dry run, as words."""
        env = {key: value for key, value in os.environ.items() if key != "MODPROBE_OPTIONS"}
        done = subprocess.run([*self.argv, *words], capture_output=True, text=True, check=False, env=env)
        return [line.split() for line in done.stdout.splitlines()]

    def loads(self, module: str, *words: str) -> tuple[bool, bool]:
        """Return whether the module's file is loaded, and whether a command is run before."""
        command = False
        for action, *rest in self.says(*words):
            if action == "insmod" and path_to_name(rest[0]) == module:
                return True, command
            command |= action == "install"
        return False, command


def check(oracle: Oracle, module: str, way: Way) -> bool:
    """Compare a way with what modprobe says; return whether that decides it."""
    loads, after_command = oracle.loads(module, *shlex.split(way.command)[1:])
    # Dry, what does not exist does not fail, either.
    if after_command or "no such module" in way.why:
        return False
    assert loads == (way.result == OPEN), (way.kind, way.command, way.result, way.why)
    return True


def random_line(chance: random.Random, module: str, others: list[str]) -> list[str]:
    other = chance.choice(others)
    return chance.choice(
        [
            [f"blacklist {module}"],
            [f"install {module} /bin/false"],
            [f"install {module} /bin/false", f"softdep {module} pre: {other}"],
            [f"softdep {other} post: {module}", f"blacklist {module}"],
            [f"blacklist {module}", f"install {module} /sbin/modprobe -i {module}"],
            [f"alias {module} off"],
            [f"alias own-{module} {module}", f"blacklist {module}"],
            [f"softdep {other} pre: {module}", f"install {other} /bin/true"],
        ]
    )


@pytest.fixture
def sample(kernel_tree: KernelTree, tmp_path: Path) -> tuple[Path, list[str]]:
    """Give a configuration for many modules of a tree, and their names."""
    chance = random.Random(kernel_tree.version)
    every = Tree(kernel_tree.base, kernel_tree.version).modules()
    chosen = chance.sample(every, MANY)
    file = tmp_path / "sample.conf"
    file.write_text("".join(f"{line}\n" for name in chosen for line in random_line(chance, name, every)))
    return file, chosen


def test_the_trees(kernel_tree: KernelTree, kmod_modprobe: str, sample: tuple[Path, list[str]]) -> None:
    conf, modules = sample
    tree = Tree(kernel_tree.base, kernel_tree.version)
    config = load_config([str(conf)], cmdline="", module_dir=tree.directory)
    resolver, reverse, aliases = Resolver(tree, config), Reverse(tree, config), Aliases(tree, config)
    oracle = Oracle(kmod_modprobe, str(conf), kernel_tree.base, kernel_tree.version, "-D")
    decided = dict.fromkeys((BY_NAME, "ignoring commands", BY_ALIAS, AS_DEPENDENCY, BY_SOFTDEP), 0)
    results: dict[str, set[str]] = {kind: set() for kind in decided}
    for module in modules:
        trial = Trial(resolver, module, NothingLoaded(), lambda _: "")
        requests = Requests(trial, aliases, kernel_asks=True)
        for way in (
            by_name(trial, kernel_asks=True),
            *by_alias(trial, aliases, kernel_asks=True),
            *by_dependency(trial, reverse, requests),
            ignoring_commands(trial),
        ):
            if way.result != "could not look" and way.command:
                decided[way.kind] += check(oracle, module, way)
                results[way.kind].add(way.result)
    assert all(count > 20 for count in decided.values()), decided
    assert all(found == {"open", "closed"} for found in results.values()), results


def decider(lab: Lab) -> Decider:
    tree, config = lab.tree(), lab.config()
    return Decider(
        Resolver(tree, config),
        Kernel(tree, running=False),
        NothingLoaded(),
        lambda path: Path(path).read_text(),
        str(lab.conf),
    )


def governed(answer: Answer) -> list[Way]:
    return [way for way in answer.ways if way.kind in GOVERNED and way.command]


EVERYTHING = [*STEMS, "b_c", "no", "built", "x:1", "x:~", "q", "q~", "own:1", "y", "z", "zz", "d.ko"]
"""Whatever can be asked for in these trees."""


@quick
@given(deps=trees(), own_lines=own, lines=lines_of_any_kind, stem=st.sampled_from(STEMS))
def test_any_tree_and_configuration(
    kmod_modprobe: str, deps: dict[str, list[str]], own_lines: list[str], lines: list[str], stem: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = build(folder, deps, own_lines)
        lab.configure(*lines, file="m.conf")
        oracle = Oracle(kmod_modprobe, str(lab.conf), str(lab.root), VERSION)
        (answer,) = decider(lab).answers(stem)
        for way in governed(answer):
            check(oracle, answer.module, way)
        if answer.word == BLOCKED:
            for name in EVERYTHING:
                loads, after_command = oracle.loads(answer.module, name)
                assert not loads or after_command, name


@quick
@given(deps=trees(), own_lines=own, lines=without_aliases, stem=st.sampled_from(STEMS))
def test_the_remedy_keeps_it_out(
    kmod_modprobe: str, deps: dict[str, list[str]], own_lines: list[str], lines: list[str], stem: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = build(folder, deps, own_lines)
        lab.configure(*lines, file="m.conf")
        (answer,) = decider(lab).answers(stem)
        for remedy in answer.remedies:
            if remedy.where != "/proc/cmdline":
                Path(remedy.where).write_text("".join(f"{line}\n" for line in remedy.lines))
        oracle = Oracle(kmod_modprobe, str(lab.conf), str(lab.root), VERSION)
        for name in EVERYTHING:
            loads, after_command = oracle.loads(answer.module, name)
            assert not loads or after_command, name
        (after,) = decider(lab).answers(stem)
        assert after.word == BLOCKED
        # Root is told of the way round it, and it is one.
        if any(way.kind == "ignoring commands" and way.result == OPEN for way in after.ways):
            assert oracle.loads(answer.module, "-i", answer.module)[0]
        assert [way.kind for way in after.ways][-1] == BY_FILE
