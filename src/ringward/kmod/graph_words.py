"""What there is to say of a graph, its modules and its links; the same in text and in pictures."""

from __future__ import annotations

from ringward.kmod.graph import ABSENT, BUILTIN, COMMAND, WEAK, Graph, Link, Node
from ringward.kmod.step import DEPENDENCY, POST, PRE

LOADED, NOT_LOADED, UNKNOWN = "loaded", "not loaded", "a module"
STATES = {"live": LOADED, "coming": "being loaded", "going": "being unloaded"}
KINDS = {BUILTIN: "built in", COMMAND: "only a command", ABSENT: "absent"}
EVERY_STATE = (*STATES.values(), NOT_LOADED, UNKNOWN, *KINDS.values())
"""What `state` may return."""
LINKS = {
    DEPENDENCY: "needs (modules.dep)",
    PRE: "softdep, loads it before",
    POST: "softdep, loads it after",
    WEAK: "weakdep, loads nothing",
}
"""What a link says that leads from a module to another one."""


def state(node: Node, graph: Graph) -> str:
    """Return what a module is now."""
    if node.state:
        return STATES[node.state]
    return KINDS.get(node.kind) or (UNKNOWN if graph.why_no_state else NOT_LOADED)


def plural(number: int, noun: str) -> str:
    """Return a number of things."""
    return f"{number} {noun}{'s' * (number != 1)}"


def meaning(graph: Graph) -> str:
    """Return what was asked for means, when it is not a module's name; else ""."""
    names = [node.name for node in graph.nodes if not node.layer and not node.more]
    if names in ([graph.asked.name], []):
        return ""
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return f"an alias ({graph.asked.source}) of {shown}"


def pulls_in(graph: Graph) -> str:
    """Return how many modules come along."""
    count = len(graph.pulled_in())
    return f"pulls in {plural(count, 'module')}" if count else "pulls in nothing"


def pulled_in(graph: Graph) -> str:
    """Return how many modules bring it along."""
    count, directly = len(graph.pulls_in()), len(graph.pulls_in(directly=True))
    if not count:
        return "pulled in by nothing"
    return f"pulled in by {plural(count, 'module')}" + (f", {directly} of them directly" if directly < count else "")


def summary(graph: Graph, kernel: str) -> list[str]:
    """Return what there is to say of the whole: which kernel's modules, what the name means, how many there are."""
    told = [kernel, meaning(graph), pulls_in(graph), pulled_in(graph), graph.why_no_state]
    return [text for text in told if text]


def place(link: Link, directory: str) -> str:
    """Return the file and line of a link, or the index that it is from; files of the module directory by name."""
    return link.directive.place.removeprefix(f"{directory}/") if link.directive else "modules.dep"


def cause(link: Link, directory: str) -> str:
    """Return what makes a link, as "softdep pre, as crc32c (modules.softdep:36)"."""
    if link.kind == DEPENDENCY:
        return "modules.dep"
    alias = "" if link.needed.name in {link.word, link.word.replace("-", "_")} else f", as {link.word}"
    return f"{link.kind}{alias} ({place(link, directory)})"


def remarks(node: Node) -> list[str]:
    """Return what the configuration says of a module that is not a link."""
    said = []
    if node.command:
        runs = "install" if node.runs_command else "install line that is not run"
        said.append(f"{runs}: {node.command.value} ({node.command.place})")
    if node.blacklist:
        said.append(f"blacklisted ({node.blacklist.place})")
    return said
