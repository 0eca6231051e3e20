"""depmod.d, and the regular expressions in it: any text is directives and problems, and what they say of a kernel."""

from __future__ import annotations

from ringward.kmod import depmod_config, regex
from ringward.kmod.depmod.policy import Policy
from ringward.kmod.depmod_config import DepmodConfig, DepmodDirective, parse
from tests.fuzz.inputs import plain, stretched, text

COVERS = (DepmodDirective, DepmodConfig, depmod_config.parse, depmod_config._directive, depmod_config._words, regex)
FLOOR = 92
RUNS = 2000
DICTIONARY = (
    *(b"search ", b"override ", b"external ", b"exclude ", b"make_map_files yes", b"include ", b"built-in", b"*"),
    *(b"{1,}", b"{2,3}", b"++", b"(", b")", b"|", b"[[:alpha:]]", b"\\1", b"\\\n"),
)
VERSION = "6.12.117+deb12-amd64"
_EXAMPLE = b"""\
search updates extramodules built-in weak-updates
override kmod * extra
override snd ^6\\\\.[0-9]{1,3} updates too many
external ^(6|5)+ /usr/lib/x
external ( /x
exclude a.ko \\b
override too few
include x
nonsense
"""


def seeds() -> list[bytes]:
    long = (b"external " + pattern + b" x" for pattern in (b"a" + b"+" * 9, b"(a{9}){9}", b"(a*)*b", b"((((a+)+)+)+)+"))
    return [plain(data) for data in (_EXAMPLE, *long)] + [b"\xf8external a? x\n", b"\xfa(a|b)*+"]


def one(data: bytes) -> None:
    config = DepmodConfig()
    for found in parse(text(stretched(data, 4096)), "x.conf"):
        if isinstance(found, DepmodDirective):
            config.directives.append(found)
        else:
            config.problems.append(found)
        assert found.path == "x.conf"
        assert found.line > 0
    before = len(config.problems)
    Policy.of(config, VERSION)
    assert all(each.kind == "regex" for each in config.problems[before:])
