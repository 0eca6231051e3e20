from __future__ import annotations

import json
from pathlib import Path

import pytest

from ringward.cli import lint
from ringward.kmod.lint import RULES
from tests.kmod.lab import VERSION, Lab
from tests.kmod.test_schema_modprobe import check


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    found = Lab(tmp_path / "lab")
    found.modules({"a": [], "b": ["a"]})
    found.configure("install a true", "softdep a pre: b", "nonsense \\x", "options no x=\udcff", "alias b a")
    (found.root / "etc").mkdir()
    found.conf.rename(found.root / "etc/modprobe.d")
    (found.root / "proc").mkdir()
    (found.root / "proc/cmdline").write_text("quiet\n")
    return found


@pytest.mark.parametrize("words", [[], ["-S", VERSION, "--cmdline", "modprobe.blacklist=a-b"], ["-S", "9.9"]])
def test_documents_of_lint(lab: Lab, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    lint.main(["--json", "--sysroot", str(lab.root), *words])
    document = json.loads(capsys.readouterr().out)
    assert len(document["findings"]) > 1
    assert bool(document["unseen"]) == (document["kernel"] is None) == ("9.9" in words)
    check(document)


def test_the_document_of_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint.main(["--rules", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    check(document)
    assert [each["rule"] for each in document["rules"]] == list(RULES)
