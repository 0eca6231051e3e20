"""The steps of modprobe: what is done, with what, and why."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringward.kmod.directive import Directive

# Actions.
INSMOD, INSTALL = "insmod", "install"
BUILTIN, LOADED = "builtin", "loaded"
NOTHING = "nothing"
"""There is neither file nor command: a real load fails."""
SKIP = "skip"
"""Does not take part; `Step.why` says why."""

# Kinds of cause.
NAMED, DEPENDENCY, PRE, POST = "named", "dependency", "softdep pre", "softdep post"


class Option:
    """Parameters for a module, and the line that they come from; None: modprobe's own command line."""

    __slots__ = ("directive", "text")

    def __init__(self, text: str, directive: Directive | None) -> None:
        self.text = text
        self.directive = directive


class Cause:
    """Why a step is there.

    kind: NAMED, DEPENDENCY, PRE or POST.
    of: the module that needs it; of a NAMED one what was asked for.
    word: what a softdep names, which may be an alias of the module.
    directive: the softdep, or the alias of the configuration.
    """

    __slots__ = ("directive", "kind", "of", "word")

    def __init__(self, kind: str, of: str, directive: Directive | None = None, word: str = "") -> None:
        self.kind = kind
        self.of = of
        self.directive = directive
        self.word = word


class Step:
    """One thing that modprobe does, or leaves out.

    action: INSMOD, INSTALL, BUILTIN, LOADED, NOTHING or SKIP.
    name: of the module; of a SKIP without module what was asked for.
    alias: see `lookup.Hit`.
    path: of the file, or None.
    options: in the order in which the kernel gets them.
    cause: why it is there.
    required: whether its failure ends the chain.
    command: the ``install`` directive; that of another action is dropped because the module has softdeps
        or because commands are ignored.
    why: of a SKIP, in words.
    directive: of a SKIP, the line that says so.
    """

    __slots__ = ("action", "alias", "cause", "command", "directive", "name", "options", "path", "required", "why")

    def __init__(
        self,
        action: str,
        name: str,
        cause: Cause,
        *,
        alias: str | None = None,
        path: str | None = None,
        options: Sequence[Option] = (),
        required: bool = False,
        command: Directive | None = None,
        why: str = "",
        directive: Directive | None = None,
    ) -> None:
        self.action = action
        self.name = name
        self.cause = cause
        self.alias = alias
        self.path = path
        self.options = options
        self.required = required
        self.command = command
        self.why = why
        self.directive = directive

    def parameters(self) -> str:
        """Return the options as kmod hands them on: a blank behind those of the configuration."""
        configured = given = ""
        for each in self.options:
            if each.directive:
                configured += each.text + " "
            else:
                given += f" {each.text}" if given else each.text
        return configured + given

    def line(self) -> str | None:
        """Return what ``modprobe -D`` prints for it; None: nothing."""
        if self.action == INSMOD:
            return f"insmod {self.path} {self.parameters()}"
        if self.action == INSTALL and self.command:
            return f"install {self.command.value} {self.parameters()}"
        return f"builtin {self.name}" if self.action == BUILTIN else None


def quoted(word: str) -> str:
    """Return a parameter of the command line with its value in quotes, when it has blanks and no quotes yet."""
    name, equals, value = word.partition("=")
    if " " in value and value[0] not in "\"'":
        return f'{name}{equals}"{value}"'
    return word
