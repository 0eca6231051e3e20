"""Where a path really is: links in its directories followed, the last component left as it is."""

from __future__ import annotations

import errno
import os

from ringward.kmod.sysroot import MOST_LINKS, shown


class Places:
    """The paths of one system; each directory is looked up once.

    Args:
        root: of the system that is looked at; "" is this one. No link leads out of it.

    """

    def __init__(self, root: str = "") -> None:
        self.root = os.path.realpath(root) if root not in {"", "/"} else ""
        self._known = {"": ""}

    def directory(self, path: str) -> str:
        """Return where a directory is, the root included; parts that do not exist stay as they are.

        Args:
            path: absolute.

        Raises:
            OSError: ELOOP.

        """
        return f"{self.root}{self._below(path.rstrip('/'), MOST_LINKS)}" or "/"

    def real(self, path: str) -> str:
        """Return where a file, or the link of that name, is, the root included.

        A distribution's packages may name /bin/ls what is /usr/bin/ls (usrmerge): both give one path.

        Raises:
            OSError: ELOOP.

        """
        folder, _, name = path.rpartition("/")
        known = self._known.get(folder)
        return f"{self.root}{self._below(folder, MOST_LINKS) if known is None else known}/{name}"

    def shown(self, real: str) -> str:
        """Return a real path as the looked at system has it."""
        return shown(self.root, real) if self.root else real

    def _below(self, path: str, links: int) -> str:
        """Return where a directory is, without the root; "" is the root itself.

        Args:
            path: absolute, without a '/' at its end.
            links: that may still be followed.

        """
        known = self._known.get(path)
        if known is not None:
            return known
        folder, _, name = path.rpartition("/")
        parent = self._below(folder, links)
        if name in {"", "."}:
            found = parent
        elif name == "..":
            found = parent.rpartition("/")[0]
        else:
            found = f"{parent}/{name}"
            try:
                target = os.readlink(self.root + found)  # noqa: PTH115 - pathlib costs as much again
            except OSError:  # no link, or nothing there
                pass
            else:
                if not links:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                found = self._below((target if target.startswith("/") else f"{parent}/{target}").rstrip("/"), links - 1)
        self._known[path] = found
        return found
