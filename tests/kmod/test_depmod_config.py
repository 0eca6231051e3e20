from __future__ import annotations

import random
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringward.kmod.depmod_config import DIRECTORIES, DepmodDirective, load_depmod_config, parse
from ringward.kmod.directive import Problem
from tests.kmod.conftest import installed


def test_directives() -> None:
    text = "search a b\tbuilt-in\noverride x-y * extra\nexternal 6.1 /x\nexclude p q\nsearch \\\n c external\nsearch\n"
    found = list(parse(text, "/a.conf"))
    assert [
        (each.kind, each.directories, each.version, each.module, each.place)
        for each in found
        if isinstance(each, DepmodDirective)
    ] == [
        ("search", ("a", "b", "built-in"), "*", "", "/a.conf:1"),
        ("override", ("extra",), "*", "x-y", "/a.conf:2"),
        ("external", ("/x",), "6.1", "", "/a.conf:3"),
        ("exclude", ("p", "q"), "*", "", "/a.conf:4"),
        ("search", ("c", "external"), "*", "", "/a.conf:5"),
        ("search", (), "*", "", "/a.conf:7"),
    ]
    assert len(found) == 6


@pytest.mark.parametrize(
    ("line", "kind", "why"),
    [
        ("override a *", "bad line", "'override' has too few words"),
        ("external *", "bad line", "'external' has too few words"),
        ("Search a", "bad line", "there is no directive 'Search'"),
        ("include x", "include", "'include' is not supported"),
        ("make_map_files no", "include", "'make_map_files' is not supported"),
    ],
)
def test_problems(line: str, kind: str, why: str) -> None:
    (found,) = parse(f"# c\n\n{line}\n", "/a.conf")
    assert isinstance(found, Problem)
    assert (found.kind, found.place) == (kind, "/a.conf:3")
    assert found.why.startswith(why)


def test_what_depmod_does_not_look_at() -> None:
    found = list(parse("override a * b c\nexternal * /x /y /z\nexternal 4\\.4 /x\n", "/a.conf"))
    assert [each.why for each in found if isinstance(each, Problem)] == [
        "'override' does not look at 'c'",
        "'external' does not look at '/y /z'",
        "a backslash is dropped (\\.); write it twice to keep it",
    ]
    assert [each.version for each in found if isinstance(each, DepmodDirective)] == ["*", "*", "4.4"]


def test_only_directives_for_the_kernel_count(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text("external 6.1 /a\nexternal ^5 /b\nexternal * /c\nexternal [ /d\noverride m ^6 e\n")
    config = load_depmod_config([str(path)])
    assert [each.directories for each in config.of("external", "6.1.0")] == [("/a",), ("/c",)]
    assert [each.directories for each in config.of("external", "5.6.1")] == [("/a",), ("/b",), ("/c",)]
    assert [each.module for each in config.of("override", "5.6.1")] == []
    assert [(each.kind, each.line) for each in config.problems] == [("regex", 4)]


def test_default_directories_and_files(tmp_path: Path) -> None:
    for number, directory in enumerate(DIRECTORIES):
        folder = tmp_path / directory[1:]
        folder.mkdir(parents=True)
        (folder / f"{9 - number}.conf").write_text(f"search d{number}\n")
        (folder / "same.conf").write_text(f"search same{number}\n")
    config = load_depmod_config(root=str(tmp_path))
    assert [each.directories for each in config.directives] == [("d4",), ("d3",), ("d2",), ("d1",), ("d0",), ("same0",)]
    assert config.directives[-1].path == "/etc/depmod.d/same.conf"
    assert sum(file.why == "shadowed" for file in config.files) == 4


def test_mutated_files_never_fail() -> None:
    chance = random.Random(9)
    end = time.monotonic() + 2
    tried = 0
    while time.monotonic() < end:
        data = bytearray(b"search a b \\\n c\noverride d * e\nexternal 4\\\\.4 /f\nexclude g\n# h\ninclude i\n")
        for _ in range(chance.randrange(1, 15)):
            data[chance.randrange(len(data))] = chance.choice((10, 92, 0, 32, 9, chance.randrange(256)))
        text = data.decode("utf-8", "surrogateescape")
        for each in parse(text, "/fuzz"):
            assert 1 <= each.line <= text.count("\n") + 1
        tried += 1
    assert tried > 100


VERSION = "1.2.3"
WORDS = ("*", "1", "^1", "2$", "9", "[", "x", "**", "1\\\\.2", "1\\.", "(1|9)", "1{1", "\t", "a", "\\\n", "#")
NAMES = ("a.conf", "B.conf", "z.conf", "x.txt", ".h.conf")
external = st.builds(
    "{}{}{} /K{}\n".format,
    st.sampled_from(("external", " external", "External")),
    st.sampled_from((" ", "\t", "  ")),
    st.sampled_from(WORDS),
    st.integers(0, 99),
)
other = st.builds(
    "{} {}\n".format,
    st.sampled_from(("override", "search", "exclude", "include", "make_map_files", "external", "#", "")),
    st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join),
)
lines = st.one_of(external, other)
folders = st.dictionaries(st.sampled_from(NAMES), st.lists(lines, max_size=5).map("".join), max_size=3)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=folders, second=folders)
def test_the_installed_depmod_takes_the_same_lines(
    tmp_path: Path, first: dict[str, str], second: dict[str, str]
) -> None:
    program = installed("depmod")
    (tmp_path / f"lib/modules/{VERSION}").mkdir(parents=True, exist_ok=True)
    paths = []
    for number, files in enumerate((first, second)):
        folder = tmp_path / str(number)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        paths.append(str(folder))
        for name, text in files.items():
            (folder / name).write_text(text)
    argv = [program, "-b", str(tmp_path), "-C", paths[0], "-C", paths[1], "-n", VERSION]
    done = subprocess.run(argv, capture_output=True, text=True, errors="surrogateescape", check=False)
    config = load_depmod_config(paths)
    # depmod opens the last directory first, and says so of each that is missing.
    opened = re.findall(r"could not open directory (.*): No such", done.stderr)
    assert opened == [each.directories[0] for each in config.of("external", VERSION)][::-1]
    bad = [Path(match).name for match in re.findall(r"ERROR: (\S+):\d+: ignoring bad line", done.stderr)]
    assert sorted(bad) == sorted(Path(each.path).name for each in config.problems if each.kind == "bad line")
