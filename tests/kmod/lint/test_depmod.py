from __future__ import annotations

from pathlib import Path

from ringward.kmod.depmod_config import load_depmod_config
from ringward.kmod.lint import depmod
from tests.kmod.lint.subjects import make_lab, told


def test_an_override_must_name_a_file(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    (lab.directory / "kernel/new.ko.xz").touch()
    path = tmp_path / "a.conf"
    path.write_text(
        "override fs-a * kernel\noverride new * kernel\noverride fs_a * kernel\noverride usb_storage ^1 kernel\n"
        "override net * extra\noverride net ^9 extra\n"
    )
    assert told(depmod.overrides(load_depmod_config([str(path)]), lab.tree())) == [
        ("depmod-override", 3, "override fs-a * kernel"),
        ("depmod-override", 4, "override usb-storage ^1 kernel"),
        ("depmod-override", 5, ""),
    ]


def test_expressions_that_cannot_be_matched_become_problems(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text("override a [ b\nexternal ( /x\nexternal 1 /y\n")
    config = load_depmod_config([str(path)])
    assert config.problems == []
    depmod.expressions(config, make_lab(tmp_path).tree())
    assert [(each.kind, each.line) for each in config.problems] == [("regex", 1), ("regex", 2)]
