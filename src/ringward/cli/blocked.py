"""``ringward blocked``: whether a module can still get in, by which way, and the line that closes it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from ringward.cli import terminal
from ringward.cli.blocked_text import Shape, text
from ringward.cli.errors import BAD_ANSWER, INCOMPLETE, CannotRunError
from ringward.cli.parser import Parser
from ringward.cli.tool_log import stdout
from ringward.kmod.blocked import Answer, Decider
from ringward.kmod.blocked.answer import ABSENT, BLOCKED, UNKNOWN
from ringward.kmod.blocked.remedies import DIRECTORY
from ringward.kmod.blocked.report import answer as as_values
from ringward.kmod.blocked.trial import NothingLoaded
from ringward.kmod.config import load_config
from ringward.kmod.config_files import read
from ringward.kmod.errors import KmodError
from ringward.kmod.kernel import Kernel
from ringward.kmod.proc import Live
from ringward.kmod.resolve import Resolver
from ringward.kmod.sysroot import inside, told
from ringward.kmod.tree import BUILTIN, DEP, Tree

_WIDEST = 120


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "ringward blocked",
        "Say whether modules can still get into the kernel: by name, by an alias, for another module, by their\n"
        "file; which lines do not stop it, and what would. Nothing is loaded. The first word of the answer is\n"
        "open, blocked, built-in, loaded, absent or unknown.",
        "exit status: 0 blocked or absent, all of them; 1 one is open, loaded or built in; 3 it could not be looked at"
        " in full; 4 it cannot be told",
    )
    parser.add_argument("names", nargs="+", metavar="NAME", help="module, alias, or path of a module file")
    parser.add_argument("-C", "--config", action="append", metavar="PATH", help="instead of the default directories")
    parser.add_argument("-d", "--dirname", default="", metavar="DIR", help="/lib/modules is below DIR")
    parser.add_argument("-S", "--set-version", metavar="VERSION", help="of this kernel instead of the running one")
    parser.add_argument("--sysroot", default="", metavar="DIR", help="everything is below DIR")
    parser.add_argument("--output", choices=("text", "json"), help="text on a terminal (default), json elsewhere")
    parser.add_argument("--json", action="store_const", dest="output", const="json", help="short for --output json")
    return parser


def status_of(answers: list[Answer]) -> int:
    """Return the exit status for some answers."""
    words = {answer.word for answer in answers}
    if words - {BLOCKED, ABSENT, UNKNOWN}:
        return BAD_ANSWER
    return INCOMPLETE if UNKNOWN in words else 0


def make_decider(options: argparse.Namespace) -> Decider:
    """Return who answers.

    Raises:
        CannotRunError: there are no modules to look at.

    """
    root = options.sysroot
    running = os.uname().release
    tree = Tree(options.dirname, options.set_version or running, root=root)
    if not any(tree.exists(f"{tree.directory}/{name}") for name in (DEP, BUILTIN)):
        raise CannotRunError(
            f"there is no {DEP} in {tree.directory}: nothing is known of the modules;"
            " run depmod, or name others: --set-version, --dirname, --sysroot"
        )
    here = tree.version == running and not root and not options.dirname
    config = load_config(options.config, root=root, module_dir=tree.real(tree.directory))
    named = [path for path in options.config or () if Path(inside(root, path)).is_dir()]
    directory = named[0].rstrip("/") if named else DIRECTORY

    def text_of(path: str) -> str | None:
        try:
            return read(inside(root, path))
        except OSError:
            return None

    return Decider(
        Resolver(tree, config),
        Kernel(tree, running=here),
        Live(root) if here or root else NothingLoaded(),
        text_of,
        directory,
    )


def main(argv: list[str]) -> int:
    """Print the answers; return the exit status."""
    options = make_parser().parse_args(argv)
    decider = make_decider(options)
    try:
        answers = [answer for name in options.names for answer in decider.answers(name)]
        assumed = decider.assumed()
    except (KmodError, OSError) as error:
        raise CannotRunError(f"{told(error, options.sysroot)}; other modules: --set-version, --sysroot") from error
    status = status_of(answers)
    if (options.output or ("text" if sys.stdout.isatty() else "json")) == "json":
        document = {
            "v": 1,
            "tool": "blocked",
            "kernel": decider.tree.version,
            "running": decider.kernel.running,
            "directory": decider.tree.directory,
            "status": status,
            "answers": [as_values(answer) for answer in answers],
            "assumed": assumed,
        }
        stdout(json.dumps(document, indent=2) + "\n")
    else:
        shape = Shape(min(terminal.width(1), _WIDEST), decider.tree.directory, colour=terminal.colour(1))
        stdout(text(answers, assumed, decider.tree.version, shape))
    return status
