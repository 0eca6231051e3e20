"""What is said of a module: a word, every way in with what becomes of it, what has no effect, what would close it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringward.kmod.directive import Directive

# Words.
OPEN = "open"
"""A request for some name gets it in: what modprobe is told does not stop it."""
BLOCKED = "blocked"
"""No request gets it in, as modprobe or the kernel is told; `Answer.by` says which of them."""
BUILT_IN = "built-in"
"""It is a part of the kernel: it came in before anything could stop it."""
LOADED = "loaded"
ABSENT = "absent"
"""There is no such module."""
UNKNOWN = "unknown"
"""It depends on what nobody could look at."""
WORDS = (OPEN, BLOCKED, BUILT_IN, LOADED, ABSENT, UNKNOWN)

# What becomes of a way in; `OPEN` as well.
CLOSED = "closed"
COULD_NOT_LOOK = "could not look"
RESULTS = (OPEN, CLOSED, COULD_NOT_LOOK)

# Ways in that the configuration of modprobe governs.
BY_NAME, BY_ALIAS = "by name", "by alias"
AS_DEPENDENCY, BY_SOFTDEP = "as a dependency", "by a softdep"
BY_COMMAND = "by a command"
GOVERNED = (BY_NAME, BY_ALIAS, AS_DEPENDENCY, BY_SOFTDEP, BY_COMMAND)
# Those that only the kernel can refuse to root.
IGNORING, BY_FILE = "ignoring commands", "by file"
KINDS = (*GOVERNED, IGNORING, BY_FILE)

MODPROBE, KERNEL = "modprobe", "kernel"
"""Who blocks: the first leaves root a way round it."""


class Way:
    """One way in, or several that end alike.

    kind: one of `KINDS`.
    result: one of `RESULTS`.
    names: what is asked for: the module, aliases of it as they stand in the index or configuration, modules that pull
        it in; a path. Empty when there is nothing of that kind.
    who: who can ask, those who need least first: of `triggers.WHO`.
    what: what makes somebody ask, in words; "" when only root does.
    why: what closes it or lets it through, in words.
    directives: the lines of the configuration that do so.
    command: that shows it when root runs it, or "".
    """

    __slots__ = ("command", "directives", "kind", "names", "result", "what", "who", "why")

    def __init__(
        self,
        kind: str,
        result: str,
        names: Sequence[str] = (),
        *,
        who: Sequence[str] = (),
        what: str = "",
        why: str = "",
        directives: Sequence[Directive] = (),
        command: str = "",
    ) -> None:
        self.kind = kind
        self.result = result
        self.names = list(names)
        self.who = list(who)
        self.what = what
        self.why = why
        self.directives = list(directives)
        self.command = command


class Useless:
    """A line that does not stop what it seems to stop.

    path, line, text: as in `Directive`; line 0: the file as a whole, or the kernel command line.
    why: in words.
    """

    __slots__ = ("line", "path", "text", "why")

    def __init__(self, path: str, line: int, text: str, why: str) -> None:
        self.path = path
        self.line = line
        self.text = text
        self.why = why

    @property
    def place(self) -> str:
        """Where it stands, as `Directive.place`."""
        return f"{self.path}:{self.line}" if self.line else self.path


class Remedy:
    """What would close ways in.

    where: the file, command line or shell that the lines belong to.
    lines: exactly what to write there.
    closes: which ways, in words.
    price: what else would no longer work, or "".
    """

    __slots__ = ("closes", "lines", "price", "where")

    def __init__(self, where: str, lines: Sequence[str], closes: str, price: str = "") -> None:
        self.where = where
        self.lines = list(lines)
        self.closes = closes
        self.price = price


class Answer:
    """The answer for one module.

    asked: the name as given.
    module: the module that it means.
    word: one of `WORDS`.
    by: `MODPROBE` or `KERNEL` of a BLOCKED one; else "".
    why: the word explained in a sentence.
    ways: all of them, in the order of `KINDS`.
    useless: lines without effect.
    remedies: what would close it.
    unseen: what could not be looked at, and why.
    """

    __slots__ = ("asked", "by", "module", "remedies", "unseen", "useless", "ways", "why", "word")

    def __init__(self, asked: str, module: str, word: str, why: str) -> None:
        self.asked = asked
        self.module = module
        self.word = word
        self.by = ""
        self.why = why
        self.ways: list[Way] = []
        self.useless: list[Useless] = []
        self.remedies: list[Remedy] = []
        self.unseen: list[str] = []

    def open(self, *kinds: str) -> list[Way]:
        """Return the ways of some kinds that are open."""
        return [way for way in self.ways if way.kind in kinds and way.result == OPEN]
