"""Which module files there are, and which of several of one name takes part."""

from __future__ import annotations

import os

from ringward.kmod.depmod.module import ERROR, DepmodError, Module, Place, reason
from ringward.kmod.depmod.walk import walk
from ringward.kmod.names import path_to_name
from ringward.kmod.sysroot import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.depmod.module import Report
    from ringward.kmod.depmod.policy import Policy


class Duplicate:
    """Two module files of one name.

    Attributes:
        name: of the module.
        kept: path of the file that takes part.
        dropped: path of the other.
        why: what decided.

    """

    __slots__ = ("dropped", "kept", "name", "why")

    def __init__(self, name: str, kept: str, dropped: str, why: str) -> None:
        self.name = name
        self.kept = kept
        self.dropped = dropped
        self.why = why


class Scan:
    """The module files of a tree and of the external directories.

    Args:
        directory: that of the modules of one kernel.
        policy: what the configuration says.
        report: is told what cannot be read.
        root: of the system that is looked at; "" is this one.

    Attributes:
        modules: by name, in the order in which the first file of each was found.
        duplicates: every decision between two files, in the order in which it was made.

    """

    def __init__(self, directory: Place, policy: Policy, report: Report, root: str = "") -> None:
        self.directory = directory
        self.policy = policy
        self.report = report
        self.root = root
        self.modules: dict[str, Module] = {}
        self.duplicates: list[Duplicate] = []

    def all(self) -> None:
        """Take every module of the tree and of the external directories.

        Raises:
            DepmodError: the tree cannot be read.

        """
        why = self._take(self.directory)
        if why:
            raise DepmodError(f"could not search modules: {why}")
        # kmod has the list of external directories in reversed order.
        for path in self.policy.externals[::-1]:
            self._take(Place(path, inside(self.root, path)))

    def named(self, paths: list[str]) -> None:
        """Take these files, and no others.

        Raises:
            DepmodError: a path is not absolute, there is no such file, or there are two of one name.

        """
        for path in paths:
            if not path.startswith("/"):
                raise DepmodError(f"{path}: not absolute path.")
            name = path_to_name(path)
            real = inside(self.root, path)
            if not name or not os.access(real, os.F_OK):
                raise DepmodError(f"could not create module {path}: No such file or directory")
            if name in self.modules:
                raise DepmodError(f"could not add module {path}: {self.modules[name].path} has the same name")
            self.modules[name] = Module(name, path, self._relative(path), real)

    def _relative(self, path: str) -> str | None:
        start = self.directory.shown + "/"
        return path[len(start) :] if path.startswith(start) else None

    def _take(self, top: Place) -> str:
        """Take what is below a directory; return why it could not be opened, or ""."""
        try:
            for path, real in walk(top, self.policy.excludes, self.report, self.root):
                self._file(path, real)
        except OSError as error:
            self.report(ERROR, f"could not open directory {top.shown}: {reason(error)}")
            return reason(error)
        return ""

    def _file(self, path: str, real: str) -> None:
        name = path_to_name(path)
        module = Module(name, path, self._relative(path), real)
        old = self.modules.get(name)
        if old is None:
            self.modules[name] = module
            return
        takes, why = self.policy.prefers(module, old)
        kept, dropped = (module, old) if takes else (old, module)
        self.modules[name] = kept
        self.duplicates.append(Duplicate(name, kept.path, dropped.path, why))
