"""``kmod``: the program of many names, with its own commands list, static-nodes and links."""

from __future__ import annotations

import os

from ringward.cli.tool_log import stderr, stdout, usage
from ringward.cli.tool_options import FAILURE, read
from ringward.kmod.errors import KmodError
from ringward.kmod.sysroot import inside, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.static_nodes import StaticNode

USAGE = """\
usage: kmod [options] COMMAND [options]

  -V, --version  print the version
  -h, --help     print this

commands
  help           print this
  list           the modules that are loaded: lsmod
  static-nodes   the device nodes that can be made before their modules are loaded
  links [DIR]    make links to the module tools: lsmod, rmmod, insmod, modinfo, modprobe, depmod, kmod

By the name of such a link each tool runs as such.
"""
NODES_USAGE = """\
usage: kmod static-nodes [options]

the device nodes of modules.devname

  -f, --format FORMAT  human (default), tmpfiles: for tmpfiles.d(5), devname: as in modules.devname
  -o, --output FILE    write to FILE; its directory is made
      --set-version V  of this kernel instead of the running one
      --json           the same as JSON
      --sysroot DIR    of the system below DIR
  -h, --help           print this
"""
NODES_LONGS = {
    "format=": "f",
    "output=": "o",
    "help": "h",
    "set-version=": "set-version",
    "json": "json",
    "sysroot=": "sysroot",
}
LINKS_USAGE = """\
usage: kmod links [DIR]

makes a start script for each module tool in DIR, or in the package's own folder, and prints where

  -h, --help  print this
"""


def nodes_json(nodes: list[StaticNode] | None) -> str:
    """Return device nodes as one JSON document (docs/schema/kmod-v1.json, static-nodes)."""
    import json  # noqa: PLC0415 - takes longer than all else here

    found = [
        {"module": one.module, "device": f"/dev/{one.device}", "type": one.kind, "major": one.major, "minor": one.minor}
        for one in nodes or []
    ]
    return json.dumps({"v": 1, "tool": "static-nodes", "nodes": None if nodes is None else found}, indent=2) + "\n"


def static_nodes(argv: list[str]) -> int:
    """Print the device nodes of modules.devname; return the exit status: 1 when a line of it is none."""
    from ringward.kmod.static_nodes import FORMATS, path  # noqa: PLC0415 - other commands need none of it
    from ringward.kmod.static_nodes import read as read_nodes  # noqa: PLC0415 - as above

    call = read("static-nodes", argv, "f:o:h", NODES_LONGS, NODES_USAGE)
    if isinstance(call, int):
        return call
    wanted = call.options.get("f", "human")
    if wanted not in FORMATS:
        stderr(f"Unknown format: '{wanted}'.")
        usage(NODES_USAGE)
        return FAILURE
    root = call.options.get("sysroot", "")
    version = call.options.get("set-version", os.uname().release)
    nodes: list[StaticNode] | None
    try:
        nodes, bad = read_nodes(version, root)
    except FileNotFoundError:
        # A kernel without loadable modules has none; the boot goes on (systemd's kmod-static-nodes.service).
        stderr(f"Warning: {path(version)} not found - ignoring")
        if "json" not in call.options:
            return 0
        nodes, bad = None, []
    except (OSError, KmodError) as error:
        why = error.strerror if isinstance(error, OSError) else told(error, root)
        stderr(f"Error: could not read {path(version)}: {why}")
        return FAILURE
    for line in bad:
        stderr(f"Error: invalid devname entry: {line}")
    text = nodes_json(nodes) if "json" in call.options else "".join(map(FORMATS[wanted], nodes or []))
    if "o" not in call.options:
        stdout(text)
    elif not _write(call.options["o"], text, root):
        return FAILURE
    return FAILURE if bad else 0


def _write(path: str, text: str, root: str) -> bool:
    """Write a file below `root` whole or not at all, its directory first; say why not."""
    from pathlib import Path  # noqa: PLC0415 - only -o needs it

    try:
        file = Path(inside(root, path))
        if file.exists() and not file.is_file():  # /dev/stdout, a pipe
            file.write_text(text, encoding="utf-8", errors="surrogateescape")
            return True
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            with draft.open("w", encoding="utf-8", errors="surrogateescape") as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        stderr(f"Error: could not create {path} - {error.strerror}")
        return False
    return True


def links(argv: list[str]) -> int:
    """Make the links; return the exit status."""
    from ringward.cli.links import OWN, make  # noqa: PLC0415 - other commands need none of it

    call = read("links", argv, "h", {"help": "h"}, LINKS_USAGE)
    if isinstance(call, int):
        return call
    folder = call.words[0] if call.words else OWN
    try:
        made = make(folder)
    except OSError as error:
        stderr(f"links: could not write to {folder}: {error.strerror}; name a folder: kmod links DIR")
        return FAILURE
    stdout(f"{made}\n")
    return 0


def main(argv: list[str]) -> int:
    """Run a command of kmod; return the exit status."""
    call = read("kmod", argv, "+Vh", {"version": "V", "help": "h"}, USAGE)
    if isinstance(call, int):
        return call
    if not call.words:
        stderr("missing command")
        usage(USAGE)
        return FAILURE
    command, *rest = call.words
    if command == "list":
        from ringward.cli.lsmod import main as lsmod  # noqa: PLC0415 - other commands need none of it

        return lsmod(rest, "list")
    own = {"static-nodes": static_nodes, "links": links}
    if command in own:
        return own[command](rest)
    if command == "help":
        stdout(USAGE)
        return 0
    stderr(f"invalid command '{command}'")
    usage(USAGE)
    return FAILURE
