"""Lines that somebody wrote to keep a module out, and that do not, or not wholly."""

from __future__ import annotations

from difflib import SequenceMatcher

from ringward.kmod.blocked.answer import (
    AS_DEPENDENCY,
    BY_ALIAS,
    BY_COMMAND,
    BY_NAME,
    BY_SOFTDEP,
    CLOSED,
    GOVERNED,
    Useless,
)
from ringward.kmod.cmdline import kernel_blacklist
from ringward.kmod.config_parser import parse
from ringward.kmod.directive import CMDLINE, Directive
from ringward.kmod.fnmatch import fnmatch
from ringward.kmod.lookup import Hit, is_pattern
from ringward.kmod.names import module_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ringward.kmod.blocked.answer import Way
    from ringward.kmod.config import Config
    from ringward.kmod.resolve import Resolver

_WHY_UNREAD = {
    "shadowed": "the file is not read: one of the same name comes first",
    "not .conf": "the file is not read: its name does not end in .conf",
    "hidden": "the file is not read: its name starts with a dot",
}
_LIKE = 0.85
_STOPS = ("blacklist", "install", "alias")


class Lines:
    """The lines that are about one module.

    Args:
        module: that is asked about.
        aliases: of it.
        resolver: of the configuration.
        read: gives the text of a file that is not used, None when it cannot be read.

    """

    def __init__(self, module: str, aliases: list[str], resolver: Resolver, read: Callable[[str], str | None]) -> None:
        self.module = module
        self.aliases = {*aliases}
        self.resolver = resolver
        self.config: Config = resolver.config
        self.read = read

    def without_effect(self, ways: list[Way]) -> list[Useless]:
        """Return the lines that do not stop what is open, in the order of the configuration; none when nothing is."""
        opened = {way.kind: way for way in reversed(ways) if way.kind in GOVERNED and way.result != CLOSED}
        if not opened:
            return []
        return [*self._of_directives(opened), *self._bad_lines(), *self._unread(), *self._on_cmdline()]

    def of_builtin(self) -> list[Useless]:
        """Return the lines that would keep a module out that is a part of the kernel."""
        why = "it is a part of the kernel: nothing is loaded"
        return [
            _useless(each, why)
            for each in (*self.config.blacklist, *self.config.install)
            if each.key == self.module or self._misspelt(each)
        ]

    def _of_directives(self, opened: dict[str, Way]) -> Iterator[Useless]:
        for each in self.config.directives:
            if each.kind == "blacklist":
                why = self._blacklist(each, opened)
            elif each.kind == "install":
                why = self._install(each, opened)
            elif each.kind == "alias":
                why = self._alias(each, opened)
            else:
                why = ""
            if why:
                yield _useless(each, why)

    def _blacklist(self, each: Directive, opened: dict[str, Way]) -> str:
        if each.key == self.module:
            left = [kind for kind in (BY_NAME, AS_DEPENDENCY, BY_SOFTDEP, BY_COMMAND) if kind in opened]
            if not left:
                return ""
            stops = "stops requests by alias" if self.aliases else "stops nothing, as no alias leads to it"
            return f"{stops}; modprobe does not look at it for a load {' or '.join(left)}"
        if each.path == CMDLINE and module_name(each.key.strip('"')) == self.module:
            return f"'{each.key}' is compared as it stands; the module's name is {self.module}"
        if each.key in self.aliases:
            return f"'{each.key}' is an alias; blacklist takes names of modules"
        if is_pattern(each.key) and fnmatch(each.key, self.module):
            return "blacklist takes no patterns"
        return self._misspelt(each)

    def _install(self, each: Directive, opened: dict[str, Way]) -> str:
        lines = self.resolver.install_lines(self.module)
        if each not in lines:
            return self._misspelt(each)
        if each is not lines[0]:
            return f"{lines[0].place} comes first, and only the first line counts"
        soft = self.resolver.softdeps(self.resolver.module(Hit(self.module)))
        if soft.pre or soft.post:
            line = next(iter(self.resolver.softdep_lines(self.module)))
            return f"is not run: the module has a softdep ({line.place}), and is loaded as usual"
        own = next((way for way in opened.values() if each in way.directives), None)
        return own.why if own else ""

    def _alias(self, each: Directive, opened: dict[str, Way]) -> str:
        """Return why ``alias NAME off`` keeps nothing out."""
        if not fnmatch(each.key, self.module) or each.value == self.module:
            return ""
        left = [kind for kind in (BY_ALIAS, AS_DEPENDENCY, BY_SOFTDEP) if kind in opened]
        return f"turns the name away, not a load {' or '.join(left)}" if left else ""

    def _misspelt(self, each: Directive) -> str:
        """Return why a line that seems to mean the module does not."""
        tree = self.resolver.tree
        key = module_name(each.key.strip())
        if each.key in {self.module, *self.aliases} or is_pattern(each.key):
            return ""
        if key == self.module:
            return f"'{each.key}' is no name of a module; {self.module} is meant"
        like = SequenceMatcher(None, key, self.module)
        if max(len(key), len(self.module)) > 60 or like.real_quick_ratio() < _LIKE or like.quick_ratio() < _LIKE:
            return ""
        if like.ratio() < _LIKE or tree.dep(key) or tree.builtin(key) or tree.aliases(key):
            return ""
        return f"there is no module '{each.key}'; {self.module} is meant?"

    def _bad_lines(self) -> Iterator[Useless]:
        for each in self.config.problems:
            words = {module_name(word) for word in each.text.split()}
            if self.module in words and each.kind != "backslash":
                yield Useless(each.path, each.line, each.text, f"has no meaning: {each.why}")

    def _unread(self) -> Iterator[Useless]:
        """Yield the lines about the module in files that are not read."""
        for file in self.config.files:
            if file.used or file.why not in _WHY_UNREAD:
                continue
            for each in parse(self.read(file.path) or "", file.path):
                if isinstance(each, Directive) and each.kind in _STOPS and self._is_about(each):
                    why = _WHY_UNREAD[file.why]
                    yield _useless(each, f"{why} ({file.shadowed_by})" if file.shadowed_by else why)

    def _is_about(self, each: Directive) -> bool:
        return fnmatch(each.key, self.module) or each.key in self.aliases

    def _on_cmdline(self) -> Iterator[Useless]:
        """Yield words for the kernel, or for dracut, that do not reach the module."""
        names, last = kernel_blacklist(self.config.cmdline)
        for word in self.config.cmdline.split():
            name, _, value = word.replace('"', "").partition("=")
            listed = [each for each in value.split(",") if module_name(each) == self.module]
            if not listed:
                continue
            if name.replace("-", "_") == "module_blacklist" and self.module not in names:
                why = f"the kernel takes the last list alone, '{last}'" if word != last else ""
                yield Useless(CMDLINE, 0, word, why or f"the kernel compares '{listed[0]}' as it stands")
            elif name in {"rd.driver.blacklist", "rdblacklist"}:
                yield Useless(CMDLINE, 0, word, "counts in dracut's initramfs only")


def _useless(line: Directive, why: str) -> Useless:
    return Useless(line.path, line.line, line.text.strip(), why)
