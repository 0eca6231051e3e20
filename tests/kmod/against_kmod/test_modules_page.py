"""The example of docs/modules.md is run on the kernel that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ringward.cli import blocked
from tests.kmod.conftest import KernelTree

PAGE = (Path(__file__).parents[3] / "docs/modules.md").read_text()
SECTION = PAGE.partition("## Can this module still get in?")[2].partition("\n## ")[0]
CONFIG = re.findall(r"^`local.conf` has one line, `(.+)`\.$", SECTION, re.MULTILINE)
COMMAND = re.findall(r"^    ringward blocked -d ROOT -S (\S+) -C local.conf (\S+)$", SECTION, re.MULTILINE)
ANSWER = re.search(r"^    ringward .*?\n\n(.*?)\n\n\|", SECTION, re.DOTALL | re.MULTILINE)


def words(text: str, *versions: str) -> str:
    """Return a text in one line, whatever its kernel's version is."""
    for version in versions:
        text = text.replace(version, "VERSION")
    return " ".join(text.split())


@pytest.mark.parametrize("kernel_tree", ["6.1"], indirect=True)
def test_it_prints_what_the_page_shows(
    kernel_tree: KernelTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ANSWER
    (line,) = CONFIG
    ((version, name),) = COMMAND
    assert kernel_tree.version.split(".")[:2] == version.split(".")[:2]
    (tmp_path / "local.conf").write_text(f"{line}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    argv = ["-d", kernel_tree.base, "-S", kernel_tree.version, "-C", "local.conf", "--output", "text", name]
    assert blocked.main(argv) == 1
    shown = words(capsys.readouterr().out, kernel_tree.version)
    assert shown.startswith(words(ANSWER[1], version) + " kernel VERSION, ")
