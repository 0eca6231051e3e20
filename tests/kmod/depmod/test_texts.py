from __future__ import annotations

from ringward.kmod.depmod import texts
from ringward.kmod.depmod.module import Module
from ringward.kmod.depmod.symbols import Symbols


def modules() -> list[Module]:
    a, b = Module("a_b", "/m/k/a-b.ko", "k/a-b.ko"), Module("c", "/else/c.ko")
    a.take_modinfo(["alias=x-y", "softdep=pre: c", "weakdep=q-r", "alias=devname:n", "alias=char-major-1-2"])
    b.take_modinfo(["alias=z"])
    for number, module in enumerate((a, b)):
        module.number = number
    return [a, b]


def test_dep() -> None:
    a, b = modules()
    assert texts.dep([a, b], [[b], []]) == ["k/a-b.ko: /else/c.ko", "/else/c.ko:"]


def test_what_modules_say_of_themselves() -> None:
    found = modules()
    assert texts.alias(found)[1:] == ["alias x-y a_b", "alias devname:n a_b", "alias char-major-1-2 a_b", "alias z c"]
    assert texts.softdep(found)[1:] == ["softdep a_b pre: c"]
    assert texts.weakdep(found) == ["# Weak dependencies extracted from modules themselves.", "weakdep a_b q-r"]
    assert all(lines[0].startswith("# ") for lines in (texts.alias([]), texts.softdep([]), texts.weakdep([])))


def test_symbols_are_in_hash_order_and_not_those_of_the_kernel() -> None:
    a, b = modules()
    table = Symbols()
    table.owners = {"sd": b, "sa": a, "sb": a, "kernel": None}
    assert texts.exported(table) == [("sa", a), ("sb", a), ("sd", b)]
    assert texts.symbols(texts.exported(table)) == [
        "# Aliases for symbols, used by symbol_request().",
        "alias symbol:sa a_b",
        "alias symbol:sb a_b",
        "alias symbol:sd c",
    ]


def test_devnames_have_no_headline_without_a_node() -> None:
    found = modules()
    assert texts.devnames(found, lambda *_: None) == [
        "# Device nodes to trigger on-demand module loading.",
        "a_b n c1:2",
    ]
    assert texts.devnames(found[1:], lambda *_: None) == []
