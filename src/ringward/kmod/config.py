"""The configuration of modprobe: which files count, in which order, and what their directives are.

Files, directories and precedence as modprobe.d(5) and kmod's libkmod-config.c have them: of files with one
name the earlier directory's counts, and all that count are read in the byte order of their names. The module
directory's modules.softdep and modules.weakdep stand in that order under their own names. The kernel command
line comes last.
"""

from __future__ import annotations

from ringward.kmod.cmdline import parse as parse_cmdline
from ringward.kmod.config_files import ConfigFile, Files
from ringward.kmod.config_parser import parse, softdep_words
from ringward.kmod.directive import CMDLINE, Directive, Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DIRECTORIES = (
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)
"""Where configuration is looked for when no other place is named, most important first."""
MOST_PROBLEMS = 1000
"""Problems that are kept of one file."""


class Config:
    """Every directive in the order in which modprobe has it, by kind besides, and what was wrong."""

    __slots__ = (
        "aliases",
        "blacklist",
        "cmdline",
        "directives",
        "files",
        "install",
        "options",
        "problems",
        "remove",
        "softdeps",
        "weakdeps",
    )

    def __init__(self) -> None:
        self.cmdline = ""
        self.directives: list[Directive] = []
        self.problems: list[Problem] = []
        self.files: list[ConfigFile] = []
        self.aliases: list[Directive] = []
        self.blacklist: list[Directive] = []
        self.options: list[Directive] = []
        self.install: list[Directive] = []
        self.remove: list[Directive] = []
        self.softdeps: list[Directive] = []
        self.weakdeps: list[Directive] = []

    def add(self, directive: Directive) -> None:
        """Append a directive to the list of all and to its kind's."""
        self.directives.append(directive)
        kind = directive.kind
        if kind == "alias":
            self.aliases.append(directive)
        elif kind == "blacklist":
            self.blacklist.append(directive)
        elif kind == "options":
            self.options.append(directive)
        elif kind == "install":
            self.install.append(directive)
        elif kind == "remove":
            self.remove.append(directive)
        elif kind == "softdep":
            self.softdeps.append(directive)
        else:
            self.weakdeps.append(directive)

    def add_text(self, text: str, path: str) -> None:
        """Add the lines of a file.

        Args:
            text: of it, undecodable bytes as surrogates (os.fsdecode).
            path: that its directives are said to come from.

        """
        problems = 0
        for found in parse(text, path):
            if isinstance(found, Directive):
                self.add(found)
                continue
            problems += 1
            if problems <= MOST_PROBLEMS:
                self.problems.append(found)
        if problems > MOST_PROBLEMS:
            why = f"{problems - MOST_PROBLEMS} more problems in this file are not told"
            self.problems.append(Problem("bad line", path, 0, "", why))


def load_config(
    paths: Sequence[str] | None = None,
    *,
    root: str = "",
    cmdline: str | None = None,
    module_dir: str | None = None,
) -> Config:
    """Return the configuration. What cannot be read is in its `problems`; nothing is raised for it.

    Args:
        paths: files and directories instead of `DIRECTORIES`, as modprobe's -C, first most important.
        root: of the system that is looked at: every path is below it, no link leads out of it,
            and it is not part of the paths that are told. "" is this system.
        cmdline: the kernel command line's text; None: read /proc/cmdline.
        module_dir: directory of modules.softdep and modules.weakdep, with `root` in front if there is one.

    """
    config = Config()
    files = Files(root)
    if module_dir is not None:
        files.module_directory(module_dir)
    if paths is None:
        for path in DIRECTORIES:
            files.default(path)
    else:
        for path in paths:
            files.named(path)
    for file in files.in_order():
        text = files.read(file)
        if text is not None:
            config.add_text(text, file.path)
    config.files = files.all()
    if cmdline is None:
        cmdline = files.read_text(CMDLINE) or ""
    config.problems += files.problems
    config.cmdline = cmdline
    for directive in parse_cmdline(cmdline):
        config.add(directive)
    return config


def _span(words: list[tuple[str, str]], side: str) -> str:
    """Return the words of one side as kmod 30 prints them: from the side's first to its last, others between too."""
    places = [number for number, (of, _word) in enumerate(words) if of == side]
    return f"{side}: " + " ".join(word for _of, word in words[places[0] : places[-1] + 1]) if places else ""


def show_config(config: Config) -> Iterator[str]:
    """Yield the lines of ``modprobe -c`` for the directives, without line ends: its own order, its own spacing."""
    for each in config.blacklist:
        yield f"blacklist {each.key}"
    for directives in (config.install, config.remove, config.aliases, config.options):
        for each in directives:
            yield f"{each.kind} {each.key} {each.value}"
    for each in config.softdeps:
        words = list(softdep_words(each.value))
        yield f"softdep {each.key} {_span(words, 'pre')}{_span(words, 'post')}"
    for each in config.weakdeps:
        yield f"weakdep {each.key} {' '.join(each.post)}"
