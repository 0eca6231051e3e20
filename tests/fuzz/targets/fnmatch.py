"""Patterns: any pattern on any text gives an answer, in time, and short ones the C library's."""

from __future__ import annotations

from ringward.kmod import brackets
from ringward.kmod import fnmatch as module
from ringward.kmod.fnmatch import fnmatch
from tests.fuzz.inputs import SEPARATOR, parts, stretched, text
from tests.kmod.glibc import libc_fnmatch

COVERS = (module, brackets)
FLOOR = 95
RUNS = 1500
SECONDS = 4.0  # 1024 bytes of pattern on 1024 of text
DICTIONARY = (
    *(b"[[:alpha:]", b"[[:xdigit:]]", b"[!", b"[^", b"[=a=]", b"[.-.]", b"[a-", b"\\", b"*", b"?", b"]", SEPARATOR),
    *(f"[:{name}:]".encode() for name in ("alnum", "blank", "cntrl", "graph", "lower", "print", "punct", "space")),
)
_COMPARED = 40
"""Bytes of what the C library is asked, too: its time has no bound."""


def seeds() -> list[bytes]:
    pairs = (
        (b"pci:v00008086d*sv*sd*bc0[0-9]sc*i*", b"pci:v00008086d00001234sv00000000sd00000000bc02sc00i00"),
        (b"*[[:alpha:]-z]?[!a-c]\\*", b"xx-b*"),
        (b"[[.a.]-[.c.]][[=x=]]", b"bx"),
        (b"[]a-]*[", b"]["),
        (b"[[:digit:][:upper:][:punct:]]*", b"7A!"),
        (b"[^\xc3\xa4]", b"\xe4"),
    )
    found = [b"\0" + pattern + SEPARATOR + asked for pattern, asked in pairs]
    return [*found, b"\xf9*a" + SEPARATOR + b"aaaaaaaaaaaaaaaaaaaaaaab", b"\xf8[[:" + SEPARATOR + b"[" * 500]


def one(data: bytes) -> None:
    first, second = parts(data, 2)
    pattern, asked = stretched(first, 1024), second[:1024]
    answer = fnmatch(text(pattern), text(asked))
    if len(pattern) + len(asked) <= _COMPARED:
        assert answer == libc_fnmatch(pattern, asked)
