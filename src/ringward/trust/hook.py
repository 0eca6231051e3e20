"""The hook by which dpkg, and with it apt, tells of each change of the installed packages (dpkg(1), --post-invoke)."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

PATH = "/etc/dpkg/dpkg.cfg.d/ringward"
"""Of the file; dpkg reads every file of that directory whose name is letters, digits, '_' and '-'."""


def command(python: str, arguments: Sequence[str] = ()) -> list[str]:
    """Return the command that dpkg is to run.

    Args:
        python: path of the interpreter.
        arguments: more of them.

    """
    # Isolated: neither the environment of who runs apt nor his directory says what is imported.
    return [python, "-I", "-m", "ringward", "trust", "update", "--quiet", *arguments]


def text(run: Sequence[str]) -> str:
    """Return the file's contents.

    Args:
        run: the command. When it fails, dpkg goes on, and says so: what is new is not trusted then.

    Raises:
        ValueError: dpkg cannot be told that command: a value is one line.

    """
    line = shlex.join(run)
    if "\n" in line:
        raise ValueError(f"a line break in {line!r}")
    failed = "ringward: the trust database was not updated; as root: ringward trust update"
    # Gone without its hook, Ringward must not stand in dpkg's way. 3: done, and it was told what was not looked at.
    shell = f"! test -x {shlex.quote(run[0])} || {line} || test $? -eq 3 || echo {shlex.quote(failed)} >&2"
    return (
        "# Written by `ringward trust hook install`: the trust database follows the packages.\n"
        "# `ringward trust hook remove` takes it away.\n"
        f"post-invoke={shell}\n"
    )
