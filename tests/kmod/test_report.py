from __future__ import annotations

from pathlib import Path

import pytest

from ringward.kmod import report
from tests.kmod.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    found = Lab(tmp_path / "lab")
    found.modules({"a": [], "b": ["a"]})
    found.configure("alias to b", "options b x=1", "install a run", "blacklist c")
    return found


def test_a_directive(lab: Lab) -> None:
    line = lab.resolver().blacklisted("c")
    assert report.directive(line) == {
        "kind": "blacklist",
        "key": "c",
        "value": "",
        "path": f"{lab.conf}/a.conf",
        "line": 4,
        "text": "blacklist c",
    }
    assert report.directive(None) is None


def test_steps(lab: Lab) -> None:
    first, second = (report.step(each, "done") for each in lab.resolver().probe("to", ["y=2"]))
    assert (first["action"], first["module"], first["result"]) == ("install", "a", "done")
    assert first["command"] == {
        "kind": "install",
        "key": "a",
        "value": "run",
        "path": f"{lab.conf}/a.conf",
        "line": 3,
        "text": "install a run",
    }
    assert (second["action"], second["parameters"]) == ("insmod", "x=1 y=2")
    options = second["options"]
    assert isinstance(options, list)
    assert [(each["text"], each["directive"] is None) for each in options] == [("x=1", False), ("y=2", True)]
    cause = second["cause"]
    assert isinstance(cause, dict)
    assert (cause["kind"], cause["of"], cause["word"], cause["directive"]["line"]) == ("named", "to", "to", 1)
    assert (second["why"], second["directive"], second["required"]) == (None, None, True)


def test_answers(lab: Lab) -> None:
    names = lab.resolver()
    known = report.answer(names.lookup("to"))
    assert (known["asked"], known["source"], known["why"]) == ("to", "alias", None)
    assert isinstance(known["modules"], list)
    assert [each["module"] for each in known["modules"]] == ["b"]
    unknown = report.answer(names.lookup("a["))
    assert (unknown["source"], unknown["modules"]) == (None, [])
    assert unknown["why"]
