"""A graph as text for a terminal: a tree of what is pulled in, and a line for each module that pulls it in. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ringward.kmod import graph_words as words
from ringward.kmod.graph import ABSENT, BUILTIN, NAMED, NEEDED_BY, WEAK, Graph, Link, Node
from ringward.kmod.names import printable
from ringward.kmod.step import DEPENDENCY

_BRANCHES = {True: ("├─ ", "└─ ", "│  ", "   "), False: ("|- ", "`- ", "|  ", "   ")}
_NAME = 28
"""Columns of a name, indentation included, where the rest of the line begins unless names are longer."""
_MOST_WAYS = 1000
"""Of more modules it is not told who comes through each: nearly all of a kernel's would be looked at for each."""
_COLOURS = {ABSENT: "31", BUILTIN: "35"}


@dataclass(frozen=True)
class Shape:
    """What the text is to fit.

    width: columns.
    most: lines of each half.
    colour: whether there may be colours.
    utf8: whether there may be more than ASCII.
    """

    width: int
    most: int
    colour: bool = False
    utf8: bool = True


class Text:
    """The lines of one graph.

    Args:
        graph: what is to be told.
        shape: what it is to fit.
        kernel: which the modules are of, in words.
        directory: that files are shown relative to.

    """

    def __init__(self, graph: Graph, shape: Shape, kernel: str, directory: str) -> None:
        self.graph = graph
        self.shape = shape
        self.kernel = kernel
        self.directory = directory
        self.dots = "…" if shape.utf8 else "..."
        self._column = max((len(self._state(node)) for node in graph.nodes), default=0)
        self._links: dict[Node, list[Link]] = {}
        for link in graph.links:
            # What is shown below a module: what it needs, or on the other side who needs it.
            self._links.setdefault(link.needed if link.user.side == NEEDED_BY else link.user, []).append(link)

    def lines(self) -> list[str]:
        """Return all of it."""
        graph = self.graph
        roots = graph.side(NAMED)
        meaning = words.meaning(graph)
        lines = [self._cut(f"{graph.asked.asked}: {meaning}")] if meaning else []
        lines += self._most([self._root(node) for node in roots])
        lines += [self._cut(f"{self.kernel}{f'; {graph.why_no_state}' if graph.why_no_state else ''}"), ""]
        lines += [self._cut(words.pulls_in(graph)), *self._most(list(self._tree(roots))), ""]
        lines += [self._cut(words.pulled_in(graph)), *self._most(list(self._users(roots)))]
        if not graph.complete:
            lines += ["", self._cut("there are more dependencies than can be told: not all are here")]
        return lines

    def _most(self, lines: list[str]) -> list[str]:
        most = self.shape.most
        if len(lines) <= most + 1:
            return lines
        return [*lines[:most], f"  {self.dots} and {len(lines) - most} more (--all)"]

    def _cut(self, line: str) -> str:
        """Return a line without what a terminal would obey, cut to the width."""
        width = self.shape.width
        line = printable(line[: width + 1]).rstrip()
        return line if len(line) <= width else line[: width - len(self.dots)] + self.dots

    def _state(self, node: Node) -> str:
        """Return what a module is now; "" where there is nothing to tell."""
        said = words.state(node, self.graph)
        return "" if said == words.UNKNOWN else said

    def _root(self, node: Node) -> str:
        path = (node.path or "").removeprefix(f"{self.directory}/")
        told = [part for part in (path, *words.remarks(node)) if part]
        return self._line(f"{printable(node.name)} ", node, "  ".join(told), name=0, column=0)

    def _line(self, head: str, node: Node, rest: str, *, name: int = _NAME, column: int | None = None) -> str:
        """Return a line: a module's name in its column, what it is now in the next, and the rest."""
        said = self._state(node)
        head = f"{head:<{name}} "
        column = self._column if column is None else column
        line = self._cut(f"{head}{said:<{column}}  {rest}" if said or column else f"{head}{rest}")
        number = "32" if node.state else _COLOURS.get(node.kind)
        end = len(head) + len(said)
        if not (said and number and self.shape.colour and len(line) >= end):
            return line
        return f"{line[: len(head)]}\x1b[{number}m{said}\x1b[0m{line[end:]}"

    def _tree(self, roots: list[Node]) -> Iterator[str]:
        """Yield what is pulled in, each module with what it pulls in below it, once."""
        middle, last, on, past = _BRANCHES[self.shape.utf8]
        seen = set(roots)
        single = len(roots) == 1
        todo: list[tuple[str, str, Link | None, Node]] = []

        def push(node: Node, indent: str) -> None:
            links = [link for link in self._links.get(node, ()) if link.user is node and link.needed.side != NEEDED_BY]
            for number, link in enumerate(reversed(links)):
                todo.append(
                    (indent + (middle if number else last), indent + (on if number else past), link, link.needed)
                )

        if single:
            push(roots[0], "  ")
        else:
            todo += [("  ", "  ", None, root) for root in reversed(roots) if self._links.get(root)]
        while todo:
            branch, indent, link, node = todo.pop()
            again = node in seen and link is not None
            why = [*self._why(node, link), *(["see above"] if again else [])]
            yield self._line(f"{branch}{printable(node.name)}", node, "; ".join(why))
            if not again and not (link and link.kind == WEAK):
                seen.add(node)
                push(node, indent)

    def _why(self, node: Node, link: Link | None) -> list[str]:
        why = [words.cause(link, self.directory)] if link and link.kind != DEPENDENCY else []
        return [*why, *words.remarks(node)]

    def _users(self, roots: list[Node]) -> Iterator[str]:
        """Yield who pulls it in with nothing in between, and who does through each of them."""
        direct: dict[Node, Link] = {}
        for root in roots:
            for link in self._links.get(root, ()):
                if link.user.side == NEEDED_BY:
                    direct.setdefault(link.user, link)
        through = {node: self._through(node) if len(direct) <= _MOST_WAYS else [] for node in direct}
        order = sorted(
            direct, key=lambda node: (not node.state, direct[node].kind == DEPENDENCY, -len(through[node]), node.name)
        )
        for node in order:
            others = through[node]
            more = [f"and through it {len(others)}: {', '.join(each.name for each in others)}"] if others else []
            yield self._line(f"  {printable(node.name)}", node, "; ".join([*self._why(node, direct[node]), *more]))

    def _through(self, node: Node) -> list[Node]:
        """Return the modules that bring a module along, loaded ones first, then by name."""
        found: set[Node] = set()
        todo = [node]
        while todo:
            for link in self._links.get(todo.pop(), ()):
                if link.kind != WEAK and link.user.side == NEEDED_BY and link.user not in found:
                    found.add(link.user)
                    todo.append(link.user)
        found.discard(node)
        return sorted(found, key=lambda each: (not each.state, each.name))
