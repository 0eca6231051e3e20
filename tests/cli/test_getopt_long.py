"""The parser of options against libc's own getopt_long(3), which prints its messages to descriptor 2."""

from __future__ import annotations

import ctypes
import os
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.cli.getopt_long import UNKNOWN, parse

SHORT = "arw:C:o::h"
LONGS = {
    "all": "a",
    "remove": "r",
    "remove-holders": "holders",
    "wait=": "w",
    "show": "n",
    "show-config": "c",
    "showconfig": "c",
    "config=": "C",
    "optional=?": "o",
    "help": "h",
}


class Option(ctypes.Structure):
    """struct option of <getopt.h>."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("has_arg", ctypes.c_int),
        ("flag", ctypes.c_void_p),
        ("val", ctypes.c_int),
    )


LIBC = ctypes.CDLL(None)
KEYS = list(dict.fromkeys(LONGS.values()))


def value(key: str) -> int:
    return ord(key) if len(key) == 1 else 1000 + KEYS.index(key)


def libc(argv: list[str], short: str = SHORT) -> tuple[list[tuple[str, str]], list[str]]:
    """Return what libc's getopt_long makes of the arguments, in the form that `parse` answers in."""
    table = (Option * (len(LONGS) + 1))()
    for at, (spelt, key) in enumerate(LONGS.items()):
        name, mark, optional = spelt.partition("=")
        table[at] = Option(name.encode(), 0 if not mark else 2 if optional else 1, None, value(key))
    words = [b"prog", *(word.encode() for word in argv), None]
    vector = (ctypes.c_char_p * len(words))(*words)
    optind, optarg = ctypes.c_int.in_dll(LIBC, "optind"), ctypes.c_char_p.in_dll(LIBC, "optarg")
    optind.value = 0  # glibc: begin anew
    options: list[tuple[str, str]] = []
    with tempfile.TemporaryFile() as told:
        saved = os.dup(2)
        os.dup2(told.fileno(), 2)
        try:
            while (got := LIBC.getopt_long(len(argv) + 1, vector, short.encode(), table, None)) != -1:
                if got == ord("?"):
                    told.seek(0)
                    message = told.read().decode().removeprefix("prog: ").rstrip("\n")
                    return [*options, (UNKNOWN, message.rstrip())], []
                key = next((key for key in KEYS if value(key) == got), chr(got))
                options.append((key, (optarg.value or b"").decode()))
        finally:
            os.dup2(saved, 2)
            os.close(saved)
    return options, [(vector[at] or b"").decode() for at in range(optind.value, len(argv) + 1)]


def ours(argv: list[str], short: str = SHORT) -> tuple[list[tuple[str, str]], list[str]]:
    options, words = parse(argv, short, LONGS)
    # Where the words stand after a fault is nobody's business: all tools end there.
    return options, [] if options and options[-1][0] == UNKNOWN else words


PIECES = ["-", "--", "a", "r", "w", "C", "o", "h", "z", "=", "3", "show", "conf", "re", "move", "wait", "opt", "ional"]
WORDS = st.one_of(
    st.sampled_from(["--", "-", "x", "", "--all", "--rem", "--wait", "--w=1", "-w", "-o", "--opt", "-ar", "--sh"]),
    st.lists(st.sampled_from(PIECES), max_size=5).map("".join),
)


@given(st.lists(WORDS, max_size=6))
def test_as_libc_does(argv: list[str]) -> None:
    assert ours(argv) == libc(argv)


@given(st.lists(WORDS, max_size=6))
def test_a_plus_ends_the_options_at_the_first_word(argv: list[str]) -> None:
    assert ours(argv, "+" + SHORT) == libc(argv, "+" + SHORT)


def test_the_environment_ends_the_options_at_the_first_word(monkeypatch: pytest.MonkeyPatch) -> None:
    argv = ["-a", "loop", "--remove"]
    assert parse(argv, SHORT, LONGS) == ([("a", ""), ("r", "")], ["loop"])
    monkeypatch.setenv("POSIXLY_CORRECT", "")
    assert parse(argv, SHORT, LONGS) == ([("a", "")], ["loop", "--remove"])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--x"], "unrecognized option '--x'"),
        (["--x=1"], "unrecognized option '--x=1'"),
        (["--all=1"], "option '--all' doesn't allow an argument"),
        (["--wai"], "option '--wait' requires an argument"),
        (["-aw"], "option requires an argument -- 'w'"),
        (["-az"], "invalid option -- 'z'"),
        (["--sh"], "option '--sh' is ambiguous; possibilities: '--show' '--show-config' '--showconfig'"),
    ],
)
def test_messages(argv: list[str], message: str) -> None:
    assert parse(argv, SHORT, LONGS)[0][-1] == (UNKNOWN, message)
    assert libc(argv)[0][-1] == (UNKNOWN, message)


def test_names_of_one_meaning_are_no_choice() -> None:
    assert parse(["--showc"], SHORT, LONGS) == ([("c", "")], [])
    assert parse(["--v"], "", {"verbose": "v", "verbosity": "v"}) == ([("v", "")], [])


def test_what_stands_before_a_fault_counts() -> None:
    assert parse(["-h", "--bogus", "-a"], SHORT, LONGS)[0] == [("h", ""), (UNKNOWN, "unrecognized option '--bogus'")]
