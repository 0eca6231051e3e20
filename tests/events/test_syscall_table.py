"""The table of system calls, beside the headers of the C library and the kernel's own tracepoints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ringward.events.syscall_table import (
    ABIS,
    NUMBERS,
    PUBLISHED,
    SHORT,
    Call,
    Parameter,
    by_event,
    by_number,
    expand,
    format_rows,
    parse_parameters,
    parse_rows,
    shipped,
)
from ringward.sensor import tracefs

HEADERS = Path("/usr/include/x86_64-linux-gnu/asm")


def test_every_number_is_that_of_the_headers() -> None:
    """Of what the C library's headers of this machine know; NEWER of tools/syscall_table.py is what they do not."""
    for abi, header in (("64-bit", "unistd_64.h"), ("ia32", "unistd_32.h"), ("x32", "unistd_x32.h")):
        text = (HEADERS / header).read_text()
        wanted = {
            (abi, int(number), name)
            for name, number in re.findall(r"__NR_(\w+) (?:\(__X32_SYSCALL_BIT \+ )?(\d+)\)?$", text, re.MULTILINE)
        }
        assert len(wanted) > 300
        assert wanted <= {(call.abi, call.number, call.name) for call in shipped()}


def test_every_call_of_this_kernel_is_in_the_table_with_its_arguments() -> None:
    names = tracefs.names()
    if names is None:
        pytest.skip("tracefs shows no system calls to this user")
    entries = {call.entry: call for call in shipped() if call.abi == "64-bit"}
    assert names - set(entries) == set()
    for name, parameters in tracefs.parameters().items():
        assert len(entries[name].parameters) == len(parameters), name


def test_no_number_of_an_interface_is_twice_and_all_have_room() -> None:
    assert len(by_number()) == len(shipped())
    assert all(0 <= call.number < NUMBERS and call.abi in ABIS for call in shipped())
    assert NUMBERS & (NUMBERS - 1) == 0


def test_no_call_has_more_arguments_than_registers() -> None:
    assert {call.name for call in shipped() if len(call.parameters) > 6} == set()


def test_the_numbers_of_one_call_differ_by_interface() -> None:
    assert by_number()["64-bit", 257].name == by_number()["ia32", 295].name == "openat"
    assert by_number()["ia32", 257].name == "remap_file_pages"
    assert by_number()["x32", 520].name == "execve"
    assert ("64-bit", 520) not in by_number()


def test_an_event_is_calls_with_the_same_arguments() -> None:
    assert {call.abi for call in by_event()["openat"]} == set(ABIS)
    assert [call.abi for call in by_event()["pread64_ia32"]] == ["ia32"]
    assert {call.abi for call in by_event()["pread64"]} == {"64-bit", "x32"}
    for calls in by_event().values():
        assert len({tuple(one.name for one in call.parameters) for call in calls}) == 1
    assert sum(map(len, by_event().values())) == len(shipped())


def test_the_text_is_read_as_it_was_written() -> None:
    assert tuple(parse_rows(format_rows(shipped()))) == shipped()
    assert format_rows(shipped()) == PUBLISHED.read_text()


def test_parameters_are_types_and_names() -> None:
    found = parse_parameters("int dfd, const char * filename,unsigned flags")
    assert found == (Parameter("int", "dfd"), Parameter("const char *", "filename"), Parameter("unsigned", "flags"))
    assert parse_parameters("") == ()


@pytest.mark.parametrize("text", ["dfd", "int *", "int dfd, *"])
def test_what_is_no_type_and_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no type and name"):
        parse_parameters(text)


def test_a_line_with_a_column_less_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        list(parse_rows("64-bit\t1\twrite\n"))


def test_short_names_stand_for_calls_that_there_are() -> None:
    assert {name for names in SHORT.values() for name in names} <= set(by_event())
    assert expand("exit") == ("exit", "exit_group")
    assert expand("openat") == ("openat",)
    assert expand("opennat") == ()


def test_a_call_is_a_row() -> None:
    row = Call("64-bit", 3, "close", "close", (Parameter("unsigned int", "fd"),))
    assert format_rows([row]).splitlines()[1] == "64-bit\t3\tclose\tclose\tunsigned int fd"
