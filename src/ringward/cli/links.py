"""Links of the usual names: start scripts that run a module tool as the C tools are run.

They start as cheaply as Python can: the interpreter itself in their first line, no site-packages. Whoever needs a
library from there gets it all the same, see `_Late`.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from pathlib import Path

NAMES = ("kmod", "lsmod", "rmmod", "insmod", "modinfo", "modprobe", "depmod")
OWN = f"{__file__.rpartition('/cli/')[0]}/links"
"""The folder that they are made in unless another is named: not in anybody's PATH unless put there."""
_LONGEST_LINE = 255
"""Bytes of an interpreter line that the kernel reads (BINPRM_BUF_SIZE, include/uapi/linux/binfmts.h)."""


class _Late:
    """The last finder of modules: what is not in the standard library is looked for in site-packages."""

    @classmethod
    def find_spec(cls, name: str, path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        """Add site-packages to the path, once, and look again."""
        if path is not None:
            return None
        sys.meta_path.remove(cls)
        import site  # noqa: PLC0415 - its import alone costs a quarter of the start
        from importlib.machinery import PathFinder  # noqa: PLC0415 - as above

        site.main()
        return PathFinder.find_spec(name, path)


def start() -> None:
    """Run the tool that the link is named after; end the process with its exit status."""
    name = sys.argv[0].rpartition("/")[2]
    if name not in NAMES:
        sys.exit(f"{sys.argv[0]}: not the name of a module tool; those are {', '.join(NAMES)}")
    sys.meta_path.append(_Late)
    from ringward.cli.dispatch import run  # noqa: PLC0415 - after the check

    sys.exit(run(name, sys.argv[1:]))


def script(python: str, package_parent: str) -> str:
    """Return the start script for an interpreter.

    Args:
        python: its path, or that of an environment's.
        package_parent: the folder that this package is in.

    """
    body = f"import sys\nsys.path.insert(0, {package_parent!r})\nfrom ringward.cli.links import start\n\nstart()\n"
    line = f"#!{python} -IS\n"
    if " " in python or len(line.encode()) > _LONGEST_LINE:
        # A shell takes longer, and any path. To Python the line is a string.
        quoted = python.replace("'", "'\\''")
        line = f"#!/bin/sh\n''':'\nexec '{quoted}' -IS \"$0\" \"$@\"\n'''\n"
    return line + body


def make(folder: str = OWN) -> Path:
    """Write the start script to a folder as kmod, and links of the other names to it; return the folder.

    Raises:
        OSError: it cannot be written.

    """
    import os  # noqa: PLC0415 - the start needs none of it
    from pathlib import Path  # noqa: PLC0415 - as above

    target = Path(folder).absolute()
    target.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(NAMES):
        draft = target / f".{name}.{os.getpid()}"
        try:
            if number == 0:
                draft.write_text(script(sys.executable, str(Path(__file__).parents[2])), encoding="utf-8")
                draft.chmod(0o755)
            else:
                draft.symlink_to(NAMES[0])
            draft.replace(target / name)
        finally:
            draft.unlink(missing_ok=True)
    return target
