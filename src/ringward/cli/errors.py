"""Faults that end a command with a message and no traceback."""

from __future__ import annotations

BAD_ANSWER = 1
USAGE = 2
INCOMPLETE = 3
CANNOT_RUN = 4


class UsageError(Exception):
    """The command line asks for what does not exist. Exit 2."""


class CannotRunError(Exception):
    """The command cannot do its work. Message: what was attempted, why it failed, what to do next. Exit 4."""
