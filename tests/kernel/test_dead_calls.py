"""Calls that Linux has not had since 2.6 are attempts like any other; on any kernel."""

from __future__ import annotations

import ctypes
import os

from ringward.sensor import _native

ENOSYS = 38


def test_create_module_shows_true_arguments(watch):
    w = watch("create_module")
    name = ctypes.create_string_buffer(b"rw_no_such_module")
    assert _native.raw_syscall(174, ctypes.addressof(name), 0x1000, 4096, 0o644, 7) == -ENOSYS
    # Others may make the call too: another run of these tests does.
    w.until(lambda _: [e for e in w.of("create_module") if e.process.pid == os.getpid()])
    (event,) = [e for e in w.of("create_module") if e.process.pid == os.getpid()]
    assert event.args.name == "rw_no_such_module"
    assert int(event.args.name_ptr, 16) == ctypes.addressof(name)
    assert (event.args.code, event.args.len, event.args.mode, event.args.flags) == ("0x1000", 4096, 0o644, ("0x7",))
    assert (event.result, event.error, event.abi) == (-ENOSYS, "ENOSYS", "64-bit")
