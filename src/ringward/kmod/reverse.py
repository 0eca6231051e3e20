"""Who needs a module: by modules.dep, and by the softdep and weakdep lines of the configuration and of modules."""

from __future__ import annotations

from ringward.kmod.fnmatch import fnmatch
from ringward.kmod.lookup import Directives, Hit, is_pattern
from ringward.kmod.names import path_to_name
from ringward.kmod.resolve import Resolver
from ringward.kmod.step import POST, PRE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringward.kmod.config import Config
    from ringward.kmod.directive import Directive
    from ringward.kmod.tree import Tree

SOFT_PRE, SOFT_POST, WEAK = "pre", "post", "weak"
_KINDS = {PRE: SOFT_PRE, POST: SOFT_POST}


class Want:
    """A module that names another one in a softdep or weakdep.

    module: whose softdep or weakdep it is.
    directive: the line, of the configuration or of modules.softdep or modules.weakdep.
    kind: `SOFT_PRE`, `SOFT_POST` or `WEAK`; modprobe loads nothing because of a weakdep.
    word: the operand that means the module that is asked about: its name or an alias.
    """

    __slots__ = ("directive", "kind", "module", "word")

    def __init__(self, module: str, directive: Directive, kind: str, word: str) -> None:
        self.module = module
        self.directive = directive
        self.kind = kind
        self.word = word


class Reverse:
    """The dependencies of one tree and configuration, backwards. Raises KmodError for a damaged index.

    Of a module's softdep and weakdep lines the one that counts is taken: the first that matches.

    Args:
        tree: the modules.
        config: the directives, with those of the tree's modules.softdep and modules.weakdep.
        all_softdeps: all lines count, as with ``modprobe --all-softdeps``.

    """

    def __init__(self, tree: Tree, config: Config, *, all_softdeps: bool = False) -> None:
        self.tree = tree
        self.config = config
        self._resolver = Resolver(tree, config, all_softdeps=all_softdeps)
        self._weakdeps = Directives(config.weakdeps)
        self._needed: dict[str, frozenset[str]] | None = None
        self._dependents: dict[str, list[str]] = {}
        self._wants: dict[str, list[Want]] | None = None

    def all_dependents(self, name: str) -> list[str]:
        """Return the modules that need one, directly or through others, in the order of the modules."""
        if self._needed is None:
            self._needed = {}
            for line in self.tree.lines():
                self._needed[line.name] = needed = frozenset(map(path_to_name, line.deps))
                for each in needed:
                    self._dependents.setdefault(each, []).append(line.name)
        return self._dependents.get(name, [])

    def dependents(self, name: str) -> list[str]:
        """Return the modules that need one with no other in between, in the order of the modules.

        modules.dep tells all that a module needs, not how: one that needs `name` both directly and through another
        module is told as the other's dependent only.
        """
        every = self.all_dependents(name)
        needed = self._needed or {}
        among = frozenset(every)
        return [
            each
            for each in every
            # Of two that need each other (depmod --keep-going) neither is in between.
            if not any(between != each and each not in needed[between] for between in needed[each] & among)
        ]

    def soft(self, name: str) -> list[Want]:
        """Return who names a module in its softdep or weakdep, by its name or by an alias."""
        if self._wants is None:
            self._wants = {}
            for module in self._names():
                self._add(module)
        return self._wants.get(name, [])

    def _names(self) -> Iterable[str]:
        """Return every name that softdep or weakdep lines are for and that modprobe can arrive at.

        That is more than modules: it also goes through the softdeps of what is built in, of what has but a command,
        and of what an alias leads to that does not exist.
        """
        lines = [*self.config.softdeps, *self.config.weakdeps]
        plain = [each.key for each in lines if not is_pattern(each.key)]
        wild = dict.fromkeys(each.key for each in lines if is_pattern(each.key))
        if wild:
            names = [*self.tree.modules(), *self.tree.builtins()]
            names += [each.key for each in (*self.config.install, *self.config.remove)]
            names += [each.value for each in self.config.aliases]
            plain += [name for name in names if any(fnmatch(pattern, name) for pattern in wild)]
        return dict.fromkeys(plain)

    def _add(self, module: str) -> None:
        """Add what a module's softdeps and weakdeps name."""
        found = self._wants
        if found is None:
            return
        soft = self._resolver.softdeps(self._resolver.module(Hit(module)))
        for operand, cause in (*soft.pre, *soft.post):
            if cause.directive:
                want = Want(module, cause.directive, _KINDS[cause.kind], cause.word)
                found.setdefault(operand.name, []).append(want)
        lines = self._weakdeps.all(module)
        for line in lines if self._resolver.all_softdeps else lines[:1]:
            for word in line.post:
                for hit in self._resolver.lookup(word).hits:
                    found.setdefault(hit.name, []).append(Want(module, line, WEAK, word))
