"""What modprobe would do under any configuration: it comes to an end, each step with its cause."""

from __future__ import annotations

from ringward.kmod import lookup, resolve
from ringward.kmod.config import Config
from ringward.kmod.resolve import Resolver
from tests.fuzz.inputs import folder, plain, stretched, text
from tests.kmod.lab import Lab

COVERS = (resolve, lookup)
FLOOR = 90
RUNS = 600
SECONDS = 3.0  # ten questions, and 4096 bytes of patterns to each
DICTIONARY = tuple(
    word.encode()
    for word in (
        "alias ",
        "softdep ",
        "install ",
        "options ",
        "blacklist ",
        "pre: ",
        "post: ",
        "a",
        "b",
        "c",
        "d",
        "*\n",
    )
)
_LAB = Lab(folder() / "lab")
_LAB.modules(
    {"a": ["b", "c"], "b": ["c"], "c": [], "d": ["gone"], "gone": []},
    aliases=[("pci:*", "a"), ("x[0-9]", "b"), ("x1", "c"), ("a", "b")],
    symbols=[("kfree", "c")],
    builtin=["inside"],
    builtin_aliases=[("in*", "inside")],
    missing=["gone"],
)
_TREE = _LAB.tree()
_ASKED = ("a", "b", "d", "pci:1", "x1", "symbol:kfree", "inside", "nothing", "./a.ko", "")


def seeds() -> list[bytes]:
    texts = (
        b"softdep a pre: b post: d\nsoftdep b pre: a\nsoftdep b post: c\n",
        b"alias nothing a\nalias a d\nalias x* nothing\nalias nothing nothing\n",
        b"install a /bin/true\noptions a x=1\noptions c y\nblacklist c\nblacklist b\nremove a x\nweakdep a b\n",
        b"softdep * pre: * post: x1\n",
        b"softdep a pre: pci:1 nothing\ninstall b modprobe a\n",
    )
    return [plain(each) for each in texts] + [b"\xf8softdep a pre: b b b\n", b"\xfaalias nothing a\n"]


def one(data: bytes) -> None:
    config = Config()
    config.add_text(text(stretched(data, 4096)), "x.conf")
    for all_softdeps in (False, True):
        resolver = Resolver(_TREE, config, all_softdeps=all_softdeps)
        for asked in _ASKED:
            for step in resolver.probe(asked):
                assert step.cause.kind
                assert step.name or not asked
