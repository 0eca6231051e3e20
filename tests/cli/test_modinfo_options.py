from __future__ import annotations

import pytest

from ringward.cli.modinfo_options import USAGE, Options


def test_none() -> None:
    options = Options(["a", "b"])
    assert (options.words, options.field, options.end, options.show, options.fault) == (["a", "b"], None, "\n", "", "")
    assert [options.modname, options.json, options.verify, options.certificates] == [False, False, False, []]
    assert (options.version, options.base, options.sysroot) == (None, "", "")


@pytest.mark.parametrize(
    ("argv", "field"),
    [
        ("-a", "author"),
        ("--description", "description"),
        ("-l", "license"),
        ("--parameters", "parm"),
        ("-n", "filename"),
        ("-F x", "x"),
        ("-Fx -a", "author"),
        ("-a -F x -F y", "y"),
        ("--fie=name", "name"),
    ],
)
def test_the_last_field_counts(argv: str, field: str) -> None:
    assert Options(argv.split()).field == field


def test_all_else() -> None:
    options = Options(
        ["m", "-0m", "-k", "6.1", "-b", "/base", "--json", "--sysroot=/r", "--cert", "c1", "--cert", "c2"]
    )
    assert (options.end, options.modname, options.version, options.base) == ("\0", True, "6.1", "/base")
    assert (options.json, options.sysroot, options.certificates, options.verify) == (True, "/r", ["c1", "c2"], True)
    assert Options(["--verify"]).verify
    assert (Options(["-V"]).show, Options(["--help", "--bogus"]).show) == ("V", "h")
    assert Options(["-Q"]).fault == "invalid option -- 'Q'"


def test_help_names_every_option() -> None:
    from ringward.cli.modinfo_options import LONGS

    for name in LONGS:
        assert f"--{name.rstrip('=')}" in USAGE
