"""What is wrong with a line, a file or a word of the kernel command line, and how to set it right."""

from __future__ import annotations

from dataclasses import dataclass

FINDING, NOTE = "finding", "note"
"""Levels: what does not do as it says, and what is worth knowing."""

RULES = {
    "alias-hides-module": "an alias has the name of a module, which cannot be loaded by that name any more",
    "alias-of-alias": "an alias leads to an alias, which is not followed",
    "backslash": "a backslash is dropped from a line",
    "bad-line": "a line has no meaning",
    "blacklist-alias": "an alias is blacklisted; only names of modules count",
    "blacklist-dependency": "a blacklisted module is loaded as another one's dependency",
    "builtin": "a directive is about a module that is part of the kernel",
    "carriage-return": "a line ends as on Windows, and the carriage return is part of its last word",
    "cmdline-name": "a name on the kernel command line is not written as the module's, with '_'",
    "cmdline-quote": "a quote on the kernel command line is not closed",
    "cmdline-repeated": "a list of modules on the kernel command line is followed by another one",
    "depmod-override": "an override of depmod names a file that does not exist",
    "file-ignored": "a file in a configuration directory is not read",
    "file-shadowed": "a file is hidden by one of its name in a more important directory",
    "include": "include is not supported any more",
    "install-shadowed": "a command is hidden by an earlier one for the same module",
    "install-softdep": "an install command is not run because the module has softdeps",
    "no-such-module": "there is no module of that name",
    "not-a-pattern": "a pattern stands where only names are compared",
    "options-repeated": "a parameter is given more than once",
    "softdep-empty": "a softdep names no modules",
    "softdep-operand": "a softdep names what does not exist",
    "softdep-replaces": "a softdep replaces the one that the module brings along",
    "softdep-shadowed": "a softdep is hidden by an earlier one for the same module",
}
"""Each rule, and what a finding of it says."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    rule: a key of `RULES`.
    level: FINDING or NOTE.
    path: of the file, without the sysroot.
    line: from 1; 0: the file as a whole, or the kernel command line.
    text: the line.
    why: what happens, in words.
    fix: what to write instead; "" when nothing is to be done.
    others: places (``path:line``) of the lines that make it so.
    """

    rule: str
    level: str
    path: str
    line: int
    text: str
    why: str
    fix: str = ""
    others: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it is: ``path:line``, or the path alone."""
        return f"{self.path}:{self.line}" if self.line else self.path


def some(names: list[str], most: int = 5) -> str:
    """Return names as words; of more than `most` the first ones and how many there are besides."""
    listed = ", ".join(names[:most])
    return f"{listed} and {len(names) - most} more" if len(names) > most else listed
