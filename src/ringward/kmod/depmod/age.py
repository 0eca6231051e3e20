"""``depmod -A``: whether a module file is younger than modules.dep."""

from __future__ import annotations

import os
from pathlib import Path

from ringward.kmod.depmod.module import ERROR, reason
from ringward.kmod.depmod.walk import walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.depmod.module import Place, Report


def up_to_date(directory: Place, output: Place, report: Report, root: str = "") -> bool:
    """Return whether modules.dep is there and no module file was written in a later second.

    As with kmod, a file that is gone, the configuration and external directories do not count.

    Args:
        directory: of the modules.
        output: of modules.dep.
        report: is told why modules.dep or the modules cannot be looked at.
        root: of the system that is looked at; "" is this one.

    """
    place = f"open directory {output.shown}"
    try:
        os.close(os.open(output.real, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        place = f"fstatat({output.shown}, modules.dep)"
        written = int(Path(output.file("modules.dep").real).stat().st_mtime)
        place = f"read directory {directory.shown}"
        for _path, real in walk(directory, frozenset(), report, root):
            if int(os.stat(real).st_mtime) > written:  # noqa: PTH116 - of thousands of files
                return False
    except OSError as error:
        report(ERROR, f"could not {place}: {reason(error)}")
        return False
    return True
