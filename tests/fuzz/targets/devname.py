"""modules.devname: any text is nodes and lines that are none; nodes that are written are read as they were."""

from __future__ import annotations

from ringward.kmod import static_nodes
from ringward.kmod.depmod import devname as depmod_devname
from ringward.kmod.depmod.devname import devname
from ringward.kmod.depmod.module import Module
from ringward.kmod.static_nodes import FORMATS, parse
from tests.fuzz.inputs import SEPARATOR, parts, stretched, text
from tests.fuzz.real import head, module_directories

COVERS = (static_nodes._node, static_nodes.parse, *FORMATS.values(), depmod_devname)
FLOOR = 98
RUNS = 1500
DICTIONARY = (SEPARATOR, b" c10:229\n", b" b8:0\n", b"devname:", b"char-major-", b"block-major-", b"-", b"4294967295")


def seeds() -> list[bytes]:
    aliases = b"devname:x/y\nchar-major-10-229\nblock-major- +8-*\nchar-major-99999999999999999999-1\n"
    lines = b"# comment\nfuse fuse c10:229\nbad line\nx y q1:2\nx y c1\nx y c1:z\n"
    real = [head(directory / "modules.devname") for directory in module_directories()]
    return [aliases, lines, *real, lines + SEPARATOR + b"\xff9", b"x y c1:" + SEPARATOR + b"\xff9"]


def one(data: bytes) -> None:
    first, rest = parts(data, 2)
    content = text(first + stretched(rest, 6000))
    nodes, bad = parse(content)
    assert len(nodes) + len(bad) <= content.count("\n") + 1
    for node in nodes:
        for write in FORMATS.values():
            assert write(node)
        again, wrong = parse(FORMATS["devname"](node))
        assert (len(again), wrong) == (1, [])
        assert (again[0].major, again[0].minor, again[0].device) == (node.major, node.minor, node.device)
    module = Module("x", "/x.ko")
    module.aliases = content.split("\n")
    devname(module, lambda _kind, _message: None)
