"""``modprobe -c``, ``--show-exports``, ``--show-modversions``, ``-h`` and ``-V``: what only prints."""

from __future__ import annotations

import errno
import os

from ringward.cli.modprobe_options import USAGE
from ringward.cli.tool_log import stdout
from ringward.cli.tool_options import VERSION_TEXT
from ringward.kmod.config import show_config
from ringward.kmod.errors import KmodError
from ringward.kmod.sysroot import told
from ringward.kmod.tree import ALIAS, SYMBOLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringward.cli.modprobe import Modprobe

FAILURE = 1
DUMP = "\n# End of configuration files. Dumping indexes now:\n\n"
"""The line of ``modprobe -c`` that programs look for."""


def about(what: str) -> int:
    """Print the usage or the version; return the exit status."""
    stdout(USAGE if what == "help" else VERSION_TEXT)
    return 0


def run(call: Modprobe) -> int:
    """Print what was asked for; return the exit status."""
    if call.options.show == "config":
        _config(call)
        return 0
    name = call.options.words[0]  # the first alone, with -a as well: so does kmod
    found = _symbols(call, name)
    if call.options.json:
        from ringward.cli.modprobe_json import symbols  # noqa: PLC0415 - only JSON needs it

        symbols(call, found)
    elif found:
        stdout("".join([f"0x{crc:08x}\t{symbol}\n" for symbol, crc in found[1]]))
    return 0 if found else FAILURE


def _config(call: Modprobe) -> None:
    if call.options.json:
        from ringward.cli.modprobe_json import config  # noqa: PLC0415 - only JSON needs it

        config(call, indexes(call))
        return
    stdout("".join([f"{line}\n" for line in show_config(call.config)]))
    stdout(DUMP)
    stdout("".join([f"alias {key} {value}\n" for key, value in indexes(call)]))


def indexes(call: Modprobe) -> Iterator[tuple[str, str]]:
    """Yield alias and module of modules.alias.bin, then those of modules.symbols.bin, in the files' order."""
    for name in (ALIAS, SYMBOLS):
        index = call.tree.index(name)
        if index:
            yield from index.walk()


def _path(call: Modprobe, name: str) -> str | None:
    """Return the module file that is meant: a path, or the name of a module of the tree."""
    if call.tree.exists(name):
        return name
    if "/" in name:
        return None
    paths = [call.resolver.path(hit) for hit in call.resolver.lookup(name).hits]
    return next((path for path in paths if path), None)


def _no_data(path: str) -> OSError:
    return OSError(errno.ENODATA, os.strerror(errno.ENODATA), path)


def _symbols(call: Modprobe, name: str) -> tuple[str, list[tuple[str, int]]] | None:
    """Return a module's file and the symbols that it exports, or needs, with checksums; None, and a complaint: none."""
    from ringward.kmod.compression import read_module  # noqa: PLC0415 - loading needs none of it
    from ringward.kmod.elf import Elf  # noqa: PLC0415 - as above

    path = _path(call, name)
    if path is None:
        call.complain(f"Module {name} not found.")
        return None
    exports = call.options.show == "exports"
    try:
        elf = Elf(read_module(call.tree.real(path)), path)
        found = elf.exports() if exports else elf.versions()
        # As kmod: that there are none is a fault unless there is a place for them.
        if not found and elf.section("__ksymtab_strings" if exports else "__versions") is None:
            raise _no_data(path)
    except (KmodError, OSError) as error:
        what = "symbols" if exports else "modversions"
        why = os.strerror(errno.EINVAL) if isinstance(error, KmodError) else error.strerror
        more = f" ({told(error, call.options.sysroot)})" if call.log.verbose else ""
        call.complain(f"could not get {what} of {name}: {why}{more}")
        return None
    return path, found
