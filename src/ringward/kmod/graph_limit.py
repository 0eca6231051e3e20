"""A graph that can be looked at: of each layer the nodes that tell most, and how many more there are."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ringward.kmod.graph import NEEDED_BY, WEAK, Graph, Link, Node
from ringward.kmod.step import DEPENDENCY

MOST_LAYERS = 40
"""Of one side, whatever is asked for; Debian's modules have up to 8. A chain of softdeps can be any length."""


def limited(graph: Graph, most: int) -> Graph:
    """Return a graph in which each layer of a side has at most `most` nodes, and one that stands for the rest.

    Kept are, in this order: what a softdep names, what is loaded, what most others lead through, the first by name.
    """
    leads = Counter(link.needed if link.user.side == NEEDED_BY else link.user for link in graph.links)
    soft = {node for link in graph.links if link.kind != DEPENDENCY for node in (link.user, link.needed)}
    layers: dict[tuple[str, int], list[Node]] = {}
    for node in graph.nodes:
        layers.setdefault((node.side, min(node.layer, MOST_LAYERS)), []).append(node)
    stands: dict[Node, Node] = {}
    found = replace(graph, nodes=[], links=[])
    for (side, layer), nodes in layers.items():
        best = sorted(nodes, key=lambda node: (node not in soft, not node.state, -leads[node], node.name))
        hidden = {node for number, node in enumerate(best) if number >= most or node.layer > MOST_LAYERS}
        found.nodes += [node for node in nodes if node not in hidden]
        if hidden:
            rest = Node(f"… and {len(hidden)} more", side, layer, more=len(hidden))
            found.nodes.append(rest)
            stands |= dict.fromkeys(hidden, rest)
    known: set[tuple[Node, Node]] = set()
    for link in graph.links:
        ends = (stands.get(link.user, link.user), stands.get(link.needed, link.needed))
        if ends == (link.user, link.needed):
            found.links.append(link)
        elif ends[0] is not ends[1] and ends not in known:
            known.add(ends)
            found.links.append(Link(*ends, WEAK if link.kind == WEAK else DEPENDENCY))
    return found
