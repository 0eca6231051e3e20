"""The kernel command line: any text is directives that name words of it; parameters of a load are values or refused."""

from __future__ import annotations

import contextlib

from ringward.kmod import cmdline, parameters
from ringward.kmod.cmdline import kernel_blacklist, parse
from tests.fuzz.inputs import SEPARATOR, parts, plain, stretched, text

COVERS = (cmdline, parameters)
FLOOR = 98
LONGEST = 1024
DICTIONARY = (
    b"modprobe.blacklist=",
    b"module_blacklist=",
    b'"',
    b" ",
    b".",
    b"=",
    b"--",
    b"[",
    b"0x",
    b"on",
    b"\0",
    SEPARATOR,
)
KINDS = (
    *("bool", "invbool", "bint", "byte", "short", "ushort", "int", "uint", "hexint", "long", "ulong", "ullong"),
    *("charp", "string", "array of int", "array of bool", "array of array of byte", "other"),
)


def seeds() -> list[bytes]:
    lines = (
        b"BOOT_IMAGE=/vmlinuz root=/dev/sda1 quiet modprobe.blacklist=pcspkr,a-b usbcore.autosuspend=-1",
        b'"module-blacklist=a,,b" module_blacklist=c -- module_blacklist=d',
        b'snd-hda.model="a b" "x.y=z w" a.b.c=d e.f [x].y=1 "unclosed.a=b',
        b'a=0x1F,2 b=on c -- d="e f" "g=h" i=-077 j=9999999999999999999999 k=maybe',
    )
    values = (b"\0" + value for value in (b"0x1f,y", b"off", b"+12\n", b"-9223372036854775808", b"1,x"))
    return [
        *(plain(line) for line in lines),
        *(SEPARATOR + value for value in values),
        b'\xff"a.b ',
        b"\xfemodprobe.blacklist=a,",
        SEPARATOR + b"\xff9",
    ]


def one(data: bytes) -> None:
    first, second = parts(data, 2)
    line, value = text(stretched(first, 1024)), text(stretched(second, 6000))
    for each in parse(line):
        assert each.kind in {"blacklist", "options"}
        assert each.line == 0
        assert each.text in line
    names, word = kernel_blacklist(line)
    assert word in line
    assert all(name and name in word.replace('"', "") for name in names)
    assert all(isinstance(name, str) for name, _value in parameters.given(line))
    for kind in KINDS:
        for told in (value, None):
            with contextlib.suppress(OSError):  # refused
                assert isinstance(parameters.shown(kind, told), str)
