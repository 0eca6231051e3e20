"""What modprobe's JSON says; tests/kmod/test_schema_modprobe.py checks its shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ringward.cli import modprobe_remove
from tests.kmod.lab import Lab, Loaded
from tests.kmod.plan_lab import module


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    found = Lab(tmp_path / "lab")
    found.modules({"a": [], "b": ["a"]}, aliases=[("x:*", "b")], symbols=[("s", "a")])
    found.configure("options a o=1", "install b exit 1", "nonsense")
    return found


def asked(lab: Lab, *words: str) -> Any:
    answer = lab.ringward("--json", *words)
    document = json.loads(answer.stdout)
    assert document["v"] == 1
    if "status" in document:
        assert document["status"] == answer.status
    return document


def test_what_would_be_done(lab: Lab) -> None:
    found = asked(lab, "-D", "x:1")
    assert found["directory"] == str(lab.directory)
    assert [(each["action"], each["module"], each["result"]) for each in found["steps"]] == [
        ("insmod", "a", "planned"),
        ("install", "b", "planned"),
    ]
    assert found["steps"][0]["options"][0]["directive"]["line"] == 1
    assert found["asked"][0]["modules"][0]["pattern"] == "x:*"


def test_what_was_done(lab: Lab) -> None:
    lab.load({"a": Loaded()})
    found = asked(lab, "b")
    assert (found["status"], [(each["module"], each["result"]) for each in found["steps"]]) == (
        1,
        [("a", "loaded"), ("b", "failed")],
    )
    assert found["messages"] == [
        "Error running install command 'exit 1' for module b: retcode 1",
        "could not insert 'b': Invalid argument",
    ]


def test_names_that_mean_nothing(lab: Lab) -> None:
    found = asked(lab, "-R", "-a", "no", "a")
    assert [each["source"] for each in found["asked"]] == [None, "modules.dep"]
    assert (found["steps"], found["status"]) == ([], 1)
    assert found["messages"] == [f"Module no not found in directory {lab.directory}"]


def test_what_was_unloaded(lab: Lab) -> None:
    lab.load({"a": Loaded(["b"]), "b": Loaded()})
    with mock.patch.object(modprobe_remove, "remove"):
        found = asked(lab, "-r", "x:1")
    assert [(each["action"], each["module"], each["result"]) for each in found["steps"]] == [("rmmod", "b", "done")]
    assert asked(lab, "-r", "a")["messages"] == ["Module a is in use."]


def test_the_configuration(lab: Lab) -> None:
    found = asked(lab, "-c")
    assert [(each["kind"], each["line"]) for each in found["directives"] if each["line"]] == [
        ("options", 1),
        ("install", 2),
    ]
    assert found["aliases"] == [{"alias": "x:*", "module": "b"}, {"alias": "symbol:s", "module": "a"}]
    assert [(each["line"], each["kind"]) for each in found["problems"]] == [(3, "bad line")]


def test_symbols(lab: Lab) -> None:
    path = lab.directory / "kernel/a.ko"
    path.write_bytes(module("a", exports={"s": 7}))
    assert asked(lab, "--show-exports", "a") == {
        "v": 1,
        "tool": "modprobe-symbols",
        "files": [{"path": str(path), "symbols": [{"symbol": "s", "crc": 7}]}],
        "what": "exports",
        "messages": [],
    }


@pytest.mark.parametrize("words", [["c"], ["-r", "c"]])
def test_what_a_command_prints_is_no_part_of_the_document(
    lab: Lab, words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    lab.configure("install c echo said", "remove c echo said")
    (step,) = asked(lab, *words)["steps"]
    assert step["result"] == "done"
    assert capfd.readouterr() == ("", "said\n")
