"""The modules that are a part of the kernel: modules.builtin and modules.builtin.modinfo, as depmod reads them."""

from __future__ import annotations

from ringward.kmod.compression import read_file
from ringward.kmod.depmod.module import ERROR, LIMIT, WARNING, reason
from ringward.kmod.errors import KmodError
from ringward.kmod.names import path_to_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.depmod.module import Place, Report

NAMES = "modules.builtin"
MODINFO = "modules.builtin.modinfo"


def _read(directory: Place, name: str, report: Report) -> str | None:
    """Return a file's text; None, and a message, when it cannot be read."""
    try:
        return read_file(directory.file(name).real, LIMIT).decode("utf-8", "surrogateescape")
    except (OSError, KmodError) as error:
        report(WARNING, f"could not open {name} at {directory.shown}: {reason(error)}")
        return None


def builtin_names(directory: Place, report: Report) -> list[str] | None:
    """Return the names of modules.builtin, a path each line; None, and a message, when it cannot be read."""
    text = _read(directory, NAMES, report)
    if text is None:
        return None
    names = []
    rows = text.split("\n")
    # As kmod: the line's end is a part of a name that has no suffix.
    for row in [*(f"{row}\n" for row in rows[:-1]), *(row for row in rows[-1:] if row)]:
        name = path_to_name(row.partition("\0")[0])
        if name and row != "\n":
            names.append(name)
        else:
            report(ERROR, f"Invalid modules.builtin line: {row}")
    return names


def builtin_aliases(directory: Place, report: Report) -> list[tuple[str, str]] | None:
    """Return alias and module of each ``module.alias=`` in modules.builtin.modinfo; None when it cannot be read.

    The strings end with NUL; what stands behind the last one is cut off and does not count.
    """
    text = _read(directory, MODINFO, report)
    if text is None:
        return None
    aliases = []
    for entry in text.split("\0")[:-1]:
        module, _, rest = entry.partition(".")
        key, _, value = rest.partition("=")
        if module and key == "alias" and value:
            aliases.append((value, module))
    return aliases
