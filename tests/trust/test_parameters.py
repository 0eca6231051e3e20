from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.kmod.parameters import given as given_of_kmod
from ringward.trust.parameters import LONGEST, MOST, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", []),
        (b"  \t ", []),
        (b"soft_noboot", [b"soft_noboot="]),
        (b"soft-noboot=1", [b"soft_noboot=1"]),
        (b"a=b-c d", [b"a=b-c", b"d="]),
        (b'"soft_noboot=1"', [b"soft_noboot=1"]),
        (b'msg="a b" c=1', [b"msg=a b", b"c=1"]),
        (b'"msg=a b" c=1', [b"msg=a b", b"c=1"]),
        (b"a=1 -- soft_noboot=1", [b"a=1"]),
        (b"--x a", [b"__x=", b"a="]),
        (b"a\xa0b=1", [b"a=", b"b=1"]),
        (b"a=", [b"a="]),
        (b"=b", [b"=b="]),
        (b'a="', [b"a="]),
        (b"a==b", [b"a==b"]),
    ],
)
def test_parameters_are_taken_apart_as_the_kernel_does(text: bytes, found: list[bytes]) -> None:
    assert words(text) == found


def test_too_many_and_too_long_count_as_not_read() -> None:
    assert words(b"a " * MOST) == [b"a="] * MOST
    assert words(b"a " * MOST + b"b") is None
    assert words(b"a" * LONGEST) == [b"a" * LONGEST + b"="]
    assert words(b"a" * (LONGEST + 1)) is None


@given(st.text(alphabet='ab="- ', max_size=24))
def test_they_agree_with_the_module_tools(text: str) -> None:
    # Both were written from lib/cmdline.c, apart from each other; that one keeps None for "no value".
    if '""' in text or text.startswith("=") or " =" in text or '"=' in text:
        return
    told = [f"{name.replace('-', '_')}={value or ''}".encode() for name, value in given_of_kmod(text)]
    ours = words(text.encode())
    assert ours is not None
    if '"' not in text:
        assert ours == told
    assert len(ours) == len(told)


C_SOURCE = r"""
/* The kernel's rules for one argument, written as a machine over single bytes. */
#include <string.h>
static int blank(unsigned char c) { return c == 32 || (c >= 9 && c <= 13) || c == 0xa0; }
int split(char *s, char *out)
{
    char *o = out;
    int count = 0;
    for (;;) {
        while (blank(*s)) s++;
        if (!*s) return count;
        int quoted = *s == '"', inside = quoted;
        if (quoted) s++;
        char *name = s, *equals = 0;
        while (*s && (inside || !blank(*s))) {
            if (*s == '=' && !equals && s > name) equals = s;
            if (*s == '"') inside = !inside;
            s++;
        }
        char *end = s, *value = 0, *last = s;
        int more = *s != 0;
        if (equals) {
            *equals = 0;
            value = equals + 1;
            if (*value == '"') {
                value++;
                if (last[-1] == '"') last[-1] = 0;
            }
        }
        if (quoted && last > name && last[-1] == '"') last[-1] = 0;
        *end = 0;
        if (!value && !strcmp(name, "--")) return count;
        for (char *p = name; *p; p++) *o++ = *p == '-' ? '_' : *p;
        *o++ = '=';
        if (value) for (char *p = value; *p; p++) *o++ = *p;
        *o++ = '\n';
        *o = 0;
        count++;
        s = end + more;
    }
}
"""


@pytest.fixture(scope="session")
def split(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], list[bytes]]:
    folder: Path = tmp_path_factory.mktemp("split")
    (folder / "split.c").write_text(C_SOURCE)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder / "split.so", folder / "split.c"], check=True)
    library = ctypes.CDLL(str(folder / "split.so"))

    def run(text: bytes) -> list[bytes]:
        out = ctypes.create_string_buffer(4 * LONGEST)
        # One byte in front: the machine looks at the byte before the end.
        count = library.split(ctypes.create_string_buffer(text), out)
        found = out.value.split(b"\n")[:-1]
        assert len(found) == count
        return found

    return run


@given(st.lists(st.sampled_from([b"a", b"-", b"_", b"=", b'"', b" ", b"\t", b"\xa0", b"--", b"b=1", b'x="y z"'])))
def test_they_agree_with_c(split: Callable[[bytes], list[bytes]], pieces: list[bytes]) -> None:
    text = b"".join(pieces)
    assert words(text) == split(text)
