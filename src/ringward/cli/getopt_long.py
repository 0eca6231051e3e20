"""Options as GNU getopt_long(3) reads them: abbreviated long options, words between options, its messages.

argparse cannot stand in for it: it has other messages, other exit codes, refuses what getopt takes, and takes
as long to import as the interpreter takes to start.
"""

from __future__ import annotations

import os

UNKNOWN = "?"
"""Key of the entry that says what is wrong; it is the last one."""

NONE, REQUIRED, OPTIONAL = "", "=", "=?"


class _Fault(Exception):  # noqa: N818 - it never leaves this module
    """What getopt prints behind the program's name."""


class _Long:
    """A long option: its name, the key that it is told by, whether it has an argument (NONE, REQUIRED, OPTIONAL)."""

    __slots__ = ("argument", "key", "name")
    name: str
    key: str
    argument: str

    def __init__(self, spelt: str, key: str) -> None:
        self.name, mark, optional = spelt.partition("=")
        self.key = key
        self.argument = mark + optional


def parse(argv: list[str], short: str, longs: dict[str, str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the options as (key, argument) in their order, and the words that are none.

    An option without argument has "". The first fault ends the parsing: the last entry is then
    (UNKNOWN, what getopt prints behind ``program: ``), and the words so far. As with getopt, what stands before
    the fault counts: ``-h --bogus`` is a call for help.

    Args:
        argv: what stands behind the program's name.
        short: getopt's string, as "ab:c::"; the key of a short option is its letter. A leading "+" ends the
            options at the first word, as does POSIXLY_CORRECT in the environment.
        longs: name -> key, in the order that messages list them. The name ends in "=" when an argument is
            required, in "=?" when it is optional (and then only taken from ``--name=argument``).

    """
    table = [_Long(spelt, key) for spelt, key in longs.items()]
    in_order = short.startswith("+") or "POSIXLY_CORRECT" in os.environ
    short = short.removeprefix("+")
    options: list[tuple[str, str]] = []
    words: list[str] = []
    rest = argv[::-1]
    try:
        while rest:
            word = rest.pop()
            if word == "--":
                break
            if word.startswith("--"):
                options.append(_long(word[2:], table, rest))
            elif len(word) > 1 and word[0] == "-":
                _cluster(word[1:], short, rest, options)
            else:
                words.append(word)
                if in_order:
                    break
    except _Fault as fault:
        options.append((UNKNOWN, str(fault)))
        return options, words
    return options, words + rest[::-1]


def _long(text: str, table: list[_Long], rest: list[str]) -> tuple[str, str]:
    """Return key and argument of ``--text``; take the argument from `rest` (reversed) when it stands apart."""
    name, equals, argument = text.partition("=")
    found = [one for one in table if one.name == name] or [one for one in table if one.name.startswith(name)]
    if not found:
        raise _Fault(f"unrecognized option '--{text}'")
    option = found[0]
    # Names of one meaning are no choice.
    if any((one.key, one.argument) != (option.key, option.argument) for one in found):
        possible = " ".join(f"'--{one.name}'" for one in found)
        raise _Fault(f"option '--{text}' is ambiguous; possibilities: {possible}")
    if equals and option.argument == NONE:
        raise _Fault(f"option '--{option.name}' doesn't allow an argument")
    if not equals and option.argument == REQUIRED:
        if not rest:
            raise _Fault(f"option '--{option.name}' requires an argument")
        argument = rest.pop()
    return option.key, argument


def _cluster(letters: str, short: str, rest: list[str], options: list[tuple[str, str]]) -> None:
    """Append the options of ``-letters``; an argument is the remainder of the cluster or the next word."""
    for at, letter in enumerate(letters, 1):
        where = short.find(letter)
        if letter in ":;" or where < 0:
            raise _Fault(f"invalid option -- '{letter}'")
        if short[where + 1 : where + 2] != ":":
            options.append((letter, ""))
            continue
        argument = letters[at:]
        if not argument and short[where + 1 : where + 3] != "::":
            if not rest:
                raise _Fault(f"option requires an argument -- '{letter}'")
            argument = rest.pop()
        options.append((letter, argument))
        return
