"""Tries that tell what this kernel gives this user. Each asks the kernel; `features` says what it means.

A try returns an `Answer` made by a pure function of what was read or of the kernel's errno,
so that the meaning can be tested without the kernel.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ringward.sensor import _native

# include/uapi/linux/bpf.h: enum bpf_prog_type, enum bpf_attach_type, enum bpf_func_id
PROG_KPROBE, PROG_RAW_TRACEPOINT, PROG_TRACING, PROG_LSM = 2, 17, 26, 29
TRACE_RAW_TP, TRACE_FENTRY, MODIFY_RETURN, LSM_MAC = 23, 24, 26, 27
HELPER_PROBE_READ_KERNEL, HELPER_LOOP = 113, 181
RING_BYTES = 8 << 20
"""As bpf/buffer.bpf.h has it."""
FTRACE_ENABLED = "/proc/sys/kernel/ftrace_enabled"
KPROBE_PMU = "/sys/bus/event_source/devices/kprobe/type"
# Ringward's own call of getpgid() runs these; nothing of importance does.
FIRED_FUNCTION, FIRED_TRACEPOINT, FIRED_LSM = "__x64_sys_getpgid", "sys_enter", "task_getpgid"
FIRED_SECURITY = "security_task_getpgid"
NETLINK_KOBJECT_UEVENT = 15  # include/uapi/linux/netlink.h

VMLINUX_BTF = "/sys/kernel/btf/vmlinux"
JIT_ENABLE = "/proc/sys/net/core/bpf_jit_enable"

YES, NO, UNKNOWN = "yes", "no", "unknown"


class Answer(NamedTuple):
    """What a try told."""

    state: str  # yes, no; unknown: could not look
    reason: str  # in the kernel's own words where it gave any


class Text(NamedTuple):
    """A file's text, or why there is none."""

    path: str
    text: str | None
    error: int = 0  # errno


def read(path: str) -> Text:
    """Return the text of a file of /proc or /sys."""
    try:
        return Text(path, Path(path).read_text("utf-8", "backslashreplace").strip())
    except OSError as error:
        return Text(path, None, error.errno or errno.EIO)


def can_cast(btf: str = VMLINUX_BTF, jit: str = JIT_ENABLE) -> bool:
    """Return whether programs may look at any structure without a call: bpf/path.bpf.h says how.

    The kernel has the function when its types name it, and takes calls of such only from programs that it compiles.
    """
    try:
        return b"\0bpf_rdonly_cast\0" in Path(btf).read_bytes() and read(jit).text != "0"
    except OSError:
        return False


def words(number: int) -> str:
    """Return an errno for a person: ``Operation not permitted (EPERM)``."""
    text = os.strerror(number)
    if number == 524:  # include/linux/errno.h: ENOTSUPP, never meant for user space
        text = "Operation is not supported"
    return f"{text} ({errno.errorcode.get(number, 'ENOTSUPP' if number == 524 else number)})"


def last_line(log: str) -> str:
    """Return the last line of the verifier's log that says something."""
    lines = [line.strip() for line in log.splitlines() if line.strip() and not line.startswith("processed ")]
    return lines[-1][:160] if lines else ""


def insn(code: int, registers: int = 0, value: int = 0) -> bytes:
    """Return one struct bpf_insn (include/uapi/linux/bpf.h)."""
    return struct.pack("<BBhi", code, registers, 0, value)


RETURN_0 = insn(0xB7) + insn(0x95)


def call(helper: int) -> bytes:
    """Return a program that calls a helper with zeroes (r1 to r4) and returns 0."""
    zeroes = b"".join(insn(0xB7, register) for register in range(1, 5))
    return zeroes + insn(0x85, 0, helper) + RETURN_0


def classify_helper(result: int, log: str) -> Answer:
    """Tell a helper that is not there from arguments of it that the verifier dislikes.

    The verifier's words (kernel/bpf/verifier.c, check_helper_call): "invalid func" for a number
    beyond its list, "unknown func" or "program of this type cannot use helper" for one that this
    program, or this user, may not call.
    """
    if result >= 0:
        return Answer(YES, "")
    said = last_line(log)
    refused = next(
        (line for line in log.splitlines() if "func " in line and ("unknown" in line or "invalid" in line)), ""
    )
    refused = refused or next((line for line in log.splitlines() if "cannot use helper" in line), "")
    if refused:
        return Answer(NO, refused.strip())
    if said:
        return Answer(YES, "")  # the verifier knew it and went on to its arguments
    return Answer(NO if -result in (errno.EPERM, errno.EACCES) else UNKNOWN, words(-result))


def helper(number: int) -> Answer:
    """Try whether a raw tracepoint program may call a helper."""
    result, log = _native.probe_load(PROG_RAW_TRACEPOINT, 0, 0, call(number))
    if result >= 0:
        os.close(result)
    return classify_helper(result, log)


def classify_fired(load: int, log: str, attach: int | None, runs: int | None) -> Answer:
    """Say what loading, attaching and firing of a program that returns 0 told.

    Args:
        load: descriptor or negative errno.
        log: of the verifier.
        attach: descriptor or negative errno; None: not tried.
        runs: how often the program ran; None: the kernel does not count.

    """
    if load < 0:
        said = last_line(log)
        return Answer(NO, f"load: {words(-load)}{': ' + said if said else ''}")
    if attach is None or attach < 0:
        return Answer(NO, f"attach: {words(-(attach or 0))}")
    if runs is None:
        return Answer(YES, "attached; whether it fires was not tried: the kernel did not count the runs")
    if runs == 0:
        return Answer(NO, "it is attached and does not run")
    return Answer(YES, "made to fire")


@contextmanager
def _counting() -> Iterator[bool]:
    stats = _native.count_runs()
    try:
        yield stats >= 0
    finally:
        if stats >= 0:
            os.close(stats)


def _fire(load: int, log: str, attach_with: Callable[[int], int]) -> Answer:
    """Attach a loaded program, make its hook fire, detach."""
    if load < 0:
        return classify_fired(load, log, None, None)
    try:
        with _counting() as counted:
            link = attach_with(load)
            if link < 0:
                return classify_fired(load, log, link, None)
            try:
                os.getpgid(os.getpid())
                runs = int(_native.program_info(load)["run_cnt"]) if counted else None
            finally:
                os.close(link)
        return classify_fired(load, log, link, runs)
    finally:
        os.close(load)


def classify_ftrace(enabled: Text) -> Answer | None:
    """Return why no hook of a function may be tried, or None.

    With kernel.ftrace_enabled = 0 an attached hook does not run. Worse: after two functions were
    hooked and let go one after the other, and ftrace was switched on again, ftrace_shutdown()
    (kernel/trace/ftrace.c) found a record that it had not cleaned up, warned, and refused every
    function hook with ENODEV until the next boot: seen on 6.1.0-56 and 6.12.117.
    """
    if enabled.text == "0":
        return Answer(
            NO,
            "not tried: kernel.ftrace_enabled = 0, so that it would not run, and could break ftrace until the next"
            " boot; sysctl kernel.ftrace_enabled=1",
        )
    return None


def by_btf(program_type: int, attach_type: int, name: str) -> Answer:
    """Try a program whose hook is found in the kernel's BTF: tp_btf, fentry, fmod_ret, LSM. It changes nothing."""
    refused = None if attach_type == TRACE_RAW_TP else classify_ftrace(read(FTRACE_ENABLED))
    if refused:
        return refused
    number = _native.btf_id(name, attach_type)
    if number < 0:
        return Answer(UNKNOWN if -number == errno.ENOENT else NO, f"{name} in the kernel's BTF: {words(-number)}")
    return _fire(*_native.probe_load(program_type, attach_type, number, RETURN_0), _native.probe_attach)


def classify_kprobe_pmu(text: Text, *, sysfs: bool) -> Answer | None:
    """Return why kprobes cannot be had, or None. `sysfs`: /sys is mounted."""
    if text.text is None and text.error == errno.ENOENT:
        if sysfs:
            return Answer(NO, f"no {text.path}: the kernel is built without kprobe events (CONFIG_KPROBE_EVENTS)")
        return Answer(UNKNOWN, f"no {text.path}: /sys is not mounted")
    if text.text is None:
        return Answer(UNKNOWN, f"{text.path}: {words(text.error)}")
    return None if text.text.isdigit() else Answer(UNKNOWN, f"{text.path} is not a number: {text.text[:32]}")


def no_kprobes() -> Answer | None:
    """Return why this kernel has no kprobes at all, or None."""
    return classify_kprobe_pmu(read(KPROBE_PMU), sysfs=Path("/sys/bus").is_dir())


def kprobe() -> Answer:
    """Try a kprobe, by the performance-monitoring unit of kprobes."""
    missing = no_kprobes() or classify_ftrace(read(FTRACE_ENABLED))
    if missing:
        return missing
    number = int(read(KPROBE_PMU).text or 0)
    loaded = _native.probe_load(PROG_KPROBE, 0, 0, RETURN_0)
    return _fire(*loaded, lambda fd: _native.probe_kprobe(fd, number, FIRED_FUNCTION))


def classify_errno(result: int, done: str = "") -> Answer:
    """Return yes for 0 or a descriptor, no with the kernel's reason for a negative errno."""
    return Answer(YES, done) if result >= 0 else Answer(NO, words(-result))


def bpf_syscall() -> Answer:
    """Try to load the smallest program there is."""
    result, log = _native.probe_load(PROG_RAW_TRACEPOINT, 0, 0, RETURN_0)
    if result >= 0:
        os.close(result)
        return Answer(YES, "")
    said = last_line(log)
    return Answer(NO, f"{words(-result)}{': ' + said if said else ''}")


def ring() -> Answer:
    """Try to make a ring buffer as large as Ringward's."""
    return classify_errno(_native.probe_ring(RING_BYTES))


def uevent() -> Answer:
    """Try to listen to the kernel's uevents."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT) as s:
            s.bind((0, 1))
    except OSError as error:
        return classify_errno(-(error.errno or errno.EIO))
    return Answer(YES, "")


def kmod_version() -> int | None:
    """Return the version of the installed modprobe; None: there is none, or it does not say."""
    try:
        done = subprocess.run(["modprobe", "--version"], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.match(r"kmod version (\d+)", done.stdout)
    return int(found[1]) if found else None
