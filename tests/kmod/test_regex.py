from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from ringward.kmod.regex import LONGEST, MOST_WRITTEN_OUT, RegexError, search

VERSION = "6.12.117+deb12-amd64"


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("6.12", True),
        ("^6\\.12\\.", True),
        ("^12", False),
        ("amd64$", True),
        ("(arm|amd)64", True),
        ("[[:digit:]]{3}", True),
        ("[[:digit:]]{4}", False),
        ("6x*", True),
        ("", True),
        ("\\+", True),
    ],
)
def test_search(pattern: str, *, matches: bool) -> None:
    assert search(pattern, VERSION) == matches


@pytest.mark.parametrize("pattern", ["[", "(", "**", "a{2", "[[:x:]]", "*"])
def test_what_is_no_expression(pattern: str) -> None:
    with pytest.raises(RegexError, match="is no regular expression"):
        search(pattern, VERSION)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("a" * (LONGEST + 1), "longer than"),
        ("(a{1000}){1000}", "repeats too much"),
        ("((a{0,40}){40}){2}", "repeats too much"),
        (f"a{{{MOST_WRITTEN_OUT // 4}}}", "repeats too much"),
        ("a" + "+" * 30, "repeats too much"),
        ("a" + "{1,}" * 12, "repeats too much"),
        ("(" + "a*" * 400 + "){12}", "repeats too much"),
        ("(a)\\1", "back-reference"),
    ],
)
def test_what_might_not_end(pattern: str, why: str) -> None:
    with pytest.raises(RegexError, match=why):
        search(pattern, VERSION)


@pytest.mark.parametrize(
    "pattern", ["^[0-9]+\\.[0-9]+\\.[0-9]+(-[a-z0-9]+)+$", "^[0-9]{1,3}\\.[0-9]{1,4}", "a\\+\\+\\+\\+\\{1,}", "a{,9}"]
)
def test_what_people_write_is_taken(pattern: str) -> None:
    search(pattern, VERSION)


def test_an_escaped_backslash_is_no_back_reference() -> None:
    assert search("\\\\1", "a\\1")


@pytest.mark.parametrize(
    "pattern",
    [
        "(((((a*)*)*)*)*)*b",
        "(a?){500}a{2}",
        "(a|a)*b",
        "(" * 500 + "a" + ")" * 500,
        "(.*)(.*)(.*)(.*)(.*)x",
        "[a-z]*{500}b",
    ],
)
def test_hostile_expressions_end(pattern: str) -> None:
    code = (
        f"from ringward.kmod.regex import *\ntry: print(search({pattern!r}, 'a' * 255))\nexcept RegexError: print('no')"
    )

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, preexec_fn=limit)
    assert done.stdout.strip() in {"True", "False", "no"}
