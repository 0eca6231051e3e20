"""What `modprobe -r` does, step by step; each rule was measured with kmod 30 on Linux 6.1 and 6.12."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringward.kmod import removal
from ringward.kmod.removal import Removal
from ringward.kmod.step import Step
from tests.kmod.lab import Lab, Loaded, can_unshare

DEPS = {
    "fat": [],
    "vfat": ["fat"],
    "msdos": ["fat"],
    "llc": [],
    "psnap": ["llc"],
    "appletalk": ["psnap", "llc"],
    "loop": [],
    "dummy": [],
}
FATS = {"fat": Loaded(["msdos", "vfat"]), "msdos": Loaded(), "vfat": Loaded()}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    found = Lab(tmp_path)
    found.modules(DEPS, builtin=["unix"])
    return found


def delete(lab: Lab, name: str) -> None:
    """Do to the state what the kernel does when a module is unloaded."""
    shutil.rmtree(lab.state / name)
    for used in lab.state.glob(f"*/holders/{name}"):
        used.unlink()
        count = used.parent.parent / "refcnt"
        count.write_text(f"{int(count.read_text()) - 1}\n")


class End(Exception):  # noqa: N818 - as modprobe ends at the first complaint
    """A module that does not go."""


def steps_of(lab: Lab, asked: str, done: Callable[[Step], object], **options: Any) -> str:
    """Have what a name means unloaded, `done` does it; return the complaint that ended it, or ""."""
    resolver = lab.resolver()

    def do(step: Step) -> bool:
        done(step)
        return True

    def complain(text: str) -> None:
        raise End(text)

    try:
        for hit in resolver.lookup(asked).hits:
            Removal(resolver, lab.live(), do=do, complain=complain, **options).remove(hit, asked)
    except End as end:
        return str(end)
    return ""


def run(lab: Lab, asked: str, *, dry: bool = False, **options: Any) -> tuple[list[str], str]:
    """Return the lines of the steps, each done when it comes, and the complaint at the end or ""."""
    lines = []

    def done(step: Step) -> None:
        lines.append(removal.line(step))
        if step.action == removal.RMMOD and not dry:
            delete(lab, step.name)

    return lines, steps_of(lab, asked, done, **options)


@pytest.mark.parametrize(
    ("loaded", "config", "asked", "options", "lines", "error"),
    [
        # A dependency goes when nobody uses it any more.
        ({"fat": Loaded(["vfat"]), "vfat": Loaded()}, [], "vfat", {}, ["rmmod vfat", "rmmod fat"], ""),
        (FATS, [], "vfat", {}, ["rmmod vfat"], ""),
        # Those of modules.dep in the order of loading, once: what was still used then stays.
        (
            {"llc": Loaded(["psnap"]), "psnap": Loaded(["appletalk"]), "appletalk": Loaded()},
            [],
            "appletalk",
            {},
            ["rmmod appletalk", "rmmod psnap"],
            "",
        ),
        # In use.
        (FATS, [], "fat", {}, [], "Module fat is in use."),
        ({"loop": Loaded(users=1)}, [], "loop", {}, [], "Module loop is in use."),
        ({"loop": Loaded(users=1)}, [], "loop", {"wait": True}, ["rmmod loop"], ""),
        # Not there.
        ({}, [], "loop", {}, [], ""),
        ({}, [], "loop", {"first_time": True}, [], "Module loop is not in kernel."),
        ({}, [], "unix", {}, [], "Module unix is builtin."),
        ({"unix": Loaded(state=None)}, [], "unix", {}, [], "Module unix is builtin."),
        # Softdeps: the post ones before, the pre ones behind, the last one first, each with its own dependencies.
        (
            {**FATS, "loop": Loaded()},
            ["softdep loop pre: msdos post: vfat"],
            "loop",
            {},
            ["rmmod vfat", "rmmod loop", "rmmod msdos", "rmmod fat"],
            "",
        ),
        (
            {**FATS, "loop": Loaded(), "dummy": Loaded()},
            ["softdep loop pre: vfat dummy"],
            "loop",
            {},
            ["rmmod loop", "rmmod dummy", "rmmod vfat"],
            "",
        ),
        ({"vfat": Loaded(), "fat": Loaded(["vfat"])}, ["softdep loop pre: vfat"], "loop", {}, [], ""),
        ({"loop": Loaded()}, ["softdep loop post: unix nothere dummy"], "loop", {}, ["rmmod loop"], ""),
        (
            {"loop": Loaded(users=1), "dummy": Loaded()},
            ["softdep dummy post: loop"],
            "dummy",
            {},
            [],
            "Module loop is in use.",
        ),
        (
            {"loop": Loaded(users=1), "dummy": Loaded()},
            ["softdep dummy pre: loop"],
            "dummy",
            {},
            ["rmmod dummy"],
            "Module loop is in use.",
        ),
        # Those of a dependency do not count, and -i means none at all.
        (
            {"vfat": Loaded(), "fat": Loaded(["vfat"]), "loop": Loaded()},
            ["softdep fat pre: loop"],
            "vfat",
            {},
            ["rmmod vfat", "rmmod fat"],
            "",
        ),
        (
            {**FATS, "loop": Loaded()},
            ["softdep loop pre: msdos post: vfat"],
            "loop",
            {"ignore_commands": True},
            ["rmmod loop"],
            "",
        ),
        (
            {"vfat": Loaded(), "fat": Loaded(["vfat"])},
            [],
            "vfat",
            {"ignore_commands": True},
            ["rmmod vfat", "rmmod fat"],
            "",
        ),
        # Remove commands: whether the module is loaded does not matter, no dependency goes; a dependency's is not run.
        (FATS, ["remove vfat echo $CMDLINE_OPTS x"], "vfat", {}, ["remove echo  x"], ""),
        ({}, ["remove loop echo x", "remove loop echo y"], "loop", {"first_time": True}, ["remove echo x"], ""),
        ({}, ["remove nothere echo x"], "nothere", {}, ["remove echo x"], ""),
        ({"loop": Loaded()}, ["remove l* echo x"], "loop", {}, ["remove echo x"], ""),
        ({"loop": Loaded()}, ["remove loop false"], "loop", {"ignore_commands": True}, ["rmmod loop"], ""),
        (
            {"vfat": Loaded(), "fat": Loaded(["vfat"])},
            ["remove fat false"],
            "vfat",
            {},
            ["rmmod vfat", "rmmod fat"],
            "",
        ),
        # Holders of the named one, with their softdeps, and not theirs in turn.
        (
            {"fat": Loaded(["msdos"]), "msdos": Loaded()},
            ["remove msdos rmmod msdos"],
            "fat",
            {"holders": True, "wait": True},
            ["remove rmmod msdos", "rmmod fat"],
            "",
        ),
        (
            {"llc": Loaded(["psnap"]), "psnap": Loaded(["appletalk"]), "appletalk": Loaded(), "dummy": Loaded()},
            ["softdep psnap post: dummy"],
            "llc",
            {"holders": True},
            ["rmmod dummy"],
            "Module psnap is in use.",
        ),
        # A circle of softdeps ends.
        (
            FATS,
            ["softdep msdos pre: vfat", "softdep vfat pre: msdos"],
            "vfat",
            {},
            ["rmmod vfat", "rmmod msdos", "rmmod fat"],
            "",
        ),
    ],
)
def test_as_measured(
    lab: Lab,
    loaded: Mapping[str, Loaded],
    config: Sequence[str],
    asked: str,
    options: dict[str, bool],
    lines: list[str],
    error: str,
) -> None:
    lab.configure(*config)
    lab.load(loaded)
    assert run(lab, asked, **options) == (lines, error)


def test_a_circle_of_post_softdeps_ends(lab: Lab) -> None:
    # kmod 30 ends with SIGSEGV.
    lab.configure("softdep msdos post: vfat", "softdep vfat post: msdos")
    lab.load(FATS)
    assert run(lab, "vfat") == (["rmmod msdos", "rmmod vfat", "rmmod fat"], "")


def test_causes(lab: Lab) -> None:
    lab.configure("softdep loop pre: vfat", "alias foo loop")
    lab.load({**FATS, "msdos": Loaded(), "fat": Loaded(["vfat"]), "loop": Loaded()})
    steps = []

    def done(step: Step) -> None:
        steps.append((step.name, step.cause.kind, step.cause.of, step.cause.directive and step.cause.directive.line))
        delete(lab, step.name)

    assert steps_of(lab, "foo", done) == ""
    assert steps == [
        ("loop", "named", "foo", 2),
        ("vfat", "softdep pre", "loop", 1),
        ("fat", "dependency", "vfat", None),
    ]


NAMES = list(DEPS)
STATES = st.fixed_dictionaries({}, optional={name: st.integers(0, 1) for name in NAMES})
SOFTDEPS = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(["pre", "post"]),
        st.lists(st.sampled_from([*NAMES, "unix", "no"]), max_size=3),
    ),
    max_size=3,
)
FLAGS = {"-i": "ignore_commands", "-w1": "wait", "--remove-holders": "holders", "--first-time": "first_time"}
COMMANDS = st.lists(st.sampled_from([*NAMES, "d*"]), max_size=2)


def circle(softdeps: Sequence[tuple[str, str, Sequence[str]]]) -> bool:
    """Return whether softdeps lead back to a module; kmod does not end then."""
    first: dict[str, Sequence[str]] = {}
    for name, _kind, words in softdeps:
        first.setdefault(name, words)

    def reaches(name: str, seen: tuple[str, ...]) -> bool:
        return name in seen or any(reaches(word, (*seen, name)) for word in first.get(name, ()))

    return any(reaches(name, ()) for name in first)


@pytest.mark.skipif(not can_unshare(), reason="no mount namespace of our own can be had here")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    states=STATES,
    softdeps=SOFTDEPS,
    commands=COMMANDS,
    asked=st.sampled_from(NAMES),
    options=st.sets(st.sampled_from(list(FLAGS))),
)
def test_the_installed_kmod_plans_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    kmod_modprobe: str,
    states: dict[str, int],
    softdeps: list[tuple[str, str, list[str]]],
    commands: list[str],
    asked: str,
    options: set[str],
) -> None:
    if circle(softdeps):
        return
    lab = Lab(tmp_path_factory.mktemp("lab"))
    lab.modules(DEPS, builtin=["unix"])
    lab.configure(
        *(f"softdep {name} {kind}: {' '.join(words)}" for name, kind, words in softdeps),
        *(f"remove {name} echo {name}" for name in commands),
    )
    holders = {name: [user for user, needs in DEPS.items() if name in needs and user in states] for name in states}
    lab.load({name: Loaded(holders[name], users) for name, users in states.items()} | {"unix": Loaded(state=None)})
    theirs = lab.kmod(kmod_modprobe, "-rnv", *sorted(options), asked)
    lines, error = run(lab, asked, dry=True, **{FLAGS[option]: True for option in options})
    assert (lines, int(bool(error))) == (theirs.stdout.splitlines(), theirs.status)
    assert theirs.stderr == (f"modprobe: FATAL: {error}\n" if error else "")


def test_what_somebody_else_uses_stays(lab: Lab) -> None:
    lab.load({"fat": Loaded(["vfat"], users=1), "vfat": Loaded()})
    assert run(lab, "vfat") == (["rmmod vfat"], "")


def test_softdeps_that_branch_come_to_an_end(lab: Lab) -> None:
    # kmod 30 takes each of the 2^40 ways.
    names = [[f"{side}{level}" for side in "ab"] for level in range(41)]
    lab.configure(
        *(f"softdep {name} post: {' '.join(names[level + 1])}" for level in range(40) for name in names[level])
    )
    lab.modules({name: [] for level in names for name in level})
    lab.load({name: Loaded() for level in names for name in level})
    lines, error = run(lab, "a0", dry=True)
    assert (lines[-1], error) == ("rmmod a0", "")
    assert 41 <= len(lines) <= removal.MOST_TURNS
