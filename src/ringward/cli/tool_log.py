"""What the module tools print: kmod's levels and prefixes, to stderr or syslog; bytes as they came in."""

from __future__ import annotations

import sys

CRITICAL, ERROR, WARNING, NOTICE = 2, 3, 4, 5
"""Levels of syslog(3); -v adds one to what is printed, -q ends all that is more than an emergency."""


class Printed:
    """What the running call has printed so far.

    answer: whether there was any standard output.
    json: whether the call asked for JSON.
    messages: what it complained of, printed or not.
    """

    __slots__ = ("answer", "json", "messages")

    def __init__(self) -> None:
        self.begin(json=False)

    def begin(self, *, json: bool) -> None:
        """Forget the call before."""
        self.answer = False
        self.json = json
        self.messages: list[str] = []


printed = Printed()
"""Of this process: it runs one command at a time."""
_NAMES = {CRITICAL: "FATAL", ERROR: "ERROR", WARNING: "WARNING"}


class Log:
    """The messages of one tool.

    Args:
        tool: its name, as kmod's messages begin.

    Attributes:
        level: the highest that is printed.
        syslog: whether messages go to syslog(3), as a daemon's, instead of stderr.
        said: every message, printed or not.

    """

    __slots__ = ("level", "said", "syslog", "tool")

    def __init__(self, tool: str) -> None:
        self.tool = tool
        self.level = WARNING
        self.syslog = False
        self.said: list[str] = []

    @property
    def verbose(self) -> bool:
        """Whether what is done is shown."""
        return self.level > WARNING

    def say(self, level: int, text: str) -> None:
        """Print a message, unless its level is too high."""
        self.said.append(text)
        printed.messages.append(text)
        if level > self.level:
            return
        line = f"{self.tool}: {_NAMES.get(level, 'NOTICE')}: {text}"
        if self.syslog:
            import syslog  # noqa: PLC0415 - rare

            syslog.openlog(self.tool, syslog.LOG_CONS, syslog.LOG_DAEMON)
            syslog.syslog(level, text.encode("utf-8", "backslashreplace").decode())
            return
        _line(line)

    def fatal(self, text: str) -> None:
        """Print why the tool ends."""
        self.say(CRITICAL, text)

    def error(self, text: str) -> None:
        """Print what failed."""
        self.say(ERROR, text)

    def warning(self, text: str) -> None:
        """Print what is left out."""
        self.say(WARNING, text)


def stdout(text: str) -> None:
    """Write text as it is; undecodable bytes as they came in."""
    printed.answer = printed.answer or bool(text)
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))


def usage(text: str) -> None:
    """Write how a tool is called, after a fault; whoever asked for JSON gets the fault as JSON instead."""
    if not printed.json:
        stdout(text)


def stderr(line: str) -> None:
    """Write a message without a level."""
    printed.messages.append(line)
    _line(line)


def _line(line: str) -> None:
    """Write a line to stderr; without stderr, nothing."""
    if sys.stderr is not None:
        sys.stderr.flush()
        sys.stderr.buffer.write(line.encode("utf-8", "surrogateescape") + b"\n")
        sys.stderr.buffer.flush()
