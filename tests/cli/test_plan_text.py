from __future__ import annotations

from pathlib import Path

import pytest

from ringward.cli.plan_text import Shape, cause_text, text
from ringward.kmod.directive import Directive
from ringward.kmod.lookup import ALIAS, MODULES_ALIAS, Hit, Lookup
from ringward.kmod.step import DEPENDENCY, NAMED, POST, PRE, Cause
from tests.kmod.lab import Loaded
from tests.kmod.plan_lab import PlanLab, module

LINE = Directive("softdep", "a", "", "/etc/modprobe.d/x.conf", 4, "softdep a pre: b-c")
DIRECTORY = "/lib/modules/1.0"


@pytest.fixture
def lab(tmp_path: Path) -> PlanLab:
    found = PlanLab(tmp_path / "lab")
    found.modules({"base": [], "user": ["base"], "other": []}, aliases=[("bus:*", "user")], builtin=["own"])
    found.files(
        base=module("base"), user=module("user", wants={"commit_creds": 0x22}), other=module("other", licence="Secret")
    )
    return found


@pytest.mark.parametrize(
    ("cause", "wanted"),
    [
        (Cause(DEPENDENCY, "a"), "a needs it (modules.dep)"),
        (Cause(PRE, "a", LINE, "b-c"), "softdep of a, before it (/etc/modprobe.d/x.conf:4)"),
        (Cause(POST, "a", LINE, "bus:1"), "softdep of a, after it, as bus:1 (/etc/modprobe.d/x.conf:4)"),
        (Cause(NAMED, "b_c"), "asked for"),
    ],
)
def test_causes(cause: Cause, wanted: str) -> None:
    assert cause_text(cause, "b_c", None) == wanted


def test_causes_of_aliases() -> None:
    hit = Hit("m", "x", "x*", LINE)
    assert cause_text(Cause(NAMED, "xy", LINE, "x*"), "m", Lookup("xy", "xy", ALIAS, [hit])) == (
        "alias x* (/etc/modprobe.d/x.conf:4)"
    )
    assert cause_text(Cause(NAMED, "xy", None, "x*"), "m", Lookup("xy", "xy", MODULES_ALIAS, [hit])) == (
        "alias x* (modules.alias)"
    )


def test_a_whole_plan(lab: PlanLab) -> None:
    lab.configure("options user x=1", "blacklist base", "install other run it", "softdep user post: other")
    lab.load({"own": Loaded()})
    lab.write("proc/sys/kernel/modules_disabled", None)
    shown = text(lab.plan("bus:1", "own", "no", words=["y=2"]), Shape(100), DIRECTORY)
    conf = f"{lab.conf}/a.conf"
    assert "bus:1: an alias (modules.alias) of user\nown: a part of the kernel\nno: nothing of that name\n" in shown
    assert "\n  2  insmod   user x=1 y=2\n      because: alias bus:* (modules.alias)\n" in shown
    assert f"      parameters: x=1 ({conf}:1)\n      parameters: y=2 (command line)\n" in shown
    assert "      file: kernel/user.ko, " in shown
    assert "      signature: unsigned: nothing is appended to the module\n" in shown
    assert "      imports: commit_creds (credentials: changes who a process is)\n" in shown
    assert "\n  3  install  other: run it\n" in shown
    assert "\n  4  loaded   own\n      because: asked for\n      skipped: it is builtin already\n" in shown
    assert "skipped: nothing of that name in /lib/modules/1.0\n" in shown
    assert "      accepted: could not look (loading)\n" in shown
    assert shown.endswith(
        "2 to load; 2 of them not looked at in all; 1 commands to run; 2 skipped, or there already\n"
        "could not look at loading: /proc/sys/kernel/modules_disabled: No such file or directory"
    )
    assert max(map(len, shown.splitlines())) <= 100


def test_refusals_and_colours(lab: PlanLab) -> None:
    lab.write("proc/cmdline", "module_blacklist=other\n")
    shown = text(lab.plan("other"), Shape(100, colour=True), DIRECTORY)
    assert "      loading: 'module_blacklist=other' in /proc/cmdline: the kernel itself refuses it\n" in shown
    assert "accepted: \x1b[31mno\x1b[0m\n" in shown
    assert "taints: P (licence 'Secret'), E (it is not signed)\n" in shown
    assert "1 to load; 1 of them refused" in shown


def test_lines_are_wrapped(lab: PlanLab) -> None:
    shown = text(lab.plan("user"), Shape(40), DIRECTORY)
    assert all(len(line) <= 40 or " " not in line.strip() for line in shown.splitlines() if "sha256" not in line)


def test_notes(lab: PlanLab) -> None:
    lab.configure("alias user other", "alias user nowhere")
    shown = text(lab.plan("user"), Shape(200), DIRECTORY)
    assert f"      note: the alias hides the module user: 'alias user other' ({lab.conf}/a.conf:1)\n" in shown
    assert "nothing  nowhere\n" in shown
    assert "      nothing to do: there is no file\n" in shown
