"""A call that asked for JSON and has no answer: its fault as a document (docs/schema/kmod-v1.json, error)."""

from __future__ import annotations

from ringward.cli.links import NAMES

DOCUMENTED = frozenset({"plan", "blocked", "graph", "lint", *NAMES})
"""Commands whose --json prints one document of this schema."""


def asks_for_json(argv: list[str]) -> bool:
    """Return whether one of the options is --json, abbreviated as getopt takes it, or --output json.

    The text alone is looked at: a command line with a fault has no other meaning.
    """
    options = argv[: argv.index("--")] if "--" in argv else argv
    pairs = zip(options, [*options[1:], ""], strict=False)
    return any(
        (len(word) > 2 and "--json".startswith(word))
        or word == "--output=json"
        or (word, after) == ("--output", "json")
        for word, after in pairs
    )


def document(command: str, status: int, messages: list[str]) -> str:
    """Return the document of a call that has failed."""
    import json  # noqa: PLC0415 - takes longer than all else here

    error = {"v": 1, "tool": "error", "command": command, "status": status, "messages": messages}
    return json.dumps(error, indent=2) + "\n"
