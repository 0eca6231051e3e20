"""A graph in the language of graphviz (DOT), for ``dot -Tsvg`` and the like. Pure."""

from __future__ import annotations

from ringward.kmod import graph_words as words
from ringward.kmod.graph import ABSENT, BUILTIN, NAMED, WEAK, Graph, Link, Node
from ringward.kmod.graph_limit import limited
from ringward.kmod.names import printable
from ringward.kmod.step import DEPENDENCY, POST, PRE

_LINKS = {
    DEPENDENCY: {},
    PRE: {"style": "dashed", "color": "#0969da"},
    POST: {"style": "dashed", "color": "#bc4c00"},
    WEAK: {"style": "dotted", "color": "#8c959f"},
}


def quoted(text: str) -> str:
    """Return a text as a string of DOT: backslashes begin escapes there, and an ampersand an HTML entity."""
    text = printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
    return f'"{text}"'


def dot(graph: Graph, title: str, kernel: str, directory: str, most: int) -> str:
    """Return the source of the picture; an arrow leads from a module to what it pulls in.

    Args:
        graph: what is to be drawn.
        title: what was asked for.
        kernel: which the modules are of, in words.
        directory: that configuration files are shown relative to.
        most: nodes of a layer; what is more is told as a number.

    """
    shown = limited(graph, most)
    names = {node: f"n{number}" for number, node in enumerate(shown.nodes)}
    label = quoted(f"{title}: {'; '.join(words.summary(graph, kernel))}")
    lines = [
        f"digraph {quoted(title)} {{",
        # What is needed stands to the left, as in the SVG.
        "  rankdir=RL",
        f'  label={label} labelloc=t fontname="sans-serif"',
        '  node [shape=box style="rounded,filled" fillcolor=white color="#8c959f" fontname=monospace fontsize=11]',
        '  edge [color="#6e7781" fontname="sans-serif" fontsize=9]',
        *(f"  {names[node]} [{_attributes(_of_node(node, shown))}]" for node in shown.nodes),
        *(f"  {names[link.user]} -> {names[link.needed]}{_of_link(link, directory)}" for link in shown.links),
        "}\n",
    ]
    return "\n".join(lines)


def _attributes(values: dict[str, str]) -> str:
    return " ".join(f"{key}={quoted(value)}" for key, value in values.items())


def _of_node(node: Node, graph: Graph) -> dict[str, str]:
    found = {"label": node.name}
    if node.more:
        return found | {"style": "dashed"}
    found["tooltip"] = "; ".join([words.state(node, graph), *([node.path] if node.path else []), *words.remarks(node)])
    if node.state:
        found |= {"fillcolor": "#dafbe1", "color": "#1a7f37"}
    elif node.kind == BUILTIN:
        found |= {"fillcolor": "#f3e8ff", "color": "#8250df"}
    elif node.kind == ABSENT:
        found |= {"fillcolor": "#ffebe9", "color": "#cf222e", "style": "rounded,filled,dashed"}
    if node.side == NAMED:
        found["penwidth"] = "2.5"
    return found


def _of_link(link: Link, directory: str) -> str:
    if link.user.more or link.needed.more:
        return ""
    found = dict(_LINKS[link.kind])
    if link.kind != DEPENDENCY:
        found["label"] = link.kind
        found["tooltip"] = words.cause(link, directory)
    return f" [{_attributes(found)}]" if found else ""
