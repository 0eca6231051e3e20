from __future__ import annotations

import re

import pytest

from ringward.cli.blocked_text import Shape, text
from ringward.kmod.blocked import Answer, Remedy, Useless, Way
from ringward.kmod.directive import Directive
from tests.kmod.blocked.conftest import lab as lab  # noqa: PLC0414 - a fixture
from tests.kmod.blocked.lab import BlockedLab

LINE = Directive("blacklist", "b", "", "/conf/a.conf", 1, "blacklist b")


def show(*answers: Answer, width: int = 100, colour: bool = False) -> str:
    return text(answers, ["one thing", "another"], "1.0", Shape(width, "/lib/modules/1.0", colour=colour))


def test_the_word_comes_first_then_the_proof(lab: BlockedLab) -> None:
    lab.configure("blacklist b")
    shown = show(lab.answer("net-pf-5"))
    assert (
        shown
        == """\
open: b (net-pf-5): modprobe loads it by name, as a dependency; as far as is known only root asks

  by name            open            b (root)
  by alias           closed          net_pf_5 - blacklisted [blacklist b: /conf/a.conf:1]
                     closed          pci:v1* - blacklisted [blacklist b: /conf/a.conf:1]
                     closed          symbol:* - blacklisted [blacklist b: /conf/a.conf:1]
  as a dependency    open            c (root)
  by a softdep       closed          no softdep that counts names it
  by a command       closed          no command says that it loads it
  ignoring commands  open            b (root)
  by file            open            kernel/b.ko (root)

  without effect on what is open:
    /conf/a.conf:1: blacklist b
      stops requests by alias; modprobe does not look at it for a load by name or as a dependency

  to close it:
    /conf/block-b.conf: by name, as a dependency
        install b /bin/false
      these need it and fail, too: c
    /proc/cmdline: every way of the file under this name, from the next boot on
        module_blacklist=b

kernel 1.0, /lib/modules/1.0
assumed: one thing; another
"""
    )


def test_answers_without_ways(lab: BlockedLab) -> None:
    shown = show(lab.answer("own"), lab.answer("nothing"))
    assert shown.startswith("built-in: own: it is a part of the kernel, and came in with it\n\n  to close it:\n")
    assert "\n\nabsent: nothing: there is none in /lib/modules/1.0\n" in shown


def answer(*, ways: list[Way]) -> Answer:
    found = Answer("x", "x", "open", "why")
    found.ways = ways
    return found


def test_many_names_are_counted() -> None:
    shown = show(answer(ways=[Way("by alias", "open", list("abcdef"), who=["anyone", "root"], what="socket(2)")]))
    assert "a, b, c, d and 2 more (anyone: socket(2); root)\n" in shown


def test_what_could_not_be_looked_at() -> None:
    found = answer(ways=[])
    found.unseen = ["/x: cannot be read"]
    assert "\n  could not look: /x: cannot be read\n" in show(found)


@pytest.mark.parametrize("width", [30, 60, 100])
def test_lines_fit(lab: BlockedLab, width: int) -> None:
    lab.configure("blacklist b")
    shown = show(lab.answer("b"), width=max(width, 60))
    # But for words that are longer, and lines that must be copied as they are.
    assert all(len(line) <= max(width, 60) or len(line.split()[-1]) > 20 for line in shown.splitlines())
    assert show(lab.answer("b"), width=width).startswith("open: b:")


def test_colours(lab: BlockedLab) -> None:
    shown = show(lab.answer("b"), colour=True)
    assert shown.startswith("\x1b[31mopen\x1b[0m: b: ")
    assert re.sub(r"\x1b\[\d+m", "", shown) == show(lab.answer("b"))


def test_a_configuration_cannot_write_to_the_terminal() -> None:
    line = Directive("blacklist", "b", "", "/conf/\x1b[2J.conf", 1, "blacklist \x1b]0;x\x07b\u202e")
    found = answer(ways=[Way("by name", "open", ["x\x1b[1m"], directives=[line])])
    found.useless = [Useless(line.path, 1, line.text, "\x1b[1m")]
    found.remedies = [Remedy("/conf/\x1b[1m", ["install \x1b[1m"], "x")]
    shown = show(found)
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown
    assert "\\x1b]0;x\\x07b\\u202e" in shown
