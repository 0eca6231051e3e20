"""``lsmod``: the modules that are loaded, as lsmod(8) prints them."""

from __future__ import annotations

from ringward.cli.tool_log import stdout
from ringward.cli.tool_options import COMMON, FAILURE, read
from ringward.kmod.errors import KmodError
from ringward.kmod.proc import Live

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.proc import LoadedModule

LONGS = COMMON | {"json": "json", "sysroot=": "sysroot"}
USAGE = """\
usage: lsmod [options]

the loaded modules, newest first: name, size in bytes, how many use it, which modules use it

  -v, --verbose      state, taint and address, too
      --json         answer as JSON
      --sysroot DIR  what DIR/proc/modules and DIR/sys/module say
  -s, --syslog       messages to syslog
  -V, --version      print the version
  -h, --help         print this
"""


def table(modules: list[LoadedModule], *, verbose: bool = False) -> str:
    """Return what lsmod prints; `verbose` adds what kmod's does not have."""
    lines = ["Module                  Size  Used by\n"]
    for module in modules:
        count = "-" if module.refcount is None else module.refcount
        holders = f" {','.join(module.holders)}" if module.holders else ""
        more = ""
        if verbose:
            more = f"  [{module.state}, 0x{module.address:016x}{f', taint {module.taint}' if module.taint else ''}]"
        lines.append(f"{module.name:<19} {module.size:>8}  {count}{holders}{more}\n")
    return "".join(lines)


def to_json(modules: list[LoadedModule]) -> str:
    """Return the modules as one JSON document (docs/schema/kmod-v1.json, lsmod)."""
    import json  # noqa: PLC0415 - takes longer than all else here

    found = [
        {
            "name": module.name,
            "size": module.size,
            "refcount": module.refcount,
            "holders": list(module.holders),
            "state": module.state,
            "address": module.address,
            "taint": module.taint,
            "permanent": module.permanent,
        }
        for module in modules
    ]
    return json.dumps({"v": 1, "tool": "lsmod", "modules": found}, indent=2) + "\n"


def why_no_list(error: OSError | KmodError, root: str) -> str:
    """Return why there is no list of modules, and what to do."""
    if isinstance(error, KmodError):
        return f"could not get list of modules: {error}"
    text = f"could not get list of modules: /proc/modules: {error.strerror}"
    if not isinstance(error, FileNotFoundError):
        return text
    if root:
        return f"{text}; nothing was ever loaded in {root}: ringward insmod --sysroot {root} FILE"
    return f"{text}; this kernel cannot load modules (CONFIG_MODULES), or /proc is not mounted"


def main(argv: list[str], program: str = "lsmod") -> int:
    """Print the loaded modules; return the exit status: 1 when they cannot be told."""
    call = read(program, argv, "svVh", LONGS, USAGE)
    if isinstance(call, int):
        return call
    if program != "lsmod":
        call.log.tool = "kmod"  # a command of kmod's: only getopt calls it by its name
    if call.words:
        call.log.error("too many arguments provided.")
        return FAILURE
    root = call.options.get("sysroot", "")
    try:
        modules = Live(root).modules()
    except (OSError, KmodError) as error:
        why = why_no_list(error, root)
    else:
        stdout(to_json(modules) if "json" in call.options else table(modules, verbose=call.log.verbose))
        return 0
    call.log.error(why)
    return FAILURE
