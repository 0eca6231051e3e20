"""What each argument is."""

from __future__ import annotations

import pytest

from ringward.events.syscall_kinds import FIXED, HEAD, RESULT, Kind
from ringward.events.syscall_table import Call, Parameter, by_event, by_number, shipped
from ringward.events.syscall_types import BY_CALL, UnknownTypeError, kind_of
from ringward.sensor import tracefs


def kinds(name: str) -> dict[str, Kind]:
    call = by_event()[name][0]
    return {one.name: kind_of(call, one) for one in call.parameters}


def test_no_call_of_the_table_has_an_argument_of_unknown_type() -> None:
    assert sum(kind_of(call, one) is not None for call in shipped() for one in call.parameters) > 3000


def test_no_call_of_this_kernel_has_an_argument_of_unknown_type() -> None:
    if tracefs.names() is None:
        pytest.skip("tracefs shows no system calls to this user")
    for name, parameters in tracefs.parameters().items():
        call = Call("64-bit", 0, name, name, parameters)
        assert all(kind_of(call, one) for one in parameters)


def test_a_type_without_rule_is_named() -> None:
    call = Call("64-bit", 1, "new", "new", (Parameter("struct new *", "what"),))
    with pytest.raises(UnknownTypeError, match=r"new: argument what is a struct new \*"):
        kind_of(call, call.parameters[0])


def test_every_rule_is_of_an_argument_that_there_is() -> None:
    there = {(name, one.name) for call in shipped() for one in call.parameters for name in (call.name, call.entry)}
    assert set(BY_CALL) - there == set()


def test_lengths_are_arguments_of_the_call() -> None:
    for call in shipped():
        names = {one.name for one in call.parameters}
        for one in call.parameters:
            kind = kind_of(call, one)
            assert kind.length in {FIXED, RESULT, *names}, (call.name, one.name)
            assert kind.base in {"", *names}
            assert kind.size <= HEAD


def test_an_argument_is_of_one_type_for_all_callers() -> None:
    for name, calls in by_event().items():
        for parameters in zip(*(call.parameters for call in calls), strict=True):
            found = [kind_of(call, one) for call, one in zip(calls, parameters, strict=True)]
            assert len({(kind.reading, str(kind.hint), kind.path) for kind in found}) == 1, (name, parameters)


def test_no_number_of_a_32_bit_caller_is_wider_than_its_register() -> None:
    call = by_number()["ia32", 19]
    assert [(kind_of(call, one).size, kind_of(call, one).signed) for one in call.parameters] == [
        (4, True),
        (4, True),
        (4, False),
    ]
    assert kinds("lseek")["offset"].size == 8


def test_paths_begin_at_their_directory() -> None:
    assert kinds("openat")["filename"].base == "dfd"
    assert kinds("open")["filename"].base == ""
    found = kinds("renameat2")
    assert (found["oldname"].base, found["newname"].base) == ("olddfd", "newdfd")
    assert not kinds("symlinkat")["oldname"].path
    assert kinds("symlinkat")["newname"].base == "newdfd"


def test_kinds_by_type_name_and_call() -> None:
    assert kinds("read")["fd"].reading == "fd"
    assert kinds("openat")["dfd"].reading == "dirfd"
    assert kinds("openat")["flags"].show(0o101) == ("O_WRONLY", "O_CREAT")
    assert kinds("openat")["mode"].show(0o644) == "0644"
    assert kinds("kill")["sig"].show(9) == "SIGKILL"
    assert kinds("mmap")["prot"].show(0) == ("PROT_NONE",)
    assert kinds("socket")["type"].show(0o2000001) == ("SOCK_STREAM", "SOCK_CLOEXEC")
    assert kinds("clone")["clone_flags"].show(0x1200011) == ("CLONE_CHILD_CLEARTID", "CLONE_CHILD_SETTID", "SIGCHLD")
    assert kinds("process_vm_readv")["rvec"].length == "riovcnt"
    assert (kinds("write")["buf"].length, kinds("read")["buf"].length) == ("count", RESULT)
    assert by_number()["ia32", 4].name == "write"
