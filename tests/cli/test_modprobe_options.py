from __future__ import annotations

import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.cli.modprobe_options import OptionsError, milliseconds, read, split
from tests.kmod.conftest import installed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("a b", ["a", "b"]),
        ("  a ", ["", "", "a"]),
        ("'a b' c", ["a b", "", "c"]),
        ("'a b'c", ["a b", "c"]),
        ("x'a b'c d", ["xa bc", "d"]),
        ('x="a\'b c" d', ["x=a'b c", "d"]),
        ("a 'b c", ["a", "'b c"]),
        ("x'a b", ["x'a b"]),
        ("''", [""]),
        ("a\tb", ["a\tb"]),
    ],
)
def test_words_of_the_environment(text: str, words: list[str]) -> None:
    assert split(text) == words


# Behind a word that ends at its quote, and behind empty quotes, kmod 30 loses what follows.
quoted = st.sampled_from(("'a b'", '"c d"', "x'y z'", 'k="v w"', "plain", "un'closed"))
texts = st.lists(quoted, min_size=1, max_size=5).flatmap(
    lambda parts: st.lists(st.sampled_from((" ", "  ")), min_size=len(parts), max_size=len(parts)).map(
        lambda gaps: "".join(part + gap for part, gap in zip(parts, gaps, strict=True))
    )
)


@given(texts)
def test_words_of_the_environment_are_the_installed_modprobes(text: str) -> None:
    done = subprocess.run(
        [installed("modprobe"), "-C", "/dev/null", "-S", "none", "-a", "-R"],
        capture_output=True,
        text=True,
        env={"MODPROBE_OPTIONS": text},
        check=False,
    )
    assert re.findall(r"Module (.*?) not found in directory \S+\n", done.stderr, re.DOTALL) == split(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0", 0),
        ("10", 10),
        ("0x1F", 31),
        ("010", 8),
        (" 5", 5),
        ("+3", 3),
        ("-1", (1 << 64) - 1),
        ("9" * 30, (1 << 64) - 1),
    ],
)
def test_milliseconds_are_strtouls(text: str, wanted: int) -> None:
    assert milliseconds(text) == wanted


@pytest.mark.parametrize("text", ["", "x", "5 ", "08", "0x", "5x", "1_0", "--1", "-"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(OptionsError, match=f"unexpected wait value '{re.escape(text)}'"):
        milliseconds(text)


def test_every_option() -> None:
    words = ["-a", "-r", "--remove-holders", "-w", "5", "--first-time", "-i", "-b", "-f", "-D", "-C", "x"]
    words += ["--config=y", "-d", "/r", "-S", "1.0", "-s", "-v", "m", "n"]
    found = read(words)
    assert (found.all, found.remove, found.remove_holders, found.wait, found.first_time) == (True, True, True, 5, True)
    assert (found.ignore, found.blacklist, found.force_modversion, found.force_vermagic) == (True,) * 4
    assert (found.depends, found.dry_run, found.config, found.dirname, found.version) == (
        True,
        True,
        ["x", "y"],
        "/r",
        "1.0",
    )
    assert (found.syslog, found.level, found.words) == (True, 5, ["m", "n"])
    own = read(["--json", "--sysroot", "/image", "--all-softdeps", "--force-vermagic", "m"])
    assert (own.json, own.sysroot, own.all_softdeps) == (True, "/image", True)
    assert (own.force_vermagic, own.force_modversion) == (True, False)
    assert read([]).dirname is None


@pytest.mark.parametrize(
    ("words", "show"),
    [
        (["-R"], "alias"),
        (["--resolve-alias"], "alias"),
        (["--show-alias"], "alias"),
        (["--showconfig"], "config"),
        (["--show-c", "-R"], "config"),
        (["--show-exports", "-R"], "exports"),
        (["--dump-modversions"], "modversions"),
        (["-V", "-Q"], "version"),
        (["-h", "--bogus"], "help"),
        (["--show"], ""),  # a name of --dry-run
    ],
)
def test_what_is_asked_for(words: list[str], show: str) -> None:
    assert read(words).show == show


def test_faults_are_getopts() -> None:
    with pytest.raises(OptionsError, match="invalid option -- 'Q'") as told:
        read(["-Q", "-V"])
    assert told.value.is_getopt
    with pytest.raises(OptionsError, match="unexpected wait") as told:
        read(["-w", "x"])
    assert not told.value.is_getopt


def test_verbosity() -> None:
    assert [read(words).level for words in ([], ["-v"], ["-q"], ["-qvv"], ["-vq"])] == [4, 5, 0, 2, 0]


def test_what_commands_are_told() -> None:
    assert read(["m"]).passed_on == ""
    assert read(["-C", "a b", "-qv", "-s", "-b"]).passed_on == "-C a b -q -v -s"
    found = read(["-v", "m"], "-b -v")
    assert (found.passed_on, found.blacklist, found.level) == ("-b -v -v -v", True, 6)


def test_the_environment_stands_first() -> None:
    assert read(["m"], "first").words == ["first", "m"]
    assert read(["-n", "m"], "x --").words == ["x", "-n", "m"]


def test_ambiguous_names_are_listed_as_getopt_does() -> None:
    with pytest.raises(
        OptionsError, match=r"option '--re' is ambiguous; possibilities: '--remove' .*'--resolve-alias'"
    ):
        read(["--re"])
    assert read(["--remove-"]).remove_holders  # both names mean the same
