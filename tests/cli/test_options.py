from __future__ import annotations

import argparse
import os
import pty

import pytest

from ringward.cli import options
from ringward.cli.errors import UsageError
from ringward.cli.parser import Parser
from ringward.events import BY_NAME, GROUPS, select
from ringward.output.views import CountView, JsonView, TableView, TemplateView

DEFAULT = select([])
STREAM = set(GROUPS["stream"])


def parse(*argv: str) -> argparse.Namespace:
    parser = Parser("ringward x", "")
    options.add_arguments(parser)
    found = parser.parse_args(list(argv))
    options.check(found)
    return found


def chosen(*texts: str, names: tuple[str, ...] = ()) -> set[str]:
    return set(options.choose(list(names), list(texts), DEFAULT)[0]) - STREAM


@pytest.mark.parametrize(
    ("texts", "names", "found"),
    [
        ([], (), set(DEFAULT) - STREAM),
        (["finit_module"], (), {"finit_module"}),
        (["finit_module,delete_module"], (), {"finit_module", "delete_module"}),
        (["finit_module", "delete_module"], (), {"finit_module", "delete_module"}),
        (["trace=finit_module"], (), {"finit_module"}),
        (["t=finit_module"], (), {"finit_module"}),
        (["trace=%programs"], (), set(GROUPS["programs"])),
        (["programs"], ("finit_module",), {*GROUPS["programs"], "finit_module"}),
        (["trace=!process_exit"], (), set(DEFAULT) - STREAM - {"process_exit"}),
        (["!programs"], (), set(DEFAULT) - STREAM - set(GROUPS["programs"])),
        (["!process_exit,process_exec"], ("programs",), None),
        (["modules", "!finit_module"], (), set(GROUPS["modules"]) - {"finit_module"}),
        (["trace=all"], (), set(BY_NAME) - STREAM - {"syscall", "io_uring", *GROUPS["guard"]}),
        (["trace=exit"], (), {"exit", "exit_group"}),
        (["openat"], (), {"openat"}),
        (["trace=none"], (), set()),
    ],
)
def test_events_are_chosen_as_strace_does(texts: list[str], names: tuple[str, ...], found: set[str] | None) -> None:
    if found is None:
        with pytest.raises(UsageError, match="no event is left"):
            chosen(*texts, names=names)
    else:
        assert chosen(*texts, names=names) == found


def test_events_that_were_named_one_by_one_are_told_apart() -> None:
    assert options.choose(["modules", "module_load"], ["process_exec"], DEFAULT)[1] == {"module_load", "process_exec"}
    assert options.choose([], [], DEFAULT)[1] == frozenset()


@pytest.mark.parametrize(
    ("texts", "names", "said"),
    [
        (["finit_modul"], (), "no event, system call or group named 'finit_modul'; did you mean finit_module"),
        (["!finit_modul"], (), "no event, system call or group named 'finit_modul'; did you mean finit_module"),
        ([], ("programms",), "did you mean programs"),
        ([], ("ls", "-l"), "to run a command: ringward watch -- ls -l"),
        (["inject=finit_module:error=EPERM"], (), "-e inject= is strace's"),
    ],
)
def test_unknown_events_get_the_nearest_names(texts: list[str], names: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        chosen(*texts, names=names)


def test_the_filter_is_what_the_options_say() -> None:
    found = options.make_filter(
        parse(
            *("--comm", "a*", "--comm", "b", "-p", "1,2", "--pid", "3", "-f", "--uid", "root", "--uid", "7"),
            *("--exe", "/bin/*", "-Z", "--container", "ab"),
            *("--arg", "file.path=/tmp/*=x", "--arg", "fd=3"),
        ),
        DEFAULT,
    )
    assert found.comms == ("a*", "b")
    assert found.pids == {1, 2, 3}
    assert found.follow
    assert found.uids == {0, 7}
    assert found.exes == ("/bin/*",)
    assert found.failed
    assert found.container == "ab"
    assert found.args == (("file.path", "/tmp/*=x"), ("fd", "3"))
    assert found.events == set(DEFAULT)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--arg", "fd"], "--arg needs NAME=GLOB, not 'fd'"),
        (["--arg", "file.pth=x"], "no argument named 'file.pth'; did you mean file.path"),
        (["-p", "x"], "-p needs a process id, not 'x'"),
        (["-p", "0"], "-p needs a process id"),
        (["-p", "1,,2"], "-p needs a process id, not ''"),
        (["--uid", "rot"], "no user named 'rot' on this machine; did you mean root"),
        (["--uid", "-1"], "--uid"),
    ],
)
def test_values_that_cannot_be(argv: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        options.make_filter(parse(*argv), DEFAULT)


@pytest.mark.parametrize(
    "argv",
    [
        ["--count", "0"],
        ["--template", "x", "--output", "table"],
        ["--template", "x", "-c"],
        ["-c", "--json"],
        ["--output", "xml"],
    ],
)
def test_options_that_exclude_each_other(argv: list[str]) -> None:
    with pytest.raises(UsageError):
        parse(*argv)


def test_the_view_is_a_table_on_a_terminal_and_json_in_a_pipe() -> None:
    leader, follower = pty.openpty()
    reader, writer = os.pipe()
    try:
        for argv, on_terminal, in_pipe in (
            ([], TableView, JsonView),
            (["--output", "table"], TableView, TableView),
            (["--output", "jsonl"], JsonView, JsonView),
            (["--json"], JsonView, JsonView),
            (["--template", "{event}"], TemplateView, TemplateView),
            (["-c"], CountView, CountView),
        ):
            found = parse(*argv)
            assert type(options.make_view(found, follower, DEFAULT, frozenset())) is on_terminal
            assert type(options.make_view(found, writer, DEFAULT, frozenset())) is in_pipe
    finally:
        for fd in (leader, follower, reader, writer):
            os.close(fd)


def test_a_template_is_checked_against_the_events() -> None:
    with pytest.raises(UsageError, match=r"--template: no field 'args\.alias'"):
        options.make_view(parse("--template", "{args.alias}"), 1, ("finit_module",), frozenset())
