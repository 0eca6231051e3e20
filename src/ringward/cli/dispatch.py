"""Runs one command, and turns its faults into a message and an exit status."""

from __future__ import annotations

import importlib
import os
import sys

from ringward.cli import COMMANDS
from ringward.cli.error_json import DOCUMENTED, asks_for_json, document
from ringward.cli.errors import BAD_ANSWER, CANNOT_RUN, USAGE, CannotRunError, UsageError
from ringward.cli.links import NAMES

CHANGING = ("guard", "trust")
"""Commands that change what the guard protects."""


def _as_own(name: str, argv: list[str]) -> None:
    """Go on as one of the guard's own processes, where there is a guard that protects itself."""
    from ringward.guard import launch  # noqa: PLC0415 - the others do not need it

    if launch.wanted(os.environ):
        try:
            launch.go([name, *argv])
        except OSError as error:
            raise CannotRunError(
                f"the guard is on, and its helper {launch.KEEPER} cannot be started: {error.strerror}"
            ) from error


def run(name: str, argv: list[str]) -> int:
    """Return the exit status of ``ringward name argv``.

    Whoever asks for JSON gets a document whatever happens: this one writes it when the command ended without.
    """
    if name not in DOCUMENTED or not asks_for_json(argv):
        return _guarded(name, argv)
    from ringward.cli.tool_log import printed  # noqa: PLC0415 - others do without

    printed.begin(json=True)
    try:
        status = _guarded(name, argv)
        return status if printed.answer else _without_answer(name, status, printed.messages)
    finally:
        printed.begin(json=False)


def _without_answer(name: str, status: int, messages: list[str]) -> int:
    """Write the document of a call that has failed; return its exit status."""
    if status not in {BAD_ANSWER, USAGE, CANNOT_RUN}:
        return status
    from ringward.cli.tool_log import stdout  # noqa: PLC0415 - as in `run`

    try:
        stdout(document(name, status, messages))
        sys.stdout.flush()
    except OSError as failure:
        return _write_failed(name, failure)
    return status


def _guarded(name: str, argv: list[str]) -> int:
    try:
        return _run(name, argv)
    except OSError as error:
        # Commands tell of their own files; what comes to here is most often a full disk beneath standard output.
        return _write_failed(name, error)


def _run(name: str, argv: list[str]) -> int:
    try:
        command = importlib.import_module(f"ringward.cli.{name}")
    except ImportError as error:
        # The native modules are built with the package; a source tree alone has none.
        return _complain(
            name,
            f"a part of Ringward cannot be loaded: {error}; install the package (pip install .), or in a source tree:"
            " make setup",
            CANNOT_RUN,
        )
    try:
        if name in CHANGING:
            _as_own(name, argv)
        status: int = command.main(argv)
        sys.stdout.flush()
    except UsageError as error:
        return _complain(name, str(error), USAGE, f"see: ringward {name} --help")
    except CannotRunError as error:
        return _complain(name, str(error), CANNOT_RUN)
    except BrokenPipeError:
        # Python flushes stdout once more at exit; let it go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return status


def _complain(name: str, why: str, status: int, hint: str = "") -> int:
    """Say why there is no answer, and return the exit status."""
    from ringward.cli.tool_log import printed  # noqa: PLC0415 - only an error needs it

    print(f"ringward {name}: {why}", *([hint] if hint else []), sep="\n", file=sys.stderr)
    printed.messages.append(why)
    return status


def _write_failed(name: str, error: OSError) -> int:
    """Say what could not be read or written; return the exit status."""
    from ringward.kmod.sysroot import told  # noqa: PLC0415 - as above

    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    where = "" if error.filename else "cannot write to standard output: "
    return _complain(name, f"{where}{told(error)}", BAD_ANSWER if name in NAMES else CANNOT_RUN)


def unknown(name: str) -> int:
    """Say that there is no such command, and which are near; return the exit status."""
    import difflib  # noqa: PLC0415 - only an error needs it

    what = "option" if name.startswith("-") else "command"
    near = difflib.get_close_matches(name, [*COMMANDS, "--version", "--help"], 3, 0.5)
    hint = f"did you mean {', '.join(near)}?" if near else f"commands: {', '.join(COMMANDS)}"
    print(f"ringward: no {what} named '{name}'; {hint}", file=sys.stderr)
    return USAGE
