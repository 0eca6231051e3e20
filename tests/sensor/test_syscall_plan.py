"""What the kernel part is told, read back by the layout that the object's BTF has."""

from __future__ import annotations

import struct

import pytest

from ringward.btf import Btf, types
from ringward.btf.layout import enum_values
from ringward.events.filter import Filter
from ringward.events.syscall_table import Call, by_event, by_number
from ringward.sensor import objects
from ringward.sensor.syscall_plan import (
    COMPARES,
    CWD,
    EXECS,
    FAILED,
    FORKS,
    NO_RETURN,
    WANTED,
    call_plan,
    compared,
    is_decided,
    plans,
    wanted_numbers,
)


def btf() -> Btf:
    return objects.load("syscall").btf


def call(name: str, abi: str = "64-bit") -> Call:
    return next(one for one in by_event()[name] if one.abi == abi)


def fields(plan: bytes) -> tuple[int, list[tuple[int, ...]], bytes]:
    flags, _arg, size, _pad = struct.unpack_from("<IBBH", plan)
    args = [struct.unpack_from("<BBBBIQQ", plan, 8 + 24 * at) for at in range(6)]
    return flags, args, plan[8 + 24 * 6 :][:size]


def test_the_layout_is_that_of_the_object() -> None:
    found = btf()
    whole, one = (found.find(types.STRUCT, name) for name in ("call_plan", "arg_plan"))
    assert whole is not None
    assert one is not None
    assert len(call_plan(call("openat"), Filter())) == found.size_of(whole)
    offsets = {member.name: member.offset for member in found.resolve(one).members}
    assert offsets == {"reading": 0, "length": 1, "scale": 2, "compare": 3, "size": 4, "value": 8, "mask": 16}
    offsets = {member.name: member.offset for member in found.resolve(whole).members}
    assert offsets == {"flags": 0, "prefix_arg": 4, "prefix_len": 5, "limit": 6, "args": 8, "prefix": 152}


def test_what_is_read_is_the_objects_enum() -> None:
    readings = enum_values(btf(), "arg_reading")
    _flags, args, _prefix = fields(call_plan(call("openat"), Filter()))
    assert [one[0] for one in args] == [
        readings["READ_DIRFD"],
        readings["READ_STRING"],
        *[readings["READ_NOTHING"]] * 4,
    ]
    _flags, args, _prefix = fields(call_plan(call("newfstatat"), Filter()))
    assert (args[2][0], args[2][4]) == (readings["READ_OUT"], 144)


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("openat", WANTED),
        ("open", WANTED | CWD),
        ("exit_group", WANTED | NO_RETURN),
        ("clone", WANTED | FORKS),
        ("execve", WANTED | EXECS | CWD),
    ],
)
def test_flags(name: str, flags: int) -> None:
    assert fields(call_plan(call(name), Filter()))[0] == flags
    assert fields(call_plan(call(name), Filter(failed=True)))[0] == flags | FAILED


def test_buffers_are_read_when_asked_for() -> None:
    assert fields(call_plan(call("write"), Filter()))[1][1][0] == 0
    reading, length, scale, _compare, size, _value, _mask = fields(call_plan(call("write"), Filter(), 32))[1][1]
    assert (reading, length, scale, size) == (2, 2, 1, 32)
    assert fields(call_plan(call("read"), Filter(), 32))[1][1][:2] == (3, 254)


def test_structures_of_32_bit_callers_have_their_own_sizes() -> None:
    for abi, size in (("64-bit", 16), ("ia32", 8), ("x32", 16)):
        args = fields(call_plan(call("nanosleep", abi), Filter()))[1]
        assert (args[0][0], args[0][4]) == (2, size), abi
    for abi, one in (("64-bit", 16), ("ia32", 8), ("x32", 8)):
        _reading, length, scale, _compare, size, *_ = fields(call_plan(call("writev", abi), Filter()))[1][1]
        assert (length, scale, size) == (2, one, 8 * one)
    assert fields(call_plan(call("openat", "ia32"), Filter()))[1][1][0] == 1


def test_a_number_of_a_32_bit_caller_is_compared_in_the_width_of_its_register() -> None:
    only = Filter(args=(("offset", "-1"),))
    assert compared(call("lseek"), only).numbers == {1: (2**64 - 1, 2**64 - 1)}
    assert compared(call("lseek", "ia32"), only).numbers == {1: (2**32 - 1, 2**32 - 1)}


def test_a_number_is_compared_in_the_width_of_its_type() -> None:
    found = compared(call("exit_group"), Filter(args=(("error_code", "-1"),)))
    assert found.numbers == {0: (0xFFFFFFFF, 0xFFFFFFFF)}
    _flags, args, _prefix = fields(call_plan(call("exit_group"), Filter(args=(("error_code", "-1"),))))
    assert args[0][3:] == (1, 4, 0xFFFFFFFF, 0xFFFFFFFF)
    assert compared(call("close"), Filter(args=(("fd.fd", "3"),))).numbers == {0: (3, 0xFFFFFFFF)}


@pytest.mark.parametrize("args", [("error_code", "1*"), ("error_code", "x"), ("flags", "1"), ("fd", "3")])
def test_what_the_kernel_cannot_decide_is_left_to_user_space(args: tuple[str, str]) -> None:
    for name in ("exit_group", "openat", "close"):
        assert compared(call(name), Filter(args=(args,))).numbers == {}


def test_a_path_is_compared_up_to_its_first_wildcard() -> None:
    assert compared(call("openat"), Filter(args=(("filename", "/etc/*"),))).prefix == (1, b"/etc/")
    assert compared(call("openat"), Filter(args=(("filename.path", "/etc/passwd"),))).prefix == (1, b"/etc/passwd")
    assert compared(call("openat"), Filter(args=(("filename", "*.so"),))).prefix == (0, b"")
    assert compared(call("openat"), Filter(args=(("filename.given", "/etc/*"),))).prefix == (0, b"")
    assert len(compared(call("openat"), Filter(args=(("filename", "/x" * 99),))).prefix[1]) == 64


def test_every_call_has_a_place_of_its_own() -> None:
    found = dict(plans(by_event(), Filter()))
    assert len(found) == len(by_number())
    assert struct.pack("<I", 1024 + 295) in dict(plans(["openat"], Filter()))
    assert dict(plans(["finit_modul"], Filter())) == {}


def test_a_call_that_has_a_number_to_compare_says_so() -> None:
    only = Filter(args=(("error_code", "1"),))
    assert fields(call_plan(call("exit_group"), only))[0] == WANTED | NO_RETURN | COMPARES


def test_a_call_without_the_argument_that_is_asked_for_is_not_wanted() -> None:
    assert len(dict(plans(["exit_group", "getpid"], Filter(args=(("error_code", "1"),))))) == 3


@pytest.mark.parametrize(
    "only",
    [
        Filter(),
        Filter(failed=True, pids=frozenset({1, 2}), uids=frozenset({0}), comms=("sh",)),
        Filter(args=(("fd.fd", "-1"),)),
        Filter(args=(("error_code", "1"), ("fd.fd", "3"))),
    ],
)
def test_what_the_kernel_decides_alone(only: Filter) -> None:
    assert is_decided(only, ["close", "exit_group", "finit_module"])


@pytest.mark.parametrize(
    "only",
    [
        Filter(follow=True, pids=frozenset({1})),
        Filter(exes=("/bin/*",)),
        Filter(comms=("a*",)),
        Filter(comms=("a", "b")),
        Filter(uids=frozenset({1, 2})),
        Filter(args=(("fd.path", "/etc/*"),)),
        Filter(args=(("fd.fd", "03"),)),
        Filter(args=(("fd.fd", "4294967295"),)),
        Filter(args=(("fd.fd", "3"), ("fd.fd", "4"))),
    ],
)
def test_what_the_kernel_does_not_decide_alone(only: Filter) -> None:
    assert not is_decided(only, ["close"])


def test_each_wanted_number_has_the_bits_of_its_abis() -> None:
    keys = [key for key, _ in plans(("openat", "getppid"), Filter())]
    wanted = wanted_numbers(keys)
    assert len(wanted) == 1024
    assert {number: abis for number, abis in enumerate(wanted) if abis} == {257: 5, 295: 2, 110: 5, 64: 2}
    both = wanted_numbers(struct.pack("<I", abi * 1024 + 7) for abi in (0, 1))
    assert (both[7], sum(both)) == (3, 3)
