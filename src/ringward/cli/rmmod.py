"""``rmmod``: unloads modules, as rmmod(8) does; neither configuration nor dependencies take part."""

from __future__ import annotations

import errno
import os

from ringward.cli.tool_log import ERROR, stdout
from ringward.cli.tool_options import COMMON, FAILURE, Call, read
from ringward.kmod.errors import KmodError
from ringward.kmod.load import RefusedError
from ringward.kmod.names import module_name, path_to_name
from ringward.kmod.proc import Live
from ringward.kmod.sysroot import inside, told
from ringward.kmod.tree import Tree
from ringward.kmod.unload import remove, why_not

LONGS = {"force": "f", **COMMON, "json": "json", "sysroot=": "sysroot"}
USAGE = """\
usage: rmmod [options] MODULE...

unloads modules, each a name or the path of its file

  -f, --force        even if it is in use: the machine may crash. DANGEROUS
      --json         answer as JSON
      --sysroot DIR  nothing is unloaded: what would follow is written to DIR/sys and DIR/proc
  -s, --syslog       messages to syslog
  -v, --verbose      more messages
  -V, --version      print the version
  -h, --help         print this
"""


def name_of(word: str, root: str) -> str:
    """Return the module that a word names: by the file when there is one of that path, else as it stands."""
    return path_to_name(word) if os.path.exists(inside(root, word)) else module_name(word)  # noqa: PTH110 - pathlib


def unload(call: Call, word: str) -> tuple[str, str]:
    """Unload what a word names; return the module, and why it was not unloaded, as rmmod says it, or ""."""
    root = call.options.get("sysroot", "")
    name = name_of(word, root)
    force = "f" in call.options
    if not name:
        is_file = "/" in word and os.path.exists(inside(root, word))  # noqa: PTH110 - pathlib
        reason = os.strerror(errno.ENOENT) if is_file else "it names no module"
        return name, f"could not use module {word}: {reason}"
    try:
        if not force:
            builtin = Tree("", os.uname().release, root=root).builtin(name)
            why = why_not(Live(root), name, builtin=builtin)
            if why:
                return name, why
        remove(name, force=force, root=root)
    except RefusedError as error:
        call.log.say(ERROR, f"could not remove '{name}': {error.strerror}")  # kmod's library; its tool says it again
        return name, f"could not remove module {word}: {error.strerror}"
    except OSError as error:
        return name, f"could not remove module {word}: {error.strerror}"
    except (KmodError, ValueError) as error:
        return name, f"could not remove module {word}: {told(error, root)}"
    return name, ""


def main(argv: list[str]) -> int:
    """Unload modules; return the exit status: 1 when one of them was not unloaded."""
    call = read("rmmod", argv, "fsvVh", LONGS, USAGE)
    if isinstance(call, int):
        return call
    if not call.words:
        call.log.error("missing module name.")
        return FAILURE
    found = []
    for word in call.words:
        name, why = unload(call, word)
        found.append({"name": name, "asked": word, "unloaded": not why, "why": why or None})
        if why:
            call.log.error(why)
    if "json" in call.options:
        import json  # noqa: PLC0415 - takes longer than all else here

        stdout(json.dumps({"v": 1, "tool": "rmmod", "modules": found}, indent=2) + "\n")
    return 0 if all(one["unloaded"] for one in found) else FAILURE
