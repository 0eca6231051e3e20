from __future__ import annotations

from pathlib import Path

import pytest

from ringward.kmod.builtin import builtin_strings


def test_strings_of_one_module(tmp_path: Path) -> None:
    data = b"ab.license=no\0a.license=GPL\0a.parm=x:y\0a.author=\xff\0a_b.z=1\0a.late=x\0c.last=cut"
    (tmp_path / "modules.builtin.modinfo").write_bytes(data)
    assert builtin_strings(str(tmp_path), "a") == ["license=GPL", "parm=x:y", "author=\udcff"]
    assert builtin_strings(str(tmp_path), "a_b") == ["z=1"]
    assert builtin_strings(str(tmp_path), "b") == []
    assert builtin_strings(str(tmp_path), "c") == ["last=cut"]


def test_without_the_file(tmp_path: Path) -> None:
    assert builtin_strings(str(tmp_path), "a") == []
    (tmp_path / "modules.builtin.modinfo").mkdir()
    with pytest.raises(IsADirectoryError):
        builtin_strings(str(tmp_path), "a")
