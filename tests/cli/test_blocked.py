from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from ringward.cli import blocked, dispatch
from ringward.cli.errors import BAD_ANSWER, CANNOT_RUN, INCOMPLETE, USAGE
from ringward.kmod.blocked import WORDS, Answer
from tests.kmod.blocked.lab import BlockedLab
from tests.kmod.lab import VERSION


@pytest.fixture
def lab(tmp_path: Path) -> BlockedLab:
    found = BlockedLab(tmp_path / "lab")
    (found.root / "etc").mkdir()
    found.conf.rename(found.root / "etc/modprobe.d")
    found.conf = found.root / "etc/modprobe.d"
    found.kernel()
    return found


def run(lab: BlockedLab, *words: str) -> int:
    return dispatch.run("blocked", ["--sysroot", str(lab.root), "-S", VERSION, *words])


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_pipe_gets_json(lab: BlockedLab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.configure("blacklist b")
    assert run(lab, "b", "d") == BAD_ANSWER
    found = printed(capsys)
    assert (found["tool"], found["kernel"], found["running"], found["status"]) == ("blocked", VERSION, False, 1)
    assert [(each["module"], each["word"]) for each in found["answers"]] == [("b", "open"), ("d", "open")]
    assert found["answers"][0]["without_effect"][0]["path"] == "/etc/modprobe.d/a.conf"
    assert found["answers"][0]["to_close"][0]["where"] == "/etc/modprobe.d/block-b.conf"


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_text(lab: BlockedLab, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal(io.BytesIO(), write_through=True)
    monkeypatch.setattr(sys, "stdout", shown)
    lab.configure("install b /bin/false")
    assert run(lab, "b") == 0
    text = shown.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert text.startswith("blocked: b: no name, alias or dependency gets it in; root still can: modprobe -i")


@pytest.mark.parametrize("output", [["--output", "text"], ["--json"]])
def test_the_form_can_be_chosen(lab: BlockedLab, output: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(lab, *output, "d")
    assert capsys.readouterr().out.startswith("{" if "--json" in output else "open: d: ")


def test_statuses(lab: BlockedLab) -> None:
    lab.configure("install b /bin/false", "install d /bin/false", "install a my-program")
    assert run(lab, "b", "d", "nothing-here") == 0
    assert run(lab, "b", "a") == INCOMPLETE
    assert run(lab, "a", "e-x") == BAD_ANSWER
    assert run(lab, "own") == BAD_ANSWER
    (lab.directory / "modules.dep.bin").write_bytes(b"damaged")
    assert run(lab, "b") == CANNOT_RUN


def test_status_of_each_word() -> None:
    statuses = {word: blocked.status_of([Answer("x", "x", word, "")]) for word in WORDS}
    assert statuses == {"open": 1, "blocked": 0, "built-in": 1, "loaded": 1, "absent": 0, "unknown": 3}


def test_without_modules_it_cannot_be_told(lab: BlockedLab, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch.run("blocked", ["--sysroot", str(lab.root), "-S", "9.9", "d"]) == CANNOT_RUN
    assert "there is no modules.dep.bin in /lib/modules/9.9" in capsys.readouterr().err


def test_another_configuration(lab: BlockedLab, capsys: pytest.CaptureFixture[str]) -> None:
    other = lab.root / "other"
    other.mkdir()
    (other / "x.conf").write_text("install d /bin/false\n")
    assert run(lab, "-C", "/other", "d") == 0
    assert run(lab, "-C", "/other/x.conf", "d") == 0
    assert run(lab, "d") == BAD_ANSWER
    capsys.readouterr()
    (other / "x.conf").write_text("")
    run(lab, "-C", "/other", "d")
    assert printed(capsys)["answers"][0]["to_close"][0]["where"] == "/other/block-d.conf"


def test_the_files_that_are_not_used_are_read(lab: BlockedLab, capsys: pytest.CaptureFixture[str]) -> None:
    (lab.conf / "no").write_text("blacklist d\n")
    (lab.conf / "gone").symlink_to("/nowhere")
    run(lab, "d")
    assert [each["path"] for each in printed(capsys)["answers"][0]["without_effect"]] == ["/etc/modprobe.d/no"]


def test_a_base_is_another_kernel(lab: BlockedLab, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["-d", str(lab.root), "-S", VERSION, "-C", str(lab.conf)]
    assert dispatch.run("blocked", [*words, "d"]) == BAD_ANSWER
    found = printed(capsys)
    assert found["running"] is False
    assert any("is not the one that runs" in each for each in found["assumed"])
    lab.configure("install d /bin/false")
    assert dispatch.run("blocked", [*words, "d"]) == 0


def test_usage(lab: BlockedLab, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lab) == USAGE
    assert run(lab, "--confg", "x", "d") == USAGE
    assert "did you mean --config" in capsys.readouterr().err


def test_nothing_is_loaded_or_written(lab: BlockedLab) -> None:
    def state() -> list[tuple[str, int]]:
        return sorted((str(path), path.stat().st_mtime_ns) for path in lab.root.rglob("*"))

    before = state()
    run(lab, "a", "b", "c", "d", "own")
    assert state() == before
    assert os.environ.get("MODPROBE_OPTIONS") is None
