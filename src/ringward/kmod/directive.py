"""One directive of the configuration, and what is wrong with a line that is none."""

from __future__ import annotations

CMDLINE = "/proc/cmdline"
"""Where directives with line 0 come from."""


class Directive:
    """One directive, and where it stands.

    Args:
        kind: alias, blacklist, options, install, remove, softdep or weakdep.
        key: the pattern (alias, install, remove, softdep, weakdep) or name (blacklist, options), normalised;
            a blacklisted name of the kernel command line is as it stands there.
        value: the alias's module, the options, the command, the rest of a softdep; "" for a blacklist.
        path: of the file.
        line: first line of the directive in the file, from 1; 0 on the kernel command line.
        text: the whole line, continuation lines joined, backslashes dropped.
        last_line: the number that modprobe's own messages give; `line` unless lines were joined.
        pre: a softdep's modules to load before, not normalised.
        post: a softdep's to load after, a weakdep's modules, not normalised.

    """

    __slots__ = ("key", "kind", "last_line", "line", "path", "post", "pre", "text", "value")

    def __init__(
        self,
        kind: str,
        key: str,
        value: str,
        path: str,
        line: int,
        text: str,
        *,
        last_line: int | None = None,
        pre: tuple[str, ...] = (),
        post: tuple[str, ...] = (),
    ) -> None:
        self.kind = kind
        self.key = key
        self.value = value
        self.path = path
        self.line = line
        self.text = text
        self.last_line = line if last_line is None else last_line
        self.pre = pre
        self.post = post

    @property
    def place(self) -> str:
        """Where it stands: ``path:line``, or the path alone on the kernel command line."""
        return f"{self.path}:{self.line}" if self.line else self.path

    def __repr__(self) -> str:
        return f"Directive({self.kind!r}, {self.key!r}, {self.value!r}, {self.place})"


class Problem:
    """A line or file that does not take part as its author meant.

    Args:
        kind: "bad line", "bracket" (not closed or not opened), "include", "backslash" (dropped from the text),
            "unreadable", "too large" or "broken link" (the file is not used); depmod's also "words" (not all count)
            and "regex".
        path: of the file.
        line: from 1; 0 when the file as a whole is meant.
        text: the line, as `Directive.text`.
        why: in words.
        last_line: the number that modprobe's and depmod's own messages give; `line` unless lines were joined.

    """

    __slots__ = ("kind", "last_line", "line", "path", "text", "why")

    def __init__(self, kind: str, path: str, line: int, text: str, why: str, last_line: int | None = None) -> None:
        self.kind = kind
        self.path = path
        self.line = line
        self.last_line = line if last_line is None else last_line
        self.text = text
        self.why = why

    @property
    def place(self) -> str:
        """Where it is: ``path:line``, or the path alone."""
        return f"{self.path}:{self.line}" if self.line else self.path

    def __repr__(self) -> str:
        return f"Problem({self.kind!r}, {self.place}, {self.why!r})"
