"""What a name means to modprobe: of seven sources the first one that knows it."""

from __future__ import annotations

from ringward.kmod.fnmatch import fnmatch
from ringward.kmod.names import BracketError, alias_name, path_to_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringward.kmod.config import Config
    from ringward.kmod.directive import Directive
    from ringward.kmod.tree import Tree

# Sources, in the order in which they are asked.
ALIAS = "alias"
"""``alias`` of the configuration."""
DEP = "modules.dep"
SYMBOL = "modules.symbols"
COMMAND = "command"
"""``install`` or ``remove`` of the configuration."""
MODULES_ALIAS = "modules.alias"
BUILTIN = "modules.builtin"
BUILTIN_ALIAS = "modules.builtin.alias"
NOTHING = ""
"""No source knows the name."""


class Hit:
    """A module that a name means.

    name: of the module; what an alias of the configuration leads to need not exist.
    alias: what was matched instead of the module's name: the pattern of the configuration's alias, else the name
        that was asked for; None when that was the module's own. Directives ``options`` of it count, too.
    pattern: the alias that matched, as it stands in the index or configuration; "" when none did.
    directive: the line of the configuration that led here.
    path: of the file, when the user named it instead of a module.
    builtin: whether it was found as a part of the kernel itself.
    """

    __slots__ = ("alias", "builtin", "directive", "name", "path", "pattern")

    def __init__(
        self,
        name: str,
        alias: str | None = None,
        pattern: str = "",
        directive: Directive | None = None,
        path: str | None = None,
        *,
        builtin: bool = False,
    ) -> None:
        self.name = name
        self.builtin = builtin
        self.alias = alias
        self.pattern = pattern
        self.directive = directive
        self.path = path


class Lookup:
    """The answer for one name.

    asked: the name as given.
    name: the same, normalised; as given when a bracket is not closed.
    source: who answered: a constant of this module, `NOTHING` if nobody.
    hits: all modules that it means, in the order in which modprobe takes them.
    why: why it cannot be looked up, or "".
    """

    __slots__ = ("asked", "hits", "name", "source", "why")

    def __init__(self, asked: str, name: str, source: str, hits: list[Hit], why: str = "") -> None:
        self.asked = asked
        self.name = name
        self.source = source
        self.hits = hits
        self.why = why


def is_pattern(key: str) -> bool:
    """Return whether fnmatch(3) takes a key for more than a name."""
    return "*" in key or "?" in key or "[" in key or "\\" in key


class Directives:
    """Directives of one kind, found by a name that their keys match as patterns, in the configuration's order."""

    __slots__ = ("_plain", "_wild")

    def __init__(self, directives: Iterable[Directive]) -> None:
        self._plain: dict[str, list[tuple[int, Directive]]] = {}
        self._wild: list[tuple[int, Directive]] = []
        for number, each in enumerate(directives):
            if is_pattern(each.key):
                self._wild.append((number, each))
            else:
                self._plain.setdefault(each.key, []).append((number, each))

    def all(self, name: str) -> list[Directive]:
        """Return those that match."""
        found = self._plain.get(name, [])
        if self._wild:
            found = found + [pair for pair in self._wild if fnmatch(pair[1].key, name)]
            found.sort(key=lambda pair: pair[0])
        return [directive for _, directive in found]


class Names:
    """Looks names up in a tree and a configuration.

    Every method raises KmodError for a damaged index.
    """

    def __init__(self, tree: Tree, config: Config) -> None:
        self.tree = tree
        self.config = config
        self._aliases = Directives(config.aliases)
        self._commands: dict[str, Directive] = {}
        for each in (*config.install, *config.remove):
            self._commands.setdefault(each.key, each)

    def lookup(self, asked: str) -> Lookup:
        """Return what a name, alias or symbol (``symbol:NAME``) means. Aliases of aliases are not followed."""
        try:
            name = alias_name(asked)
        except BracketError as error:
            return Lookup(asked, asked, NOTHING, [], str(error))
        for source in (self._alias, self._dep, self._symbol, self._command, self._modules_alias, self._builtin):
            kind, hits = source(name)
            if hits:
                return Lookup(asked, name, kind, hits)
        return Lookup(asked, name, NOTHING, [])

    def file(self, path: str) -> Lookup:
        """Return the answer for a module file that is named by its path."""
        name = path_to_name(path)
        return Lookup(path, name, DEP, [Hit(name, path=path)])

    def _alias(self, name: str) -> tuple[str, list[Hit]]:
        return ALIAS, [Hit(each.value, each.key, each.key, each) for each in self._aliases.all(name)]

    def _dep(self, name: str) -> tuple[str, list[Hit]]:
        return DEP, [Hit(name)] if ":" not in name and self.tree.dep(name) else []

    def _symbol(self, name: str) -> tuple[str, list[Hit]]:
        owners = self.tree.symbol(name) if name.startswith("symbol:") else []
        return SYMBOL, [Hit(owner, name, name) for owner in owners]

    def _command(self, name: str) -> tuple[str, list[Hit]]:
        directive = self._commands.get(name)
        return COMMAND, [Hit(name, directive=directive)] if directive else []

    def _modules_alias(self, name: str) -> tuple[str, list[Hit]]:
        return MODULES_ALIAS, [Hit(match.value, name, match.pattern) for match in self.tree.aliases(name)]

    def _builtin(self, name: str) -> tuple[str, list[Hit]]:
        if self.tree.builtin(name):
            return BUILTIN, [Hit(name, builtin=True)]
        found = self.tree.builtin_aliases(name)
        return BUILTIN_ALIAS, [Hit(match.value, name, match.pattern, builtin=True) for match in found]
