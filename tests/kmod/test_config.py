from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ringward.kmod.config import DIRECTORIES, MOST_PROBLEMS, Config, load_config, show_config
from ringward.kmod.directive import CMDLINE


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))


def test_directives_are_in_the_order_of_files_and_the_command_line_comes_last(tmp_path: Path) -> None:
    write(tmp_path / "b.conf", "options x b=1\nblacklist b\n")
    write(tmp_path / "a.conf", "install x /bin/true\noptions x a=1\n")
    config = load_config([str(tmp_path)], cmdline="x.c=1 modprobe.blacklist=c-d")
    assert [(each.kind, each.key, each.value, each.place) for each in config.directives] == [
        ("install", "x", "/bin/true", f"{tmp_path}/a.conf:1"),
        ("options", "x", "a=1", f"{tmp_path}/a.conf:2"),
        ("options", "x", "b=1", f"{tmp_path}/b.conf:1"),
        ("blacklist", "b", "", f"{tmp_path}/b.conf:2"),
        ("options", "x", "c=1", CMDLINE),
        ("blacklist", "c-d", "", CMDLINE),
    ]
    assert config.options + config.blacklist + config.install == sorted(
        config.directives, key=lambda each: ("options", "blacklist", "install").index(each.kind)
    )
    assert config.cmdline == "x.c=1 modprobe.blacklist=c-d"


def test_every_kind_has_its_list(tmp_path: Path) -> None:
    lines = "alias a b|blacklist a|options a b|install a b|remove a b|softdep a pre: b|weakdep a b"
    write(tmp_path / "a.conf", lines.replace("|", "\n"))
    config = load_config([str(tmp_path)], cmdline="")
    lists = [
        config.aliases,
        config.blacklist,
        config.options,
        config.install,
        config.remove,
        config.softdeps,
        config.weakdeps,
    ]
    assert [each for each in lists if len(each) == 1] == lists
    assert [each[0] for each in lists] == config.directives


def test_default_directories_are_below_the_root_and_told_without_it(tmp_path: Path) -> None:
    for number, directory in enumerate(DIRECTORIES):
        write(tmp_path / f"{directory[1:]}/{number}.conf", f"blacklist m{number}\n")
        write(tmp_path / f"{directory[1:]}/same.conf", f"blacklist same{number}\nbogus\n")
    write(tmp_path / "proc/cmdline", "modprobe.blacklist=cmdline\n")
    config = load_config(root=str(tmp_path))
    assert [each.key for each in config.blacklist] == ["m0", "m1", "m2", "m3", "m4", "same0", "cmdline"]
    assert [each.place for each in config.problems] == ["/etc/modprobe.d/same.conf:2"]
    assert [file.path for file in config.files if not file.used] == [f"{path}/same.conf" for path in DIRECTORIES[1:]]
    assert {file.shadowed_by for file in config.files if not file.used} == {"/etc/modprobe.d/same.conf"}


def test_named_paths_are_below_the_root_too(tmp_path: Path) -> None:
    write(tmp_path / "x/y.txt", "blacklist a")
    config = load_config(["/x/y.txt"], root=str(tmp_path), cmdline="")
    assert [each.place for each in config.blacklist] == ["/x/y.txt:1"]


def test_an_unknown_command_line_is_a_problem(tmp_path: Path) -> None:
    config = load_config([], root=str(tmp_path))
    assert [(each.kind, each.path) for each in config.problems] == [("unreadable", CMDLINE)]


def test_this_systems_command_line_is_read() -> None:
    assert load_config([]).cmdline == Path(CMDLINE).read_text()


def test_the_modules_own_softdeps_have_their_place_in_the_order(tmp_path: Path) -> None:
    write(tmp_path / "lib/modules/1/modules.softdep", "softdep a pre: own\n")
    write(tmp_path / "lib/modules/1/modules.weakdep", "weakdep a own\n")
    write(tmp_path / "etc/modprobe.d/a.conf", "softdep a pre: before\n")
    write(tmp_path / "etc/modprobe.d/z.conf", "softdep a pre: after\n")
    config = load_config(root=str(tmp_path), cmdline="", module_dir=f"{tmp_path}/lib/modules/1")
    assert [each.pre for each in config.softdeps] == [("before",), ("own",), ("after",)]
    assert config.softdeps[1].place == "/lib/modules/1/modules.softdep:1"
    assert [each.post for each in config.weakdeps] == [("own",)]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("softdep a-b pre: c-d e post: f", "softdep a_b pre: c-d epost: f"),
        ("softdep a post: p pre: x post: q", "softdep a pre: xpost: p x q"),
        ("softdep a x", "softdep a "),
        ("weakdep a b\tc-d", "weakdep a b c-d"),
        ("options a-b  x=1\t", "options a_b  x=1 "),
        ("install a  b\tc", "install a  b\tc"),
        ("alias a-b c-d", "alias a_b c_d"),
        ("blacklist a-b", "blacklist a_b"),
        ("remove a b", "remove a b"),
    ],
)
def test_show_config(line: str, shown: str) -> None:
    config = Config()
    config.add_text(line, "/a.conf")
    assert list(show_config(config)) == [shown]


def test_problems_of_one_file_are_bounded() -> None:
    config = Config()
    config.add_text("x\n" * (MOST_PROBLEMS + 5), "/a.conf")
    assert len(config.problems) == MOST_PROBLEMS + 1
    assert config.problems[-1].why == "5 more problems in this file are not told"


def test_any_bytes_can_be_loaded_and_shown(tmp_path: Path) -> None:
    chance = random.Random(11)
    end = time.monotonic() + 2
    tried = 0
    while time.monotonic() < end:
        data = bytearray(b"alias a-b c\\\n d\noptions e f=\xff\nsoftdep g pre: h\nblacklist [i]\n" * 3)
        for _ in range(10):
            data[chance.randrange(len(data))] = chance.randrange(256)
        (tmp_path / "a.conf").write_bytes(data)
        config = load_config([str(tmp_path)], cmdline=data.decode("utf-8", "surrogateescape"))
        assert len(list(show_config(config))) == len(config.directives)
        tried += 1
    assert tried > 20


def test_loading_imports_nothing_slow() -> None:
    code = (
        "import sys; before = set(sys.modules); import ringward.kmod.config, ringward.kmod.fnmatch;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name for name in done.stdout.split() if not name.startswith("ringward")} <= {"__future__", "errno"}
