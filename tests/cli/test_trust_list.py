from __future__ import annotations

import pytest

from tests.cli.trust_lab import TrustLab


@pytest.fixture
def filled(trusts: TrustLab) -> TrustLab:
    trusts.run("init")
    return trusts


@pytest.mark.parametrize(
    ("argv", "paths"),
    [
        ([], {"/usr/bin/true", "/usr/bin/tool", "/usr/bin/shell"}),
        (["--kind", "script"], {"/usr/bin/tool", "/usr/bin/shell"}),
        (["--package", "too*"], {"/usr/bin/true", "/usr/bin/tool"}),
        (["--path", "*/shell"], {"/usr/bin/shell"}),
        (["--source", "hand"], set()),
        (["--source", "dpkg", "--kind", "program"], {"/usr/bin/true"}),
        (["--pending"], {"/usr/local/bin/own"}),
        (["--pending", "--kind", "program"], set()),
    ],
)
def test_filters(filled: TrustLab, argv: list[str], paths: set[str]) -> None:
    status, document = filled.json("list", *argv)
    assert status == 0
    assert {one["path"] for one in (*document["trusted"], *document["pending"])} == paths
    text = filled.run("list", *argv).out
    assert all(path in text for path in paths)
    one = len(paths) == 1
    noun = (
        f"digest{'' if one else 's'} waiting for a decision" if "--pending" in argv else "entry" if one else "entries"
    )
    assert text.splitlines()[-1] == f"{len(paths)} {noun}"


def test_the_table(filled: TrustLab) -> None:
    lines = filled.run("list").out.splitlines()
    assert lines[0].split() == ["ID", "KIND", "SOURCE", "OF", "PATH"]
    assert [line.split()[-1] for line in lines[1:-1]] == ["/usr/bin/shell", "/usr/bin/tool", "/usr/bin/true"]
    assert lines[1].split()[1:5] == ["script", "dpkg", "shell", "2.0"]
    waiting = filled.run("list", "--pending").out.splitlines()
    assert waiting[0].split() == ["ID", "KIND", "SEEN", "WHY", "PATH"]
    assert waiting[1].endswith("it is of no package  /usr/local/bin/own")
