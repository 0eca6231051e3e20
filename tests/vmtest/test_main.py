# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from vmtest import __main__ as tool
from vmtest import guest
from vmtest.errors import GuestError
from vmtest.guest import GuestResult, _End, console_tail, explain, prepare_results
from vmtest.kernels import KERNELS


def fake_result(status: int, folder: Path) -> GuestResult:
    return GuestResult(status, "", "", folder, 2.0, "tcg", 1.0, "6.1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-k", "6.13", "--", "true"], "unknown kernel '6.13'; nearest: 6.1"),
        (["--modules", "7"], "unknown kernel '7'"),
        (["--", "true"], "name a kernel with -k"),
        (["-k", "6.1"], "give the command to run"),
        (["-k", "6.1", "--"], "give the command to run"),
        (["-k", "6.1", "--timeout", "0", "--", "true"], "--timeout 0"),
        (["-k", "6.1", "--memory", "much", "--", "true"], "--memory 'much'"),
        (["-k", "6.1", "--append", "'", "--", "true"], "--append"),
        (["-k", "6.1", "--cpus", "0", "--", "true"], "--cpus"),
    ],
)
def test_bad_arguments_are_one_line_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1


def test_options_of_the_command_are_not_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: dict[str, object] = {}

    def fake(kernel: str, command: list[str], **options: object) -> GuestResult:
        seen.update(options, kernel=kernel, command=command)
        return fake_result(7, tmp_path)

    monkeypatch.setattr(tool, "run_guest", fake)
    arguments = ["-k", "6.12", "--append", "preempt=full", "--env", "A", "--", "grep", "-k", "--", "--memory"]
    assert tool.main(arguments) == 7
    assert seen["command"] == ["grep", "-k", "--", "--memory"]
    assert (seen["kernel"], seen["append"], seen["env"], seen["memory"]) == (
        "6.12",
        "preempt=full",
        ["A"],
        "1G",
    )


@pytest.mark.parametrize(
    ("outcomes", "status"), [([0, 0], 0), ([0, 3], 3), ([1, 3], 1), ([0, None], 4), ([None, 3], 4)]
)
def test_status_of_several_kernels(
    outcomes: list[int | None], status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """None stands for a guest that failed. Each kernel has a results directory of its own."""
    rest = [0] * (len(KERNELS) - len(outcomes))
    left = dict(zip((kernel.name for kernel in KERNELS), [*outcomes, *rest], strict=True))

    def fake(kernel: str, _command: list[str], **options: object) -> GuestResult:
        assert options["results"] == tmp_path / kernel
        outcome = left[kernel]
        if outcome is None:
            raise GuestError("the guest did not come up", tmp_path, ["last line"])
        return fake_result(outcome, tmp_path)

    monkeypatch.setattr(tool, "run_guest", fake)
    assert tool.main(["-k", "all", "--results", str(tmp_path), "--", "true"]) == status


def test_missing_programs_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    for program, hint in (
        ("qemu-system-x86_64", "Debian package qemu-system-x86"),
        ("busybox", "Debian package busybox-static"),
        ("virtme-run", "pip install virtme-ng"),
    ):
        assert tool.main(["-k", "6.1", "--", "true"]) == 4
        err = capsys.readouterr().err
        assert f"{program} is not installed" in err
        assert hint in err
        (tmp_path / program).touch(mode=0o755)


@pytest.mark.skipif(shutil.which("apt-cache") is None, reason="apt-cache is not installed")
def test_list_has_a_line_for_every_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main(["--list"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [[kernel.name, kernel.meta_package] for kernel in KERNELS]
    for name, _, release, *_ in lines:
        assert release.startswith(f"{name}.") or release == "-"


PANICKED = "[1.0] fine\n[2.0] Kernel panic - not syncing: sysrq triggered crash\n[2.1] Call Trace:\n"


@pytest.mark.parametrize(
    ("end", "console", "message"),
    [
        (_End(None, 5.0, 0, 60, None), PANICKED, "panicked while the command ran: [2.0] Kernel panic"),
        (_End(None, None, 0, 60, None), PANICKED, "panicked before the guest came up"),
        (_End(None, 5.0, None, 60, None), "", "the command did not end within 60 s (--timeout)"),
        (_End(None, None, None, 240, None), "", "the guest did not come up within 240 s"),
        (_End(None, None, 1, 240, None), "", "QEMU ended with status 1 before the guest came up"),
        (_End(None, 5.0, None, 60, "no /x"), PANICKED, "could not run the command: no /x"),
    ],
)
def test_each_way_to_fail_has_its_own_words(end: _End, console: str, message: str) -> None:
    assert message in explain(end, console_tail(console))


def test_console_tail_starts_at_the_panic() -> None:
    noise = "".join(f"line {number}\n" for number in range(100))
    assert console_tail(noise) == [f"line {number}" for number in range(100 - guest.TAIL_LINES, 100)]
    assert console_tail(noise + PANICKED + noise)[0].endswith("sysrq triggered crash")
    assert len(console_tail(noise + PANICKED + noise)) == guest.TAIL_LINES
    assert console_tail("") == []


def test_results_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    (tmp_path / "vm").mkdir()
    for name in ("vm/status", "stdout", "console.log", "kept"):
        (tmp_path / name).write_text("0")
    assert prepare_results(tmp_path) == tmp_path
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["kept", "vm"]
