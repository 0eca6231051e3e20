from __future__ import annotations

import os

import pytest

from ringward.cli.depmod_options import LONGS, SHORT, USAGE, Arguments, OptionsError, read


def difference(*argv: str) -> dict[str, object]:
    """Return what a command line changes."""
    plain, found = vars(Arguments()), vars(read([*argv]))
    return {name: value for name, value in found.items() if value != plain[name] and name != "version"}


@pytest.mark.parametrize(
    ("argv", "answer"),
    [
        (["-a"], {"all": True}),
        (["-Aenvw"], {"quick": True, "errsyms": True, "dry_run": True, "verbose": True, "warn": True}),
        (["--show", "--dry-run"], {"dry_run": True}),
        (["-b", "X", "-oY", "--moduledir=Z"], {"basedir": "X", "outdir": "Y", "moduledir": "Z"}),
        (["--basedir", "X", "-b", "Y"], {"basedir": "Y"}),
        (["-C", "x", "--conf", "y"], {"config": ["x", "y"]}),
        (["-E", "x", "-F", "y"], {"symvers": "x", "filesyms": "y"}),
        (["-P", "_"], {"prefix": "_"}),
        (["--keep-going", "--json", "--sysroot=/i"], {"keep_going": True, "json": True, "sysroot": "/i"}),
        (["-V", "--nonsense"], {"show": "version"}),
        (["-h", "-V"], {"show": "help"}),
        (["6.1.0", "/a.ko", "/b.ko"], {"files": ["/a.ko", "/b.ko"]}),
        (["6.1.0", "-a", "/a.ko"], {"all": True}),
        (["-A", "6.1.0", "/a.ko"], {"quick": True}),
    ],
)
def test_options(argv: list[str], answer: dict[str, object]) -> None:
    assert difference(*argv) == answer


def test_versions() -> None:
    assert read([]).version == os.uname().release
    assert read(["6.1.0-50-amd64"]).version == "6.1.0-50-amd64"
    assert read(["6.1x"]).version == "6.1x"


@pytest.mark.parametrize(
    ("argv", "level", "text"),
    [
        (["-Q"], "", "invalid option -- 'Q'"),
        (["--nonsense"], "", "unrecognized option '--nonsense'"),
        (["--ver"], "", "option '--ver' is ambiguous; possibilities: '--verbose' '--version'"),
        (["-b"], "", "option requires an argument -- 'b'"),
        (["-P", "xy"], "FATAL", "-P only takes a single char"),
        (["-P", ""], "FATAL", "-P only takes a single char"),
        (["extra"], "ERROR", "Bad version passed extra"),
        (["6"], "ERROR", "Bad version passed 6"),
        (["/x.ko"], "ERROR", "Bad version passed /x.ko"),
    ],
)
def test_faults(argv: list[str], level: str, text: str) -> None:
    with pytest.raises(OptionsError) as fault:
        read(argv)
    assert (fault.value.level, str(fault.value)) == (level, text)


def test_help_tells_all_options_that_have_a_meaning() -> None:
    without = {"unresolved-error", "quiet", "root", "map"}
    for name in LONGS:
        assert (f"--{name.rstrip('=')}" in USAGE) == (name not in without), name
    for letter in SHORT.replace(":", ""):
        assert (f"-{letter}, " in USAGE or f" -{letter}," in USAGE) == (letter not in "uqr"), letter
