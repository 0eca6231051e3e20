from __future__ import annotations

from ringward.kmod.directive import CMDLINE, Directive, Problem


def test_where_a_directive_stands() -> None:
    directive = Directive("options", "a", "x=1", "/etc/modprobe.d/a.conf", 3, "options a x=1")
    assert directive.place == "/etc/modprobe.d/a.conf:3"
    assert directive.last_line == 3
    assert repr(directive) == "Directive('options', 'a', 'x=1', /etc/modprobe.d/a.conf:3)"
    assert Directive("options", "a", "x=1", CMDLINE, 0, "a.x=1").place == "/proc/cmdline"


def test_where_a_problem_is() -> None:
    assert Problem("bad line", "/a.conf", 2, "x", "why").place == "/a.conf:2"
    assert Problem("unreadable", "/a.conf", 0, "", "why").place == "/a.conf"
    assert Problem("bad line", "/a.conf", 2, "x", "why").last_line == 2
    assert Problem("bad line", "/a.conf", 2, "x", "why", 4).last_line == 4
    assert repr(Problem("include", "/a.conf", 2, "x", "why")) == "Problem('include', /a.conf:2, 'why')"
