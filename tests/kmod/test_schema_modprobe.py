from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ringward.cli import plan as plan_cli
from tests.kmod.lab import VERSION, Loaded
from tests.kmod.plan_lab import PlanLab, module
from tests.kmod.test_schema import strict


@pytest.fixture
def lab(tmp_path: Path) -> PlanLab:
    found = PlanLab(tmp_path / "lab")
    found.modules({"base": [], "user": ["base"]}, aliases=[("bus:*", "user")], builtin=["own"], symbols=[("s", "base")])
    found.files(base=module("base", exports={"s": 7}), user=module("user", wants={"s": 7, "commit_creds": 0x22}))
    found.configure("install user true", "options base x=1", "blacklist user", "nonsense", "remove base true")
    return found


def check(document: Any) -> None:
    jsonschema.validate(document, strict())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "extra": 1}, strict())
    for member in document:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({key: value for key, value in document.items() if key != member}, strict())


@pytest.mark.parametrize(
    "words",
    [
        ["-D", "user"],
        ["-D", "-a", "bus:1", "own", "nothing-here", "user"],
        ["-n", "base"],
        ["-R", "bus:1"],
        ["-R", "a["],
        ["-rn", "base"],
        ["-r", "nothing-here"],
        ["-c"],
        ["--show-exports", "base"],
        ["--show-modversions", "user"],
        ["--show-exports", "nothing-here"],
    ],
)
def test_documents_of_modprobe(lab: PlanLab, words: list[str]) -> None:
    lab.load({"base": Loaded()})
    answer = lab.ringward("--json", *words)
    document = json.loads(answer.stdout)
    assert document["tool"].startswith("modprobe")
    check(document)


@pytest.mark.parametrize("names", [["user"], ["bus:1", "own", "nothing-here", "symbol:s"]])
def test_documents_of_plan(lab: PlanLab, names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    lab.kernel()
    words = ["--sysroot", str(lab.root), "-S", VERSION, "-C", "/conf", "--json"]
    status = plan_cli.main([*words, *names])
    document = json.loads(capsys.readouterr().out)
    assert (document["tool"], document["status"]) == ("plan", status)
    check(document)
