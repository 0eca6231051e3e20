from __future__ import annotations

import pytest

from ringward.kmod.depmod.devname import devname
from ringward.kmod.depmod.module import Module


def line(*aliases: str) -> tuple[str | None, list[str]]:
    module = Module("m", "/m.ko")
    module.aliases = list(aliases)
    messages: list[str] = []
    return devname(module, lambda _level, text: messages.append(text)), messages


@pytest.mark.parametrize(
    ("aliases", "node"),
    [
        (["devname:x/y", "char-major-10-235"], "x/y c10:235"),
        (["block-major-7-0", "devname:loop"], "loop b7:0"),
        (["devname:a", "devname:b", "char-major-1-2", "block-major-3-4"], "b c1:2"),
        (["char-major-1-2", "block-major-3-4", "devname:q"], "q b3:4"),
        (["devname:q", "char-major-5-6junk"], "q c5:6"),
        (["devname:q", "char-major- 7-\t8"], "q c7:8"),
        (["devname:q", "char-major--1-+2"], "q c4294967295:2"),
        (["devname:q", "char-major-4294967296-99999999999"], "q c0:1215752191"),
        (["devname:q", f"char-major-{'9' * 5000}-{'0' * 5000}7"], "q c4294967295:7"),
        (["devname:", "char-major-1-2"], " c1:2"),
        (["char-major-1-2", "char-major-5", "devname:q"], "q c1:2"),
    ],
)
def test_nodes(aliases: list[str], node: str) -> None:
    assert line(*aliases) == (f"m {node}", [])


@pytest.mark.parametrize("alias", ["char-major-10-*", "block-major-3", "char-major-0x10-1", "pci:v*"])
def test_a_name_without_numbers(alias: str) -> None:
    message = "Module 'm' has devname (x) but lacks major and minor information. Ignoring."
    assert line(alias, "devname:x") == (None, [message])


def test_modules_without_a_name() -> None:
    assert line("char-major-1-2", "devname-x") == (None, [])
