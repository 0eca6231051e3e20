"""``ringward trust``: the database of digests, and the rules beside it."""

from __future__ import annotations

import difflib
import importlib

from ringward.cli.errors import CannotRunError, UsageError
from ringward.trust.rule_files import RulesError
from ringward.trust.store import StoreError

ACTIONS = {
    "init": "trust what is installed: every program, library, script and module that its package vouches for",
    "update": "follow the packages: what a hook of dpkg runs after each change",
    "verify": "compare the machine with the database",
    "list": "what is trusted; --pending: what waits for a decision",
    "show": "all that is known of a digest or path",
    "approve": "let in what waits for a decision",
    "add": "trust a file, or a digest",
    "remove": "trust a digest, or the files below a path, no longer",
    "gc": "remove entries of what is not installed any more",
    "export": "write the entries for another machine",
    "import": "take the entries of another machine",
    "rule": "rules that allow or deny, beside the digests",
    "hook": "the hook of dpkg: install it, remove it",
}
"""Word of each action, whose module is trust_WORD, and what it does."""


def usage() -> str:
    """Return what ``ringward trust --help`` prints."""
    lines = [f"  {name:<8} {text}" for name, text in ACTIONS.items()]
    return (
        "usage: ringward trust ACTION ...\n       ringward trust ACTION --help\n\n"
        "Which programs, libraries, scripts and kernel modules are trusted, by SHA-256, and why.\n\n"
        + "\n".join(lines)
        + "\n\nexit status: 0 done; 1 the answer is bad: a mismatch, nothing found; 2 usage;"
        " 3 not all could be\nlooked at; 4 it could not be done"
    )


def main(argv: list[str]) -> int:
    """Run the action; return the exit status."""
    if not argv:
        raise UsageError(f"which action? {', '.join(ACTIONS)}")
    name, *rest = argv
    if name in {"-h", "--help"}:
        print(usage())
        return 0
    if name not in ACTIONS:
        near = difflib.get_close_matches(name, ACTIONS, 1, 0.5)
        raise UsageError(f"no action '{name}'; {f'did you mean {near[0]}?' if near else ', '.join(ACTIONS)}")
    action = importlib.import_module(f"ringward.cli.trust_{name}")
    try:
        status: int = action.main(rest)
    except StoreError as error:
        raise CannotRunError(str(error)) from error
    except RulesError as error:
        raise CannotRunError(f"the rules cannot be used:\n{error}") from error
    return status
