"""What a module pulls in and who needs it: modules, and the lines between them with their causes.

Of hard dependencies, those that others imply are left out: modules.dep tells all that a module needs, not how.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ringward.kmod.config import Config
from ringward.kmod.directive import Directive
from ringward.kmod.lookup import Directives, Hit, Lookup
from ringward.kmod.names import path_to_name
from ringward.kmod.resolve import Resolver
from ringward.kmod.reverse import SOFT_POST, SOFT_PRE, Reverse
from ringward.kmod.reverse import WEAK as WEAK_WANT
from ringward.kmod.step import DEPENDENCY, POST, PRE
from ringward.kmod.tree import Tree

_Cause = tuple[str, str, str, Directive | None]
"""Of a link: the module whose neighbours were looked for, the link's kind, word and directive."""

WEAK = "weakdep"
"""Kind of a link, besides `step.DEPENDENCY`, `step.PRE` and `step.POST`; modprobe loads nothing because of one."""
_KINDS = {SOFT_PRE: PRE, SOFT_POST: POST, WEAK_WANT: WEAK}

MODULE, BUILTIN, COMMAND, ABSENT = "module", "builtin", "command", "absent"
"""What a name is: a module file, a part of the kernel, nothing but an install command, nothing at all."""
NAMED, NEEDS, NEEDED_BY = "named", "needs", "needed by"
"""Sides of a graph: what was asked for, what that pulls in, what pulls that in."""
MOST_LINKS = 50_000
"""Of one side; a configuration can have any number."""


@dataclass(eq=False, slots=True)
class Node:
    """A module on one side of the graph. One that is on both sides, as a post-softdep that needs it is, is two.

    name: of it; of an ABSENT one what the softdep says.
    side: NAMED, NEEDS or NEEDED_BY.
    layer: the longest way to what was asked for, in links; 0 is that itself.
    kind: MODULE, BUILTIN, COMMAND or ABSENT.
    state: "live", "coming" or "going"; None: it is not loaded, or see `Graph.why_no_state`.
    path: of its file, without the sysroot; None: it has none.
    command: the install line that matches it.
    runs_command: whether modprobe runs that: not when the module has softdeps.
    blacklist: the line that blacklists it: loads of it as a dependency or softdep go on.
    more: of a node that stands for several that are not shown, how many; else 0.
    """

    name: str
    side: str
    layer: int = 0
    kind: str = MODULE
    state: str | None = None
    path: str | None = None
    command: Directive | None = None
    runs_command: bool = False
    blacklist: Directive | None = None
    more: int = 0


@dataclass(eq=False, slots=True)
class Link:
    """A module that pulls another one in.

    user: the one that does.
    needed: the other.
    kind: DEPENDENCY, PRE or POST of `step`, or WEAK.
    word: what a softdep or weakdep says, which may be an alias; else "".
    directive: that line.
    """

    user: Node
    needed: Node
    kind: str
    word: str = ""
    directive: Directive | None = None


@dataclass(slots=True)
class Graph:
    """The answer for one name.

    asked: what the name means.
    nodes: what was asked for first, then side by side, layer by layer.
    links: in no order that means anything.
    why_no_state: why it is not told which modules are loaded, or "".
    complete: whether all links are there, see `MOST_LINKS`.
    """

    asked: Lookup
    nodes: list[Node] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    why_no_state: str = ""
    complete: bool = True

    def side(self, side: str) -> list[Node]:
        """Return the nodes of a side, layer by layer."""
        return [node for node in self.nodes if node.side == side]

    def pulled_in(self) -> list[Node]:
        """Return what a load may bring along: not what only a weakdep names, is built in or is not there."""
        loads = {link.needed for link in self.links if link.kind != WEAK}
        return [node for node in self.side(NEEDS) if node in loads and node.kind in {MODULE, COMMAND}]

    def pulls_in(self, *, directly: bool = False) -> list[Node]:
        """Return whose load brings along what was asked for; `directly`: with nothing in between."""
        links = [link for link in self.links if link.kind != WEAK]
        users = {link.user for link in links if not directly or link.needed.side == NAMED}
        return [node for node in self.side(NEEDED_BY) if node in users]


class Grapher:
    """Makes graphs for one tree and configuration. Raises KmodError for a damaged index.

    Args:
        tree: the modules.
        config: the directives.
        states: of the loaded modules; None: nobody knows.
        all_softdeps: all softdep lines count, as with ``modprobe --all-softdeps``.

    """

    def __init__(
        self, tree: Tree, config: Config, states: Mapping[str, str] | None, *, all_softdeps: bool = False
    ) -> None:
        self.resolver = Resolver(tree, config, all_softdeps=all_softdeps)
        self.states = states
        self._tree = tree
        self._all = all_softdeps
        self._reverse = Reverse(tree, config, all_softdeps=all_softdeps)
        self._weakdeps = Directives(config.weakdeps)

    def graph(self, name: str) -> Graph:
        """Return the graph of a module, alias, ``symbol:NAME`` or path; without nodes when the name means nothing."""
        graph = Graph(self.resolver.lookup(name))
        names = list(dict.fromkeys(hit.name for hit in graph.asked.hits))
        roots = {each: self._node(each, NAMED) for each in names}
        graph.nodes += roots.values()
        for side, neighbours in ((NEEDS, self._needs), (NEEDED_BY, self._users)):
            found = _Side(roots)
            todo = deque(names)
            while todo and found.links_left:
                for other, link in neighbours(todo.popleft()):
                    if found.add(other, *link) and link[1] != WEAK:
                        todo.append(other)
            graph.complete = graph.complete and found.links_left > 0
            nodes = {each: self._node(each, side) for each in found.names}
            links = [_link(side, roots | nodes, *link) for link in found.links]
            _set_layers(links, list(roots.values()))
            graph.nodes += sorted(nodes.values(), key=lambda node: node.layer)
            graph.links += links
        return graph

    def _node(self, name: str, side: str) -> Node:
        line = self._tree.dep(name)
        node = Node(name, side, command=self.resolver.install_command(name))
        node.blacklist = self.resolver.blacklisted(name)
        node.state = (self.states or {}).get(name)
        soft = self.resolver.softdeps(self.resolver.module(Hit(name)))
        node.runs_command = node.command is not None and not (soft.pre or soft.post)
        if line and self._tree.exists(line.path):
            node.path = line.path
        elif self._tree.builtin(name):
            node.kind = BUILTIN
        elif not node.state:
            node.kind = COMMAND if node.runs_command else ABSENT
        return node

    def _needs(self, name: str) -> Iterator[tuple[str, _Cause]]:
        """Yield what a module pulls in with nothing in between, and how."""
        for each in self._direct(name):
            yield each, (name, DEPENDENCY, "", None)
        soft = self.resolver.softdeps(self.resolver.module(Hit(name)))
        for operand, cause in (*soft.pre, *soft.post):
            yield operand.name, (name, cause.kind, cause.word, cause.directive)
        for word, cause in soft.lost:
            yield word, (name, cause.kind, word, cause.directive)
        lines = self._weakdeps.all(name)
        for line in lines if self._all else lines[:1]:
            for word in line.post:
                hits = self.resolver.lookup(word).hits
                for other in [hit.name for hit in hits] or [word]:
                    yield other, (name, WEAK, word, line)

    def _direct(self, name: str) -> list[str]:
        """Return the modules that one needs by modules.dep with no other in between."""
        needed = {each: self._closure(each) for each in self._closure(name)}
        return [
            each
            for each in needed
            if not any(each in below and between not in needed[each] for between, below in needed.items())
        ]

    def _closure(self, name: str) -> list[str]:
        line = self._tree.dep(name)
        return [path_to_name(path) for path in line.deps] if line else []

    def _users(self, name: str) -> Iterator[tuple[str, _Cause]]:
        """Yield who pulls a module in with nothing in between, and how."""
        for each in self._reverse.dependents(name):
            yield each, (name, DEPENDENCY, "", None)
        for want in self._reverse.soft(name):
            yield want.module, (name, _KINDS[want.kind], want.word, want.directive)


class _Side:
    """The names and links of one side while they are looked for."""

    def __init__(self, roots: Mapping[str, Node]) -> None:
        self.links_left = MOST_LINKS
        self.names: dict[str, None] = {}
        self.links: list[tuple[str, str, str, str, Directive | None]] = []
        self._expanded = set(roots)
        self._links: set[tuple[str, str, str]] = set()
        self._roots = roots

    def add(self, other: str, of: str, kind: str, word: str, directive: Directive | None) -> bool:
        """Add a link of `of` to `other`; return whether the neighbours of `other` were not looked for yet.

        One that leads back to what was asked for is left out: the other side has it.
        """
        back = other in self._roots and of not in self._roots
        if other == of or back or (other, of, kind) in self._links or not self.links_left:
            return False
        self._links.add((other, of, kind))
        self.links.append((other, of, kind, word, directive))
        self.links_left -= 1
        if other not in self._roots:
            self.names[other] = None
        if kind == WEAK or other in self._expanded:
            return False
        self._expanded.add(other)
        return True


def _link(
    side: str, nodes: Mapping[str, Node], other: str, of: str, kind: str, word: str, directive: Directive | None
) -> Link:
    user, needed = (of, other) if side == NEEDS else (other, of)
    return Link(nodes[user], nodes[needed], kind, word, directive)


def _set_layers(links: list[Link], roots: list[Node]) -> None:
    """Set each node's layer: the longest way to it, where links that close a circle do not count."""
    outward: dict[Node, list[Node]] = {}
    for link in links:
        pair = (link.user, link.needed) if NEEDS in {link.user.side, link.needed.side} else (link.needed, link.user)
        outward.setdefault(pair[0], []).append(pair[1])
    finished: dict[Node, int] = {}
    begun: set[Node] = set()
    todo = [(root, False) for root in roots]
    while todo:
        node, done = todo.pop()
        if done:
            finished[node] = len(finished)
        elif node not in begun:
            begun.add(node)
            todo.append((node, True))
            todo += [(each, False) for each in outward.get(node, ())]
    for node in reversed(finished):
        for each in outward.get(node, ()):
            # A walk that comes back to a node finishes it last.
            if each.side != NAMED and finished[each] < finished[node]:
                each.layer = max(each.layer, node.layer + 1)
