from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from ringward.cli import dispatch, plan
from ringward.cli.errors import BAD_ANSWER, CANNOT_RUN, INCOMPLETE, USAGE
from tests.kmod.lab import VERSION
from tests.kmod.plan_lab import PlanLab, module


@pytest.fixture
def lab(tmp_path: Path) -> PlanLab:
    found = PlanLab(tmp_path / "lab")
    found.modules({"base": [], "user": ["base"]}, aliases=[("bus:*", "user")], symbols=[("s", "base")])
    found.files(base=module("base", exports={"s": 7}), user=module("user", wants={"s": 7}))
    (found.root / "etc").mkdir()
    found.conf.rename(found.root / "etc/modprobe.d")
    found.conf = found.root / "etc/modprobe.d"
    found.kernel()
    return found


def run(lab: PlanLab, *words: str) -> int:
    return dispatch.run("plan", ["--sysroot", str(lab.root), "-S", VERSION, *words])


def test_a_pipe_gets_json(lab: PlanLab, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lab, "bus:1") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["tool"], found["kernel"], found["running"], found["directory"]) == (
        "plan",
        VERSION,
        False,
        f"/lib/modules/{VERSION}",
    )
    assert [(each["module"], each["accepted"]) for each in found["steps"]] == [("base", "yes"), ("user", "yes")]


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_text(lab: PlanLab, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal(io.BytesIO(), write_through=True)
    monkeypatch.setattr(sys, "stdout", shown)
    assert run(lab, "user") == 0
    text = shown.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert text.startswith(f"kernel {VERSION}, /lib/modules/{VERSION}\n\nuser: a module\n")
    assert "  1  insmod   base\n      because: user needs it (modules.dep)\n" in text


@pytest.mark.parametrize("output", [["--output", "text"], ["--json"]])
def test_the_form_can_be_chosen(lab: PlanLab, output: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(lab, *output, "user")
    assert capsys.readouterr().out.startswith("{" if "--json" in output else "kernel ")


def test_statuses(lab: PlanLab) -> None:
    assert run(lab, "user") == 0
    assert run(lab, "user", "nothing-here") == BAD_ANSWER
    (lab.root / "proc/cmdline").write_text("module_blacklist=base\n")
    assert run(lab, "user") == BAD_ANSWER
    (lab.root / "proc/cmdline").write_text("")
    (lab.root / "proc/sys/kernel/modules_disabled").unlink()
    assert run(lab, "user") == INCOMPLETE
    (lab.directory / "modules.dep.bin").write_bytes(b"damaged")
    assert run(lab, "user") == CANNOT_RUN


def test_softdeps_that_are_skipped_are_no_failure(lab: PlanLab) -> None:
    lab.configure("softdep user pre: nothing-here")
    assert run(lab, "user") == 0


def test_options(lab: PlanLab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.configure("blacklist user", "softdep user pre: base", "softdep user post: bus:2", "install user true")

    def steps(*words: str) -> list[tuple[str, str, str]]:
        capsys.readouterr()
        run(lab, *words)
        found = json.loads(capsys.readouterr().out)["steps"]
        return [(each["action"], each["module"], each["parameters"]) for each in found]

    assert steps("user", "-p", "x=1", "-p", "y=a b")[-1] == ("insmod", "user", 'x=1 y="a b"')
    assert steps("-b", "user") == [("skip", "user", "")]
    assert steps("-i", "user")[-1] == ("insmod", "user", "")
    assert ("skip", "user", "") not in steps("--all-softdeps", "user")
    other = lab.root / "other.conf"
    other.write_text("options user z=1\n")
    assert steps("-C", "/other.conf", "user")[-1] == ("insmod", "user", "z=1")


def test_usage(lab: PlanLab, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lab) == USAGE
    assert run(lab, "--all-softdep", "user") == USAGE
    assert "did you mean --all-softdeps" in capsys.readouterr().err


def test_a_base_is_another_kernel(lab: PlanLab, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch.run("plan", ["-d", str(lab.root), "-S", VERSION, "-C", str(lab.conf), "user"]) == INCOMPLETE
    found = json.loads(capsys.readouterr().out)
    unseen = {
        check["what"] for each in found["steps"] for check in each["checks"] if check["result"] == "could not look"
    }
    # Its state is not that of the running kernel; its files are all there.
    assert unseen == {"loading", "signature"}


def test_status_of_an_empty_plan() -> None:
    assert plan.status_of(plan.Plan()) == 0
