"""The configuration as Ringward reads it and as the installed ``modprobe -c`` does, byte for byte."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ringward.kmod.config import Config, load_config, show_config
from tests.kmod import config_lab
from tests.kmod.config_lab import DEFAULTS, can_mount, needs_kmod_30

pytestmark = pytest.mark.skipif(
    not can_mount(), reason="no mount namespace can be had here: modprobe would read this machine's command line"
)
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

KINDS = ("alias", "blacklist", "options", "install", "remove", "softdep", "include")
PIECES = (
    *(*KINDS, "config", "#", " ", "  ", "\t", "\n", "\n", "\\\n", "\\", "\\x", "\\\\", "a-b", "a", "b*", "c[-]-"),
    *("x.y", "pre:", "post:", "]", "[", "\0", "\r", "\x0b", "\udcff", "é", "q=1", '"', "pre: a-b", "post: c"),
)
WORDS = (
    "a",
    "b-c",
    "modprobe",
    ".",
    ".blacklist=",
    "=",
    ",",
    '"',
    " ",
    " ",
    "\t",
    "\n",
    "x.y",
    "a.b=c",
    "\0",
    "[",
    "]",
)
NAMES = (
    "a.conf",
    "B.conf",
    "z.conf",
    "a-b.conf",
    ".h.conf",
    "x.txt",
    "é.conf",
    "\udce9.conf",
    ".conf",
    "modules.softdep",
)

lines = st.builds(
    lambda kind, blank, rest: kind + blank + "".join(rest) + "\n",
    st.sampled_from(KINDS),
    st.sampled_from((" ", "  ", "\t")),
    st.lists(st.builds(str.__add__, st.sampled_from(PIECES), st.sampled_from(("", " "))), max_size=8),
)
texts = st.lists(st.one_of(lines, st.lists(st.sampled_from(PIECES), max_size=6).map("".join)), max_size=6).map("".join)
folders = st.dictionaries(st.sampled_from(NAMES), texts, max_size=4)
cmdlines = st.lists(st.sampled_from(WORDS), max_size=14).map("".join)


def fill(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir()
    for name, text in files.items():
        Path(os.fsdecode(os.fsencode(str(folder / name)))).write_bytes(os.fsencode(text))


def bad_lines(messages: list[str]) -> list[tuple[str, int]]:
    """Return file name and line of the messages about lines."""
    found = (re.search(r"([^/]*) line (\d+): ignoring bad line", message) for message in messages)
    return [(match[1], int(match[2])) for match in found if match]


def told(config: Config) -> list[str]:
    return [problem.path.rpartition("/")[2] for problem in config.problems if problem.kind in {"bad line", "bracket"}]


def compare(program: str, argv: list[str], config: Config, cmdline: Path) -> None:
    theirs, messages = config_lab.show_config(program, argv, cmdline)
    assert "\n".join(show_config(config)) == "\n".join(theirs)
    assert sorted(told(config)) == sorted(name for name, _line in bad_lines(messages))


@quick
@given(first=folders, second=folders, cmdline=cmdlines)
@example(first={"a.conf": "softdep a  pre: b\nsoftdep z post: a pre: b post: c pre: d e"}, second={}, cmdline="")
@example(first={"a.conf": "alias a b\\"}, second={}, cmdline='"a.b=c d"e.f=2 "a.b="c d" e.f=g')
def test_directories(kmod_modprobe: str, first: dict[str, str], second: dict[str, str], cmdline: str) -> None:
    needs_kmod_30(kmod_modprobe)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / "1", first)
        fill(folder / "2", second)
        (folder / "cmdline").write_bytes(os.fsencode(cmdline))
        paths = [str(folder / "1"), str(folder / "2")]
        compare(
            kmod_modprobe, ["-C", paths[0], "-C", paths[1]], load_config(paths, cmdline=cmdline), folder / "cmdline"
        )


@quick
@given(text=texts)
def test_problems_know_the_line_that_modprobe_names(kmod_modprobe: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / "c", {"a.conf": text})
        config = load_config([str(folder / "c")], cmdline="")
        _lines, messages = config_lab.show_config(kmod_modprobe, ["-C", str(folder / "c")], Path("/dev/null"))
        ours = [problem for problem in config.problems if problem.kind in {"bad line", "bracket"}]
        assert [problem.last_line for problem in ours] == [line for _name, line in bad_lines(messages)]
        # modprobe names the last line of those that are joined, Ringward the first.
        rows = text.split("\n")
        for problem in ours:
            assert problem.line <= problem.last_line
            assert all(rows[number - 1].endswith("\\") for number in range(problem.line, problem.last_line))


@settings(quick, max_examples=50)
@given(places=st.dictionaries(st.sampled_from(list(DEFAULTS)), folders), cmdline=cmdlines)
def test_the_default_directories(kmod_modprobe: str, places: dict[str, dict[str, str]], cmdline: str) -> None:
    needs_kmod_30(kmod_modprobe)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "links").mkdir()
        for place, path in DEFAULTS.items():
            (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            fill(root / path[1:], places.get(place, {}))
            (root / "links" / place).symlink_to(root / path[1:])
        (root / "cmdline").write_bytes(os.fsencode(cmdline))
        theirs, messages = config_lab.show_default_config(kmod_modprobe, root / "links", root / "cmdline")
        ours = load_config(root=str(root), cmdline=cmdline)
        assert "\n".join(show_config(ours)) == "\n".join(theirs)
        assert sorted(told(ours)) == sorted(name for name, _line in bad_lines(messages))


@quick
@given(
    own=st.lists(lines, max_size=4).map("".join),
    files=folders,
    single=st.sampled_from(("x.txt", "modules.softdep", ".h.conf", "B.conf")),
)
def test_files_and_the_softdeps_of_modules(kmod_modprobe: str, own: str, files: dict[str, str], single: str) -> None:
    needs_kmod_30(kmod_modprobe)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / "c", files)
        fill(folder / "d", {single: "alias single s\nbogus\n"})
        directory = folder / "lib/modules/1.0"
        directory.parent.mkdir(parents=True)
        fill(directory, {"modules.softdep": own})
        paths = [str(folder / "c"), str(folder / "d" / single), str(folder / "none")]
        config = load_config(paths, cmdline="", module_dir=str(directory))
        argv = [word for path in paths for word in ("-C", path)]
        compare(kmod_modprobe, [*argv, "-d", str(folder), "-S", "1.0"], config, Path("/dev/null"))


def test_links_directories_and_masks(kmod_modprobe: str, tmp_path: Path) -> None:
    fill(tmp_path / "1", {"a.conf": "alias first a\n", "plain": "alias plain a\n"})
    fill(tmp_path / "2", {name: f"alias {name[0]}2 a\n" for name in ("a.conf", "b.conf", "d.conf", "e.conf")})
    (tmp_path / "1/b.conf").symlink_to("/dev/null")
    (tmp_path / "1/d.conf").mkdir()
    (tmp_path / "1/e.conf").symlink_to("plain")
    paths = [str(tmp_path / "1"), str(tmp_path / "2")]
    config = load_config(paths, cmdline="")
    compare(kmod_modprobe, ["-C", paths[0], "-C", paths[1]], config, Path("/dev/null"))
    assert [each.key for each in config.aliases] == ["first", "d2", "plain"]


def test_a_long_kernel_command_line_is_cut(kmod_modprobe: str, tmp_path: Path) -> None:
    for word in ("x.y=é12 ", "a.b=c", 'q.r="s t" '):
        text = word * 1500
        (tmp_path / "cmdline").write_text(text)
        compare(kmod_modprobe, ["-C", "/dev/null"], load_config(["/dev/null"], cmdline=text), tmp_path / "cmdline")
