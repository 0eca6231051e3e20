"""Graphs as plain values for JSON; their shape is in docs/schema/kmod-v1.json."""

from __future__ import annotations

from ringward.kmod import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.graph import Graph, Link, Node
    from ringward.kmod.report import Value


def _node(one: Node) -> Value:
    return {
        "module": one.name,
        "side": one.side,
        "layer": one.layer,
        "kind": one.kind,
        "state": one.state,
        "path": one.path,
        "command": report.directive(one.command),
        "runs_command": one.runs_command,
        "blacklist": report.directive(one.blacklist),
    }


def _link(one: Link, numbers: dict[Node, int]) -> Value:
    return {
        "user": numbers[one.user],
        "needed": numbers[one.needed],
        "kind": one.kind,
        "word": one.word,
        "directive": report.directive(one.directive),
    }


def graph(one: Graph) -> Value:
    """Return the members of a graph."""
    numbers = {node: number for number, node in enumerate(one.nodes)}
    return {
        "asked": report.answer(one.asked),
        "modules": [_node(node) for node in one.nodes],
        "links": [_link(link, numbers) for link in one.links],
        "complete": one.complete,
        "why_no_state": one.why_no_state or None,
    }
