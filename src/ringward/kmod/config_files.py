"""Which files the configuration consists of, and what is in them.

Precedence as in modprobe.d(5) and depmod.d(5): of files with one name the first that is found counts; those that
count are read in the byte order of their names.
"""

from __future__ import annotations

import os
import stat

from ringward.kmod.directive import CMDLINE, Problem
from ringward.kmod.names import strcmp_key
from ringward.kmod.sysroot import inside, shown

LIMIT = 4 << 20
"""Bytes of a file; a larger one is not used. kmod has no limit."""
TOO_LARGE = "too large"
"""Kind of the problem of such a file."""
DIRECTORY = "directory"
"""Why a directory is not used whose name is that of a configuration file."""
UNREAD = frozenset({"unreadable", TOO_LARGE})
"""Kinds of the problems of files that should count, and do not."""


class ConfigFile:
    """A file that was found, used or not.

    Args:
        path: of it, without the sysroot.
        used: whether its lines count.
        shadowed_by: path of the file of the same name that counts instead.
        why: why it is not used: "shadowed", "not .conf", "hidden", "directory", "broken link", "unreadable",
            "too large", or "".

    """

    __slots__ = ("path", "shadowed_by", "used", "why")

    def __init__(self, path: str, *, used: bool, shadowed_by: str | None = None, why: str = "") -> None:
        self.path = path
        self.used = used
        self.shadowed_by = shadowed_by
        self.why = why

    def __repr__(self) -> str:
        return f"ConfigFile({self.path!r}, used={self.used}, shadowed_by={self.shadowed_by!r}, why={self.why!r})"


class TooLargeError(OSError):
    """A file has more bytes than `LIMIT`."""


def read(path: str) -> str:
    """Return the text of a file, undecodable bytes as surrogates; never waits for a writer of a pipe.

    Raises:
        OSError: it cannot be read.
        TooLargeError: it is larger than `LIMIT`.

    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        parts = []
        left = LIMIT + 1
        while left and (part := os.read(fd, min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    finally:
        os.close(fd)
    if not left:
        raise TooLargeError(0, f"larger than {LIMIT} bytes", path)
    return b"".join(parts).decode("utf-8", "surrogateescape")


class Files:
    """Collects the files of a configuration, most important directory first, and reads them.

    Args:
        root: of the system that is looked at; "" is this one.

    """

    __slots__ = ("_directories", "_left", "_used", "problems", "root")

    def __init__(self, root: str = "") -> None:
        self.root = root
        self.problems: list[Problem] = []
        self._used: dict[str, ConfigFile] = {}
        self._left: list[ConfigFile] = []
        self._directories: set[tuple[int, int]] = set()

    def default(self, path: str) -> None:
        """Take a directory that need not exist into account; the same one under a second name only once."""
        found = self._stat(path)
        if found is None or (found.st_dev, found.st_ino) in self._directories:
            return
        self._directories.add((found.st_dev, found.st_ino))
        self._directory(path)

    def named(self, path: str) -> None:
        """Take a file, of any name, or a directory that the user named into account."""
        found = self._stat(path)
        if found is None:
            self.problems.append(Problem("unreadable", path, 0, "", "there is no such file or directory"))
        elif stat.S_ISDIR(found.st_mode):
            self._directory(path)
        else:
            self._add(path, path.rpartition("/")[2])

    def module_directory(self, path: str) -> None:
        """Take the files of a module directory into account; they come before all others of their names.

        Args:
            path: of it, with the root in front.

        """
        for name in ("modules.softdep", "modules.weakdep"):
            full = shown(self.root, f"{path}/{name}")
            if self._stat(full) is not None:
                self._add(full, name)

    def in_order(self) -> list[ConfigFile]:
        """Return the files that count, in the order in which they are read."""
        return [self._used[name] for name in sorted(self._used, key=strcmp_key)]

    def all(self) -> list[ConfigFile]:
        """Return the files that count, in order, and behind them those that do not."""
        return self.in_order() + self._left

    def read(self, file: ConfigFile) -> str | None:
        """Return the text of a file that counts; if it cannot be read, note that it does not count after all."""
        text = self.read_text(file.path)
        if text is None:
            file.used = False
            file.why = self.problems[-1].kind
        return text

    def read_text(self, path: str) -> str | None:
        """Return the text of a file; None, and a problem more, if it cannot be read."""
        try:
            full = inside(self.root, path)
            return "" if self._is_null(full) else read(full)
        except OSError as error:
            kind = "broken link" if isinstance(error, FileNotFoundError) and path != CMDLINE else "unreadable"
            kind = TOO_LARGE if isinstance(error, TooLargeError) else kind
            self.problems.append(Problem(kind, path, 0, "", f"cannot be read: {error.strerror}; it is not used"))
            return None

    def _is_null(self, full: str) -> bool:
        # A link to /dev/null masks a file; the image of a disk has an empty /dev.
        return bool(self.root) and full == self.root.rstrip("/") + "/dev/null"

    def _stat(self, path: str) -> os.stat_result | None:
        try:
            full = inside(self.root, path)
            return os.stat("/dev/null" if self._is_null(full) else full)  # noqa: PTH116 - pathlib is slow to import
        except OSError:
            return None

    def _directory(self, path: str) -> None:
        try:
            names = os.listdir(inside(self.root, path))  # noqa: PTH208 - pathlib is slow to import
        except OSError as error:
            why = f"cannot be listed: {error.strerror}; its files are not used"
            self.problems.append(Problem("unreadable", path, 0, "", why))
            return
        for name in sorted(names, key=strcmp_key):
            full = f"{path.rstrip('/')}/{name}"
            if name.startswith("."):
                if name.endswith(".conf"):
                    self._leave(full, "hidden")
            elif not name.endswith(".conf"):
                self._leave(full, "not .conf")
            elif (found := self._stat(full)) and stat.S_ISDIR(found.st_mode):
                self._leave(full, DIRECTORY)
            else:
                # A link to nothing hides other files of its name, too.
                self._add(full, name)

    def _add(self, path: str, name: str) -> None:
        first = self._used.get(name)
        if first is None:
            self._used[name] = ConfigFile(path, used=True)
        elif self._key(first.path) != self._key(path):
            self._leave(path, "shadowed", first.path)

    def _key(self, path: str) -> tuple[int, int] | str:
        found = self._stat(path)
        return path if found is None else (found.st_dev, found.st_ino)

    def _leave(self, path: str, why: str, shadowed_by: str | None = None) -> None:
        self._left.append(ConfigFile(path, used=False, shadowed_by=shadowed_by, why=why))
