"""The calls by which hooks of programs are made to run do what they say on this kernel, and leave nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ringward.guard import programs_proof
from ringward.guard.programs_proof import KEPT, STARTS, Hook
from ringward.sensor import _native

EACH = pytest.mark.parametrize("hook", [STARTS, *KEPT], ids=lambda hook: hook.proof)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@EACH
def test_the_kernel_gets_there(hook: Hook) -> None:
    """No mock: with privilege each is done, and this process goes on."""
    if hook.proof == "mounted" and os.geteuid():
        pytest.skip("needs privilege (CAP_SYS_ADMIN) to make a file system")
    before, mounts = descriptors(), Path("/proc/self/mountinfo").read_text()
    assert hook.reach()
    assert descriptors() == before
    assert Path("/proc/self/mountinfo").read_text() == mounts


@EACH
def test_where_it_does_not_that_is_said(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(_native, "raw_syscall", lambda *_args: -errno.EPERM)
    for name in ("open", "ftruncate"):
        monkeypatch.setattr(programs_proof.os, name, refuse)
    assert not hook.reach()
    monkeypatch.setattr(programs_proof.os, "memfd_create", refuse)
    assert not hook.reach()


def test_a_kernel_that_knows_nothing_of_executable_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    flags: list[int] = []
    real = os.memfd_create

    def older(name: str, wanted: int) -> int:
        flags.append(wanted)
        if wanted & 0x10:
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(name, wanted)

    monkeypatch.setattr(programs_proof.os, "memfd_create", older)
    assert STARTS.reach()
    assert flags == [os.MFD_CLOEXEC | 0x10, os.MFD_CLOEXEC]
