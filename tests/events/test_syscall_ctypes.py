"""C types of arguments."""

from __future__ import annotations

import ctypes

from ringward.events.syscall_ctypes import INTEGERS, OPAQUE
from ringward.events.syscall_structures import STRUCTURES
from ringward.events.syscall_table import shipped


def test_sizes_are_those_of_the_compiler() -> None:
    for name, ctype in (
        ("int", ctypes.c_int),
        ("unsigned int", ctypes.c_uint),
        ("long", ctypes.c_long),
        ("unsigned long", ctypes.c_ulong),
        ("size_t", ctypes.c_size_t),
    ):
        size, signed = INTEGERS[name]
        assert size == ctypes.sizeof(ctype)
        assert signed == (ctype(-1).value == -1)


def test_every_type_is_of_an_argument_and_one_kind() -> None:
    there = {one.ctype for call in shipped() for one in call.parameters}
    assert set(INTEGERS) - there == set()
    assert there - INTEGERS.keys() - OPAQUE - STRUCTURES.keys() == {"const char *"}
    assert not set(INTEGERS) & OPAQUE
    assert not set(STRUCTURES) & OPAQUE
    assert all("*" in name or name.endswith("_t") for name in OPAQUE)
