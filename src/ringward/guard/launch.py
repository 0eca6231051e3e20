"""Ringward's own processes while the guard is on: commands that change what it protects go through the helper.

The helper (native/keeper) starts what the guard has written into the pinned map ``self_launch``, and nothing of the
caller's but the arguments reaches it. The kernel part lets such a process change the database, maps and pins.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

from ringward.guard.pins import FOLDER

PACKAGE = Path(__file__).resolve().parents[1]
"""Ringward's own."""
KEEPER = PACKAGE / "guard" / "ringward-keeper"
MAP = "self_launch"
MARK = "RINGWARD_KEEPER"
"""Variable of the environment that the helper sets."""
MOST_BYTES = 4096


def library_paths(paths: Iterable[str], package: Path) -> list[str]:
    """Return what the interpreter must be told of where packages are: those that are installed, and Ringward.

    Args:
        paths: of the interpreter that runs (sys.path).
        package: folder of Ringward's own package.

    """
    installed = [path for path in paths if Path(path).name in {"site-packages", "dist-packages"}]
    return list(dict.fromkeys([str(package.parent), *installed]))


def arguments(interpreter: str, paths: Iterable[str]) -> bytes:
    """Return what the helper starts, each argument with its NUL: the interpreter, by itself, with these packages.

    Raises:
        ValueError: it is longer than the map's value.

    """
    code = f"import sys; sys.path += {list(paths)!r}; from ringward.__main__ import main; sys.exit(main())"
    # No environment, no user's packages, no .pth files: they run code.
    text = b"".join(os.fsencode(word) + b"\0" for word in (interpreter, "-I", "-S", "-c", code))
    if len(text) >= MOST_BYTES:
        raise ValueError(f"the interpreter's arguments have {len(text)} bytes, and {MOST_BYTES - 1} are the most")
    return text.ljust(MOST_BYTES, b"\0")


def own() -> bytes:
    """Return what the helper is to start: this Ringward, with the interpreter that runs it."""
    return arguments(interpreter(), library_paths(sys.path, PACKAGE))


def interpreter() -> str:
    """Return the file of the interpreter that runs this, links followed."""
    return os.path.realpath(sys.executable)


def wanted(environment: Mapping[str, str], folder: Path = FOLDER) -> bool:
    """Return whether a command that changes the database or the guard has to go through the helper."""
    if os.geteuid() != 0 or MARK in environment:
        return False
    try:
        return any(folder.glob(f"maps-*/{MAP}"))
    except OSError:
        return False


def go(argv: list[str]) -> NoReturn:
    """Become ``ringward argv`` by way of the helper.

    Raises:
        OSError: the helper cannot be started.

    """
    os.execv(KEEPER, [str(KEEPER), *argv])  # noqa: S606 - that is what it is for: nothing of a shell's
