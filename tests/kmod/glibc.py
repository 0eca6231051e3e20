"""fnmatch(3) of the C library, in the C locale: the witness."""

from __future__ import annotations

import ctypes
import platform

import pytest

_LC_ALL_MASK = 0x1FBF  # glibc's locale.h


def libc_fnmatch(pattern: bytes, text: bytes) -> bool:
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("the C library is not glibc, whose fnmatch is the witness")
    libc = ctypes.CDLL(None)
    libc.newlocale.restype = libc.uselocale.restype = ctypes.c_void_p
    libc.newlocale.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p]
    libc.uselocale.argtypes = [ctypes.c_void_p]
    libc.freelocale.argtypes = [ctypes.c_void_p]
    plain = libc.newlocale(_LC_ALL_MASK, b"C", None)
    assert plain
    before = libc.uselocale(plain)
    try:
        answer = libc.fnmatch(pattern, text, 0)
    finally:
        libc.uselocale(before)
        libc.freelocale(plain)
    assert answer in {0, 1}
    return answer == 0
