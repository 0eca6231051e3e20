from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree as ET

import pytest

from ringward.cli import dispatch, graph
from ringward.cli.errors import BAD_ANSWER, CANNOT_RUN, INCOMPLETE, USAGE
from ringward.kmod.errors import KmodError
from tests.kmod.graph_lab import crowd, make_lab
from tests.kmod.lab import VERSION, Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path / "lab")


def words(lab: Lab, *more: str) -> list[str]:
    return ["--sysroot", str(lab.root), "-S", VERSION, "-C", "/conf", *more]


def loaded(lab: Lab, text: str) -> None:
    (lab.root / "proc").mkdir()
    (lab.root / "proc/modules").write_text(text)


def test_text(lab: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    loaded(lab, "top 4096 0 - Live 0x0\n")
    assert graph.main(words(lab, "asked", "--output", "text")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "asked  not loaded  kernel/asked.ko  install line that is not run: never (/conf/a.conf:7)"
    assert "  ├─ top                     loaded          blacklisted (/conf/a.conf:9)" in lines


def test_json_elsewhere_than_on_a_terminal(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert graph.main(words(lab, "asked")) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["tool"], document["kernel"], document["running"]) == ("graph", VERSION, False)
    assert document["directory"] == f"/lib/modules/{VERSION}"
    assert document["why_no_state"] == "which are loaded is not known: /proc/modules: No such file or directory"


def test_text_on_a_terminal(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), write_through=True)
    monkeypatch.setattr(out, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdout", out)
    assert graph.main(words(lab, "asked")) == 0
    assert out.buffer.getvalue().startswith(b"asked  kernel/asked.ko")  # type: ignore[attr-defined]


def test_pictures(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert graph.main(words(lab, "asked", "--output", "svg")) == 0
    text = capsys.readouterr().out
    assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert "asked → soft_x: softdep pre, as bus:7 (/conf/a.conf:1)" in text
    assert graph.main(words(lab, "asked", "--output", "dot")) == 0
    assert capsys.readouterr().out.startswith('digraph "asked" {\n')


@pytest.mark.parametrize(("output", "marker"), [("svg", "… and 36 more"), ("dot", "… and 36 more"), ("text", "--all)")])
def test_all_of_it_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str, marker: str) -> None:
    lab = crowd(tmp_path, 50)
    assert graph.main(words(lab, "asked", "--output", output)) == 0
    assert marker in capsys.readouterr().out
    assert graph.main(words(lab, "asked", "--output", output, "--all")) == 0
    text = capsys.readouterr().out
    assert marker not in text
    assert all(f"one_{number:03}" in text for number in range(50))
    assert graph.main(words(lab, "asked", "--json")) == 0
    assert len(json.loads(capsys.readouterr().out)["modules"]) == 101


@pytest.mark.parametrize("output", ["text", "svg", "dot"])
def test_a_name_without_meaning(lab: Lab, capsys: pytest.CaptureFixture[str], output: str) -> None:
    assert graph.main(words(lab, "askd", "--output", output)) == BAD_ANSWER
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (f"ringward graph: nothing is named 'askd' in /lib/modules/{VERSION}; did you mean asked?\n")
    assert graph.main(words(lab, "zzzzzz\x1b", "--output", output)) == BAD_ANSWER
    assert "'zzzzzz\\x1b'" in capsys.readouterr().err
    assert graph.main(words(lab, "a]", "--output", output)) == BAD_ANSWER
    assert "']' without '['" in capsys.readouterr().err


def test_a_name_without_meaning_in_json(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert graph.main(words(lab, "askd", "--json")) == BAD_ANSWER
    document = json.loads(capsys.readouterr().out)
    assert (document["modules"], document["links"], document["asked"]["source"]) == ([], [], None)


def test_all_softdeps(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert graph.main(words(lab, "asked", "--json")) == 0
    before = len(json.loads(capsys.readouterr().out)["links"])
    assert graph.main(words(lab, "asked", "--json", "--all-softdeps")) == 0
    assert len(json.loads(capsys.readouterr().out)["links"]) > before


def asked(sysroot: str = "") -> argparse.Namespace:
    return argparse.Namespace(sysroot=sysroot)


def test_what_is_loaded(lab: Lab, tmp_path: Path) -> None:
    assert graph.states(asked(), running=False) == (None, "modules of another kernel than the running one", False)
    why = "which are loaded is not known: /proc/modules: No such file or directory"
    assert graph.states(asked(str(tmp_path)), running=False) == (None, why, False)
    loaded(lab, "mid 4096 0 - Loading 0x0\n")
    assert graph.states(asked(str(lab.root)), running=False) == ({"mid": "coming"}, "", False)
    with mock.patch.object(graph, "Live") as live:
        live.return_value.modules.side_effect = FileNotFoundError(2, "No such file or directory")
        assert graph.states(asked(), running=True) == (None, why, True)
        live.return_value.modules.side_effect = KmodError("/proc/modules", "cut")
        assert graph.states(asked(), running=True) == (None, "which are loaded is not known: /proc/modules: cut", True)


def test_what_could_not_be_looked_at_is_a_status(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    loaded(lab, "cut off\n")
    assert graph.main(words(lab, "asked", "--json")) == INCOMPLETE
    assert "line 1" in json.loads(capsys.readouterr().out)["why_no_state"]


def test_faults(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    (lab.directory / "modules.dep.bin").write_bytes(b"damaged" * 9)
    assert dispatch.run("graph", words(lab, "asked")) == CANNOT_RUN
    told = capsys.readouterr().err
    assert "modules.dep.bin: offset 0: not an index" in told
    assert told.endswith("; other modules: --set-version, --sysroot\n")
    assert dispatch.run("graph", []) == USAGE
    assert dispatch.run("graph", ["--output", "png", "x"]) == USAGE
    assert capsys.readouterr().err.count("see: ringward graph --help") == 2
