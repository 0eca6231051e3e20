"""The configuration of depmod (depmod.d(5)): which directories take part, and which file of two is used.

Files and lines are read as those of modprobe, from directories of another name.
"""

from __future__ import annotations

from ringward.kmod.config_files import ConfigFile, Files
from ringward.kmod.config_parser import Line, dropped, lines, problem, word
from ringward.kmod.directive import Problem
from ringward.kmod.regex import RegexError, search

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DIRECTORIES = ("/etc/depmod.d", "/run/depmod.d", "/usr/local/lib/depmod.d", "/usr/lib/depmod.d", "/lib/depmod.d")
"""Where configuration is looked for when no other place is named, most important first."""
_SHOWN = 200
"""Characters of a bad line that are kept."""


class DepmodDirective:
    """One directive, and where it stands.

    Args:
        kind: search, override, external or exclude.
        directories: of search the words in their order, with "built-in" and "external"; of exclude the names;
            of the others exactly one.
        path: of the file.
        line: first line of the directive in the file, from 1.
        text: the whole line, continuation lines joined, backslashes dropped.
        version: of override and external, which kernels: "*" or a POSIX extended regular expression.
        module: of override, as it is written: it is compared with the file's name, '-' and '_' are two.

    """

    __slots__ = ("directories", "kind", "line", "module", "path", "text", "version")

    def __init__(
        self,
        kind: str,
        directories: tuple[str, ...],
        path: str,
        line: int,
        text: str,
        *,
        version: str = "*",
        module: str = "",
    ) -> None:
        self.kind = kind
        self.directories = directories
        self.path = path
        self.line = line
        self.text = text
        self.version = version
        self.module = module

    @property
    def place(self) -> str:
        """Where it stands: ``path:line``."""
        return f"{self.path}:{self.line}"

    def applies(self, version: str) -> bool:
        """Return whether it is for a kernel, by its release as of uname(1).

        Raises:
            RegexError: its version is a regular expression that is not matched; see `regex.search`.

        """
        return self.version == "*" or search(self.version, version)

    def __repr__(self) -> str:
        return f"DepmodDirective({self.kind!r}, {self.directories!r}, {self.place})"


class DepmodConfig:
    """Every directive in depmod's order, the files, and what was wrong."""

    __slots__ = ("directives", "files", "problems")

    def __init__(self) -> None:
        self.directives: list[DepmodDirective] = []
        self.files: list[ConfigFile] = []
        self.problems: list[Problem] = []

    def of(self, kind: str, version: str) -> Iterator[DepmodDirective]:
        """Yield the directives of a kind that are for a kernel; an expression that is not matched gives a problem."""
        for each in self.directives:
            if each.kind != kind:
                continue
            try:
                if each.applies(version):
                    yield each
            except RegexError as error:
                known = {(problem.path, problem.line) for problem in self.problems if problem.kind == "regex"}
                if (each.path, each.line) not in known:
                    self.problems.append(Problem("regex", each.path, each.line, each.text[:_SHOWN], str(error)))


def _words(text: str) -> list[str]:
    return [each for each in text.replace("\t", " ").split(" ") if each]


def _directive(line: Line, kind: str, words: list[str], path: str) -> DepmodDirective | None:
    """Return what a line says; None when it has too few words."""
    if kind == "override" and len(words) > 2:
        module, version, directory = words[:3]
        return DepmodDirective(kind, (directory,), path, line.first, line.text, version=version, module=module)
    if kind == "external" and len(words) > 1:
        version, directory = words[:2]
        return DepmodDirective(kind, (directory,), path, line.first, line.text, version=version)
    if kind in {"search", "exclude"}:
        return DepmodDirective(kind, tuple(words), path, line.first, line.text)
    return None


_USED = {"override": 3, "external": 2}
"""Words that count behind a directive."""


def parse(text: str, path: str) -> Iterator[DepmodDirective | Problem]:
    """Yield what each line of a file says, in its order; besides, what of it has no effect.

    Args:
        text: of the file, undecodable bytes as surrogates (os.fsdecode).
        path: that is named as the place of each line.

    """
    for line in lines(text):
        if line.text[:1] in {"", "#"}:
            continue
        kind, rest = word(line.text)
        if not kind:
            continue
        words = _words(rest)
        found = _directive(line, kind, words, path)
        if found:
            yield found
            if line.dropped:
                yield dropped(line, path)
            if len(words) > _USED.get(kind, len(words)):
                unused = " ".join(words[_USED[kind] :])[:_SHOWN]
                yield problem("words", line, path, f"'{kind}' does not look at '{unused}'")
        elif kind in {"include", "make_map_files"}:
            yield problem("include", line, path, f"'{kind}' is not supported: the line is ignored")
        elif kind in _USED:
            yield problem("bad line", line, path, f"'{kind}' has too few words: the line is ignored")
        else:
            name = kind[:40] if kind.isprintable() else ascii(kind[:40])[1:-1]
            yield problem("bad line", line, path, f"there is no directive '{name}'")


def load_depmod_config(paths: Sequence[str] | None = None, *, root: str = "") -> DepmodConfig:
    """Return the configuration. What cannot be read is in its `problems`; nothing is raised for it.

    Args:
        paths: files and directories instead of `DIRECTORIES`, as depmod's -C, first most important.
        root: of the system that is looked at: every path is below it and told without it. "" is this system.

    """
    config = DepmodConfig()
    files = Files(root)
    for path in DIRECTORIES if paths is None else paths:
        if paths is None:
            files.default(path)
        else:
            files.named(path)
    for file in files.in_order():
        for found in parse(files.read(file) or "", file.path):
            if isinstance(found, Problem):
                config.problems.append(found)
            else:
                config.directives.append(found)
    config.files = files.all()
    config.problems += files.problems
    return config
