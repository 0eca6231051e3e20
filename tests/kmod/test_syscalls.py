from __future__ import annotations

import errno
import os
import re
import subprocess
from pathlib import Path

import pytest

from ringward.kmod.syscalls import delete_module, finit_module, init_module, numbers

HAS_MODULES = Path("/proc/modules").exists()
NAMES = ("init_module", "finit_module", "delete_module")


def test_the_numbers_are_those_of_the_headers() -> None:
    out = subprocess.run(
        ["cc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    told = dict(re.findall(r"#define __NR_(\w+) (\d+)", out))
    assert numbers(os.uname().machine, is_64bit=True) == tuple(int(told[name]) for name in NAMES)


@pytest.mark.parametrize(
    ("machine", "is_64bit", "same_as"),
    [
        ("x86_64", False, "i386"),
        ("i686", False, "i386"),
        ("aarch64", False, "armv7l"),
        ("ppc64le", True, "ppc"),
        ("s390x", True, "s390"),
        ("riscv64", True, "aarch64"),
    ],
)
def test_machines_that_share_a_table(machine: str, is_64bit: bool, same_as: str) -> None:
    assert numbers(machine, is_64bit=is_64bit) == numbers(same_as, is_64bit=same_as == "aarch64")


def test_no_two_tables_are_alike() -> None:
    tables = [numbers(machine, is_64bit=True) for machine in ("x86_64", "armv7l", "ppc64", "s390x", "aarch64")]
    assert len(set(tables)) == len(tables)


def test_an_unknown_machine_is_named() -> None:
    with pytest.raises(OSError, match="not known for vax") as caught:
        numbers("vax", is_64bit=False)
    assert caught.value.errno == errno.ENOSYS


def test_the_kernel_answers() -> None:
    """Calls that can do nothing: no module, no name, no file."""
    refused = {errno.EPERM} if os.geteuid() else {errno.ENOENT, errno.ENOEXEC, errno.EBADF, errno.EINVAL, errno.EPERM}
    if not HAS_MODULES:
        refused = {errno.ENOSYS, errno.EPERM}
    for call in (
        lambda: delete_module(b"ringward no module", os.O_NONBLOCK),
        lambda: init_module(b"no module", b""),
        lambda: finit_module(-1, b"", 0),
    ):
        with pytest.raises(OSError, match=r"\w") as caught:
            call()
        assert caught.value.errno in refused
