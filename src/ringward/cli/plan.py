"""``ringward plan``: every step of loading some names, why it is there, and what the kernel would say to it."""

from __future__ import annotations

import argparse
import json
import os
import sys

from ringward.cli import terminal
from ringward.cli.errors import BAD_ANSWER, INCOMPLETE, CannotRunError
from ringward.cli.parser import Parser
from ringward.cli.plan_text import Shape, text
from ringward.cli.tool_log import stdout
from ringward.kmod.acceptance import COULD_NOT_LOOK, NO
from ringward.kmod.config import load_config
from ringward.kmod.errors import KmodError
from ringward.kmod.kernel import Kernel
from ringward.kmod.plan import Plan, Planner
from ringward.kmod.plan_report import plan as as_values
from ringward.kmod.proc import Live
from ringward.kmod.resolve import Resolver
from ringward.kmod.step import NOTHING, SKIP
from ringward.kmod.sysroot import told
from ringward.kmod.tree import Tree

_WIDEST = 120


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "ringward plan",
        "Show what loading modules would come to: each step with its cause, what is left out and why, and whether the\n"
        "kernel would accept it. Nothing is loaded.",
        "exit status: 0 all of it would be loaded; 1 something would not; 3 not all could be looked at;"
        " 4 it cannot be told",
    )
    parser.add_argument("names", nargs="+", metavar="NAME", help="module, alias, symbol:NAME, or path of a module file")
    parser.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", help="for each of them")
    parser.add_argument("-b", "--use-blacklist", action="store_true", help="as modprobe -b: udev does so")
    parser.add_argument("-i", "--ignore-install", action="store_true", help="as modprobe -i")
    parser.add_argument("--all-softdeps", action="store_true", help="merge all softdep lines of a module")
    parser.add_argument("-C", "--config", action="append", metavar="PATH", help="instead of the default directories")
    parser.add_argument("-d", "--dirname", default="", metavar="DIR", help="/lib/modules is below DIR")
    parser.add_argument("-S", "--set-version", metavar="VERSION", help="of this kernel instead of the running one")
    parser.add_argument("--sysroot", default="", metavar="DIR", help="everything is below DIR")
    parser.add_argument(
        "--certificate",
        action="append",
        default=[],
        metavar="FILE",
        help="check signatures with these certificates, not with those built into the kernel's image",
    )
    parser.add_argument("--output", choices=("text", "json"), help="text on a terminal (default), json elsewhere")
    parser.add_argument("--json", action="store_const", dest="output", const="json", help="short for --output json")
    return parser


def status_of(plan: Plan) -> int:
    """Return the exit status for a plan."""
    failed = any(each.step.required and each.step.action in {SKIP, NOTHING} for each in plan.steps)
    if failed or any(each.accepted == NO for each in plan.steps):
        return BAD_ANSWER
    return INCOMPLETE if any(each.accepted == COULD_NOT_LOOK for each in plan.steps) else 0


def main(argv: list[str]) -> int:
    """Print the plan; return the exit status."""
    options = make_parser().parse_args(argv)
    running = os.uname().release
    version = options.set_version or running
    tree = Tree(options.dirname, version, root=options.sysroot)
    config = load_config(options.config, root=options.sysroot, module_dir=tree.real(tree.directory))
    kernel = Kernel(
        tree,
        running=version == running and not options.sysroot and not options.dirname,
        certificates=tuple(options.certificate),
    )
    planner = Planner(
        Resolver(tree, config, all_softdeps=options.all_softdeps),
        Live(options.sysroot),
        kernel,
        use_blacklist=options.use_blacklist,
        ignore_commands=options.ignore_install,
    )
    try:
        plan = planner.plan(options.names, options.parameter)
    except (KmodError, OSError) as error:
        raise CannotRunError(f"{told(error, options.sysroot)}; other modules: --set-version, --sysroot") from error
    status = status_of(plan)
    if (options.output or ("text" if sys.stdout.isatty() else "json")) == "json":
        document = {
            "v": 1,
            "tool": "plan",
            "kernel": version,
            "running": kernel.running,
            "directory": tree.directory,
            "status": status,
            **as_values(plan),
        }
        stdout(json.dumps(document, indent=2) + "\n")
        return status
    shape = Shape(min(terminal.width(1), _WIDEST), colour=terminal.colour(1))
    stdout(f"kernel {version}, {tree.directory}\n\n{text(plan, shape, tree.directory)}\n")
    return status
