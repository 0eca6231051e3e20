# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from pathlib import Path

from vmtest.modules import content_key, source_files


def test_every_module_of_the_kbuild_file_has_a_source() -> None:
    files = {path.name: path.read_text() for path in source_files()}
    objects = re.findall(r"(\w+)\.o\b", files["Kbuild"])
    assert sorted(objects) == ["rw_fail", "rw_hang", "rw_param", "rw_syscall"]
    assert sorted(files) == sorted(["Kbuild", *(f"{name}.c" for name in objects)])


def test_sources_are_gpl() -> None:
    for path in source_files():
        text = path.read_text()
        assert "SPDX-License-Identifier: GPL-2.0" in text.splitlines()[0]
        assert path.name == "Kbuild" or 'MODULE_LICENSE("GPL")' in text


def test_key_depends_on_names_contents_and_other_inputs(tmp_path: Path) -> None:
    a, b = tmp_path / "a.c", tmp_path / "b.c"
    a.write_text("xy")
    b.write_text("z")
    key = content_key([a, b], "6.1", "gcc")
    assert re.fullmatch("[0-9a-f]{16}", key)
    assert content_key([a, b], "6.1", "gcc") == key
    others = [
        content_key([a, b], "6.2", "gcc"),
        content_key([a, b], "6.1g", "cc"),
        content_key([a], "6.1", "gcc"),
    ]
    b.write_text("zz")
    others.append(content_key([a, b], "6.1", "gcc"))
    a.write_text("x")
    b.write_text("yz")
    others.append(content_key([a, b], "6.1", "gcc"))
    assert key not in others
    assert len(set(others)) == len(others)
