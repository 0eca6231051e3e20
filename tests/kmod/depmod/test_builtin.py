from __future__ import annotations

import os
from pathlib import Path

import pytest

from ringward.kmod.depmod.builtin import builtin_aliases, builtin_names
from ringward.kmod.depmod.module import Place


@pytest.fixture
def told() -> list[str]:
    return []


def names(folder: Path, text: str | None, told: list[str]) -> list[str] | None:
    if text is not None:
        (folder / "modules.builtin").write_text(text)
    return builtin_names(Place("TOP", str(folder)), lambda level, line: told.append(f"{level} {line}"))


def aliases(folder: Path, data: bytes | None, told: list[str]) -> list[tuple[str, str]] | None:
    if data is not None:
        (folder / "modules.builtin.modinfo").write_bytes(data)
    return builtin_aliases(Place("TOP", str(folder)), lambda level, line: told.append(f"{level} {line}"))


def test_names_are_those_of_the_files(tmp_path: Path, told: list[str]) -> None:
    assert names(tmp_path, "kernel/fs/a-b.ko\nkernel/c.ko.xz\nx\0/y\nkernel/d.ko", told) == ["a_b", "c", "x", "d"]
    assert names(tmp_path, "", told) == []
    assert told == []


def test_lines_without_a_name(tmp_path: Path, told: list[str]) -> None:
    assert names(tmp_path, "\nkernel/.ko\na.ko\n", told) == ["a"]
    assert told == ["ERROR Invalid modules.builtin line: \n", "ERROR Invalid modules.builtin line: kernel/.ko\n"]


def test_aliases(tmp_path: Path, told: list[str]) -> None:
    data = b"a.alias=x-y\0a.author=me\0b-c.alias=k=v\0a.alias=\0.alias=z\0nodot\0a.b.alias=no\0a.alias=cut off"
    assert aliases(tmp_path, data, told) == [("x-y", "a"), ("k=v", "b-c")]
    assert aliases(tmp_path, b"", told) == []
    assert told == []


def test_files_that_are_not_there(tmp_path: Path, told: list[str]) -> None:
    assert names(tmp_path, None, told) is None
    assert aliases(tmp_path, None, told) is None
    assert told == [
        "WARNING could not open modules.builtin at TOP: No such file or directory",
        "WARNING could not open modules.builtin.modinfo at TOP: No such file or directory",
    ]


def test_a_pipe_is_not_waited_for(tmp_path: Path, told: list[str]) -> None:
    os.mkfifo(tmp_path / "modules.builtin")
    assert names(tmp_path, None, told) is None
    assert told == ["WARNING could not open modules.builtin at TOP: not a regular file"]
