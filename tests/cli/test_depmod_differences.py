"""Where Ringward's depmod differs from the installed one on purpose (docs/modules.md); both are asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kmod.config_lab import needs_kmod_30
from tests.kmod.conftest import installed
from tests.kmod.depmod.tiny import Answer, TinyTree


@pytest.fixture
def tree(tmp_path: Path) -> TinyTree:
    made = TinyTree(tmp_path)
    for name in ("order", "builtin", "builtin.modinfo"):
        (made.directory / f"modules.{name}").touch()
    made.add("kernel/a.ko")
    return made


def theirs(tree: TinyTree, *options: str) -> Answer:
    program = installed("depmod")
    needs_kmod_30(program)
    before = tree.written()
    answer = tree.kmod(program, *options)
    for name in tree.written() - before:
        (tree.directory / name).unlink()
    return answer


def test_an_alias_that_no_index_can_hold_is_told(tree: TinyTree) -> None:
    tree.add("kernel/b.ko", modinfo=["alias=é"])
    assert theirs(tree) == Answer(0, b"", "")
    assert tree.ours() == Answer(0, b"", "depmod: WARNING: alias é is not ASCII: it is in no index\n")
    assert "alias é b\n" in (tree.directory / "modules.alias").read_text()


def test_an_expression_that_matches_nothing_is_told(tree: TinyTree) -> None:
    tree.configure("override a ( updates", "external (.)\\\\1 /x")
    assert theirs(tree) == Answer(0, b"", "")
    lines = tree.ours().stderr.splitlines()
    assert [line.rpartition("; ")[2] for line in lines] == ["it matches nothing"] * 2
    assert lines[1] == f"depmod: WARNING: {tree.conf}/a.conf:2: '(.)\\1' has a back-reference; it matches nothing"


def test_a_configuration_that_is_not_there_is_told(tree: TinyTree) -> None:
    tree.conf = Path("/none")
    assert theirs(tree) == Answer(0, b"", "")
    assert tree.ours() == Answer(0, b"", "depmod: WARNING: /none: there is no such file or directory\n")


def test_why_a_module_cannot_be_read(tree: TinyTree) -> None:
    file = tree.write("kernel/b.ko", b"junk")
    start = f"depmod: ERROR: failed to load symbols from {file}: "
    assert theirs(tree).stderr == f"{start}Invalid argument\n"
    assert tree.ours().stderr == f"{start}offset 0: too short for an ELF file\n"


def test_all_files_are_written_or_none(tree: TinyTree) -> None:
    (tree.directory / "modules.symbols").mkdir()
    before = tree.written()
    program = installed("depmod")
    needs_kmod_30(program)
    assert tree.kmod(program).status == 1
    left = tree.written() - before
    assert "modules.dep" in left
    assert any(name.startswith("modules.symbols.") for name in left)
    for name in left:
        (tree.directory / name).unlink()
    assert tree.ours().status == 1
    assert tree.written() == before


def test_weakdeps_are_written_as_kmod_34_does(tree: TinyTree) -> None:
    tree.add("kernel/b.ko", modinfo=["weakdep=a"])
    program = installed("depmod")
    needs_kmod_30(program)
    tree.kmod(program)
    assert "modules.weakdep" not in tree.written()
    tree.ours()
    assert (tree.directory / "modules.weakdep").read_text().endswith("\nweakdep b a\n")
