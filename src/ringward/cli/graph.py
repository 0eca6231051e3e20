"""``ringward graph``: what a module pulls in and who needs it, as a tree, a picture or JSON."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
from collections.abc import Callable

from ringward.cli import terminal
from ringward.cli.errors import BAD_ANSWER, INCOMPLETE, CannotRunError
from ringward.cli.graph_text import Shape, Text
from ringward.cli.parser import Parser
from ringward.cli.tool_log import stderr, stdout
from ringward.kmod.config import load_config
from ringward.kmod.errors import KmodError
from ringward.kmod.graph import Graph, Grapher
from ringward.kmod.graph_dot import dot
from ringward.kmod.graph_report import graph as as_values
from ringward.kmod.graph_svg import svg
from ringward.kmod.names import module_name, printable
from ringward.kmod.proc import Live
from ringward.kmod.sysroot import told
from ringward.kmod.tree import Tree

_WIDEST = 140
_LINES, _BOXES = 20, 14
"""Without --all: lines of each half of the text, boxes of a layer in a picture."""
_PICTURES: dict[str, Callable[[Graph, str, str, str, int], str]] = {"svg": svg, "dot": dot}


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "ringward graph",
        "Show what a module pulls in (dependencies, softdeps, weakdeps) and which modules pull it in, each with its\n"
        "cause. Dependencies that others imply are left out.",
        "exit status: 0 shown; 1 nothing has that name; 3 not all could be looked at; 4 it cannot be told",
    )
    parser.add_argument("name", metavar="NAME", help="module, alias, symbol:NAME, or path of a module file")
    parser.add_argument("--all", action="store_true", help="all of it, however many; JSON is never cut")
    parser.add_argument("--all-softdeps", action="store_true", help="merge all softdep lines of a module")
    parser.add_argument("-C", "--config", action="append", metavar="PATH", help="instead of the default directories")
    parser.add_argument("-d", "--dirname", default="", metavar="DIR", help="/lib/modules is below DIR")
    parser.add_argument("-S", "--set-version", metavar="VERSION", help="of this kernel instead of the running one")
    parser.add_argument("--sysroot", default="", metavar="DIR", help="everything is below DIR")
    parser.add_argument(
        "--output", choices=("text", "json", "svg", "dot"), help="text on a terminal (default), json elsewhere"
    )
    parser.add_argument("--json", action="store_const", dest="output", const="json", help="short for --output json")
    return parser


def states(options: argparse.Namespace, *, running: bool) -> tuple[dict[str, str] | None, str, bool]:
    """Return the state of each loaded module, or None and why that is not told; whether it should have been.

    Args:
        options: of the command line.
        running: whether the modules are those of the running kernel.

    """
    if not running and not options.sysroot:
        return None, "modules of another kernel than the running one", False
    try:
        return {module.name: module.state for module in Live(options.sysroot).modules()}, "", False
    except OSError as error:
        why = f"which are loaded is not known: /proc/modules: {error.strerror}"
        # The image of a disk has none.
        return None, why, not (options.sysroot and isinstance(error, FileNotFoundError))
    except KmodError as error:
        return None, f"which are loaded is not known: {error}", True


def look(options: argparse.Namespace, tree: Tree, *, running: bool) -> tuple[Graph, int]:
    """Return the graph and the exit status.

    Raises:
        CannotRunError: an index is damaged.

    """
    config = load_config(options.config, root=options.sysroot, module_dir=tree.real(tree.directory))
    loaded, why, failed = states(options, running=running)
    try:
        graph = Grapher(tree, config, loaded, all_softdeps=options.all_softdeps).graph(options.name)
    except (KmodError, OSError) as error:
        raise CannotRunError(f"{told(error, options.sysroot)}; other modules: --set-version, --sysroot") from error
    graph.why_no_state = why
    if not graph.nodes:
        return graph, BAD_ANSWER
    return graph, INCOMPLETE if failed or not graph.complete else 0


def nothing(graph: Graph, tree: Tree) -> str:
    """Return what to say of a name that means nothing."""
    asked = printable(graph.asked.asked)
    if graph.asked.why:
        return f"'{asked}': {printable(graph.asked.why)}"
    try:
        near = difflib.get_close_matches(module_name(graph.asked.asked), [*tree.modules(), *tree.builtins()], 3, 0.7)
    except (KmodError, OSError) as error:  # one name may be found where others are damaged
        raise CannotRunError(f"{told(error, tree.root)}; other modules: --set-version, --sysroot") from error
    hint = f"; did you mean {', '.join(near)}?" if near else "; other modules: --set-version, --sysroot"
    return f"nothing is named '{asked}' in {tree.directory}{hint}"


def main(argv: list[str]) -> int:
    """Print the graph; return the exit status."""
    options = make_parser().parse_args(argv)
    version = options.set_version or os.uname().release
    running = version == os.uname().release and not options.sysroot and not options.dirname
    tree = Tree(options.dirname, version, root=options.sysroot)
    graph, status = look(options, tree, running=running)
    output = options.output or ("text" if sys.stdout.isatty() else "json")
    if output == "json":
        head = {"v": 1, "tool": "graph", "kernel": version, "running": running, "directory": tree.directory}
        stdout(json.dumps({**head, "status": status, **as_values(graph)}, indent=2) + "\n")
        return status
    if not graph.nodes:
        stderr(f"ringward graph: {nothing(graph, tree)}")
        return status
    kernel = f"kernel {version}"
    if output in _PICTURES:
        most = len(graph.nodes) if options.all else _BOXES
        stdout(_PICTURES[output](graph, options.name, kernel, tree.directory, most))
        return status
    most = 2 * len(graph.links) if options.all else _LINES
    shape = Shape(min(terminal.width(1), _WIDEST), most, colour=terminal.colour(1), utf8=terminal.utf8(1))
    stdout("".join(f"{line}\n" for line in Text(graph, shape, kernel, tree.directory).lines()))
    return status
