from __future__ import annotations

import pytest

from ringward.cli.errors import UsageError
from ringward.cli.parser import Parser


def parser() -> Parser:
    made = Parser("ringward x", "What it does.", "More.")
    made.add_argument("--comm")
    made.add_argument("--count", type=int)
    made.add_argument("--output", choices=("table", "jsonl"))
    return made


def test_an_unknown_option_gets_the_nearest() -> None:
    with pytest.raises(UsageError, match="no option --comn; did you mean --comm"):
        parser().parse_args(["--comn", "x"])
    with pytest.raises(UsageError, match="no option --coun; did you mean --count"):
        parser().parse_args(["--coun=3"])
    with pytest.raises(UsageError, match=r"no option -z$"):
        parser().parse_args(["-z"])


def test_options_are_not_abbreviated() -> None:
    with pytest.raises(UsageError, match="no option --outp; did you mean --output"):
        parser().parse_args(["--outp", "table"])


def test_other_faults_are_told_as_they_are() -> None:
    with pytest.raises(UsageError, match="argument --count: invalid int value: 'x'"):
        parser().parse_args(["--count", "x"])
    with pytest.raises(UsageError, match=r"invalid choice: 'x' \(choose from 'table', 'jsonl'\)"):
        parser().parse_args(["--output", "x"])
    with pytest.raises(UsageError, match="unrecognized arguments: more"):
        parser().parse_args(["more"])


def test_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        parser().parse_args(["--help"])
    assert raised.value.code == 0
    out = capsys.readouterr().out
    assert "What it does." in out
    assert out.rstrip().endswith("More.")
