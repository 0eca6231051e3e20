"""``insmod``: loads one module file, as insmod(8) does; neither configuration nor dependencies take part."""

from __future__ import annotations

import os

from ringward.cli.tool_log import stdout
from ringward.cli.tool_options import COMMON, FAILURE, Call, read
from ringward.kmod.errors import KmodError
from ringward.kmod.load import FORCE, IGNORE_MODVERSIONS, IGNORE_VERMAGIC, RefusedError, insert, insmod_reason
from ringward.kmod.sysroot import inside, told

LONGS = {
    "force": "f",
    "force-modversion": "force-modversion",
    "force-vermagic": "force-vermagic",
    **COMMON,
    "json": "json",
    "sysroot=": "sysroot",
}
FLAGS = {"f": FORCE, "force-modversion": IGNORE_MODVERSIONS, "force-vermagic": IGNORE_VERMAGIC}
USAGE = """\
usage: insmod [options] FILE [PARAMETER=VALUE...]

loads the module in FILE; what it needs must be loaded already

  -f, --force             --force-modversion and --force-vermagic
      --force-modversion  load in spite of other symbol versions
      --force-vermagic    load in spite of another version magic
      --json              answer as JSON
      --sysroot DIR       FILE is below DIR; nothing is loaded: what would follow is written to DIR/sys and DIR/proc
  -s, --syslog            messages to syslog
  -v, --verbose           more messages
  -V, --version           print the version
  -h, --help              print this
"""


def load(call: Call, path: str, options: str) -> str:
    """Load a file; return why it was not loaded, as insmod says it, or ""."""
    root = call.options.get("sysroot", "")
    flags = 0
    for key, flag in FLAGS.items():
        flags |= flag if key in call.options else 0
    if not os.path.lexists(inside(root, path)):
        return f"could not load module {path}: No such file or directory"
    try:
        insert(path, options, flags, root=root)
    except RefusedError as error:
        return f"could not insert module {path}: {insmod_reason(error.errno or 0)}"
    except OSError as error:
        return f"could not insert module {path}: {error.strerror}"
    except KmodError as error:
        return f"could not insert module {told(error, root)}"
    except ValueError as error:
        return f"could not insert module {path}: {error}"
    return ""


def main(argv: list[str]) -> int:
    """Load a module; return the exit status."""
    call = read("insmod", argv, "fsvVh", LONGS, USAGE)
    if isinstance(call, int):
        return call
    if not call.words:
        call.log.error("missing filename.")
        return FAILURE
    path, *parameters = call.words
    if path == "-":
        call.log.error("this tool does not support loading from stdin!")
        return FAILURE
    options = " ".join(parameters)
    why = load(call, path, options)
    if why:
        call.log.error(why)
    if "json" in call.options:
        import json  # noqa: PLC0415 - takes longer than all else here

        found = {"v": 1, "tool": "insmod", "file": path, "options": options, "loaded": not why, "why": why or None}
        stdout(json.dumps(found, indent=2) + "\n")
    return FAILURE if why else 0
