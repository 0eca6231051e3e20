"""The entry point of ``ringward``; answers ``--version`` and ``--help`` before it imports anything large."""

from __future__ import annotations

import sys

from ringward.cli import COMMANDS
from ringward.cli.links import NAMES
from ringward.version import VERSION


def usage() -> str:
    """Return what ``ringward --help`` prints."""
    lines = [f"  {name:<8} {text}" for name, text in COMMANDS.items()]
    return (
        f"Ringward {VERSION}: what entered the kernel, how, and should it have?\n\n"
        "usage: ringward COMMAND ...\n       ringward COMMAND --help\n\n" + "\n".join(lines)
    )


def main(argv: list[str] | None = None) -> int:
    """Run ringward; return its exit status.

    Args:
        argv: what stands behind the program's name; sys.argv's when not given, and by the name of a module tool
            (a link of it) the program is that tool.

    """
    if argv is None:
        argv = sys.argv[1:]
        name = sys.argv[0].rpartition("/")[2]
        if name in NAMES:
            argv = [name, *argv]
    if argv and argv[0] in COMMANDS:
        from ringward.cli.dispatch import run  # noqa: PLC0415 - only a command needs it

        return run(argv[0], argv[1:])
    if argv[:1] in (["--version"], ["-V"]):
        print(f"ringward {VERSION}")
        return 0
    if argv[:1] in (["--help"], ["-h"], ["help"]):
        print(usage())
        return 0
    if not argv:
        print(usage(), file=sys.stderr)
        return 2
    from ringward.cli.dispatch import unknown  # noqa: PLC0415 - only an error needs it

    return unknown(argv[0])


if __name__ == "__main__":
    sys.exit(main())
