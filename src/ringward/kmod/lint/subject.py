"""What the rules look at: the configuration, and what the modules of a kernel say about it."""

from __future__ import annotations

from functools import cached_property

from ringward.kmod.config import Config
from ringward.kmod.directive import CMDLINE, Directive
from ringward.kmod.fnmatch import fnmatch
from ringward.kmod.lookup import Directives, Hit, is_pattern
from ringward.kmod.names import path_to_name
from ringward.kmod.resolve import Resolver, Softdeps
from ringward.kmod.tree import Tree


def is_own(directive: Directive) -> bool:
    """Return whether a directive is one that modules bring along: of modules.softdep or modules.weakdep."""
    return directive.path.rpartition("/")[2] in {"modules.softdep", "modules.weakdep"}


class Subject:
    """A configuration, and the modules that it is for if they are known. Lookups raise KmodError, as the tree does.

    Args:
        config: the directives.
        tree: the modules; None: not known, and what needs them is not told.

    """

    def __init__(self, config: Config, tree: Tree | None) -> None:
        self.config = config
        self.tree = tree
        self._resolver = None if tree is None else Resolver(tree, config)
        self._matched: dict[str, list[str]] = {}
        self._kinds = {
            "softdep": Directives(config.softdeps),
            "install": Directives(config.install),
            "remove": Directives(config.remove),
        }
        self._same: dict[tuple[str, str], Directive] = {}
        for each in (*config.softdeps, *config.install, *config.remove):
            self._same.setdefault((each.kind, each.key), each)

    @cached_property
    def modules(self) -> dict[str, tuple[str, ...]]:
        """Names of all loadable modules, each with those that it needs."""
        if self.tree is None:
            return {}
        return {line.name: tuple(map(path_to_name, line.deps)) for line in self.tree.lines()}

    @cached_property
    def dependents(self) -> dict[str, list[str]]:
        """Names of modules that others need, each with those others, in the order of the modules."""
        found: dict[str, list[str]] = {}
        for name, needed in self.modules.items():
            for each in needed:
                found.setdefault(each, []).append(name)
        return found

    @cached_property
    def softdeps(self) -> dict[str, Directive]:
        """Names of modules that a softdep line is for, each with the line that counts."""
        softdeps = self.config.softdeps
        names = [
            name for each in softdeps for name in ((each.key,) if not is_pattern(each.key) else self.matched(each.key))
        ]
        lines = {name: self.first("softdep", name) for name in names}
        return {name: line for name, line in lines.items() if line}

    @cached_property
    def asked(self) -> set[str]:
        """Names that aliases lead to or softdeps ask for: they mean something though they may be no module's."""
        operands = (name for each in self.config.softdeps for name in each.pre + each.post)
        return {each.value for each in self.config.aliases} | {name.replace("-", "_") for name in operands}

    @cached_property
    def commands(self) -> set[str]:
        """Names that have a command instead of a module."""
        return {each.key for each in (*self.config.install, *self.config.remove)}

    def matched(self, pattern: str) -> list[str]:
        """Return the modules that a pattern matches, in their order."""
        if pattern not in self._matched:
            self._matched[pattern] = [name for name in self.modules if fnmatch(pattern, name)]
        return self._matched[pattern]

    def first(self, kind: str, name: str) -> Directive | None:
        """Return the directive of a kind that counts for a module: most often the first whose pattern matches.

        Args:
            kind: softdep, install or remove.
            name: of the module.

        """
        if self._resolver and kind == "install":
            return self._resolver.install_command(name)
        if self._resolver and kind == "remove":
            return self._resolver.remove_command(name)
        return next(iter(self._kinds[kind].all(name)), None)

    def hider(self, directive: Directive) -> Directive | None:
        """Return the line that hides a softdep, install or remove line for every module that it is for."""
        if is_pattern(directive.key):
            modules = self.matched(directive.key)
            firsts = [self.first(directive.kind, name) for name in modules] or [
                self._same[directive.kind, directive.key]
            ]
        else:
            firsts = [self.first(directive.kind, directive.key)]
        return None if directive in firsts else firsts[0]

    def is_builtin(self, name: str) -> bool:
        """Return whether a module is part of the kernel."""
        return self.tree is not None and self.tree.builtin(name)

    def exists(self, name: str) -> bool:
        """Return whether there is a module of that name, loadable or built in."""
        return name in self.modules or self.is_builtin(name)

    def meant(self, name: str) -> list[str]:
        """Return the modules that a name or alias means."""
        return [] if self._resolver is None else [hit.name for hit in self._resolver.lookup(name).hits]

    def aliased(self, name: str) -> list[str]:
        """Return the modules that a name is an alias of, whatever else it is."""
        if self.tree is None:
            return []
        config = [each.value for each in self.config.aliases if fnmatch(each.key, name)]
        return [*config, *self.tree.alias(name), *self.tree.builtin_alias(name)]

    def resolved(self, name: str) -> Softdeps | None:
        """Return the softdeps of a module as modprobe takes them; None when the modules are not known."""
        return None if self._resolver is None else self._resolver.softdeps(self._resolver.module(Hit(name)))

    def near(self, name: str) -> str:
        """Return the module's name that `name` is most like; "" if none is."""
        from difflib import get_close_matches  # noqa: PLC0415 - only a wrong name needs it

        return next(iter(get_close_matches(name, self.modules, 1, 0.85)), "") if len(name) < 60 else ""

    @staticmethod
    def on_cmdline(directive: Directive) -> bool:
        """Return whether a directive stands on the kernel command line."""
        return directive.path == CMDLINE
