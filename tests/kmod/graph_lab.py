"""A small tree with everything that a graph can show."""

from __future__ import annotations

from pathlib import Path

from ringward.kmod.graph import Graph, Grapher
from tests.kmod.lab import Lab

DEPS = {
    "base": [],
    "mid": ["base"],
    "top": ["mid", "base"],
    "side": [],
    "asked": ["top", "mid", "base", "side"],
    "soft-x": ["base"],
    "late": ["asked", "top", "mid", "base", "side"],
    "user1": ["asked", "top", "mid", "base", "side"],
    "user2": ["user1", "asked", "top", "mid", "base", "side"],
    "wants": [],
    "gone": [],
    "friend": [],
}
CONFIG = (
    "softdep asked pre: bus:7 no-such own gone post: late",
    "softdep asked pre: wants",
    "softdep wants pre: asked",
    "softdep side pre: only",
    "weakdep asked friend nobody",
    "install only run $CMDLINE_OPTS it",
    "install asked never",
    "install mid really",
    "blacklist top",
)
HOSTILE = 'w"><b>&amp;\\\\N\x1b[31m\u202e\udcff'
"""A name that a terminal, an XML reader or graphviz could take for something else, as modprobe.d has it."""
SHOWN = 'w"><b>&amp;\\N\\x1b[31m\\u202e\\udcff'
"""The same as it is to be shown: the configuration drops a backslash."""


def make_lab(root: Path) -> Lab:
    """Return the tree; `CONFIG` is line 1 and following of its a.conf."""
    lab = Lab(root)
    lab.modules(
        DEPS, aliases=[("bus:*", "soft_x"), ("both", "mid"), ("both", "side")], builtin=["own"], missing=["gone"]
    )
    lab.configure(*CONFIG)
    return lab


def graph(lab: Lab, name: str = "asked", *, all_softdeps: bool = False, **states: str) -> Graph:
    """Return a graph, the modules with these states being loaded."""
    return Grapher(lab.tree(), lab.config(), states, all_softdeps=all_softdeps).graph(name)


def crowd(root: Path, number: int = 200) -> Lab:
    """Return a tree in which so many modules need one, and as many need the first of those."""
    lab = Lab(root)
    first = {f"one-{each:03}": ["asked"] for each in range(number)}
    second = {f"two-{each:03}": ["one-000", "asked"] for each in range(number)}
    lab.modules({"asked": [], **first, **second})
    return lab


def hostile(root: Path) -> Lab:
    """Return a tree whose module `asked` has a softdep and a command that are not to be trusted."""
    lab = Lab(root)
    lab.modules({"asked": [], 'm"<&\x07': ["asked"]})
    lab.configure(f"softdep asked pre: {HOSTILE}", f"install asked {HOSTILE}")
    return lab
