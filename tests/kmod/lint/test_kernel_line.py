from __future__ import annotations

from ringward.kmod.config import load_config
from ringward.kmod.lint.kernel_line import cmdline
from ringward.kmod.lint.subject import Subject


def told(text: str) -> list[tuple[str, str, str]]:
    findings = cmdline(Subject(load_config([], cmdline=text), None))
    return [(each.rule, each.text, each.fix) for each in findings]


def test_names_with_dashes() -> None:
    assert told("modprobe.blacklist=snd-pcsp,loop,a-b-c\n") == [
        ("cmdline-name", "modprobe.blacklist=snd-pcsp,loop,a-b-c", "modprobe.blacklist=snd_pcsp"),
        ("cmdline-name", "modprobe.blacklist=snd-pcsp,loop,a-b-c", "modprobe.blacklist=a_b_c"),
    ]


def test_the_kernels_own_blacklist() -> None:
    assert told("module_blacklist=a-b,c quiet") == [
        ("cmdline-name", "module_blacklist=a-b,c", "module_blacklist=a_b,c")
    ]
    assert told("module_blacklist=a-b,c quiet module_blacklist=d_e") == [
        ("cmdline-repeated", "module_blacklist=a-b,c", "module_blacklist=d_e,a_b,c")
    ]


def test_quotes() -> None:
    assert [rule for rule, _text, _fix in told('modprobe.blacklist="a,b"')] == ["cmdline-name", "cmdline-name"]
    assert told('a.b=c d="e f g.h=1') == [("cmdline-quote", '"e f g.h=1', "close it")]


def test_what_is_right() -> None:
    assert told('snd-hda.x=1 modprobe.blacklist=a_b root=UUID=a-b "c.d=e f"') == []
