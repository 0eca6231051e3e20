"""A command line parser whose faults are raised, with the nearest names."""

from __future__ import annotations

import argparse
import difflib
import textwrap
from itertools import groupby
from typing import NoReturn

from ringward.cli.errors import UsageError


class _Help(argparse.RawDescriptionHelpFormatter):
    """Fills paragraphs to the width of the terminal; lines that begin with a blank stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = []
        for is_prose, run in groupby(text.splitlines(), lambda line: bool(line[:1].strip())):
            if is_prose:
                lines += textwrap.wrap(" ".join(run), width, break_long_words=False, break_on_hyphens=False)
            else:
                lines += run
        return "\n".join(indent + line for line in lines)


class Parser(argparse.ArgumentParser):
    """As argparse's, but a fault is a UsageError, and options must be written out."""

    def __init__(self, prog: str, description: str = "", epilog: str = "") -> None:
        super().__init__(
            prog,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=_Help,
        )

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would have printed.

        Raises:
            UsageError: always.

        """
        unknown = message.removeprefix("unrecognized arguments: ").split(" ")[0].split("=")[0]
        options = [name for action in self._actions for name in action.option_strings]
        if message.startswith("unrecognized arguments: ") and unknown.startswith("-"):
            near = difflib.get_close_matches(unknown, [name for name in options if name.startswith("--")], 3, 0.5)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise UsageError(f"no option {unknown}{hint}")
        raise UsageError(message)
