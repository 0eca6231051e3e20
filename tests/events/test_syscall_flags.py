"""Names of numbers, beside the C library's."""

from __future__ import annotations

import errno
import mmap
import os
import signal
import socket

import pytest

from ringward.events import syscall_flags as flags


def test_flags_are_those_of_the_library() -> None:
    for bit, name in flags.OPEN.items():
        if hasattr(os, name) and name not in ("O_LARGEFILE", "O_SYNC"):  # O_LARGEFILE is 0 for 64-bit programs
            assert getattr(os, name) == bit, name
    for table, module, prefix in ((flags.FAMILY, socket, "AF_"), (flags.MSG, socket, "MSG_")):
        same = [name for number, name in table.items() if getattr(module, name, number) == number]
        assert len(same) == len(table), {name for name in table.values() if name not in same}
        assert all(name.startswith(prefix) for name in table.values())
    for number, name in (flags.MADVISE | flags.PROT | flags.MAP).items():
        assert getattr(mmap, name, number) == number or name in ("MAP_SHARED", "MAP_DENYWRITE"), name


def test_bits_without_a_name_are_one_number() -> None:
    assert flags.bits(0x40 | 0x400 | 1 << 40, flags.OPEN) == ("O_CREAT", "O_APPEND", "0x10000000000")
    assert flags.bits(0, flags.OPEN) == ()


def test_a_name_of_several_bits_is_taken_whole() -> None:
    assert flags.bits(os.O_SYNC, flags.OPEN) == ("O_SYNC",)
    assert flags.bits(os.O_DSYNC, flags.OPEN) == ("O_DSYNC",)
    assert flags.bits(os.O_TMPFILE, flags.OPEN) == ("O_TMPFILE",)
    assert flags.bits(os.O_DIRECTORY, flags.OPEN) == ("O_DIRECTORY",)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL, signal.SIGSYS])
def test_signals_have_names(number: signal.Signals) -> None:
    assert flags.signal_name(number.value) == number.name


def test_real_time_signals_are_numbered_and_others_stay_numbers() -> None:
    assert flags.signal_name(34) == "SIGRT_2"
    assert flags.signal_name(0) == 0
    assert flags.signal_name(99) == 99


def test_errors_of_the_kernel_alone_have_names_too() -> None:
    assert flags.error_name(errno.ENOENT) == "ENOENT"
    assert flags.error_name(512) == "ERESTARTSYS"
    assert flags.error_name(4000) == "4000"
