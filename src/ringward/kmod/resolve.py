"""What modprobe does for a name: which modules, in which order, with which options, and why each.

Pure: nothing is loaded, and what is loaded already is asked of the caller's `Live`.
"""

from __future__ import annotations

from ringward.kmod.directive import Directive
from ringward.kmod.lookup import Directives, Hit, Lookup, Names
from ringward.kmod.names import path_to_name
from ringward.kmod.step import (
    BUILTIN,
    DEPENDENCY,
    INSMOD,
    INSTALL,
    LOADED,
    NAMED,
    NOTHING,
    POST,
    PRE,
    SKIP,
    Cause,
    Option,
    Step,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from ringward.kmod.config import Config
    from ringward.kmod.tree import Tree

    class State(Protocol):
        """Who knows what is loaded, as `proc.Live`."""

        def state(self, name: str) -> str | None:
            """Return "live" for a module that is loaded and ready."""


class Softdeps:
    """What a module's softdep lines come to.

    pre, post: what is loaded before and after it, for each operand that means something.
    lost: the words that mean nothing.
    """

    __slots__ = ("lost", "post", "pre")

    def __init__(self) -> None:
        self.pre: list[tuple[Module, Cause]] = []
        self.post: list[tuple[Module, Cause]] = []
        self.lost: list[tuple[str, Cause]] = []


class Module:
    """A module that is resolved; under another alias it is another one, as in libkmod."""

    __slots__ = ("alias", "builtin", "command", "deps", "name", "options", "path", "softdeps")

    def __init__(self, name: str, alias: str | None, path: str | None) -> None:
        self.name = name
        self.alias = alias
        self.path = path
        # What follows is looked up once, when it is first needed; "" is a path that was looked for.
        self.builtin: bool | None = None
        self.deps: list[Module] | None = None
        self.softdeps: Softdeps | None = None
        self.options: list[Option] | None = None
        self.command: Directive | None = _UNKNOWN


_UNKNOWN = Directive("", "", "", "", 0, "")
"""The command of a module that was not looked for."""
_NO_SOFTDEPS = Softdeps()
_WITH_DEPENDENCIES, _WITH_SOFTDEPS, _BY_ITSELF = range(3)


class Resolver:
    """modprobe's decisions for one tree and one configuration. Raises KmodError for a damaged index.

    Args:
        tree: the modules.
        config: the directives.
        all_softdeps: merge all softdep lines that match a module; kmod uses the first alone.

    Attributes:
        problems: sentences about what was found wrong with the tree on the way.

    """

    def __init__(self, tree: Tree, config: Config, *, all_softdeps: bool = False) -> None:
        self.tree = tree
        self.config = config
        self.all_softdeps = all_softdeps
        self.problems: list[str] = []
        self._names = Names(tree, config)
        self._softdeps = Directives(config.softdeps)
        self._install = Directives(config.install)
        self._remove = Directives(config.remove)
        self._blacklist: dict[str, Directive] = {}
        for each in config.blacklist:
            self._blacklist.setdefault(each.key, each)
        self._options: dict[str, list[tuple[int, Directive]]] = {}
        for number, each in enumerate(config.options):
            self._options.setdefault(each.key, []).append((number, each))
        self._modules: dict[tuple[str, str | None], Module] = {}

    def lookup(self, asked: str) -> Lookup:
        """Return what a name, alias, ``symbol:NAME``, or a path that begins with / or ./ means."""
        return self._names.file(asked) if asked.startswith(("/", "./")) else self._names.lookup(asked)

    def blacklisted(self, name: str) -> Directive | None:
        """Return the line that blacklists a module."""
        return self._blacklist.get(name)

    def install_command(self, name: str) -> Directive | None:
        """Return the line whose command stands for loading a module that is asked for by its name."""
        return next(iter(self.install_lines(name)), None)

    def install_lines(self, name: str) -> list[Directive]:
        """Return every install line that matches a module's name; only the first counts, which may be a later line."""
        return self._own_first(self._install.all(name), name)

    def remove_command(self, name: str, alias: str | None = None) -> Directive | None:
        """Return the line whose command stands for unloading a module, as for loading it."""
        lines = self._remove.all(name)
        return next(iter(lines if alias else self._own_first(lines, name)), None)

    def _own_first(self, lines: list[Directive], name: str) -> list[Directive]:
        """Return lines that match a name, first the one that the name was found by: there is no other such module."""
        if len(lines) > 1 and lines[0].key != name:
            for hit in self._names.lookup(name).hits:
                if any(each is hit.directive for each in lines):
                    return sorted(lines, key=lambda each: each is not hit.directive)
        return lines

    def softdep_lines(self, name: str) -> list[Directive]:
        """Return every softdep line that matches a module; kmod uses the first alone."""
        return self._softdeps.all(name)

    def module(self, hit: Hit) -> Module:
        """Return the module of a lookup's hit."""
        module = self._module(hit.name, hit.alias, hit.path)
        if hit.builtin:
            module.builtin = True
        return module

    def path(self, hit: Hit) -> str | None:
        """Return the path of a hit's file; None: modules.dep has none."""
        return self._path(self.module(hit))

    def builtin(self, module: Module) -> bool:
        """Return whether a module is a part of the kernel itself."""
        if module.builtin is None:
            module.builtin = self.tree.builtin(module.name)
        return module.builtin

    def dependencies(self, module: Module) -> list[Module]:
        """Return what a module needs by modules.dep, in the order of loading."""
        if module.deps is None:
            module.deps = []
            line = self.tree.dep(module.name)
            # libkmod drops them all when one of the files is missing.
            if line and not all(map(self.tree.exists, line.deps)):
                lost = ", ".join(self.missing(module.name))
                self.problems.append(
                    f"{module.name}: modules.dep names {lost}, not there: all that it needs is left out"
                )
            elif line:
                module.deps = [self._module(path_to_name(path), None, path) for path in reversed(line.deps)]
        return module.deps

    def missing(self, name: str) -> list[str]:
        """Return the paths of a module's dependencies that modules.dep names and that do not exist."""
        line = self.tree.dep(name)
        return [path for path in line.deps if not self.tree.exists(path)] if line else []

    def softdeps(self, module: Module) -> Softdeps:
        """Return what a module's softdeps are, each operand looked up."""
        if module.softdeps is None:
            found = module.softdeps = Softdeps()
            lines = self._softdeps.all(module.name)
            for line in lines if self.all_softdeps else lines[:1]:
                self._operands(module, line, found)
        return module.softdeps

    def probe(
        self,
        asked: str,
        words: Sequence[str] = (),
        *,
        live: State | None = None,
        use_blacklist: bool = False,
        ignore_commands: bool = False,
    ) -> list[Step]:
        """Return every step for what the user names, of all modules that it means; see `probe_hit`."""
        answer = self.lookup(asked)
        steps: list[Step] = []
        for hit in answer.hits:
            steps += self.probe_hit(
                hit, asked, words, live=live, use_blacklist=use_blacklist, ignore_commands=ignore_commands
            )
        if not answer.hits:
            why = answer.why or f"nothing of that name in {self.tree.directory}"
            steps.append(Step(SKIP, asked, Cause(NAMED, asked), required=True, why=why))
        return steps

    def probe_hit(
        self,
        hit: Hit,
        asked: str,
        words: Sequence[str] = (),
        *,
        live: State | None = None,
        use_blacklist: bool = False,
        ignore_commands: bool = False,
    ) -> list[Step]:
        """Return the steps for one module, in modprobe's order.

        Args:
            hit: the module.
            asked: what the user named.
            words: parameters of the command line; they go to this module only.
            live: what is loaded already; None: nothing is, as with ``modprobe -D``.
            use_blacklist: respect a blacklist line for a module that was asked for by its own name, too.
            ignore_commands: of this module drop the install command, and with it its softdeps.

        """
        module = self.module(hit)
        cause = Cause(NAMED, asked, hit.directive, hit.pattern)
        if live and self._in_kernel(module, live):
            return [Step(LOADED, module.name, cause, alias=hit.alias, required=True)]
        line = self._blacklist.get(module.name)
        if line and (use_blacklist or module.alias is not None):
            why = "blacklisted"
            return [Step(SKIP, module.name, cause, alias=hit.alias, required=True, why=why, directive=line)]
        given = [Option(quoted(word), None) for word in words]
        return self._chain(module, cause, given, live, ignore_commands=ignore_commands)

    def _chain(
        self, root: Module, named: Cause, given: list[Option], live: State | None, *, ignore_commands: bool
    ) -> list[Step]:
        """Return the steps of a module and all that it pulls in."""
        required = {root, *self.dependencies(root)}
        seen: set[Module] = set()
        steps: list[Step] = []
        # What is left to do, the next one last: a module with its dependencies, with its softdeps, by itself.
        todo = [(_WITH_DEPENDENCIES, root, named)]
        while todo:
            what, module, cause = todo.pop()
            alone = ignore_commands and module is root
            if what == _WITH_DEPENDENCIES:
                if module in seen:
                    continue
                seen.add(module)
                todo.append((_BY_ITSELF if alone else _WITH_SOFTDEPS, module, cause))
                needed = Cause(DEPENDENCY, module.name)
                todo += [(_WITH_SOFTDEPS, each, needed) for each in reversed(self.dependencies(module))]
                continue
            soft = _NO_SOFTDEPS if alone else self.softdeps(module)
            if what == _WITH_SOFTDEPS and (soft.pre or soft.post):
                todo += [(_WITH_DEPENDENCIES, each, why) for each, why in reversed(soft.post)]
                todo.append((_BY_ITSELF, module, cause))
                todo += [(_WITH_DEPENDENCIES, each, why) for each, why in reversed(soft.pre)]
                continue
            steps += [Step(SKIP, word, why, why="nothing of that name") for word, why in soft.lost]
            step = self._step(module, cause, live, runs_command=not (alone or soft.pre or soft.post))
            step.required = module in required
            if given and module is root:
                step.options = [*step.options, *given]
            steps.append(step)
        return steps

    def _step(self, module: Module, cause: Cause, live: State | None, *, runs_command: bool) -> Step:
        """Return the step of a module by itself, with the options of the configuration."""
        command = self._command(module)
        path = self._path(module)
        if live and self._in_kernel(module, live):
            action = LOADED
        elif command and runs_command:
            action = INSTALL
        elif path:
            action = INSMOD
        else:
            action = BUILTIN if self.builtin(module) else NOTHING
        options = self._configured(module)
        return Step(action, module.name, cause, alias=module.alias, path=path, options=options, command=command)

    def _operands(self, module: Module, line: Directive, soft: Softdeps) -> None:
        """Look the operands of a softdep line up."""
        for kind, words, found in ((PRE, line.pre, soft.pre), (POST, line.post, soft.post)):
            known = {each for each, _ in found}
            for word in words:
                cause = Cause(kind, module.name, line, word)
                hits = self._names.lookup(word).hits
                if not hits:
                    soft.lost.append((word, cause))
                operands = [self.module(hit) for hit in hits]
                found += [(each, cause) for each in operands if not self.all_softdeps or each not in known]
                known.update(operands)

    def _module(self, name: str, alias: str | None, path: str | None) -> Module:
        key = (name, alias)
        known = self._modules.get(key)
        if known is None:
            known = self._modules[key] = Module(name, alias, path)
        return known

    def _path(self, module: Module) -> str | None:
        if module.path is None:
            line = self.tree.dep(module.name)
            module.path = line.path if line else ""
        return module.path or None

    def _command(self, module: Module) -> Directive | None:
        if module.command is _UNKNOWN:
            lines = self._install.all(module.name)
            module.command = next(iter(lines if module.alias else self._own_first(lines, module.name)), None)
        return module.command

    def _configured(self, module: Module) -> list[Option]:
        """Return the options that the configuration has for a module, by its name and by its alias."""
        if module.options is None:
            found = self._options.get(module.name, [])
            if module.alias is not None and module.alias != module.name:
                found = sorted(found + self._options.get(module.alias, []), key=lambda pair: pair[0])
            module.options = [Option(each.value, each) for _, each in found]
        return module.options

    def in_kernel(self, name: str, live: State) -> bool:
        """Return whether a module is loaded and ready, or built in."""
        return live.state(name) == "live" or self.tree.builtin(name)

    def _in_kernel(self, module: Module, live: State) -> bool:
        return live.state(module.name) == "live" or self.builtin(module)
