"""Where Ringward's modprobe differs from the installed one on purpose (docs/modules.md); both are asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringward.kmod.config_files import LIMIT
from ringward.kmod.config_parser import LONGEST
from tests.kmod.config_lab import needs_kmod_30
from tests.kmod.conftest import installed, kmod_34
from tests.kmod.lab import Answer, Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    found = Lab(tmp_path / "lab")
    found.modules({"need": [], "d": ["need"]})
    return found


def theirs(lab: Lab, *words: str) -> Answer:
    program = installed("modprobe")
    needs_kmod_30(program)
    return lab.kmod(program, *words)


def test_a_path_is_taken_as_kmod_34_does(lab: Lab) -> None:
    path = f"{lab.directory}/kernel/d.ko"
    missing = f"modprobe: FATAL: Module {path} not found in directory {lab.directory}\n"
    assert theirs(lab, "-D", path) == Answer(1, "", missing)
    assert lab.ringward("-D", path) == lab.kmod(kmod_34("modprobe"), "-D", path)
    assert lab.ringward("-D", path).stdout == f"insmod {lab.directory}/kernel/need.ko \ninsmod {path} \n"
    why = "Failed to get module from path /no/such.ko: No such file or directory"
    assert lab.ringward("-D", "/no/such.ko") == Answer(1, "", f"modprobe: FATAL: {why}\n")


def test_a_damaged_index_ends_the_call(lab: Lab) -> None:
    lab.modules({"d": []}, builtin=["d"])
    (lab.directory / "modules.dep.bin").write_bytes(b"damaged" * 9)
    assert theirs(lab, "-D", "d").stdout == "builtin d\n"
    ours = lab.ringward("-D", "d")
    assert (ours.status, ours.stdout) == (1, "")
    assert ours.stderr.startswith(f"modprobe: FATAL: {lab.directory}/modules.dep.bin: offset 0: not an index")


def test_a_line_that_is_too_long_is_told_and_not_used(lab: Lab) -> None:
    lab.configure("options d a=" + "x" * LONGEST, "options d b=2")
    assert theirs(lab, "-D", "d").stdout.endswith("x b=2 \n")
    ours = lab.ringward("-D", "d")
    assert ours.stdout.endswith("/d.ko b=2 \n")
    conf = f"{lab.conf}/a.conf"
    assert (
        ours.stderr == f"libkmod: ERROR: kmod_config_parse: {conf} line 1: ignoring bad line starting with 'options'\n"
    )


def test_a_file_that_is_too_large_is_told_and_not_used(lab: Lab) -> None:
    (lab.conf / "a.conf").write_text("#\n" * (LIMIT // 2) + "options d a=1\n")
    lab.configure("options d b=2", file="b.conf")
    assert theirs(lab, "-D", "d").stdout.endswith("/d.ko a=1 b=2 \n")
    ours = lab.ringward("-D", "d")
    assert ours.stdout.endswith("/d.ko b=2 \n")
    why = f"cannot be read: larger than {LIMIT} bytes; it is not used"
    assert ours.stderr == f"libkmod: ERROR: kmod_config_parse: {lab.conf}/a.conf: {why}\n"


def test_a_dry_run_prints_nothing_unless_verbose(lab: Lab) -> None:
    for words in (["-n", "d"], ["-n", "-a", "d", "need"]):
        assert theirs(lab, *words) == lab.ringward(*words) == Answer(0, "", "")


def test_weakdeps_are_printed_as_kmod_34_does(lab: Lab) -> None:
    lab.configure("weakdep d need")
    assert "weakdep" not in theirs(lab, "-c").stdout
    assert "weakdep d need\n" in lab.ringward("-c").stdout
    assert lab.ringward("-c") == lab.kmod(kmod_34("modprobe"), "-c")
    assert theirs(lab, "-c").stderr.endswith("a.conf line 1: ignoring bad line starting with 'weakdep'\n")


def test_files_named_alias_are_left_out_as_by_kmod_34(lab: Lab) -> None:
    lab.configure("alias other d", file="a.alias")
    listed = f"insmod {lab.directory}/kernel/need.ko \ninsmod {lab.directory}/kernel/d.ko \n"
    assert theirs(lab, "-D", "other") == Answer(0, listed, "")
    assert lab.ringward("-D", "other") == lab.kmod(kmod_34("modprobe"), "-D", "other")
    assert lab.ringward("-D", "other").status == 1
    assert [(Path(each.path).name, each.why) for each in lab.config().files] == [("a.alias", "not .conf")]
