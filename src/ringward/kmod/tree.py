"""The module directory of one kernel, lib/modules/VERSION: what depmod wrote about its modules.

Only the binary indexes are asked, as by modprobe; each is read when it is first needed. One that does not
exist has no entries.
"""

from __future__ import annotations

import os

from ringward.kmod.config_files import read
from ringward.kmod.errors import KmodError
from ringward.kmod.index import Index, Match
from ringward.kmod.sysroot import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

DEP, ALIAS, SYMBOLS = "modules.dep.bin", "modules.alias.bin", "modules.symbols.bin"
BUILTIN, BUILTIN_ALIAS = "modules.builtin.bin", "modules.builtin.alias.bin"


class DepLine:
    """A module's line of modules.dep.

    name: of the module.
    path: of its file, absolute, without the sysroot.
    deps: paths of the modules that it needs, all of them, in the order of the line: each before those that it needs.
    """

    __slots__ = ("deps", "name", "path")

    def __init__(self, name: str, path: str, deps: tuple[str, ...]) -> None:
        self.name = name
        self.path = path
        self.deps = deps


class Tree:
    """A module directory. Every method raises KmodError for a damaged index, OSError for an unreadable one.

    Args:
        base: what stands before /lib/modules, as modprobe's -d; "" is /.
        version: of the kernel, as uname -r.
        root: of the system that is looked at: `base` is below it, no link leads out of it. "" is this system.

    Attributes:
        base: made absolute.
        directory: base/lib/modules/version, without the root.

    """

    __slots__ = ("_indexes", "_keys", "_lines", "_real", "_there", "base", "directory", "root", "version")

    def __init__(self, base: str, version: str, *, root: str = "") -> None:
        if base and not base.startswith("/"):
            base = f"/{base}" if root else f"{os.getcwd()}/{base}"  # noqa: PTH109 - pathlib is not worth its import
        self.base = base
        self.root = root
        self.version = version
        self.directory = f"{base}/lib/modules/{version}"
        self._real = inside(root, self.directory)
        self._indexes: dict[str, Index | None] = {}
        self._lines: dict[str, DepLine | None] = {}
        self._there: dict[str, bool] = {}
        self._keys: dict[str, dict[str, list[str]]] = {}

    def real(self, path: str) -> str:
        """Return where a path of this tree really is: with the root in front, its links followed."""
        return inside(self.root, path)

    def exists(self, path: str) -> bool:
        """Return whether there is a file at a path of this tree."""
        known = self._there.get(path)
        if known is None:
            known = self._there[path] = os.access(self.real(path), os.F_OK)
        return known

    def absolute(self, path: str) -> str:
        """Return a path as it stands in an index as an absolute one."""
        return path if path.startswith("/") else f"{self.directory}/{path}"

    def index(self, name: str) -> Index | None:
        """Return the index of that file name; None when there is none."""
        if name not in self._indexes:
            path = f"{self._real}/{name}"
            try:
                self._indexes[name] = Index.open(path)
            except (FileNotFoundError, NotADirectoryError):
                self._indexes[name] = None
            except KmodError:
                # What depmod writes when there is no modules.builtin, or no modules.builtin.modinfo.
                if name not in {BUILTIN, BUILTIN_ALIAS} or os.stat(path).st_size:  # noqa: PTH116 - as above
                    raise
                self._indexes[name] = None
        return self._indexes[name]

    def dep(self, name: str) -> DepLine | None:
        """Return what a module is and needs.

        Raises:
            KmodError: besides a damaged index: its entry has no colon.

        """
        if name not in self._lines:
            index = self.index(DEP)
            values = index.exact(name) if index else []
            self._lines[name] = self._dep_line(name, values[0]) if values else None
        return self._lines[name]

    def alias(self, name: str) -> list[str]:
        """Return the modules of every alias that matches `name`, which is normalised, in the modules' order."""
        return [match.value for match in self.aliases(name)]

    def aliases(self, name: str) -> list[Match]:
        """Return every alias that matches `name`, which is normalised, in the modules' order."""
        index = self.index(ALIAS)
        return index.matches(name) if index else []

    def keys(self, name: str, module: str) -> list[str]:
        """Return the keys of an index that lead to a module, in ASCII order.

        Args:
            name: of the index: ALIAS gives the patterns of the module's aliases, SYMBOLS what it exports.
            module: the module.

        """
        if name not in self._keys:
            index = self.index(name)
            found = self._keys[name] = {}
            for key, value in index.walk() if index else ():
                found.setdefault(value, []).append(key)
        return self._keys[name].get(module, [])

    def symbol(self, name: str) -> list[str]:
        """Return the modules that export the symbol NAME of ``symbol:NAME``."""
        index = self.index(SYMBOLS)
        return index.wild(name) if index else []

    def builtin(self, name: str) -> bool:
        """Return whether a module is a part of the kernel itself."""
        index = self.index(BUILTIN)
        return bool(index and index.exact(name))

    def builtin_alias(self, name: str) -> list[str]:
        """Return the built in modules of every alias that matches `name`, which is normalised."""
        return [match.value for match in self.builtin_aliases(name)]

    def builtin_aliases(self, name: str) -> list[Match]:
        """Return every alias of a built in module that matches `name`, which is normalised."""
        index = self.index(BUILTIN_ALIAS)
        return index.matches(name) if index else []

    def lines(self) -> Iterator[DepLine]:
        """Yield the lines of modules.dep, in the order of the modules."""
        index = self.index(DEP)
        for _, name, line in sorted((p, name, line) for name, line, p in index.entries()) if index else ():
            yield self._dep_line(name, line)

    def modules(self) -> list[str]:
        """Return the names of all modules, in their order: that of modules.order where it names them."""
        index = self.index(DEP)
        return [name for _, name in sorted((p, name) for name, _, p in index.entries())] if index else []

    def builtins(self) -> list[str]:
        """Return the names of all built in modules, in ASCII order."""
        index = self.index(BUILTIN)
        return [name for name, _ in index.walk()] if index else []

    def order(self) -> list[str]:
        """Return the lines of modules.order, the kernel build's order of the modules: paths, as .ko.

        Raises:
            OSError: there is none, or it cannot be read.

        """
        text = read(f"{self._real}/modules.order")
        return [line for line in text.split("\n") if line]

    def _dep_line(self, name: str, line: str) -> DepLine:
        path, colon, rest = line.partition(":")
        if not colon:
            raise KmodError(f"{self.directory}/{DEP}", f"the entry of {name} has no colon: {line[:80]!r}; run depmod")
        deps = tuple(self.absolute(word) for word in rest.replace("\t", " ").split(" ") if word)
        return DepLine(name, self.absolute(path), deps)
