"""Small cases; tests/kmod/against_kmod/test_depmod.py compares with the installed kmod."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringward.kmod.depmod.module import Module
from ringward.kmod.depmod.policy import Override, Policy
from ringward.kmod.depmod_config import load_depmod_config


def module(path: str) -> Module:
    """Return a module of the directory /m, or of another one when the path is absolute."""
    return Module("a", path) if path.startswith("/") else Module("a", f"/m/{path}", path)


def winner(policy: Policy, first: str, second: str) -> tuple[str, str]:
    """Return which of two files is taken when the first one was found first, and why."""
    takes, why = policy.prefers(module(second), module(first))
    return (second if takes else first), why


@pytest.mark.parametrize(
    ("search", "first", "second", "answer"),
    [
        ([], "kernel/a.ko", "updates/a.ko", "updates/a.ko"),
        ([], "updates/a.ko", "kernel/a.ko", "updates/a.ko"),
        ([], "extra/a.ko", "kernel/a.ko", "extra/a.ko"),
        (["extra", "updates", "built-in"], "updates/a.ko", "extra/a.ko", "extra/a.ko"),
        (["built-in", "extra"], "extra/a.ko", "kernel/a.ko", "kernel/a.ko"),
        (["extra"], "kernel/a.ko", "updates/a.ko", "kernel/a.ko"),
        (["extra"], "extra/a.ko", "extra/s/a.ko", "extra/s/a.ko"),
        (["extr"], "kernel/a.ko", "extra/a.ko", "kernel/a.ko"),
        (["external"], "kernel/a.ko", "/else/a.ko", "/else/a.ko"),
        (["built-in"], "kernel/a.ko", "/else/a.ko", "kernel/a.ko"),
        (["external"], "/else/a.ko", "/more/a.ko", "/else/a.ko"),
        (["external"], "/more/a.ko", "/else/a.ko", "/else/a.ko"),
    ],
)
def test_search(search: list[str], first: str, second: str, answer: str) -> None:
    policy = Policy(searches=[(name, "x.conf:1") for name in search], externals=["/else", "/more"])
    assert winner(policy, first, second)[0] == answer


def test_an_override_names_the_files_stem_and_the_last_one_counts_first() -> None:
    lines = [Override("a-b", "extra", "x:1"), Override("a_b", "kernel", "x:2"), Override("a-b", "kernel", "x:3")]
    policy = Policy(lines)
    assert winner(policy, "updates/a-b.ko", "extra/a-b.ko.xz") == ("extra/a-b.ko.xz", "override x:1")
    assert winner(policy, "updates/a_b.ko", "kernel/a_b.ko") == ("kernel/a_b.ko", "override x:2")
    assert winner(policy, "extra/a-b.ko", "kernel/a-b.ko") == ("kernel/a-b.ko", "override x:3")
    assert winner(policy, "kernel/a-b.ko", "extra/a-b.ko") == ("kernel/a-b.ko", "override x:3")
    assert winner(policy, "updates/a-b.ko", "extra/a-bc.ko")[0] == "updates/a-b.ko"


def test_the_reason_names_the_line() -> None:
    policy = Policy(searches=[("extra", "/etc/depmod.d/x.conf:3"), ("updates", "")])
    assert winner(policy, "updates/a.ko", "extra/a.ko")[1] == "search extra (/etc/depmod.d/x.conf:3)"
    assert winner(policy, "kernel/a.ko", "updates/a.ko")[1] == "search updates"
    assert winner(policy, "kernel/a.ko", "more/a.ko")[1] == "both are of one rank; this one was found first"


def test_from_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "x.conf").write_text(
        "search extra built-in\nsearch updates\noverride a 6.1 extra\noverride b ^7 extra\noverride c [ extra\n"
        "external * /else\nexternal 9 /never\nexclude one two\n"
    )
    config = load_depmod_config([str(tmp_path)])
    policy = Policy.of(config, "6.1.0")
    assert [override.stem for override in policy.overrides] == ["extra/a"]
    assert [name for name, _ in policy.searches] == ["extra", "built-in", "updates"]
    assert policy.searches[2][1] == f"{tmp_path}/x.conf:2"
    assert policy.externals == ["/else"]
    assert policy.excludes == {"one", "two"}
    assert [problem.kind for problem in config.problems] == ["regex"]
