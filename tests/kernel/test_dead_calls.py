"""Calls that Linux has not had since 2.6 are attempts like any other; on any kernel."""

from __future__ import annotations

import ctypes
import os

import msgspec

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


def test_who_judges_such_a_call_is_told_how_it_came_about(watch):
    causes = []

    def judge(event, cause):
        causes.append((event.args.name, event.process.pid, cause))
        return [msgspec.structs.replace(event, hook="sensor")]

    w = watch("create_module", "module_request", "usermodehelper", on_demand=True, judge=judge)
    name = ctypes.create_string_buffer(b"rw_judged")
    assert _native.raw_syscall(174, ctypes.addressof(name), 0, 4096, 0, 0) == -ENOSYS
    w.until(lambda _: [e for e in w.of("create_module") if e.args.name == "rw_judged" and e.hook == "sensor"])
    hooks = [e.hook for e in w.of("create_module") if e.args.name == "rw_judged"]
    assert hooks == [hooks[0], "sensor"], "what was made of it follows it"
    (cause,) = [cause for name_, pid, cause in causes if (name_, pid) == ("rw_judged", os.getpid())]
    assert (cause.origin.kind, cause.initramfs) == ("command", False)
