from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringward.kmod.directive import CMDLINE
from ringward.kmod.resolve import Resolver
from ringward.kmod.step import BUILTIN, DEPENDENCY, INSMOD, INSTALL, LOADED, NAMED, NOTHING, POST, PRE, SKIP, Step
from tests.kmod.lab import Lab, Loaded

DEPS: dict[str, list[str]] = {"a": [], "b": ["a"], "c": ["b", "a"], "d": [], "e": [], "f": []}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    found = Lab(tmp_path / "lab")
    found.modules(DEPS, aliases=[("bus:*", "c"), ("bus:1", "d"), ("al:*", "f")], builtin=["own"])
    return found


def probe(lab: Lab, name: str, *words: str, **options: Any) -> list[Step]:
    return lab.resolver().probe(name, words, **options)


def short(steps: list[Step]) -> list[str]:
    return [f"{step.action} {step.name}" for step in steps]


def test_dependencies_come_before_who_needs_them(lab: Lab) -> None:
    steps = probe(lab, "c")
    assert short(steps) == ["insmod a", "insmod b", "insmod c"]
    assert [(step.cause.kind, step.cause.of, step.required) for step in steps] == [
        (DEPENDENCY, "c", True),
        (DEPENDENCY, "c", True),
        (NAMED, "c", True),
    ]
    assert steps[2].path == f"{lab.directory}/kernel/c.ko"


def test_softdeps_stand_around_their_module(lab: Lab) -> None:
    lab.configure("softdep c pre: d nothing-here post: al:1", "softdep b pre: e")
    steps = probe(lab, "c")
    assert short(steps) == [
        "insmod a",
        "insmod e",
        "insmod b",
        "insmod d",
        "skip nothing-here",
        "insmod c",
        "insmod f",
    ]
    by_name = {step.name: step for step in steps}
    cause = by_name["e"].cause
    assert (cause.kind, cause.of, cause.word) == (PRE, "b", "e")
    assert cause.directive is not None
    assert cause.directive.place == f"{lab.conf}/a.conf:2"
    assert (steps[-1].cause.kind, steps[-1].cause.word, steps[-1].required) == (POST, "al:1", False)
    assert by_name["nothing-here"].why == "nothing of that name"


def test_only_the_first_softdep_line_counts_unless_all_are_asked_for(lab: Lab) -> None:
    lab.configure("softdep d pre: e", "softdep d pre: f e", "softdep [d] post: b")
    assert short(probe(lab, "d")) == ["insmod e", "insmod d"]
    merged = Resolver(lab.tree(), lab.config(), all_softdeps=True).probe("d")
    assert short(merged) == ["insmod e", "insmod f", "insmod d", "insmod a", "insmod b"]  # each operand once
    assert [line.line for line in lab.resolver().softdep_lines("d")] == [1, 2, 3]


@pytest.mark.parametrize("lines", [("softdep d pre: e", "softdep e pre: d"), ("softdep d pre: d post: d",)])
def test_circles_of_softdeps_end(lab: Lab, lines: tuple[str, ...]) -> None:
    lab.configure(*lines)
    assert short(probe(lab, "d"))[-1] == "insmod d"


def test_long_chains_of_softdeps(lab: Lab) -> None:
    names = [f"m{number}" for number in range(3000)]
    lab.modules({name: [] for name in names})
    lab.configure(*(f"softdep {name} pre: {names[n + 1]}" for n, name in enumerate(names[:-1])))
    assert short(probe(lab, "m0")) == [f"insmod {name}" for name in reversed(names)]


def test_options_and_where_they_come_from(lab: Lab) -> None:
    lab.configure("options d x=1 x=2", "options bus:1 y=1", "options ? z=1", "options a w=1")
    config = lab.config()
    config.add(next(each for each in config.options if each.key == "a"))
    step = probe(lab, "bus:1", "v=a b")[-1]
    assert step.parameters() == 'x=1 x=2 y=1 v="a b"'
    assert [option.directive.line if option.directive else None for option in step.options] == [1, 2, None]


def test_parameters_go_to_the_named_module_only(lab: Lab) -> None:
    lab.configure("alias two b", "alias two c")
    assert [(step.name, step.parameters()) for step in probe(lab, "two", "v=1")] == [
        ("a", ""),
        ("b", "v=1"),
        ("a", ""),
        ("b", ""),
        ("c", "v=1"),
    ]


def test_the_kernel_command_line(lab: Lab) -> None:
    from ringward.kmod.config import load_config

    config = load_config([], cmdline="d.x=1 modprobe.blacklist=e", module_dir=str(lab.directory))
    resolver = Resolver(lab.tree(), config)
    (option,) = resolver.probe("d")[0].options
    assert option.directive is not None
    assert (option.text, option.directive.place) == ("x=1", CMDLINE)
    assert short(resolver.probe("e", use_blacklist=True)) == ["skip e"]


def test_commands(lab: Lab) -> None:
    lab.configure("install c first", "install ? second", "remove c third")
    steps = probe(lab, "c")
    assert short(steps) == ["install a", "install b", "install c"]
    assert [step.command.value for step in steps if step.command] == ["second", "second", "first"]
    resolver = lab.resolver()
    assert [line.value for line in resolver.install_lines("c")] == ["first", "second"]
    removal = resolver.remove_command("c")
    assert removal is not None
    assert removal.value == "third"
    assert resolver.remove_command("a") is None


def test_a_command_is_dropped_with_i_and_by_softdeps(lab: Lab) -> None:
    lab.configure("install c first", "install d first", "softdep d pre: e", "softdep c pre: e", "install a x")
    steps = probe(lab, "c", ignore_commands=True)
    assert short(steps) == ["install a", "insmod b", "insmod c"]  # of the named module, and its softdeps with it
    assert steps[-1].command is not None
    steps = probe(lab, "d")
    assert short(steps) == ["insmod e", "insmod d"]
    assert steps[-1].command is not None
    assert steps[-1].command.line == 2


def test_the_blacklist(lab: Lab) -> None:
    lab.configure("blacklist c", "blacklist a")
    assert short(probe(lab, "c")) == ["insmod a", "insmod b", "insmod c"]
    assert short(probe(lab, "b", use_blacklist=True)) == ["insmod a", "insmod b"]
    (skipped,) = probe(lab, "c", use_blacklist=True)
    assert (skipped.action, skipped.why) == (SKIP, "blacklisted")
    assert skipped.directive is not None
    assert skipped.directive.line == 1
    assert short(probe(lab, "bus:1")) == ["skip c", "insmod d"]  # by an alias it always counts


def test_what_is_loaded(lab: Lab) -> None:
    lab.load({"a": Loaded(["b"]), "b": Loaded(), "d": Loaded(state="coming")})
    live = lab.live()
    assert short(probe(lab, "c", live=live)) == ["loaded a", "loaded b", "insmod c"]
    assert short(probe(lab, "b", live=live)) == ["loaded b"]
    assert short(probe(lab, "d", live=live)) == ["insmod d"]
    assert short(probe(lab, "own", live=live)) == ["loaded own"]
    assert short(probe(lab, "own")) == ["builtin own"]
    assert lab.resolver().in_kernel("own", live)
    assert not lab.resolver().in_kernel("d", live)


def test_a_missing_file_of_a_dependency_drops_them_all(lab: Lab) -> None:
    lab.modules(DEPS, missing=["a"])
    assert short(probe(lab, "c")) == ["insmod c"]
    assert lab.resolver().missing("c") == [f"{lab.directory}/kernel/a.ko"]
    assert lab.resolver().missing("no") == []


def test_names_that_mean_nothing(lab: Lab) -> None:
    lab.configure("alias to nowhere")
    (step,) = probe(lab, "to")
    assert (step.action, step.name, step.path) == (NOTHING, "nowhere", None)
    (step,) = probe(lab, "no")
    assert (step.action, step.why, step.required) == (SKIP, f"nothing of that name in {lab.directory}", True)
    (step,) = probe(lab, "a[")
    assert "'['" in step.why


def test_a_path_stands_for_its_module(lab: Lab) -> None:
    steps = probe(lab, "/other/place/c.ko")
    assert [(step.name, step.path) for step in steps][-1] == ("c", "/other/place/c.ko")
    assert short(steps) == ["insmod a", "insmod b", "insmod c"]  # what it needs is known by its name


def test_actions_have_lines(lab: Lab) -> None:
    assert {INSMOD, INSTALL, BUILTIN, LOADED} == {"insmod", "install", "builtin", "loaded"}
    assert lab.resolver().path(lab.resolver().lookup("c").hits[0]) == f"{lab.directory}/kernel/c.ko"
