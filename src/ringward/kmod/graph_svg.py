"""A graph as a picture (SVG 1.1): what a module pulls in to its left, who needs it to its right. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise

from ringward.kmod import graph_words as words
from ringward.kmod.graph import NAMED, NEEDED_BY, NEEDS, Graph, Link, Node
from ringward.kmod.graph_layout import Key, Layout
from ringward.kmod.graph_limit import limited
from ringward.kmod.graph_style import (
    LEGEND,
    LINES,
    MARKS,
    NOTE,
    SIZE,
    STYLE,
    TIP,
    TITLE,
    filled,
    mark,
    sample,
    short,
    text_at,
    width,
)
from ringward.kmod.names import printable

_MARK, _PAD = 20, 10
_HEIGHT, _TALL, _GAP = 28, 42, 12
_ROAD = 76
"""Between two columns."""
_EDGE = 32


_XMLNS = 'xmlns="http://www.w3.org/2000/svg"'


def svg(graph: Graph, title: str, kernel: str, directory: str, most: int) -> str:
    """Return the picture.

    Args:
        graph: what is to be drawn.
        title: what was asked for.
        kernel: which the modules are of, in words.
        directory: that configuration files are shown relative to.
        most: boxes of a layer; what is more is told as a number.

    """
    return _Picture(graph, title, kernel, directory, most).text()


class _Picture:
    def __init__(self, graph: Graph, title: str, kernel: str, directory: str, most: int) -> None:
        self.whole = graph
        self.graph = limited(graph, most)
        self.title = short(title)
        self.directory = directory
        self.sub = [printable(text) for text in words.summary(graph, kernel)]
        self.notes = {node: self._note(node) for node in self.graph.nodes}
        # A link from one thing that was asked for to another has no room.
        self.links = [link for link in self.graph.links if self._column(link.user) != self._column(link.needed)]
        self._place()

    def _column(self, node: Node) -> int:
        return {NAMED: 0, NEEDS: -1, NEEDED_BY: 1}[node.side] * node.layer

    def _note(self, node: Node) -> str:
        """Return the small line of a box: by which alias a softdep means it, or what is run instead."""
        if node.command:
            return short(f"{'install' if node.runs_command else 'install not run'}: {node.command.value}")
        aliases = [
            link.word
            for link in self.graph.links
            if link.needed is node and node.name not in {link.word, link.word.replace("-", "_")} and link.word
        ]
        return short(f"as {', '.join(dict.fromkeys(aliases))}") if aliases else ""

    def _rests(self) -> list[Node]:
        """Return the boxes that stand for several."""
        return [node for node in self.graph.nodes if node.more]

    def _place(self) -> None:
        """Give every box its place."""
        columns = sorted({self._column(node) for node in self.graph.nodes})
        boxes = [[node for node in self.graph.nodes if self._column(node) == column] for column in columns]
        self.layout = Layout(boxes, [(link.user, link.needed) for link in self.links], self._rests())
        heights = {node: _TALL if note else _HEIGHT for node, note in self.notes.items()}
        self.layout.place(heights, _GAP, _GAP)
        self.left: dict[Node, float] = {}
        self.wide: dict[Node, float] = {}
        self.spans: list[tuple[float, float]] = []
        at = float(_EDGE)
        for column in boxes:
            widest = max(self._box_width(node) for node in column)
            for node in column:
                self.left[node], self.wide[node] = at, widest
            self.spans.append((at, at + widest))
            at += widest + _ROAD
        across = max(at - _ROAD, 620.0)
        self.lines = filled(self.sub, across - _EDGE)
        texts = [(self.title, TITLE), *((line, SIZE) for line in self.lines)]
        self.right = max(across, *(_EDGE + width(text, size) for text, size in texts))
        # What is narrower than its title stands in the middle.
        shift = (self.right - (at - _ROAD)) / 2
        self.left = {node: left + shift for node, left in self.left.items()}
        self.spans = [(left + shift, right + shift) for left, right in self.spans]
        self.middle = next(number for number, column in enumerate(columns) if column == 0)
        self.top = 62 + 20 * len(self.lines) + (30 if len(columns) > 1 else 0)
        self.bottom = self.top + max(self.layout.middle[node] + heights[node] / 2 for node in heights)
        self.heights = heights

    def _box_width(self, node: Node) -> float:
        name = _MARK + width(short(node.name), SIZE)
        return max(name, _MARK + width(self.notes[node], NOTE)) + 2 * _PAD

    def text(self) -> str:
        parts = [*self._heading(), *self._lines(), *self._boxes()]
        legend, bottom = self._legend(self.bottom + 44)
        size = f"{self.right + _EDGE:.0f} {bottom + 24:.0f}"
        wide, high = size.split()
        return "\n".join(
            [
                f'<svg {_XMLNS} width="{wide}" height="{high}" viewBox="0 0 {size}" role="img">',
                f"<title>{escape(self.title)}: {escape('; '.join(self.sub))}</title>",
                f"<style>{STYLE}</style>",
                f'<rect class="paper" x="0.5" y="0.5" width="{int(wide) - 1}" height="{int(high) - 1}" rx="8"/>',
                *parts,
                *legend,
                "</svg>\n",
            ]
        )

    def _heading(self) -> Iterator[str]:
        yield text_at(_EDGE, 46, self.title, "title")
        for number, line in enumerate(self.lines):
            yield text_at(_EDGE, 70 + 20 * number, line, "sub")
        for columns, head in ((self.spans[: self.middle], "PULLS IN"), (self.spans[self.middle + 1 :], "PULLED IN BY")):
            if columns:
                middle = (columns[0][0] + columns[-1][1]) / 2
                yield text_at(middle, self.top - 14, head, "head", ' text-anchor="middle"')

    def _lines(self) -> Iterator[str]:
        among: dict[frozenset[Node], int] = {}
        for number, link in enumerate(self.links):
            pair = frozenset((link.user, link.needed))
            lower = 6 * among.get(pair, 0)
            among[pair] = among.get(pair, 0) + 1
            yield from self._line(link, self.layout.way(number), lower)

    def _line(self, link: Link, way: list[Key], lower: float) -> Iterator[str]:
        """Yield a link: a curve in each road that it takes, straight past the boxes between, a tip at its end."""
        first = self._column(link.user if link.user is way[0] else link.needed) - self._first
        tip_right = way[0] is link.needed  # the tip stands at the right edge of its box
        points = []
        for offset, key in enumerate(way):
            left, right = self.spans[first + offset]
            high = self.top + self.layout.middle[key] + lower
            if offset:
                points.append((left - (0 if tip_right or offset < len(way) - 1 else TIP), high))
            if offset < len(way) - 1:
                points.append((right + (TIP if tip_right and not offset else 0), high))
        x, y = points[0] if tip_right else points[-1]
        end = x - TIP if tip_right else x + TIP
        kind = LINES[link.kind]
        several = link.user.more or link.needed.more
        about = printable(f"{link.user.name} → {link.needed.name}")
        about += "" if several else printable(f": {words.cause(link, self.directory)}")
        yield (
            f'<g class="{"some" if several else "one"}"><title>{escape(about)}</title>'
            f'<path class="line {kind}" d="{_curve(points)}"/>'
            f'<path class="tip {kind}" d="M{end:.1f} {y:.1f}L{x:.1f} {y - 4:.1f}L{x:.1f} {y + 4:.1f}Z"/></g>'
        )

    @property
    def _first(self) -> int:
        return -self.middle

    def _boxes(self) -> Iterator[str]:
        for node in self.graph.nodes:
            x, wide, high = self.left[node], self.wide[node], self.heights[node]
            y = self.top + self.layout.middle[node] - high / 2
            state = words.state(node, self.graph)
            kind = "more" if node.more else MARKS.get(state, "")
            root = " root" if node.side == NAMED else ""
            about = (
                [node.name]
                if node.more
                else [node.name, state, *([node.path] if node.path else []), *words.remarks(node)]
            )
            yield f"<g><title>{escape(printable('; '.join(about)))}</title>"
            yield f'<rect class="box {kind}{root}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high}" rx="6"/>'
            if node.more:
                yield text_at(x + wide / 2, y + 18.5, node.name, "rest", ' text-anchor="middle"')
            else:
                yield mark(kind, x + _PAD + 5, y + 14)
                yield text_at(x + _PAD + _MARK, y + 18.5, short(node.name), "named" if root else "")
            if self.notes[node]:
                yield text_at(x + _PAD + _MARK, y + 34, self.notes[node], "note")
            yield "</g>"

    def _legend(self, y: float) -> tuple[list[str], float]:
        """Return what explains the marks and lines that are there, and where it ends."""
        there = {words.state(node, self.graph) for node in self.graph.nodes if not node.more}
        states = [state for state in words.EVERY_STATE if state in there]
        kinds = [kind for kind in LINES if any(link.kind == kind for link in self.links)]
        parts: list[str] = []
        x = float(_EDGE)
        entries = [(0, mark(MARKS.get(state, ""), 5, -4.5), state) for state in states]
        entries += [(1, sample(LINES[kind]), words.LINKS[kind]) for kind in kinds]
        row = 0
        for group, sign, said in entries:
            wide = (44 if group else 16) + width(said, LEGEND) + 22
            if x > _EDGE and (x + wide > self.right + 22 or group != row):
                x, y = float(_EDGE), y + 22
            row = group
            parts.append(f'<g transform="translate({x:.1f} {y:.1f})">{sign}')
            parts.append(f"{text_at(44 if group else 16, 0, said, 'legend')}</g>")
            x += wide
        return parts, y


def _curve(points: list[tuple[float, float]]) -> str:
    """Return a path: a curve to every second point, which leaves and arrives level, and straight on to the next."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for number, ((x, y), (to_x, to_y)) in enumerate(pairwise(points)):
        half = (x + to_x) / 2
        bend = f"C{half:.1f} {y:.1f} {half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        path += f"L{to_x:.1f} {to_y:.1f}" if number % 2 else bend
    return path
