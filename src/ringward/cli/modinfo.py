"""``ringward modinfo``: modinfo(8), and the same by the name of a link."""

from __future__ import annotations

import os
import stat

from ringward.cli.modinfo_options import USAGE, Options
from ringward.cli.tool_log import ERROR, Log, stderr, stdout
from ringward.cli.tool_options import FAILURE, VERSION_TEXT
from ringward.kmod.compression import SUFFIXES
from ringward.kmod.errors import KmodError
from ringward.kmod.modinfo import ModInfo, Parameter, parameters, plain_fields, read_info
from ringward.kmod.names import BracketError, alias_name, module_name, path_to_name
from ringward.kmod.sysroot import inside, shown, told
from ringward.kmod.tree import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringward.kmod.lookup import Names

_COLUMN = 16
_ENOUGH = 1 << 16  # characters that are written at once


class Target:
    """A module that a word means.

    Attributes:
        name: of the module.
        shown: the path of its file, as it is printed; None: it is a part of the kernel.
        real: the path of its file, with the sysroot.

    """

    __slots__ = ("name", "real", "shown")

    def __init__(self, name: str, path: str | None = None, real: str = "") -> None:
        self.name = name
        self.shown = path
        self.real = real


class Modinfo:
    """One call, its options read."""

    def __init__(self, options: Options, log: Log) -> None:
        self.options = options
        self.log = log
        self.messages: list[str] = []
        version = os.uname().release if options.version is None else options.version
        self.tree = Tree(options.base, version, root=options.sysroot)
        self._names: Names | None = None

    def complain(self, text: str) -> None:
        """Print an error; the exit status is then 1."""
        self.messages.append(text)
        self.log.error(text)

    @property
    def failed(self) -> bool:
        """Whether something was complained of."""
        return bool(self.messages)

    def targets(self) -> Iterator[Target]:
        """Yield what the words mean; complain about those that mean nothing."""
        for word in self.options.words:
            try:
                found = self._by_name(word) if self.options.modname else self._by_file(word) or self._by_alias(word)
            except (OSError, KmodError) as error:
                self.complain(f"could not look up '{word}': {told(error, self.options.sysroot)}")
                continue
            if not found:
                self.complain(f"Module {self._kind(word)}{word} not found.")
            for target in found:
                # Kmod takes what has no file for a part of the kernel.
                if target.shown is None and not self.tree.builtin(target.name):
                    self.complain(f"Module {word} not found: it stands for {target.name}, which does not exist.")
                else:
                    yield target

    def _kind(self, word: str) -> str:
        """Return what kmod calls a word that means nothing."""
        if self.options.modname:
            return "name "
        try:
            alias_name(word)
        except BracketError:
            return "alias "
        return ""

    def _by_file(self, word: str) -> list[Target]:
        if not word.endswith(SUFFIXES):
            return []
        root = self.options.sysroot
        real = inside(root, word)
        try:
            if not stat.S_ISREG(os.stat(real).st_mode):  # noqa: PTH116 - pathlib is not worth its import
                return []
        except (OSError, ValueError):
            return []
        path = shown(root, real) if root else word
        if not path.startswith("/"):
            path = f"{os.getcwd()}/{path}"  # noqa: PTH109 - as above
        return [Target(path_to_name(word), path, real)]

    def _by_name(self, word: str) -> list[Target]:
        name = module_name(word)
        if self.tree.dep(name) or self.tree.builtin(name):
            return [self._module(name)]
        return [self._module(owner) for owner in self.tree.builtin_alias(name)]

    def _by_alias(self, word: str) -> list[Target]:
        if self._names is None:
            from ringward.kmod.config import Config  # noqa: PLC0415 - files need none of it
            from ringward.kmod.lookup import Names  # noqa: PLC0415 - as above

            # As kmod's, modinfo reads no configuration.
            self._names = Names(self.tree, Config())
        return [self._module(hit.name) for hit in self._names.lookup(word).hits]

    def _module(self, name: str) -> Target:
        line = self.tree.dep(name)
        return Target(name, line.path, self.tree.real(line.path)) if line else Target(name)

    def run(self) -> int:
        """Print what is asked for; return the exit status."""
        if self.options.json:
            from ringward.cli.modinfo_json import run_json  # noqa: PLC0415 - the text needs none of it

            return run_json(self)
        if self.options.verify:
            from ringward.cli.modinfo_verify import run_verify  # noqa: PLC0415 - as above

            return run_verify(self)
        parts: list[str] = []
        size = 0
        for target, info in self._read(self.targets()):
            text = self.text(target, info)
            parts.append(text)
            size += len(text)
            if size > _ENOUGH:
                stdout("".join(parts))
                parts.clear()
                size = 0
        stdout("".join(parts))
        return FAILURE if self.failed else 0

    def _read(self, targets: Iterator[Target]) -> Iterator[tuple[Target, ModInfo | Exception | None]]:
        """Yield what the targets' files say; None where nobody asks, and of parts of the kernel."""
        if self.options.field == "filename":
            return ((target, None) for target in targets)
        # Compressed files are worth a thread each, when there are several.
        if sum(not word.endswith(".ko") for word in self.options.words) < 2:
            return map(_read, targets)
        from ringward.kmod.threads import in_threads  # noqa: PLC0415 - as above

        return in_threads(_read, targets, at_once=8)

    def text(self, target: Target, info: ModInfo | Exception | None) -> str:
        """Return what modinfo prints of one module."""
        field, end = self.options.field, self.options.end
        path = "(builtin)" if target.shown is None else target.shown
        if field == "filename":
            return f"{path}{end}"
        head = "" if field else f"{'filename:':{_COLUMN}}{path}{end}"
        if isinstance(info, Exception):
            self.complain(f"could not get modinfo from '{target.name}': {told(info, self.options.sysroot)}")
            return head
        if info is None:
            return self._builtin_text(target.name, head)
        if field is None:
            return head + self._lines(info.fields()) + self._parameter_lines(info.strings)
        return self._values(field, info.fields(), info.strings)

    def _builtin_text(self, name: str, head: str) -> str:
        from ringward.kmod.builtin import builtin_strings  # noqa: PLC0415 - rare

        field, end = self.options.field, self.options.end
        try:
            strings = builtin_strings(self.tree.real(self.tree.directory), name)
        except (OSError, KmodError) as error:
            self.complain(f"could not get modinfo from '{name}': {told(error, self.options.sysroot)}")
            strings = []
        if field == "name":
            return f"{name}{end}"
        if field is None:
            own = f"{'name:':{_COLUMN}}{name}{end}"
            return own + head + self._lines(plain_fields(strings)) + self._parameter_lines(strings)
        return self._values(field, plain_fields(strings), strings)

    def _values(self, field: str, fields: list[tuple[str, str]], strings: list[str]) -> str:
        """Return the values of one key."""
        end = self.options.end
        if field == "parm":
            return "".join([f"{described(one)}{end}" for one in self._parameters(strings)])
        if field == "parmtype":
            start = "parmtype="
            return "".join([f"{text[len(start) :]}{end}" for text in strings if text.startswith(start)])
        return "".join([f"{value}{end}" for key, value in fields if key == field])

    def _lines(self, fields: list[tuple[str, str]]) -> str:
        if self.options.end == "\0":
            return "".join([f"{key}={value}\0" for key, value in fields])
        return "".join([f"{_LABELS.get(key) or label(key)}{value}\n" for key, value in fields])

    def _parameter_lines(self, strings: list[str]) -> str:
        end = self.options.end
        return "".join([f"parm:           {line(one)}{end}" for one in self._parameters(strings)])

    def _parameters(self, strings: list[str]) -> list[Parameter]:
        found, wrong = parameters(strings)
        for text in wrong:
            self.log.say(ERROR, f"Found invalid \"{text}\": missing ':'")
        return found


_LABELS: dict[str, str] = {}


def label(key: str) -> str:
    """Return a key as it stands at the beginning of a line."""
    blanks = max(0, _COLUMN - 1 - len(key.encode(errors="surrogateescape")))
    _LABELS[key] = f"{key}:{'':{blanks}}"
    return _LABELS[key]


def described(one: Parameter) -> str:
    """Return a parameter as ``modinfo -p`` prints it."""
    text = f"{one.name}:{one.description or ''}"
    return text if one.type is None else f"{text} ({one.type})"


def line(one: Parameter) -> str:
    """Return a parameter as modinfo prints it among all else."""
    return described(one) if one.description is not None else f"{one.name}:{one.type}"


def _read(target: Target) -> tuple[Target, ModInfo | Exception | None]:
    if target.shown is None:
        return target, None
    try:
        return target, read_info(target.real)
    except (OSError, KmodError) as error:
        return target, error


def main(argv: list[str], program: str = "modinfo") -> int:
    """Print what modules say of themselves; return the exit status: 1 when one of them was not found or is damaged."""
    options = Options(argv)
    log = Log(program)
    if options.fault:
        stderr(f"{program}: {options.fault}")
        return FAILURE
    if options.show:
        stdout(USAGE if options.show == "h" else VERSION_TEXT)
        return 0
    if not options.words:
        log.error("missing module or filename.")
        return FAILURE
    return Modinfo(options, log).run()
